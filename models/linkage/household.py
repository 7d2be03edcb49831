"""Who lives together: a family at an address, over the days their spells overlap.

An address alone is not a family (a refuge, a hostel, a street): crowds form none, placements form none, and at a hub,
or without a UPRN, people need evidence that they are kin: a shared surname, however spelt, or an agency that says so.
A household is never evidence that two records are one person.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from models.linkage import names
from models.linkage.cluster import components
from models.linkage.settings import LinkageSettings


def households(
    homes: pd.DataFrame, called: pd.DataFrame, kin: np.ndarray, settings: LinkageSettings, hubs: frozenset[str]
) -> pd.DataFrame:
    """``homes`` with a ``household`` number (0..), people who form none left out.

    ``homes``: residence timelines. ``called``: ``person, surname, surname_parts``, every surname of each person number.
    ``kin``: ``(n, 2)`` person numbers that an agency says are one family. ``hubs``: UPRNs of many families; rows there
    lose postcode and UPRN, for nobody may be placed in a family there by address. One household is a set of people at
    one address chained by overlapping spells.

    >>> t = pd.Timestamp
    >>> homes = pd.DataFrame({"person": [1, 2, 3, 4], "address": ["U9", "U9", "U9", "PX"], "postcode": ["X"] * 4,
    ...     "uprn": ["9", "9", "9", None],
    ...     "started_on": [t("2020-01-01"), t("2021-01-01"), t("2025-01-01"), t("2025-02-01")],
    ...     "ended_on": [t("2022-01-01"), t("2022-01-01"), pd.NaT, pd.NaT]})
    >>> names = ["ray", "ray", "low", "low"]
    >>> called = pd.DataFrame({"person": [1, 2, 3, 4], "surname": names, "surname_parts": [(n,) for n in names]})
    >>> made = households(homes, called, np.zeros((0, 2), int), LinkageSettings(), frozenset())
    >>> made["household"].tolist()
    [0, 0, 1, 1]
    """
    rows = homes.reset_index(drop=True).copy()
    family = families(kin, int(rows["person"].max()) + 1 if len(rows) else 0)
    rows["uprn"] = _settle_postcodes(rows, called, family)
    rows["address"] = np.where(rows["uprn"].notna(), "U" + rows["uprn"].fillna(""), rows["address"])
    at_hub = rows["uprn"].isin(list(hubs))
    rows["address"] = _part_families(rows, (rows["uprn"].isna() | at_hub).to_numpy(), called, family)
    rows.loc[at_hub, ["uprn", "postcode"]] = None
    rows = rows.sort_values(["address", "started_on", "person"]).reset_index(drop=True)
    end = rows["ended_on"].fillna(pd.Timestamp("2262-01-01")).to_numpy()
    start = rows["started_on"].to_numpy()
    # Within an address, in order of start, a gap after everyone has left begins a new household.
    reached = pd.Series(end).groupby(rows["address"]).cummax().groupby(rows["address"]).shift(1).to_numpy()
    block = np.cumsum((rows["address"] != rows["address"].shift()).to_numpy() | (start > reached)) - 1
    crowd = _crowds(block, start, end, settings.household_max)
    rows["household"] = block
    return rows[~crowd].assign(household=lambda r: pd.factorize(r["household"])[0])


def families(kin: np.ndarray, people: int) -> np.ndarray:
    """Family number of each person by what agencies say alone."""
    inside = kin[(kin < people).all(axis=1)] if len(kin) else kin
    return components(people, inside[:, 0], inside[:, 1]) if len(inside) else np.arange(people)


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


def _spelt(called: pd.DataFrame, people: np.ndarray) -> pd.DataFrame:
    """``person, token``: the marks of every surname of the given people, as numbers from 0."""
    mine = called[called["person"].isin(people)]
    code = pd.factorize(mine["surname"])[0]
    spellings = mine["surname_parts"].iloc[np.unique(code, return_index=True)[1]]
    # Marks once for every spelling, then handed to all who bear it.
    marks = [names.marks(parts) for parts in spellings]
    token = pd.factorize(np.array([mark for held in marks for mark in held], dtype=object))[0]
    size = np.array([len(held) for held in marks], dtype="int64")
    bears = size[code]
    within = np.arange(int(bears.sum())) - np.repeat(np.cumsum(bears) - bears, bears)
    token = token[np.repeat((np.cumsum(size) - size)[code], bears) + within]
    return pd.DataFrame({"person": np.repeat(mine["person"].to_numpy(), bears), "token": token}).drop_duplicates()


def _called(called: pd.DataFrame, people: np.ndarray) -> pd.DataFrame:
    """``person, token``: every surname of the given people, as numbers."""
    mine = called[called["person"].isin(people)]
    return pd.DataFrame({"person": mine["person"], "token": pd.factorize(mine["surname"])[0]})


def _of_family(family: np.ndarray, people: np.ndarray) -> pd.DataFrame:
    """``person, token``: what only people whom an agency calls one family share; a number below 0."""
    return pd.DataFrame({"person": people, "token": -1 - family[people]})


def _settle_postcodes(rows: pd.DataFrame, called: pd.DataFrame, family: np.ndarray) -> pd.Series:
    """UPRN per row: its own, or at a bare postcode the one UPRN where kin live there over the same days.

    Kin are asked for in turn: by an agency's word, by a surname, by a surname spelt another way.
    """
    out = rows["uprn"].astype(object)
    bare = out.isna()
    if not bare.any() or bare.all():
        return out
    house, uprns = pd.factorize(out)
    stays = rows[["person", "started_on", "ended_on"]].assign(
        row=np.arange(len(rows)), place=pd.factorize(rows["postcode"])[0], house=house
    )
    want, there = stays[bare].drop(columns="house"), stays[~bare].drop(columns="row")
    for tokens in (partial(_of_family, family), partial(_called, called), partial(_spelt, called)):
        there = there[there["place"].isin(want["place"].unique())]
        want = want[want["place"].isin(there["place"].unique())]
        token = tokens(pd.concat([want["person"], there["person"]]).unique())
        pairs = want.merge(token, on="person").merge(
            there.merge(token, on="person"), on=["place", "token"], suffixes=("", "_kin")
        )
        together = ~(pairs["started_on"] > pairs["ended_on_kin"]) & ~(pairs["started_on_kin"] > pairs["ended_on"])
        per = pairs[together].groupby("row")["house"].agg(["min", "max"])
        sure = per.loc[per["min"] == per["max"], "min"]
        out.iloc[sure.index.to_numpy()] = uprns[sure.to_numpy()]
        want = want[~want["row"].isin(sure.index)]
    return out


def _part_families(rows: pd.DataFrame, shared: np.ndarray, called: pd.DataFrame, family: np.ndarray) -> np.ndarray:
    """Address per row; where many families share it (``shared``), the address and the family by kin and surname."""
    key = rows["address"].to_numpy(dtype=object).copy()
    here = rows.loc[shared, ["person", "address"]].reset_index(drop=True)
    if here.empty:
        return key
    stay, _ = pd.factorize(here["address"] + "/" + here["person"].astype(str))
    people = here["person"].unique()
    tokens = pd.concat([_spelt(called, people), _of_family(family, people)], ignore_index=True)
    said = here.assign(stay=stay).drop_duplicates("stay").merge(tokens, on="person")
    place = pd.factorize(said["address"])[0]
    first = said.groupby([place, "token"])["stay"].transform("min")
    group = components(int(stay.max()) + 1, first.to_numpy(), said["stay"].to_numpy())[stay]
    key[shared] = (here["address"] + "/" + pd.Series(group).astype(str)).to_numpy(dtype=object)
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
    asked = made["uprn"].isin(day["uprn"].dropna().unique()) | made["postcode"].isin(day["postcode"].dropna().unique())
    spells = (
        made[asked]
        .assign(open=lambda rows: rows["ended_on"].isna())
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
