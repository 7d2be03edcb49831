"""How good is linkage where no number helps? Hide the number from those who have one, link again, and look.

Two records that hold one NHS number (or, without two of those, one unique pupil number) are one person; two that hold
different checked ones are not. That is free truth, every night. It is hidden from a sample of persons and from everyone
whom the night's own edges place near them (so that brothers, twins and namesakes are still there to be mistaken for
them), and who is who is found out again.

- *Recall*: of the pairs that are one person by number, the share found without it.
- *Precision*: of the pairs found without it that hold comparable numbers, the share that are one person by it.

A pair is two different descriptions: equal records count once, and so do those one agency's own number joins, which
would prove nothing. A wrong number (a mother's on her baby) counts as a mistake of linkage, so both are lower bounds.
Intervals are Wilson's, with the number of pairs brought down to what they are worth when the pairs of one person stand
or fall together (the linearised variance of a ratio over persons). Groups with fewer than ``LEAST`` pairs or persons
are not told.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.linkage.model import LinkageModel
from models.linkage.settings import LinkageSettings
from models.linkage.solve import solve

LEAST = 6
_Z = 1.959964
_AGES = {0: "0 to 4", 5: "5 to 10", 11: "11 to 15", 16: "16 to 17", 18: "18 and over"}
COLUMNS = ["measure", "scope", "value", "low", "high", "n"]


def hidden_identifier(
    records: pd.DataFrame,
    edges: pd.DataFrame,
    apart: set[str],
    attributes: pd.DataFrame,
    model: LinkageModel,
    settings: LinkageSettings,
    now: pd.Timestamp,
    persons: int = 3000,
) -> pd.DataFrame:
    """``measure (recall | precision), scope, value, low, high, n (pairs)``; scope ``all`` or ``<group>: <value>``.

    Args:
        records: standardised, each naming somebody, in content order.
        edges: the night's edges by record key.
        apart: record keys of everybody a barrier touches: left out, for nothing may be measured across one.
        attributes: ``record_key`` and a column per group to tell apart, such as ``ethnicity``; may be empty.
        persons: at most so many are sampled, evenly over the content order.
    """
    number = _number(records).where(~records["record_key"].isin(apart))
    twice = number[number.duplicated(keep=False) & number.notna()]
    drawn = _drawn(twice, persons)
    if not len(drawn):
        return pd.DataFrame(columns=COLUMNS)
    core = number.isin(drawn).to_numpy()
    here = core | records["record_key"].isin(_near(records.loc[core, "record_key"], edges)).to_numpy()
    here &= ~records["record_key"].isin(apart).to_numpy()
    subset = records[here].reset_index(drop=True)
    blind = subset.assign(nhs_number=None, upn=None)
    solved = solve(blind, model=model, settings=settings)
    shown = subset[["agency", "local_id", "nhs_number", "upn"]].assign(
        node=solved.node, cluster=solved.of_record, core=core[here], truth=number[here].to_numpy()
    )
    groups = _groups(subset, number[here].reset_index(drop=True), attributes, now)
    return _figures(_pairs(shown), groups)


def _number(records: pd.DataFrame) -> pd.Series:
    """The number a record is one person by: NHS number, else UPN, taken to the NHS number it is seen with once."""
    both = records[["nhs_number", "upn"]].dropna().drop_duplicates()
    both = both[~both["upn"].duplicated(keep=False)]
    known_by = pd.Series(both["nhs_number"].to_numpy(), index=both["upn"])
    own = records["upn"].map(known_by).where(lambda nhs: nhs.notna(), records["upn"])
    return records["nhs_number"].where(records["nhs_number"].notna(), own)


def _drawn(number: pd.Series, persons: int) -> pd.Index:
    """Evenly spaced among the numbers, in the order in which their first record comes."""
    distinct = pd.Index(number.drop_duplicates())
    return distinct[np.unique(np.linspace(0, len(distinct) - 1, min(persons, len(distinct))).astype("int64"))]


def _near(keys: pd.Series, edges: pd.DataFrame) -> pd.Index:
    """Everybody an edge leads to, and the equal records behind that one (one more step)."""
    found = pd.Index(keys)
    for _ in range(2):
        ends = [
            edges.loc[edges[a].isin(found), b]
            for a, b in (("record_key_l", "record_key_r"), ("record_key_r", "record_key_l"))
        ]
        found = found.union(pd.Index(pd.concat(ends)))
    return found


def _pairs(shown: pd.DataFrame) -> pd.DataFrame:
    """``l, r`` (rows), ``truth_l, same, found``: pairs of the sample with comparable numbers."""
    held = shown[shown["truth"].notna()]
    held = held.drop_duplicates(["agency", "local_id", "truth", "node"]).reset_index(names="row")
    at = [held.reset_index(names="i")[["i", by]] for by in ("truth", "cluster")]
    pairs = pd.concat([one.merge(one, on=one.columns[1], suffixes=("_l", "_r"))[["i_l", "i_r"]] for one in at])
    pairs = pairs[pairs["i_l"] < pairs["i_r"]].drop_duplicates()
    left, right = (held.iloc[pairs[side].to_numpy()].reset_index(drop=True) for side in ("i_l", "i_r"))
    own = (left["agency"] == right["agency"]) & (left["local_id"] == right["local_id"]) & left["local_id"].notna()
    # An NHS number says nothing about a pupil number that no record holds together with one.
    comparable = left["truth"].str.len() == right["truth"].str.len()
    out = pd.DataFrame(
        {
            "l": left["row"],
            "r": right["row"],
            "truth_l": left["truth"],
            "same": left["truth"] == right["truth"],
            "found": left["cluster"] == right["cluster"],
        }
    )
    return out[~own & comparable & (left["core"] | right["core"])]


def _groups(subset: pd.DataFrame, number: pd.Series, attributes: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """A column per way of telling groups apart, a row per record of ``subset``; a person is in one group of each."""
    born = pd.to_datetime(subset["birth_date"])
    years = ((now - born).dt.days / 365.25).groupby(number).transform("median")
    places = np.searchsorted(list(_AGES), years.fillna(-1).to_numpy(), side="right") - 1
    bands = np.array([*_AGES.values(), None], dtype=object)
    out = pd.DataFrame({"sex": _usual(subset["sex"], number), "age": bands[places], "agency": subset["agency"]})
    told = attributes.drop_duplicates("record_key").set_index("record_key").reindex(subset["record_key"])
    for column in told.columns:
        out[column] = _usual(told[column].reset_index(drop=True), number)
    return out


def _usual(values: pd.Series, number: pd.Series) -> pd.Series:
    """The value most records of a person have, ties by value."""
    counts = pd.DataFrame({"number": number, "value": values}).dropna().value_counts().reset_index()
    counts = counts.sort_values(["number", "count", "value"], ascending=[True, False, True]).drop_duplicates("number")
    return number.map(counts.set_index("number")["value"])


def _figures(pairs: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Both measures, overall and by group; a pair belongs to the groups of both its records."""
    rows = []
    for measure, base, good in (("recall", "same", "found"), ("precision", "found", "same")):
        asked = pairs[pairs[base]]
        rows.append((measure, "all", *rate(asked[good].to_numpy(), asked["truth_l"].to_numpy())))
        for column in groups.columns:
            sides = [asked.assign(group=groups[column].to_numpy()[asked[side]]) for side in ("l", "r")]
            each = pd.concat(sides).drop_duplicates(["l", "r", "group"]).dropna(subset=["group"])
            rows += [
                (measure, f"{column}: {value}", *rate(rows_of[good].to_numpy(), rows_of["truth_l"].to_numpy()))
                for value, rows_of in sorted(each.groupby("group"), key=_in_order)
            ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _in_order(group: tuple[object, pd.DataFrame]) -> tuple[int, str]:
    """Age bands by age, everything else by its name."""
    ages = list(_AGES.values())
    return (ages.index(str(group[0])) if group[0] in ages else 0, str(group[0]))


def rate(good: np.ndarray, person: np.ndarray) -> tuple[float, float, float, int]:
    """Share of pairs that are good, its 95 % interval, and how many pairs; NaN where too few to tell.

    Pairs of one ``person`` are not independent, so Wilson's interval is taken at the effective number of pairs.

    >>> share, low, high, n = rate(np.array([True] * 19 + [False]), np.arange(20))
    >>> round(share, 3), round(low, 3), round(high, 3), n
    (0.95, 0.757, 0.991, 20)
    >>> rate(np.ones(5, bool), np.arange(5))[0]
    nan
    """
    n = len(good)
    codes, people = pd.factorize(person)
    m = len(people)
    if n < LEAST or m < LEAST:
        return np.nan, np.nan, np.nan, n
    share = float(good.mean())
    size, hits = np.bincount(codes), np.bincount(codes, weights=good)
    variance = m / (m - 1) * float(((hits - share * size) ** 2).sum()) / n**2
    worth = min(float(n), share * (1 - share) / variance) if variance > 0 else float(m)
    spread = _Z**2 / worth
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * float(np.sqrt(share * (1 - share) / worth + spread / (4 * worth)))
    return round(share, 6), round(max(middle - half, 0.0), 6), round(min(middle + half, 1.0), 6), n


def lagging(figures: pd.DataFrame) -> list[str]:
    """Groups whose recall lies below the overall one by more than chance explains, one plain sentence each.

    >>> rows = [("recall", "all", 0.95, 0.94, 0.96, 900), ("recall", "sex: F", 0.9, 0.88, 0.92, 400)]
    >>> lagging(pd.DataFrame(rows, columns=COLUMNS))
    ['sex: F: 90.0 % of the pairs are found without their number (88.0 to 92.0 %), of all 95.0 %.']
    """
    recall = figures[figures["measure"] == "recall"]
    told = {
        scope: (v, low, high)
        for scope, v, low, high in recall[["scope", "value", "low", "high"]].itertuples(index=False)
    }
    overall = told.pop("all", (np.nan, np.nan, np.nan))[0]
    return [
        f"{scope}: {100 * value:.1f} % of the pairs are found without their number "
        f"({100 * low:.1f} to {100 * high:.1f} %), of all {100 * overall:.1f} %."
        for scope, (value, low, high) in told.items()
        if high < overall
    ]
