"""Who lives together: a family at an address, over the days their spells overlap.

An address alone is not a family (a refuge, a hostel, a street): hubs and crowds form none, placements form none, and
without a UPRN people at one postcode need evidence that they are kin: a shared surname, or an agency that says so.
A household is never evidence that two records are one person.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.linkage.cluster import components
from models.linkage.settings import LinkageSettings


def households(homes: pd.DataFrame, surname: pd.Series, kin: np.ndarray, settings: LinkageSettings) -> pd.DataFrame:
    """``homes`` with a ``household`` number (0..), people who form none left out.

    ``homes``: residence timelines. ``surname``: comparable surname by person number. ``kin``: ``(n, 2)`` person numbers
    that an agency says are one family. One household is a set of people at one address chained by overlapping spells.

    >>> t = pd.Timestamp
    >>> homes = pd.DataFrame({"person": [1, 2, 3, 4], "address": ["U9", "U9", "U9", "PX"], "postcode": ["X"] * 4,
    ...     "uprn": ["9", "9", "9", None],
    ...     "started_on": [t("2020-01-01"), t("2021-01-01"), t("2025-01-01"), t("2025-02-01")],
    ...     "ended_on": [t("2022-01-01"), t("2022-01-01"), pd.NaT, pd.NaT]})
    >>> names = pd.Series({1: "ray", 2: "ray", 3: "low", 4: "low"})
    >>> made = households(homes, names, np.zeros((0, 2), int), LinkageSettings())
    >>> made["household"].tolist()
    [0, 0, 1, 1]
    """
    rows = homes.reset_index(drop=True).copy()
    rows["surname"] = surname.reindex(rows["person"]).to_numpy(dtype=object)
    rows["address"] = _settle_postcodes(rows, kin)
    rows = rows.sort_values(["address", "started_on", "person"]).reset_index(drop=True)
    end = rows["ended_on"].fillna(pd.Timestamp("2262-01-01")).to_numpy()
    start = rows["started_on"].to_numpy()
    # Within an address, in order of start, a gap after everyone has left begins a new household.
    reached = pd.Series(end).groupby(rows["address"]).cummax().groupby(rows["address"]).shift(1).to_numpy()
    block = np.cumsum((rows["address"] != rows["address"].shift()).to_numpy() | (start > reached)) - 1
    crowd = _crowds(block, start, end, settings.household_max)
    rows["household"] = block
    return rows[~crowd].assign(household=lambda r: pd.factorize(r["household"])[0])


def _crowds(block: np.ndarray, start: np.ndarray, end: np.ndarray, limit: int) -> np.ndarray:
    """Rows of blocks where more than ``limit`` people were at once; a long-let flat may see many pass one by one.

    >>> day = np.array(["2020-01-01", "2021-01-01", "2022-01-01"], dtype="datetime64[s]")
    >>> _crowds(np.zeros(3, int), day, day + np.timedelta64(2, "D"), 1).tolist()
    [False, False, False]
    """
    out = np.zeros(len(block), dtype=bool)
    for label in np.flatnonzero(np.bincount(block) > limit):
        here = np.flatnonzero(block == label)
        together = np.arange(1, len(here) + 1) - np.searchsorted(np.sort(end[here]), start[here])
        out[here] = together.max() > limit
    return out


def _settle_postcodes(rows: pd.DataFrame, kin: np.ndarray) -> np.ndarray:
    """Address key per row: the UPRN, or at a bare postcode the UPRN of kin there, else postcode and family."""
    key = rows["address"].to_numpy(dtype=object).copy()
    bare = rows["uprn"].isna().to_numpy()
    if not bare.any():
        return key
    known = rows[~bare & rows["surname"].notna()].drop_duplicates(["postcode", "surname", "uprn"])
    uprns = known.groupby(["postcode", "surname"])["uprn"].agg(["nunique", "first"])
    one = uprns.loc[uprns["nunique"] == 1, "first"]
    wanted = pd.MultiIndex.from_arrays([rows.loc[bare, "postcode"], rows.loc[bare, "surname"]])
    found = one.reindex(wanted).to_numpy(dtype=object) if len(one) else np.full(int(bare.sum()), None, dtype=object)
    people = int(rows["person"].max()) + 1
    family = components(people, kin[:, 0], kin[:, 1]) if len(kin) else np.arange(people)
    kin_home = rows[~bare].assign(family=family[rows.loc[~bare, "person"]]).drop_duplicates(["postcode", "family"])
    kin_at = kin_home.set_index(["postcode", "family"])["uprn"]
    fam = family[rows.loc[bare, "person"]]
    by_kin = kin_at.reindex(pd.MultiIndex.from_arrays([rows.loc[bare, "postcode"], fam])).to_numpy(dtype=object)
    # People without a surname stand with their kin, else alone.
    name = pd.Series(fam.astype(str), index=rows.index[bare], dtype="object")
    name = rows.loc[bare, "surname"].where(rows.loc[bare, "surname"].notna(), name)
    key[bare] = (rows.loc[bare, "address"] + "/" + name).to_numpy(dtype=object)
    settled = np.where(pd.notna(by_kin), by_kin, found)
    sure = np.flatnonzero(bare)[pd.notna(settled)]
    key[sure] = [f"U{uprn}" for uprn in settled[pd.notna(settled)]]
    return key


def nameless_households(
    nameless: pd.DataFrame, made: pd.DataFrame, case: pd.DataFrame, primary: pd.Series
) -> pd.DataFrame:
    """Household of records that name nobody: ``record_key, household``, only where one household is meant.

    In order: the home of a person in the same case; the UPRN; the postcode when only one household is known there.
    ``nameless``: ``record_key, postcode, uprn, known_from``. ``made``: result of :func:`households`. ``case``:
    ``record_key, person``. ``primary``: household by person. A spell must be open on the day, or the nearest before it.
    """
    via_case = case.assign(household=primary.reindex(case["person"]).to_numpy()).dropna(subset=["household"])
    chosen = _only(via_case)
    day = nameless.assign(day=nameless["known_from"].dt.normalize())
    spells = (
        made.assign(open=made["ended_on"].isna())
        .groupby(["household", "uprn", "postcode"], dropna=False)
        .agg(started_on=("started_on", "min"), ended_on=("ended_on", "max"), open=("open", "max"))
        .reset_index()
    )
    for column in ("uprn", "postcode"):
        rest = day[day[column].notna() & ~day["record_key"].isin(set(chosen["record_key"]))]
        there = spells[spells[column].notna()]
        if rest.empty or there.empty:
            continue
        at = rest.merge(there[[column, "household", "started_on", "ended_on", "open"]], on=column)
        at = at[(at["started_on"] <= at["day"]) & (at["open"] | (at["ended_on"] >= at["day"]))]
        only = _only(at)
        chosen = pd.concat([chosen, only], ignore_index=True) if len(only) else chosen
    return chosen.assign(household=chosen["household"].astype("int64"))


def _only(rows: pd.DataFrame) -> pd.DataFrame:
    """``record_key, household`` of the records for which ``rows`` name one household and no other."""
    counts = rows.groupby("record_key")["household"].agg(["nunique", "first"])
    return counts.loc[counts["nunique"] == 1, ["first"]].rename(columns={"first": "household"}).reset_index()
