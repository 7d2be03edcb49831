"""The questions about identity that only a person can answer, most useful first.

One item a pair of persons, shown by the pair of records that says most about them. Kinds, the first that applies:

- ``contradiction``: a pair somebody decided on, in a frozen cluster (:mod:`models.linkage.attention`);
- ``hold``: both stand on an open list and would have become one tonight (:mod:`models.linkage.holds`);
- ``id_conflict``: one identifier, but neither birth date nor names agree;
- ``twin``: alike enough to be joined, but for the rule about twins;
- ``grey``: evidence for one person that is not enough, or that their other records speak against.

Two persons with different checked NHS numbers are no question: no decision may join them. They are asked about only
where everything else would have made them one, last of all, because a number may be wrong.

A pair that a standing decision speaks of is not asked again. No item spans a barrier, and no person is asked to be
compared with both sides of one: two such items together would tell what the barrier hides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.linkage import attention, barriers
from models.linkage.settings import LinkageSettings

KINDS = ("contradiction", "hold", "id_conflict", "twin", "grey")
COLUMNS = [
    "item_id", "kind", "record_key_l", "record_key_r", "person_id_l", "person_id_r", "since", "value", "records_l",
    "records_r", "evidence", "reason", "match_weight", "adjusted_weight", "adjusted_by",
]  # fmt: skip
_REASONS = {
    "hold": "Tonight's evidence would make them one person, but both are on a weekly list in use.",
    "id_conflict": "They carry the same number, but neither birth date nor names agree.",
    "twin": "They may be twins or one person: one birth date and family, different first names.",
    "grey": "There is evidence that they are one person, but not enough.",
    "refused": "These two records are alike, but their persons' other records are not.",
    "numbers": "All but their checked NHS numbers says they are one person. If they are, have a number corrected.",
}
# How much more urgent one kind is than another, in the units of `_value`.
_URGENCY = {"contradiction": 6.0, "hold": 20.0, "id_conflict": 1.0, "twin": 0.5, "grey": 0.0}
# Past this size and this many agencies, more tells a reader no more; a large person would come first for ever.
_MANY_RECORDS, _MOST_AGENCIES = 8, 3
_REUSED = 3.0


@dataclass(frozen=True)
class Town:
    """What the night knows of its records, in content order.

    ``text``: what a record is called at source. ``of_record``: cluster. ``person``: id by cluster. ``before``: code of
    yesterday's person, -1 nobody. ``listed``: whether that person stands on an open list.
    ``nhs``: code of the checked NHS number by cluster, -1 none.
    """

    keys: np.ndarray
    text: pd.Series
    agency: np.ndarray
    of_record: np.ndarray
    person: np.ndarray
    before: np.ndarray
    listed: np.ndarray
    nhs: np.ndarray
    forbidden: set[tuple[int, int]]


def number_by_cluster(nhs_number: pd.Series, of_record: np.ndarray) -> np.ndarray:
    """Code of a checked NHS number that each cluster carries, -1 none."""
    out = np.full(int(of_record.max(initial=-1)) + 1, -1, dtype="int64")
    np.maximum.at(out, of_record, pd.factorize(nhs_number)[0])
    return out


def build(
    town: Town,
    held: Sequence[tuple[int, int]],
    frozen: Sequence[attention.Freeze],
    edges: pd.DataFrame,
    stands: pd.DataFrame,
    position: Mapping[str, int],
    previous: pd.DataFrame,
    now: pd.Timestamp,
    order_hash: Callable[[Sequence[str]], Sequence[int]],
    settings: LinkageSettings,
) -> pd.DataFrame:
    """``linkage.review_queue`` of tonight, most useful first.

    ``held``: pairs of codes of yesterday's persons that a hold kept apart. ``frozen``: those that may be spoken of.
    ``edges``: ``l, r`` (record positions) and the columns of a scored pair. ``stands``: decisions that count
    (:func:`decisions.standing`). ``previous``: the queue of the night before, for how long an item has waited.
    """
    parts = (_frozen(frozen, edges), _held(town, held, edges), _weighed(town, edges, settings))
    found = pd.concat([part for part in parts if len(part)] or [parts[2]], ignore_index=True)
    a, b = town.of_record[found["l"].to_numpy()], town.of_record[found["r"].to_numpy()]
    found = found.assign(a=np.minimum(a, b), b=np.maximum(a, b))
    found = found[lawful(found["a"].to_numpy(), found["b"].to_numpy(), town.forbidden)]
    asked_before = _asked_before(town, stands, position, now, settings)
    known = pd.MultiIndex.from_frame(found[["a", "b"]]).isin(asked_before)
    found = found[(found["kind"] == "contradiction").to_numpy() | ~known]
    found = _one_a_pair(found, town, previous)
    if found.empty:
        return pd.DataFrame(columns=COLUMNS)
    names = order_hash([f"{x}\x1e{y}" for x, y in zip(town.text[found["l"]], town.text[found["r"]], strict=True)])
    since = dict(zip(previous["item_id"], previous["since"], strict=True))
    out = found.assign(
        item_id=[attention.item_id(int(name), "Q") for name in names],
        record_key_l=town.keys[found["l"]],
        record_key_r=town.keys[found["r"]],
        person_id_l=town.person[town.of_record[found["l"]]],
        person_id_r=town.person[town.of_record[found["r"]]],
        evidence=[words({str(k): v for k, v in row.items()}) for row in found.to_dict("records")],
    )
    size = np.bincount(town.of_record)
    out = out.assign(
        since=[since.get(name, now) for name in out["item_id"]],
        records_l=size[town.of_record[found["l"]]],
        records_r=size[town.of_record[found["r"]]],
        value=_value(found, town, size, settings),
    )
    return out.sort_values(["value", "item_id"], ascending=[False, True])[COLUMNS].reset_index(drop=True)


def _weighed(town: Town, edges: pd.DataFrame, settings: LinkageSettings) -> pd.DataFrame:
    """Pairs of records of two persons whose evidence asks for a look."""
    apart = edges[town.of_record[edges["l"]] != town.of_record[edges["r"]]]
    conflict = apart["kind"] == "id_conflict"
    twin = (apart["adjusted_by"] == "possible_twins") & (apart["match_weight"] >= settings.join_weight)
    kind = np.select([conflict, twin, apart["adjusted_weight"] > 0], ["id_conflict", "twin", "grey"], "")
    out = apart.assign(kind=kind)[kind != ""]
    refused = ((out["kind"] == "grey") & (out["adjusted_weight"] >= settings.join_weight)).to_numpy()
    numbers = [town.nhs[town.of_record[out[side]]] for side in ("l", "r")]
    settled = (numbers[0] >= 0) & (numbers[1] >= 0) & (numbers[0] != numbers[1])
    settled &= (out["kind"] != "id_conflict").to_numpy()
    why = np.select([settled, refused], ["numbers", "refused"], out["kind"])
    return out.assign(reason=pd.Series(why, index=out.index).map(_REASONS))[~settled | refused]


def _held(town: Town, held: Sequence[tuple[int, int]], edges: pd.DataFrame) -> pd.DataFrame:
    """For every hold the pair of records that speaks most for one person, or their first records."""
    persons = np.sort(np.stack([town.before[edges["l"]], town.before[edges["r"]]], axis=1), axis=1)
    rows = []
    for pair in held:
        between = edges[(persons == pair).all(axis=1)]
        if len(between):
            rows.append(between.sort_values(["match_weight", "l", "r"], ascending=[False, True, True]).iloc[[0]])
        else:
            first = sorted(int(np.flatnonzero(town.before == code)[0]) for code in pair)
            rows.append(pd.DataFrame({"l": [first[0]], "r": [first[1]]}))
    return _rows(rows, edges, kind="hold", reason=_REASONS["hold"])


def _frozen(frozen: Iterable[attention.Freeze], edges: pd.DataFrame) -> pd.DataFrame:
    """The decided pairs of every frozen cluster."""
    pairs = [(left, right, attention.WORDS[one.code]) for one in frozen for left, right in one.pairs]
    table = pd.DataFrame(pairs, columns=["l", "r", "reason"])
    return _rows([table.merge(edges, on=["l", "r"], how="left")] if pairs else [], edges, kind="contradiction")


def _rows(parts: list[pd.DataFrame], edges: pd.DataFrame, **same: Any) -> pd.DataFrame:
    """The parts as one table with at least the columns of ``edges``."""
    table = pd.concat(parts, ignore_index=True) if parts else edges.iloc[:0]
    return table.reindex(columns=[*dict.fromkeys([*edges.columns, *table.columns])]).assign(**same)


def lawful(a: np.ndarray, b: np.ndarray, forbidden: set[tuple[int, int]]) -> np.ndarray:
    """Which pairs of clusters say nothing about a barrier, alone or together.

    >>> lawful(np.array([1, 1, 2, 3]), np.array([2, 3, 3, 4]), {(2, 3)}).tolist()
    [False, False, False, True]
    """
    silent = ~barriers.spans(a, b, forbidden)
    if not forbidden:
        return silent
    near: dict[int, set[int]] = {}
    for x, y in zip(a.tolist(), b.tolist(), strict=True):
        near.setdefault(x, set()).add(y)
        near.setdefault(y, set()).add(x)
    telling: set[tuple[int, int]] = set()
    for x, y in forbidden:
        for third in near.get(x, set()) & near.get(y, set()):
            telling |= {(min(third, x), max(third, x)), (min(third, y), max(third, y))}
    return silent & ~barriers.spans(a, b, telling)


def _asked_before(
    town: Town, stands: pd.DataFrame, position: Mapping[str, int], now: pd.Timestamp, settings: LinkageSettings
) -> list[tuple[int, int]]:
    """Pairs of clusters that a standing decision speaks of; an *unsure* without an end does so for a while."""
    waited = stands["decided_at"] + pd.Timedelta(days=settings.unsure_days) <= now
    speaks = stands[~((stands["decision"] == "unsure") & stands["expires_on"].isna() & waited)]
    pairs = [
        (town.of_record[position[left]], town.of_record[position[right]])
        for left, right in zip(speaks["record_key_l"], speaks["record_key_r"], strict=True)
        if left in position and right in position
    ]
    return [(int(min(pair)), int(max(pair))) for pair in pairs]


def _one_a_pair(found: pd.DataFrame, town: Town, previous: pd.DataFrame) -> pd.DataFrame:
    """One candidate a pair of clusters: first by kind, then the pair asked about before, then the greatest weight."""
    asked = set(zip(previous["record_key_l"], previous["record_key_r"], strict=True))
    turned = np.sort(found[["l", "r"]].to_numpy(), axis=1).astype("int64")
    found = found.assign(l=turned[:, 0], r=turned[:, 1], rank=found["kind"].map(KINDS.index))
    pairs = zip(town.keys[turned[:, 0]], town.keys[turned[:, 1]], strict=True)
    found = found.assign(new=[pair not in asked for pair in pairs])
    order = ["rank", "new", "match_weight", "l", "r"]
    found = found.sort_values(order, ascending=[True, True, False, True, True], na_position="last")
    # A contradiction is asked about pair by pair: any of its decisions may be the wrong one.
    one = found["kind"] == "contradiction"
    contradicting = found[one].drop_duplicates(["l", "r"])
    taken = pd.MultiIndex.from_frame(contradicting[["a", "b"]])
    others = found[~one & ~pd.MultiIndex.from_frame(found[["a", "b"]]).isin(taken)].drop_duplicates(["a", "b"])
    return pd.concat([contradicting, others], ignore_index=True)


def _reused(found: pd.DataFrame) -> pd.Series:
    """Items that rest on one agency's own number alone, where everything else that is known says two people."""
    numbered = found.reindex(columns=["same_nhs", "same_upn"]).fillna(False).astype(bool).any(axis=1)
    return (found["kind"] == "id_conflict") & ~numbered


