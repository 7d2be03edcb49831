"""The table of persons that leaves the identity zone: month of birth, team, an order that no key decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.linkage.ledger import OPEN

OrderHash = Callable[[Sequence[str]], Sequence[int]]


@dataclass(frozen=True)
class Lives:
    """``person`` by number, in the order of ids; ``life``: ``birth_month, sort_no, known_from, known_to`` of each."""

    person: np.ndarray
    life: pd.DataFrame


def lives(assignment: pd.DataFrame, records: pd.DataFrame, text: pd.Series, order_hash: OrderHash) -> Lives:
    """All of the persons that does not depend on where they live."""
    at = pd.factorize(pd.concat([records["record_key"], assignment["record_key"]], ignore_index=True))[0]
    at = at[len(records) :]
    rows = assignment.loc[at < len(records), ["known_from", "known_to"]].assign(at=at[at < len(records)])
    # From here a person is a number, in the order of ids.
    rows["who"], persons = pd.factorize(assignment.loc[rows.index, "person_id"], sort=True)
    by_person = rows.groupby("who")
    life = by_person.agg(known_from=("known_from", "min"), known_to=("known_to", "max"))
    life["birth_month"] = _birth_months(rows, records["birth_date"], len(persons))
    # A person in use is ordered by the records it has; one out of use by those it had, told apart by its own id.
    live = rows[rows["known_to"] == OPEN].groupby("who")["at"].min().reindex(life.index).to_numpy()
    texts = _order_texts(persons, live, by_person["at"].min().to_numpy(), text)
    life["sort_no"] = np.array(order_hash(texts), dtype="int64") if len(life) else np.zeros(0, dtype="int64")
    return Lives(np.asarray(persons, dtype=object), life)


def person_table(of: Lives, person_area: pd.DataFrame) -> pd.DataFrame:
    """``person_id, birth_month, area_team, sort_no, known_from, known_to``: a row per person and spell in one area."""
    there = pd.Index(of.person).get_indexer(pd.Index(person_area["person_id"]))
    spells = _area_spells(of.life, person_area.assign(who=there))
    who = spells["who"].to_numpy(dtype="int64")
    spells["person_id"] = of.person[who]
    for column in ("birth_month", "sort_no"):
        spells[column] = of.life[column].to_numpy()[who]
    return spells[["person_id", "birth_month", "area_team", "sort_no", "known_from", "known_to"]]


def _birth_months(rows: pd.DataFrame, birth_date: pd.Series, persons: int) -> np.ndarray:
    """First day of the month most records of each person (``who``) give for its birth; on a tie the earlier date.

    1 January is most often a placeholder: any other date is the better known.
    """
    birth, dates = pd.factorize(birth_date, sort=True)
    birth = birth[rows["at"].to_numpy()]
    known = birth >= 0
    said, n = np.unique(rows["who"].to_numpy()[known] * (len(dates) + 1) + birth[known], return_counts=True)
    who, birth = said // (len(dates) + 1), said % (len(dates) + 1)
    year_alone = np.array([str(date).endswith("-01-01") for date in dates], dtype=bool)[birth]
    order = np.lexsort((birth, -n, year_alone, who))
    best = order[np.diff(who[order], prepend=-1) > 0]
    out = np.full(persons, np.datetime64("NaT"), dtype="datetime64[us]")
    months = np.array([str(date)[:7] for date in dates], dtype="datetime64[M]").astype("datetime64[us]")
    out[who[best]] = months[birth[best]]
    return out


def _order_texts(persons: pd.Index, live: np.ndarray, had: np.ndarray, text: pd.Series) -> list[str]:
    """The text each person is ordered by."""
    values = text.to_numpy(dtype=object)
    return [
        values[int(now)] if now == now else f"{values[then]}\x1f{p}"
        for p, now, then in zip(persons.tolist(), live.tolist(), had.tolist(), strict=True)
    ]


def _area_spells(life: pd.DataFrame, person_area: pd.DataFrame) -> pd.DataFrame:
    """The life of each person (by its number) cut where the area changes; before any area is known it is NULL."""
    spells = person_area.loc[person_area["who"] >= 0, ["who", "area_team", "known_from", "known_to"]]
    who = spells["who"].to_numpy()
    spells = spells.assign(
        known_from=np.maximum(spells["known_from"].to_numpy(), life["known_from"].to_numpy()[who]),
        known_to=np.minimum(spells["known_to"].to_numpy(), life["known_to"].to_numpy()[who]),
    )
    spells = spells[spells["known_from"] < spells["known_to"]]
    starts = spells.groupby("who")["known_from"].min().reindex(life.index)
    early = life[["known_from", "known_to"]].assign(who=life.index, area_team=None)
    early = early[(starts.isna() | (starts > life["known_from"])).to_numpy()]
    early["known_to"] = starts[early.index].fillna(early["known_to"])
    return pd.concat([p for p in (spells, early) if len(p)] or [spells], ignore_index=True)
