"""Families, their children and adults, before anything happens to them.

Families begin at a steady rate over time; each has one to four children a few years apart, so that on any day about
45 % of the families with dependent children have one, 41 % two and 14 % three or more. Children are born, turn 18,
move in and out. 3 % of children are twins. Some people change identity: adopted children, and families who fled and
were given new names. Such a person has *two* rows (before, after) and a barrier row between them; nothing else joins
the two.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.parameters import DAYS_PER_YEAR, ETHNIC_GROUPS, WorldParameters
from synthetic.randomness import pick, stream

YEAR = DAYS_PER_YEAR
CHILDHOOD = 6574  # days to the eighteenth birthday, near enough for planning; exact birthdays are used for ages
TWIN_SHARE = 0.0172  # of births; gives 3 % of children, and 900 pairs among 60,000
MOVE_OUT_PER_YEAR = 0.024
SIZES = (0.30, 0.475, 0.178, 0.047)
FAR = 2_000_000  # a day beyond all others
ETHNIC_SHARES = (0.715, 0.12, 0.06, 0.07, 0.035)
ETHNIC_CODES = (
    (("WBRI", 0.90), ("WIRI", 0.01), ("WOTH", 0.08), ("WROM", 0.005), ("WIRT", 0.005)),
    (("APKN", 0.38), ("AIND", 0.27), ("ABAN", 0.15), ("AOTH", 0.14), ("CHNE", 0.06)),
    (("BAFR", 0.62), ("BCRB", 0.20), ("BOTH", 0.18)),
    (("MWBC", 0.30), ("MWAS", 0.26), ("MWBA", 0.18), ("MOTH", 0.26)),
    (("OOTH", 1.0),),
)
Days = NDArray[np.int64]


@dataclass(frozen=True)
class Population:
    """Arrays of families and children; positions are their numbers inside the world. Days count from 1970-01-01.

    Attributes:
        family_from, family_to: residence of each family (0 or less: always here; FAR: stays).
        lone, strained, group, ethnicity, first_birth: by family; `group` numbers ETHNIC_GROUPS.
        family_of, birth, female, twin (0 = none): by child, sorted by family.
        child_from, child_to: first day as a resident child, first day no longer (18th birthday, moved, new identity).
        to_be_adopted: in care for the last 500 days under this identity.
        barrier: frame of before, after (child numbers), kind, day; `family_barrier` likewise with family numbers.
    """

    family_from: Days
    family_to: Days
    lone: NDArray[np.bool_]
    strained: NDArray[np.bool_]
    group: NDArray[np.int64]
    ethnicity: NDArray[np.object_]
    first_birth: Days
    family_of: Days
    birth: Days
    female: NDArray[np.bool_]
    twin: Days
    child_from: Days
    child_to: Days
    to_be_adopted: NDArray[np.bool_]
    barrier: pd.DataFrame
    family_barrier: pd.DataFrame

    @property
    def families(self) -> int:
        """Number of families."""
        return len(self.family_from)

    @property
    def children(self) -> int:
        """Number of children (identities)."""
        return len(self.birth)


def eighteenth(birth: Days) -> Days:
    """Day of the eighteenth birthday (29 February becomes 1 March)."""
    date = birth.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    return ((month + 18 * 12).astype("datetime64[D]") + (date - month.astype("datetime64[D]"))).astype(np.int64)


def make_population(parameters: WorldParameters) -> Population:
    """Make families and children; exactly `parameters.children` (to within a family) are resident on the last
    seen day.
    """
    rng = stream(parameters.seed, "population")
    start = _day(parameters.start)
    end = _day(parameters.simulated_to) + 1
    seen_end = _day(parameters.history_end)
    base = _families(parameters, rng, start, end)
    base = _movers(base, rng, start, end)
    family, child = _cut(base, parameters.children, seen_end, start, end)
    family, child, barrier, family_barrier = _new_identities(parameters, family, child)
    order = np.lexsort((child["birth"], child["family"]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    child = {name: values[order] for name, values in child.items()}
    barrier[["before", "after"]] = rank[barrier[["before", "after"]].to_numpy()]
    n = len(family["from"])
    traits = stream(parameters.seed, "traits")
    group = pick(traits, n, ETHNIC_SHARES)
    ethnicity = np.empty(n, dtype=object)
    choice = traits.random(n)
    for number in range(len(ETHNIC_GROUPS)):
        chosen = group == number
        names, shares = zip(*ETHNIC_CODES[number], strict=True)
        edges = np.cumsum(shares)[:-1]
        ethnicity[chosen] = np.array(names, dtype=object)[np.searchsorted(edges, choice[chosen], side="right")]
    return Population(
        family["from"],
        family["to"],
        family["lone"].astype(bool),
        family["strained"].astype(bool),
        group,
        ethnicity,
        family["first"],
        child["family"],
        child["birth"],
        child["female"].astype(bool),
        child["twin"],
        child["from"],
        child["to"],
        child["adopted"].astype(bool),
        barrier,
        family_barrier,
    )


def _day(date: dt.date) -> int:
    return int(np.datetime64(date, "D").astype(np.int64))


def _families(parameters: WorldParameters, rng: np.random.Generator, start: int, end: int) -> dict[str, Days]:
    """Rows of children with their family's number, for more families than needed, in random order of family."""
    span = end - start + round(30 * YEAR)
    per_day = parameters.children / (1.95 * 18 * YEAR)
    n = round(per_day * span * 1.12) + 60
    first = start - round(30 * YEAR) + (rng.random(n) * span).astype(np.int64)
    size = pick(rng, n, SIZES) + 1
    families, births = [np.arange(n)], [first]
    previous = first
    for k in range(2, 5):
        gap = (460 + rng.standard_exponential(n) * 640).astype(np.int64)
        previous = previous + gap
        chosen = size >= k
        families.append(np.flatnonzero(chosen))
        births.append(previous[chosen])
    family = np.concatenate(families)
    birth = np.concatenate(births)
    twin = np.zeros(len(birth), dtype=np.int64)
    twins = np.flatnonzero(rng.random(len(birth)) < TWIN_SHARE)
    twin[twins] = twins + 1
    return {
        "family": np.concatenate([family, family[twins]]),
        "birth": np.concatenate([birth, birth[twins]]),
        "twin": np.concatenate([twin, twin[twins]]),
    }