def _value(found: pd.DataFrame, town: Town, size: np.ndarray, settings: LinkageSettings) -> np.ndarray:
    """How useful an answer is, in points: the urgency of the kind; 2 for each person on an open list; half a point for
    each agency that only one of the two is known to (what a join would add to the picture), at most ``_MOST_AGENCIES``;
    the binary logarithm of the records of the smaller person, as if it had at most ``_MANY_RECORDS``; and up to 1 for a
    weight near the threshold, where an answer decides. A number that an agency gave out twice is two people as good as
    always, whatever else the item is worth."""
    agencies, count = pd.factorize(town.agency)
    knows = np.zeros((len(size), len(count)), dtype=bool)
    knows[town.of_record, agencies] = True
    on_list = np.zeros(len(size), dtype=bool)
    on_list[town.of_record[town.listed]] = True
    a, b = found["a"].to_numpy(), found["b"].to_numpy()
    distance = (found["adjusted_weight"].astype(float) - settings.join_weight).abs() / settings.join_weight
    points = (
        found["kind"].map(_URGENCY).to_numpy()
        - 10.0 * (found["reason"] == _REASONS["numbers"]).to_numpy()
        + 2.0 * (on_list[a].astype(int) + on_list[b])
        + 0.5 * np.minimum((knows[a] ^ knows[b]).sum(axis=1), _MOST_AGENCIES)
        + np.log2(np.minimum(np.minimum(size[a], size[b]), _MANY_RECORDS))
        - _REUSED * (_reused(found)).to_numpy()
        + (1 - distance).clip(lower=0).fillna(0).to_numpy()
    )
    return points.round(3)


