"""From residence evidence to the household and area tables, ids included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.linkage import household, residence, sensitive, standardise
from models.linkage.area import area_spells, deprivation_of_homes
from models.linkage.ledger import OPEN, Mint, advance, codes, settle
from models.linkage.settings import LinkageSettings


@dataclass(frozen=True)
class Places:
    """The linkage tables about homes, the household each id stands for (``household_id, position``), and how deprived
    the area is where each person lives (``person_id, deprivation_quintile``)."""

    household_spell: pd.DataFrame
    record_household: pd.DataFrame
    person_area: pd.DataFrame
    household_first: pd.DataFrame
    deprivation: pd.DataFrame


def _tidy_spells(spells: pd.DataFrame) -> pd.DataFrame:
    """Address spells with comparable postcodes and UPRNs, rows without either left out."""
    out = spells.copy()
    for column, rule in (("postcode", standardise.postcode), ("uprn", standardise.uprn)):
        out[column] = pd.Series(standardise.apply_rule(spells[column], rule)[0], index=out.index, dtype=object)
    return out[out["postcode"].notna() | out["uprn"].notna()]


def _kin(relationship: pd.DataFrame, cluster_of: pd.Series) -> np.ndarray:
    """Pairs of person numbers an agency says are one family."""
    kin = relationship[relationship["relationship"].isin(["mother_of", "same_family"])]
    pairs = pd.DataFrame(
        {
            "a": cluster_of.reindex(kin["record_key"]).to_numpy(),
            "b": cluster_of.reindex(kin["other_record_key"]).to_numpy(),
        }
    )
    return pairs.dropna().astype("int64").to_numpy()


def place(
    records: pd.DataFrame,
    cluster: np.ndarray,
    person_ids: np.ndarray,
    nameless: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    areas: Mapping[str, str],
    deprivation: Mapping[str, str],
    now: pd.Timestamp,
    settings: LinkageSettings,
) -> Places:
    """Homes, households and areas of persons (numbered by ``cluster``); households of records that name nobody."""
    cluster_of = pd.Series(cluster, index=records["record_key"].to_numpy())
    hubs = {c: records.loc[records["hub"] == c, f"home_{c}"].dropna().unique().tolist() for c in ("uprn", "postcode")}
    spells = _tidy_spells(tables["address_spell"])
    away = spells[(spells["address_type"] == "placement") & spells["ended_on"].isna()]
    placed = cluster_of.reindex(away["record_key"].unique()).dropna().to_numpy()
    evidence = residence.address_evidence(records, spells)
    # Nothing is a home by a postcode alone that holds half a town; a UPRN inside it is one still.
    evidence = evidence[evidence["uprn"].notna() | ~evidence["postcode"].isin(hubs["postcode"])]
    kin = _kin(tables["relationship"], cluster_of)
    person = cluster[evidence["position"].to_numpy(dtype="int64")]
    family = household.families(kin, len(person_ids))
    hidden, hiding = sensitive.withheld(evidence, person, spells, cluster_of, family)
    hiding_ids = set(person_ids[sorted(hiding)])
    homes = residence.timelines(evidence[~hidden], person[~hidden], placed)
    first = pd.Series(np.arange(len(cluster))).groupby(cluster).min()
    called = pd.DataFrame({"person": cluster, **{c: records[c].to_numpy() for c in ("surname", "surname_parts")}})
    called = called.dropna(subset=["surname"]).drop_duplicates(["person", "surname"])
    made = household.households(homes, called, kin, settings, frozenset(hubs["uprn"]))
    made = made[~sensitive.parted(made, tables["linkage_barrier"], cluster_of)].reset_index(drop=True)
    made["household"] = pd.factorize(made["household"])[0]
    previous = tables["household_spell"]
    made["person_id"] = person_ids[made["person"].to_numpy()]
    ids = _household_ids(made, previous)
    made["household_id"] = ids[made["household"].to_numpy()]
    made = made.sort_values(["person_id", "rank"])
    spell = made.drop_duplicates(["person_id", "household_id", "started_on"])[
        ["person_id", "household_id", "started_on", "ended_on", "known_from"]
    ]
    previous = sensitive.told_anew(previous, spell, ["person_id", "household_id", "started_on"], hiding_ids)
    household_spell = advance(previous, spell, ["person_id", "household_id", "started_on"], ["ended_on"], now)
    primary = made[made["ended_on"].isna()].drop_duplicates("person").set_index("person")["household"]
    anonymous = _nameless(nameless, made, tables["relationship"], cluster_of, primary)
    anonymous["household_id"] = ids[anonymous["household"].to_numpy(dtype="int64")]
    record_household = advance(
        tables["record_household"],
        anonymous[["record_key", "household_id", "known_from"]],
        ["record_key"],
        ["household_id"],
        now,
    )
    areas_of = area_spells(homes, areas)
    latest = areas_of.drop_duplicates("person", keep="last")
    latest = latest.assign(person_id=person_ids[latest["person"].to_numpy(dtype="int64")])
    known_areas = sensitive.told_anew(tables["person_area"], latest, ["person_id", "area_team"], hiding_ids)
    person_area = _areas(areas_of, person_ids, known_areas, now)
    deprived = deprivation_of_homes(homes, deprivation)
    deprived.insert(0, "person_id", person_ids[deprived.pop("person").to_numpy(dtype="int64")])
    made["position"] = first.reindex(made["person"]).to_numpy()
    earliest = made.groupby("household_id")["position"].min().reset_index()
    return Places(household_spell, record_household, person_area, earliest, deprived)


def _household_ids(made: pd.DataFrame, previous: pd.DataFrame) -> np.ndarray:
    """Household id by household number: the one most of its people's spells had, else a new one."""
    live = previous[previous["known_to"] == OPEN]
    before = _before(made, live)
    ages = live.groupby("household_id")["known_from"].min().reset_index().sort_values(["known_from", "household_id"])
    age = pd.Series(np.arange(len(ages)), index=ages["household_id"])
    mint = Mint.after("H", previous["household_id"])
    return np.array(settle(made["household"].to_numpy(), before, age, mint).ids, dtype=object)