def _movers(child: dict[str, Days], rng: np.random.Generator, start: int, end: int) -> dict[str, Days]:
    """Some families move out; a like family moves in on the same day, so the authority keeps its shape."""
    n = int(child["family"].max()) + 1
    leave = start + (rng.standard_exponential(n) / MOVE_OUT_PER_YEAR * YEAR).astype(np.int64)
    first = np.full(n, FAR)
    np.minimum.at(first, child["family"], child["birth"])
    leave = np.where((leave < end) & (leave > first + 30), leave, FAR)
    comes = np.full(n, -FAR)
    moved = leave < FAR
    shift = (rng.integers(-20, 21, n))[child["family"]]
    copy = moved[child["family"]]
    renumber = n + np.cumsum(moved) - 1
    copied = {
        "family": renumber[child["family"][copy]],
        "birth": child["birth"][copy] + shift[copy],
        "twin": np.where(child["twin"][copy] > 0, child["twin"][copy] + len(child["birth"]) + 1, 0),
    }
    out = {name: np.concatenate([child[name], copied[name]]) for name in child}
    leaves = np.concatenate([leave, np.full(int(moved.sum()), FAR)])
    comes = np.concatenate([comes, leave[moved]])
    # The newcomer takes its predecessor's place in the order, so that the cut below keeps both or neither.
    place = np.concatenate([np.arange(n), np.flatnonzero(moved)])
    out["leaves"], out["comes"], out["place"] = leaves[out["family"]], comes[out["family"]], place[out["family"]]
    return out


def _cut(
    child: dict[str, Days], wanted: int, seen_end: int, start: int, end: int
) -> tuple[dict[str, Days], dict[str, Days]]:
    """Keep the first families that together have `wanted` resident children on the last seen day, and who are
    seen at all.
    """
    child_to = np.minimum(eighteenth(child["birth"]), child["leaves"])
    child_from = np.maximum(child["birth"], child["comes"])
    present = (child_from <= seen_end) & (child_to > seen_end)
    counts = np.bincount(child["place"], weights=present).cumsum()
    last = int(np.searchsorted(counts, wanted))
    if last >= len(counts):
        raise RuntimeError("the population draw was too small for the wanted number of children")
    seen = (child["place"] <= last) & (child_from < end) & (child_to > start) & (child_from < child_to)
    keep = np.flatnonzero(seen)
    numbers, family = np.unique(child["family"][keep], return_inverse=True)
    n = len(numbers)
    first = np.full(n, FAR)
    np.minimum.at(first, family, child["birth"][keep])
    comes = np.zeros(n, dtype=np.int64)
    leaves = np.zeros(n, dtype=np.int64)
    comes[family] = child["comes"][keep]
    leaves[family] = child["leaves"][keep]
    _, twin = np.unique(child["twin"][keep], return_inverse=True)
    twin = np.where(child["twin"][keep] > 0, twin + 1, 0)
    pair = np.bincount(twin, minlength=int(twin.max()) + 1)
    twin = np.where((twin > 0) & (pair[twin] == 2), twin, 0)
    children = {
        "family": family,
        "birth": child["birth"][keep],
        "twin": twin,
        "from": child_from[keep],
        "to": child_to[keep],
        "adopted": np.zeros(len(keep), dtype=np.int64),
    }
    return {"from": comes, "to": leaves, "first": first}, children


