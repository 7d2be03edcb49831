"""The table of persons that leaves the identity zone: month of birth, team, an order that no key decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from models.linkage.ledger import OPEN

OrderHash = Callable[[Sequence[str]], Sequence[int]]


def person_table(
    assignment: pd.DataFrame,
    person_area: pd.DataFrame,
    records: pd.DataFrame,
    text: pd.Series,
    position: Mapping[str, int],
    order_hash: OrderHash,
) -> pd.DataFrame:
    """``person_id, birth_month, area_team, sort_no, known_from, known_to``: a row per person and spell in one area."""
    rows = assignment.assign(position=assignment["record_key"].map(position)).dropna(subset=["position"])
    rows["position"] = rows["position"].astype("int64")
    rows["birth"] = records["birth_date"].to_numpy(dtype=object)[rows["position"]]
    born = rows.dropna(subset=["birth"]).groupby(["person_id", "birth"]).size().rename("n").reset_index()
    born = born.sort_values(["person_id", "n", "birth"], ascending=[True, False, True]).drop_duplicates("person_id")
    month = pd.to_datetime(born.set_index("person_id")["birth"].str.slice(0, 7) + "-01").astype("datetime64[us]")
    life = rows.groupby("person_id").agg(known_from=("known_from", "min"), known_to=("known_to", "max")).reset_index()
    # A person in use is ordered by the records it has; one out of use by those it had, told apart by its own id.
    live = rows[rows["known_to"] == OPEN].groupby("person_id")["position"].min()
    had = rows.groupby("person_id")["position"].min()
    texts = _order_texts(life["person_id"], live, had, text)
    life["sort_no"] = np.array(order_hash(texts), dtype="int64") if len(life) else np.zeros(0, dtype="int64")
    life["birth_month"] = month.reindex(life["person_id"]).to_numpy()
    spells = _area_spells(life, person_area)
    out = spells.merge(life[["person_id", "birth_month", "sort_no"]], on="person_id")
    return out[["person_id", "birth_month", "area_team", "sort_no", "known_from", "known_to"]]


def _order_texts(person: pd.Series, live: pd.Series, had: pd.Series, text: pd.Series) -> list[str]:
    """The text each person is ordered by."""
    values = text.to_numpy(dtype=object)
    least = live.reindex(person).to_numpy()
    old = had.reindex(person).to_numpy()
    return [
        values[int(now)] if now == now else f"{values[int(then)]}\x1f{p}"
        for p, now, then in zip(person, least, old, strict=True)
    ]


def _area_spells(life: pd.DataFrame, person_area: pd.DataFrame) -> pd.DataFrame:
    """The life of each person cut where the area changes; before any area is known it is NULL."""
    spells = person_area.merge(life[["person_id", "known_from", "known_to"]], on="person_id", suffixes=("", "_life"))
    spells["known_from"] = spells[["known_from", "known_from_life"]].max(axis=1)
    spells["known_to"] = spells[["known_to", "known_to_life"]].min(axis=1)
    spells = spells.loc[spells["known_from"] < spells["known_to"], ["person_id", "area_team", "known_from", "known_to"]]
    start = spells.groupby("person_id")["known_from"].min().rename("starts")
    early = life[["person_id", "known_from", "known_to"]].merge(start, on="person_id", how="left")
    early = early[early["starts"].isna() | (early["starts"] > early["known_from"])]
    early = early.assign(known_to=early["starts"].fillna(early["known_to"]), area_team=None).drop(columns="starts")
    return pd.concat([p for p in (spells, early) if len(p)] or [spells], ignore_index=True)