def _before(made: pd.DataFrame, live: pd.DataFrame) -> pd.Series:
    """Household each row of ``made`` had, None if none.

    A person may have moved into two homes on one day, and a spell does not tell which it was. Each of the two then
    takes the household that most of its people may have had, and no household is given to both: what is asked twice
    in a night must be answered alike.
    """
    ask = ["person_id", "started_on"]
    spell = codes(made[ask], live[ask])
    rows = pd.DataFrame({"household": made["household"].to_numpy(), "spell": spell[0]})
    had_then = live[["household_id"]].assign(spell=spell[1]).drop_duplicates()
    pairs = rows.drop_duplicates().merge(had_then, on="spell")
    pairs["votes"] = pairs.groupby(["household", "household_id"])["spell"].transform("size")
    # Most have one answer, and nobody else asks for it; the others are asked in turn.
    answers, askers = (pairs.duplicated([side, "spell"], keep=False) for side in ("household", "household_id"))
    in_turn = pairs[answers | askers].sort_values(["votes", "household_id", "household"], ascending=[False, True, True])
    had: dict[tuple, str] = {}
    taken: set[tuple] = set()
    for home, spell, household_id in in_turn[["household", "spell", "household_id"]].itertuples(index=False):
        if (home, spell) not in had and (household_id, spell) not in taken:
            had[home, spell] = household_id
            taken.add((household_id, spell))
    clear = pairs.loc[~(answers | askers), ["household", "spell", "household_id"]]
    told = pd.DataFrame([(*asked, name) for asked, name in had.items()], columns=clear.columns)
    found = pd.concat([part for part in (clear, told) if len(part)] or [clear])
    return rows.merge(found, on=["household", "spell"], how="left")["household_id"].astype(object)


def _nameless(
    nameless: pd.DataFrame, made: pd.DataFrame, relationship: pd.DataFrame, cluster_of: pd.Series, primary: pd.Series
) -> pd.DataFrame:
    """``record_key, household, known_from`` of the records that name nobody and whose household is clear."""
    wanted = set(nameless["record_key"])
    ways = [
        relationship[["record_key", "other_record_key"]].to_numpy(),
        relationship[["other_record_key", "record_key"]].to_numpy(),
    ]
    links = (
        pd.DataFrame(np.concatenate(ways), columns=["record_key", "other"])
        if len(relationship)
        else pd.DataFrame(columns=["record_key", "other"])
    )
    links = links[links["record_key"].isin(wanted)]
    links = links.assign(person=cluster_of.reindex(links["other"]).to_numpy()).dropna(subset=["person"])
    chosen = household.nameless_households(nameless, made, links[["record_key", "person"]], primary)
    return chosen.merge(nameless[["record_key", "known_from"]], on="record_key")


def _areas(spells: pd.DataFrame, person_ids: np.ndarray, previous: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Bitemporal area of each person: the whole past of the new, tonight's change of the known."""
    rows = spells.assign(person_id=person_ids[spells["person"].to_numpy(dtype="int64")])
    latest = rows.drop_duplicates("person_id", keep="last")[["person_id", "area_team", "known_from"]]
    state = advance(previous, latest, ["person_id"], ["area_team"], now)
    is_new = ~pd.Index(person_ids, dtype=object).isin(previous["person_id"].to_numpy(dtype=object))
    past = rows[is_new[rows["person"].to_numpy(dtype="int64")]]
    past = past.assign(known_to=past.groupby("person_id")["known_from"].shift(-1)).dropna(subset=["known_to"])
    parts = [state, past[["person_id", "area_team", "known_from", "known_to"]]]
    return pd.concat([p for p in parts if len(p)], ignore_index=True) if len(past) else state