def _new_identities(
    parameters: WorldParameters, family: dict[str, Days], child: dict[str, Days]
) -> tuple[dict[str, Days], dict[str, Days], pd.DataFrame, pd.DataFrame]:
    """Add adopted children (new family of their own) and protected families (whole family, new names)."""
    rng = stream(parameters.seed, "identities")
    n_family, n_child = len(family["from"]), len(child["birth"])
    low, high = _day(parameters.history_start), _day(parameters.simulated_to)
    traits = stream(parameters.seed, "families")
    family["strained"] = (traits.random(n_family) < parameters.laws.strained_share).astype(np.int64)
    family["lone"] = (traits.random(n_family) < np.where(family["strained"] == 1, 0.46, 0.198)).astype(np.int64)
    child["female"] = (traits.random(n_child) < 0.4878).astype(np.int64)

    # Adoptions: 35 a year among 60,000, age 1 to 7 on the day, not twins, in care before (see social_care).
    day = low + 30 + (rng.random(n_child) * (high - low - 30)).astype(np.int64)
    age = day - child["birth"]
    fit = (
        (age > 365)
        & (age < 7 * 365)
        & (child["from"] < day - 400)
        & (child["to"] > day + 400)
        & (child["twin"] == 0)
        & (family["strained"][child["family"]] == 1)
    )
    adopted = _choose(rng, np.flatnonzero(fit), max(1, round(parameters.children * 35 / 60_000 * (high - low) / YEAR)))
    _, lone_of = np.unique(child["family"][adopted], return_index=True)
    adopted = np.sort(adopted[lone_of])
    # Protected families: 40 a year among 60,000 children; settled in their new names from the day on.
    family_day = low + 60 + (rng.random(n_family) * (high - low - 120)).astype(np.int64)
    has = np.zeros(n_family, dtype=bool)
    present = (child["from"] < family_day[child["family"]] - 90) & (child["to"] > family_day[child["family"]] + 90)
    has[child["family"][present]] = True
    has[child["family"][adopted]] = False
    has &= (family["strained"] == 1) & (family["from"] < family_day - 90) & (family["to"] > family_day + 90)
    fled = _choose(rng, np.flatnonzero(has), max(1, round(parameters.children * 26 / 60_000 * (high - low) / YEAR)))
    is_fled = np.zeros(n_family, dtype=bool)
    is_fled[fled] = True
    moving = np.flatnonzero(is_fled[child["family"]] & present)

    fled_rank = np.zeros(n_family, dtype=np.int64)
    fled_rank[fled] = np.arange(len(fled))
    new_family = np.concatenate(
        [n_family + np.arange(len(adopted)), n_family + len(adopted) + fled_rank[child["family"][moving]]]
    )
    before = np.concatenate([adopted, moving])
    days = np.concatenate([day[adopted], family_day[child["family"][moving]]])
    after = n_child + np.arange(len(before))
    twin_top = int(child["twin"].max(initial=0)) + 1
    added = {
        "family": new_family,
        "birth": child["birth"][before],
        "female": child["female"][before],
        "from": days,
        "to": child["to"][before].copy(),
        "adopted": np.zeros(len(before), dtype=np.int64),
        "twin": np.where(child["twin"][before] > 0, child["twin"][before] + twin_top, 0),
    }
    # Twins of a fled family go together; a pair number is kept only if both moved.
    pair = np.bincount(added["twin"], minlength=1)
    added["twin"] = np.where((added["twin"] > 0) & (pair[added["twin"]] == 2), added["twin"], 0)
    child["adopted"][adopted] = 1
    child["to"][before] = days
    for fam in fled:
        mine = child["family"] == fam
        child["to"][mine] = np.minimum(child["to"][mine], family_day[fam])
        family["to"][fam] = family_day[fam]
    keep = child["to"] > child["from"]
    renumber = np.cumsum(keep) - 1
    child = {name: np.concatenate([values[keep], added[name]]) for name, values in child.items()}
    shift = int((~keep).sum())
    fresh = {
        "from": np.concatenate([day[adopted], family_day[fled]]),
        "to": np.concatenate([np.full(len(adopted), FAR), np.full(len(fled), FAR)]),
        "first": np.concatenate([child["birth"][renumber[adopted]], family["first"][fled]]),
        "strained": np.zeros(len(adopted) + len(fled), dtype=np.int64),
        "lone": np.concatenate([np.zeros(len(adopted), dtype=np.int64), np.ones(len(fled), dtype=np.int64)]),
    }
    family = {name: np.concatenate([values, fresh[name]]) for name, values in family.items()}
    court = rng.random(len(fled)) < 0.15
    kinds = np.concatenate(
        [
            np.full(len(adopted), "ADOPTION", dtype=object),
            np.where(court[fled_rank[child["family"][renumber[moving]]]], "COURT", "PROTECTED").astype(object),
        ]
    )
    barrier = pd.DataFrame({"before": renumber[before], "after": after - shift, "kind": kinds, "day": days})
    family_barrier = pd.DataFrame(
        {
            "before": fled,
            "after": n_family + len(adopted) + np.arange(len(fled)),
            "kind": np.where(court, "COURT", "PROTECTED").astype(object),
            "day": family_day[fled],
        }
    )
    return family, child, barrier, family_barrier


def _choose(rng: np.random.Generator, candidates: Days, wanted: int) -> Days:
    """`wanted` of the candidates at random (all if fewer), sorted."""
    keys = rng.random(len(candidates))
    return np.sort(candidates[np.argsort(keys, kind="stable")[:wanted]])
