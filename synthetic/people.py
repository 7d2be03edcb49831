"""The person table: names, identifiers and traits of children and parents, and the professionals.

Names follow the frequencies of the ONS lists for England and Wales (by birth year for forenames). They are drawn
without regard to ethnicity, which is itself drawn without regard to anything else, so no part of the world can tell
one from the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.frames import text_or_none
from synthetic.identifiers import nhs_numbers, upns
from synthetic.parameters import AREA_TEAMS, WorldParameters
from synthetic.population import FAR, Population, eighteenth
from synthetic.randomness import pick, stream

DATA = Path(__file__).parent / "data" / "names"
Ints = NDArray[np.int64]


@lru_cache(maxsize=1)
def _name_lists() -> tuple[dict[tuple[str, int], tuple[NDArray, NDArray]], tuple[NDArray, NDArray]]:
    """Forenames by (sex, birth year) and surnames, each with running shares."""
    first = pd.read_parquet(DATA / "sdglinkage_firstname_uk.parquet")
    first["firstname"] = first["firstname"].astype(str).str.title()
    forenames = {}
    for (sex, year), group in first.groupby(["sex", "birthyear"], sort=True):
        group = group.sort_values(["freq", "firstname"], ascending=[False, True])
        forenames[("F" if str(sex) == "female" else "M", int(str(year)))] = _running(group["firstname"], group["freq"])
    last = pd.read_parquet(DATA / "sdglinkage_lastname_uk.parquet").sort_values(
        ["freq", "surname"], ascending=[False, True]
    )
    return forenames, _running(last["surname"].astype(str).str.title(), last["freq"])


def _running(names: pd.Series, shares: pd.Series) -> tuple[NDArray, NDArray]:
    total = np.cumsum(shares.to_numpy(dtype=np.float64))
    return names.to_numpy(dtype=object), np.round(total / total[-1], 12)


def forenames(rng: np.random.Generator, female: NDArray[np.bool_], year: Ints) -> NDArray[np.object_]:
    """A forename for each person by sex and birth year (lists cover 1996 to 2018; other years use the nearest)."""
    lists, _ = _name_lists()
    years = sorted({key[1] for key in lists})
    use = np.clip(year, years[0], years[-1])
    draw = rng.random(len(year))
    out = np.empty(len(year), dtype=object)
    for (sex, of_year), (names, running) in lists.items():
        chosen = (female == (sex == "F")) & (use == of_year)
        out[chosen] = names[np.minimum(np.searchsorted(running, draw[chosen], side="right"), len(names) - 1)]
    return out


def surnames(rng: np.random.Generator, size: int) -> NDArray[np.object_]:
    """Surnames by frequency."""
    _, (names, running) = _name_lists()
    return names[np.minimum(np.searchsorted(running, rng.random(size), side="right"), len(names) - 1)]


@dataclass(frozen=True)
class People:
    """The person and family tables with the row numbers other modules need.

    Attributes:
        table: person rows; days are numbers (FAR = none).
        family: family rows.
        child_person, mother, father: person_id by child and by family (father 0 = none).
    """

    table: pd.DataFrame
    family: pd.DataFrame
    child_person: Ints
    mother: Ints
    father: Ints


def make_people(parameters: WorldParameters, population: Population) -> People:
    """Give everybody a name, identifiers and traits."""
    rng = stream(parameters.seed, "people")
    nf, nc = population.families, population.children
    surname = surnames(rng, nf)
    mother_other = surnames(rng, nf)
    other = rng.random(nf) < np.where(population.lone, 0.45, 0.25)
    double = rng.random(nf) < 0.025
    surname = np.where(double, surname + "-" + mother_other, surname)
    mother_surname = np.where(other, mother_other, surname)
    takes_mother = (rng.random(nf) < 0.35) & other
    child_surname = np.where(takes_mother, mother_surname, surname)[population.family_of]
    year_born = population.birth.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    names = _distinct_siblings(rng, population, forenames(rng, population.female, year_born), year_born)
    mother_birth = population.first_birth - (365.25 * (18.5 + rng.random(nf) * 9 + rng.random(nf) * 9)).astype(np.int64)
    father_birth = mother_birth - 700 + (rng.random(nf) * 400 - 900 * (rng.random(nf) - 0.3)).astype(np.int64)
    has_father = ~population.lone
    fathers = np.flatnonzero(has_father)
    years = [
        d.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        for d in (mother_birth, father_birth[fathers])
    ]
    mother_name = forenames(rng, np.ones(nf, bool), years[0])
    father_name = forenames(rng, np.zeros(len(fathers), bool), years[1])

    # Traits: special needs, free meals and disability go with the family's long-run strain, never with ethnicity.
    strained = population.strained[population.family_of]
    boy = ~population.female
    sen = pick(rng, nc, (1.0,)) + np.where(
        rng.random(nc) < np.where(strained, 0.26, 0.115) * np.where(boy, 1.25, 0.75), 1, 0
    )
    ehcp = rng.random(nc) < np.where(strained, 0.075, 0.036) * np.where(boy, 1.4, 0.6)
    provision = np.where(ehcp, 2, sen)
    meals = (rng.random(nf) < np.where(population.strained, 0.55, 0.175))[population.family_of]
    disability = _disability(rng, provision, nc)

    ids = np.arange(1, nc + nf + len(fathers) + 1)
    child_person, mother = ids[:nc], ids[nc : nc + nf]
    father = np.zeros(nf, dtype=np.int64)
    father[fathers] = ids[nc + nf :]
    people = len(ids)
    nhs = nhs_numbers(people, rng).astype(object)
    upn = np.full(people, None, dtype=object)
    numbers = upns(nc, rng).astype(object)
    # UPNs are given on first entry to school; children too young by the end of the simulation have none.
    last = int(np.datetime64(parameters.simulated_to, "D").astype(np.int64))
    old_enough = population.birth + 3 * 365 + 200 < np.minimum(last, population.child_to + 0)
    upn[:nc] = text_or_none(old_enough, numbers)
    grown_from = np.where(population.family_from > 0, population.family_from, -FAR)
    of_family = np.concatenate([population.family_of, np.arange(nf), fathers])
    table = pd.DataFrame(
        {
            "person_id": ids,
            "role": pd.Categorical(
                np.repeat(["child", "mother", "father"], [nc, nf, len(fathers)]), ["child", "mother", "father"]
            ),
            "family_id": of_family + 1,
            "forename": np.concatenate([names, mother_name, father_name]),
            "surname": np.concatenate([child_surname, mother_surname, surname[fathers]]),
            "sex": pd.Categorical(
                np.concatenate([np.where(population.female, "F", "M"), np.repeat(["F", "M"], [nf, len(fathers)])]),
                ["F", "M"],
            ),
            "birth_date": np.concatenate([population.birth, mother_birth, father_birth[fathers]]),
            "death_date": np.full(people, FAR),
            "expected_date": np.full(people, FAR),
            "ethnicity": pd.Categorical(population.ethnicity[of_family]),
            "nhs_number": nhs,
            "upn": upn,
            "disability": np.concatenate([disability, np.full(nf + len(fathers), "NONE", dtype=object)]),
            "sen_provision": pd.Categorical(
                np.concatenate([np.array(["N", "K", "E"])[provision], np.full(nf + len(fathers), "N")]), ["N", "K", "E"]
            ),
            "fsm": np.concatenate([meals, np.zeros(nf + len(fathers), bool)]),
            "resident_from": np.concatenate(
                [
                    population.child_from,
                    np.maximum(grown_from, mother_birth),
                    np.maximum(grown_from, father_birth)[fathers],
                ]
            ),
            "resident_to": np.concatenate(
                [
                    np.where(population.child_to >= eighteenth(population.birth), FAR, population.child_to),
                    population.family_to,
                    population.family_to[fathers],
                ]
            ),
        }
    )
    table["twin_group"] = pd.array(
        np.concatenate([population.twin, np.zeros(nf + len(fathers), dtype=np.int64)]), dtype="Int64"
    )
    table.loc[table["twin_group"] == 0, "twin_group"] = pd.NA
    _deaths(rng, table, nc, last)
    family = pd.DataFrame(
        {
            "family_id": np.arange(1, nf + 1),
            "lone_parent": population.lone,
            "mother_id": mother,
            "father_id": pd.array(np.where(father > 0, father, 0), dtype="Int64"),
            "surname": surname,
            "resident_from": np.where(population.family_from > 0, population.family_from, mother_birth),
            "resident_to": population.family_to,
        }
    )
    family.loc[family["father_id"] == 0, "father_id"] = pd.NA
    return People(table, family, child_person, mother, father)


def _distinct_siblings(
    rng: np.random.Generator, population: Population, names: NDArray[np.object_], year: Ints
) -> NDArray[np.object_]:
    """Draw again where two children of a family share a forename (parents do not do that)."""
    for _ in range(6):
        frame = pd.DataFrame({"family": population.family_of, "name": names})
        again = np.flatnonzero(frame.duplicated().to_numpy())
        if not len(again):
            break
        names[again] = forenames(rng, population.female[again], year[again])
    return names


def _disability(rng: np.random.Generator, provision: Ints, size: int) -> NDArray[np.object_]:
    chance = np.array([0.018, 0.14, 0.62])[provision]
    has = rng.random(size) < chance
    first = np.array(
        ["LD", "AUT", "COMM", "BEH", "MOB", "HEAR", "VIS", "CON", "INC", "PC", "HAND", "DDA"], dtype=object
    )
    code = first[pick(rng, size, (26, 27, 14, 12, 7, 3, 2, 3, 2, 2, 1, 4))]
    more = (rng.random(size) < 0.22) & (code != "LD")
    return np.where(has, np.where(more, code + ";LD", code), "NONE").astype(object)


def _deaths(rng: np.random.Generator, table: pd.DataFrame, children: int, last: int) -> None:
    """A few mothers and fathers die; child deaths are left out of this world on purpose."""
    grown = np.arange(children, len(table))
    hit = grown[rng.random(len(grown)) < 0.004]
    day = last - (rng.random(len(hit)) * 2500).astype(np.int64)
    born = table["birth_date"].to_numpy()[hit]
    column = table["death_date"].to_numpy().copy()
    column[hit] = np.maximum(day, born + 20 * 365)
    table["death_date"] = column


def make_professionals(parameters: WorldParameters) -> tuple[pd.DataFrame, dict[str, Ints]]:
    """Staff, and their ids by `kind` or `kind/area` (social workers and managers belong to an area team)."""
    rng = stream(parameters.seed, "professionals")
    scale = parameters.children / 60_000
    plan = [("social_worker", team, max(3, round(60 * scale)), "Children's Social Care") for team in AREA_TEAMS]
    plan += [("manager", team, max(1, round(8 * scale)), "Children's Social Care") for team in AREA_TEAMS]
    plan += [("family_worker", team, max(2, round(22 * scale)), "Early Help") for team in AREA_TEAMS]
    plan += [("health_visitor", team, max(1, round(20 * scale)), "Community Health") for team in AREA_TEAMS]
    title = {
        "social_worker": "Social worker",
        "manager": "Team manager",
        "family_worker": "Family support worker",
        "health_visitor": "Health visitor",
    }
    kind = np.repeat([row[0] for row in plan], [row[2] for row in plan])
    team = np.repeat([row[1] for row in plan], [row[2] for row in plan])
    n = len(kind)
    female = rng.random(n) < 0.8
    name = forenames(rng, female, np.full(n, 1996)) + " " + surnames(rng, n)
    table = pd.DataFrame(
        {
            "professional_id": np.arange(1, n + 1),
            "name": name,
            "job_title": [title[k] for k in kind],
            "organisation": np.repeat([row[3] for row in plan], [row[2] for row in plan]),
            "team": team,
            "kind": kind,
        }
    )
    groups = {
        f"{k}/{t}": table["professional_id"].to_numpy()[(kind == k) & (team == t)] for k in title for t in AREA_TEAMS
    }
    return table, groups
