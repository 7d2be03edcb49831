"""Records of people at any size, and who each one is: families as several agencies write them down.

Not the demo world: nothing happens to anybody here, so that a million records take seconds. What linkage finds hard is
all there: families of one surname and one home, twins (3 % of children), children named after a parent, people who
moved (25 %) or changed surname (6 %), crowded addresses, placeholders for names, dates and postcodes, names and dates
typed wrongly (as in the demo world: `synthetic.agencies.corruption`), numbers missing (NHS number on 93 % of health
rows, UPN on 97 % of school rows) and a few numbers of somebody else, half of them of the same family.

Every draw follows from the seed and the number of records.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthetic.agencies.corruption import Defects, Rates, garble, key_hash
from synthetic.identifiers import nhs_numbers, postcodes, upns, uprns
from synthetic.people import forenames, surnames
from synthetic.randomness import stream

RECORDS_PER_PERSON = 2.85
TWIN_SHARE, NAMESAKE_SHARE, MOVED_SHARE, RENAMED_SHARE = 0.03, 0.02, 0.25, 0.06
WRONG_NUMBER_SHARE, HUB_SHARE, HUBS = 0.002, 0.004, 20
FEEDS = {
    "acute_trust": ("ed_attendance", 0.34),
    "community_health": ("patient", 0.16),
    "education": ("pupil", 0.22),
    "csc": ("person", 0.12),
    "police": ("ppn", 0.10),
    "housing": ("person", 0.06),
}
NHS_KNOWN = {"acute_trust": 0.93, "community_health": 0.93, "csc": 0.6}
UPN_KNOWN = {"education": 0.97, "csc": 0.35}
_HISTORY_START, _HISTORY_DAYS = np.datetime64("2021-10-04"), 1820


@dataclass(frozen=True)
class People:
    """``records`` in the columns of ``person_record``; per record the true ``person`` and ``family``; twin couples."""

    records: pd.DataFrame
    person: np.ndarray
    family: np.ndarray
    twins: np.ndarray


def make_people(records: int, seed: int = 1) -> People:
    """``records`` records of about ``records / 2.85`` people."""
    rng = stream(seed, f"people at size {records}")
    population = _population(rng, max(int(records / RECORDS_PER_PERSON), 8))
    n = len(population)
    child = population["child"].to_numpy()
    seen = 0.15 + rng.gamma(1.2, 1.0, n) * np.where(child, 1.3, 0.6)
    extra = rng.choice(n, max(records - n, 0), p=seen / seen.sum())
    owner = np.sort(np.concatenate([np.arange(min(n, records)), extra]))
    rows = _rows(rng, population.iloc[owner].reset_index(drop=True), seed)
    rows["birth_date"] = rows["birth_date"].astype("datetime64[s]")
    couple = population["twin"].to_numpy()
    first = np.flatnonzero((couple[:-1] > 0) & (couple[:-1] == couple[1:]))
    return People(rows, owner, population["family"].to_numpy()[owner], np.stack([first, first + 1], axis=1))


def _population(rng: np.random.Generator, people: int) -> pd.DataFrame:
    """One row a person, family by family: parents, then children by birth, twins side by side."""
    families = int(people / 3.4) + 1
    lone = rng.random(families) < 0.25
    births = 1 + rng.binomial(3, 0.27, families)
    of = np.repeat(np.arange(families), births)
    twin_birth = rng.random(len(of)) < TWIN_SHARE / (2 - TWIN_SHARE)
    rank = np.arange(len(of)) - np.repeat(np.cumsum(births) - births, births)
    first_born = np.datetime64("2006-09-01").astype("int64") + rng.integers(0, 5500, families)
    # Births of one mother lie at least a year apart.
    born = first_born[of] + rank * (400 + rng.integers(0, 700, len(of)))
    twice = np.repeat(np.arange(len(of)), 1 + twin_birth)
    child_family, child_born = of[twice], born[twice]
    twin = np.where(twin_birth, np.arange(1, len(of) + 1), 0)[twice]
    fathers = np.flatnonzero(~lone)
    family = np.concatenate([np.arange(families), fathers, child_family])
    mother_born = first_born - (365.25 * (18 + 18 * rng.random(families))).astype("int64")
    father_born = mother_born - 700 + rng.integers(-400, 400, families)
    birth = np.concatenate([mother_born, father_born[fathers], child_born])
    role = np.repeat([0, 1, 2], [families, len(fathers), len(child_family)])
    female = np.concatenate(
        [np.ones(families, bool), np.zeros(len(fathers), bool), rng.random(len(child_family)) < 0.49]
    )
    year = birth.astype("datetime64[D]").astype("datetime64[Y]").astype("int64") + 1970
    name = forenames(rng, female, year)
    father_of = np.full(families, -1)
    father_of[fathers] = families + np.arange(len(fathers))
    parent = np.where(female, family, father_of[family])
    namesake = (role == 2) & (parent >= 0) & (rng.random(len(family)) < NAMESAKE_SHARE)
    name[namesake] = name[parent[namesake]]
    _part_twins(rng, name, female, year, np.concatenate([np.zeros(families + len(fathers), "int64"), twin]))
    family_name = surnames(rng, families)
    other = surnames(rng, len(family))
    surname = np.where((role == 0) & (rng.random(len(family)) < 0.3), other, family_name[family])
    outward, unit = family % 12 + 1, (family // 12) // 14
    moved = rng.random(families) < MOVED_SHARE
    to = rng.integers(0, families, families)
    homes = uprns(2 * families, rng).astype(object)
    frame = pd.DataFrame(
        {
            "family": family,
            "child": role == 2,
            "twin": np.concatenate([np.zeros(families + len(fathers), "int64"), twin]),
            "forename": name,
            "surname": surname,
            "later_surname": np.where(rng.random(len(family)) < RENAMED_SHARE, surnames(rng, len(family)), surname),
            "birth_date": birth.astype("datetime64[D]"),
            "sex": np.where(female, "F", "M").astype(object),
            "postcode": postcodes(outward, unit % 4000),
            "later_postcode": postcodes(
                np.where(moved[family], to[family] % 12 + 1, outward),
                np.where(moved[family], (to[family] // 12) // 14, unit) % 4000,
            ),
            "uprn": homes[family],
            "later_uprn": np.where(moved[family], homes[families + family], homes[family]),
            "nhs_number": nhs_numbers(len(family), rng).astype(object),
            "upn": upns(len(family), rng).astype(object),
        }
    )
    return (
        frame.sort_values(["family", "child", "birth_date", "twin"], kind="stable").iloc[:people].reset_index(drop=True)
    )


def _part_twins(
    rng: np.random.Generator, name: np.ndarray, female: np.ndarray, year: np.ndarray, twin: np.ndarray
) -> None:
    """No two twins have one forename."""
    for _ in range(4):
        again = np.flatnonzero(pd.DataFrame({"t": twin, "n": name}).duplicated().to_numpy() & (twin > 0))
        name[again] = forenames(rng, female[again], year[again])


def _rows(rng: np.random.Generator, who: pd.DataFrame, seed: int) -> pd.DataFrame:
    """One row a record: who it is about, as an agency wrote it down on a day."""
    n = len(who)
    day = rng.integers(0, _HISTORY_DAYS, n)
    shares = np.array([share for _, share in FEEDS.values()])
    # Grown people go to no school: what would be a school row of one is a housing row.
    agency = np.array([*FEEDS], dtype=object)[rng.choice(len(FEEDS), n, p=shares / shares.sum())]
    agency[(agency == "education") & ~who["child"].to_numpy()] = "housing"
    late = day > 900
    out = pd.DataFrame({"agency": agency, "feed": pd.Series(agency).map({a: f for a, (f, _) in FEEDS.items()})})
    out["source_key"] = [f"{number:08d}" for number in rng.permutation(n)]
    for column in ("forename", "birth_date", "sex"):
        out[column] = who[column]
    for column in ("surname", "postcode", "uprn"):
        out[column] = np.where(late, who[f"later_{column}"], who[column])
    for column, known in (("nhs_number", NHS_KNOWN), ("upn", UPN_KNOWN)):
        has = rng.random(n) < pd.Series(agency).map(known).fillna(0).to_numpy()
        if column == "upn":
            has &= who["child"].to_numpy()
        of = np.arange(n)
        wrong = np.flatnonzero(rng.random(n) < WRONG_NUMBER_SHARE)
        # The record before in the table is most often of the same family; the other half is anybody's.
        of[wrong] = np.where(rng.random(len(wrong)) < 0.5, np.maximum(wrong - 3, 0), rng.integers(0, n, len(wrong)))
        out[column] = np.where(has, who[column].to_numpy(dtype=object)[of], None)
    out.loc[rng.random(n) < 0.5, "uprn"] = None
    _crowd(rng, out)
    out = garble(out, key_hash(out["source_key"]), Defects(seed, "people at size"), Rates()).drop(columns="flags")
    _placeholders(rng, out)
    out["local_id"] = out["source_key"].where(out["agency"].isin(["csc", "education", "community_health"]), None)
    out["names_a_person"], out["professional"] = True, False
    out["known_from"] = (_HISTORY_START + day).astype("datetime64[us]")
    return out


def _crowd(rng: np.random.Generator, out: pd.DataFrame) -> None:
    """Some records give an address that hundreds of people give."""
    at = np.flatnonzero(rng.random(len(out)) < HUB_SHARE)
    hub = rng.integers(0, HUBS, len(at))
    out.loc[at, "uprn"] = uprns(HUBS, rng).astype(object)[hub]
    out.loc[at, "postcode"] = postcodes(np.full(HUBS, 13), np.arange(HUBS))[hub]


def _placeholders(rng: np.random.Generator, out: pd.DataFrame) -> None:
    """What is written where nothing is known."""
    draw = rng.random(len(out))
    for low, high, column, value in (
        (0.0, 0.002, "forename", "UNKNOWN"),
        (0.002, 0.004, "forename", "BABY"),
        (0.004, 0.006, "postcode", "ZZ99 3VZ"),
        (0.006, 0.008, "birth_date", pd.Timestamp("1900-01-01")),
    ):
        out.loc[(draw >= low) & (draw < high), column] = value