def yesterday(town: Town, previous: pd.DataFrame, parted: np.ndarray, position: Mapping[str, int]) -> pd.DataFrame:
    """The queue of a night that keeps yesterday's persons: as it was, but for whom a barrier has come to part.

    ``parted``: mask of the records of persons that a barrier broke up.
    """
    here = previous[previous["record_key_l"].isin(position) & previous["record_key_r"].isin(position)]
    left, right = (here[side].map(position).to_numpy(dtype="int64") for side in ("record_key_l", "record_key_r"))
    a, b = town.of_record[left], town.of_record[right]
    keep = lawful(a, b, town.forbidden) & ~parted[left] & ~parted[right]
    return here.assign(person_id_l=town.person[a], person_id_r=town.person[b])[keep].reset_index(drop=True)


def counts(queue: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """``kind, items, oldest_days``: how much waits for a person, and for how long."""
    days = (now - pd.to_datetime(queue["since"])).dt.days
    table = queue.assign(days=days).groupby("kind")["days"].agg(items="size", oldest_days="max")
    return table.reindex(KINDS).fillna(0).astype("int64").reset_index()


def words(pair: Mapping[str, Any]) -> str:
    """The evidence of a scored pair in words, without a value of either record.

    >>> words({"same_birth": True, "near_surname": True, "both_forename": True, "other_nhs": True})
    'same birth date, surname alike, different first names, different NHS numbers'
    """
    has = {name for name, value in pair.items() if value is True or value is np.True_}
    alike = float(pair.get("forename_likeness") or 0) >= 0.84
    said = [
        _first(has, same_birth="same birth date", near_birth="birth dates nearly the same",
               both_birth="different birth dates"),
        _first(has, near_surname="surname alike", both_surname="different surnames"),
        _first(has, same_forename="same first name", forename_meets="first names of one meaning",
               **({"both_forename": "first names alike"} if alike else {"both_forename": "different first names"})),
        _first(has, other_sex="different sex"),
        _first(has, same_postcode="same postcode"),
        _first(has, same_nhs="same NHS number", other_nhs="different NHS numbers"),
        _first(has, same_upn="same unique pupil number", other_upn="different unique pupil numbers"),
        _first(has, same_local="same number in one agency's system"),
    ]  # fmt: skip
    return ", ".join(word for word in said if word) or "they met through other records"


def _first(has: set[str], **choices: str) -> str | None:
    """The words of the first feature that holds."""
    return next((word for feature, word in choices.items() if feature in has), None)
