"""Addresses, who lived where and when, and the four area teams.

A family's homes follow one another; while it is in temporary accommodation that spell stands in the chain. Families
in need move more often (2 % a quarter against 0.7 %). Some places hold many unrelated people: refuges, hostels,
children's homes, houses in multiple occupation: good reasons not to call two people a household because they share an
address.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.frames import coded
from synthetic.history import History
from synthetic.identifiers import postcodes, uprns
from synthetic.parameters import AREA_TEAMS, WorldParameters
from synthetic.population import FAR, Population
from synthetic.randomness import pick, stream

OUTWARDS = 12
HOMES_PER_POSTCODE = 14
TOWNS = ("Northmere", "Saltwick", "Harrowby Cross", "Ellenford")
STREET_FIRST = (
    "Alder",
    "Beacon",
    "Bracken",
    "Cobble",
    "Copper",
    "Curlew",
    "Drover",
    "Fallow",
    "Ferry",
    "Foundry",
    "Gannet",
    "Heron",
    "Juniper",
    "Kiln",
    "Lantern",
    "Larch",
    "Maltings",
    "Marram",
    "Miller",
    "Osprey",
    "Pippin",
    "Quarry",
    "Rowan",
    "Saddler",
    "Sandpiper",
    "Shearwater",
    "Tanner",
    "Teasel",
    "Turnstone",
    "Weaver",
    "Willow",
    "Wren",
)
STREET_LAST = (
    "Avenue",
    "Close",
    "Court",
    "Crescent",
    "Drive",
    "Gardens",
    "Grove",
    "Lane",
    "Place",
    "Rise",
    "Road",
    "Row",
    "Street",
    "Terrace",
    "Walk",
    "Way",
)
HUBS = (("refuge", 2), ("hostel", 5), ("childrens_home", 9), ("hmo", 26), ("foster", 190))
Ints = NDArray[np.int64]


def team_of_outward(outward: Ints) -> Ints:
    """Index of the area team of outward codes 1..12 (three to a team)."""
    return (outward - 1) // 3


def first_homes(parameters: WorldParameters, families: int) -> Ints:
    """Outward code (1..12) of each family's first home; drawn without regard to anything about the family."""
    return stream(parameters.seed, "places", "first").integers(1, OUTWARDS + 1, families)


class AddressBook:
    """Addresses handed out one after another; `table()` writes them out at the end."""

    def __init__(self, seed: int) -> None:
        self.rng = stream(seed, "places", "addresses")
        self.outwards: list[Ints] = []
        self.kinds: list[NDArray[np.object_]] = []
        self.size = 0

    def new(self, outward: Ints, kind: str) -> Ints:
        """Numbers (0-based) of fresh addresses, one for each outward code."""
        self.outwards.append(outward)
        self.kinds.append(np.full(len(outward), kind, dtype=object))
        self.size += len(outward)
        return np.arange(self.size - len(outward), self.size)

    def outward(self) -> Ints:
        """Outward code of every address so far."""
        return np.concatenate(self.outwards)

    def table(self) -> pd.DataFrame:
        """The address table."""
        outward = self.outward()
        order = np.lexsort((self.rng.random(len(outward)), outward))
        begin = np.searchsorted(outward[order], np.arange(1, OUTWARDS + 1))
        place = np.empty(len(outward), dtype=np.int64)
        place[order] = np.arange(len(outward))
        place -= begin[outward - 1]
        unit = place // HOMES_PER_POSTCODE
        street = (unit * 7 + outward * 131) % (len(STREET_FIRST) * len(STREET_LAST))
        number = (place % HOMES_PER_POSTCODE) * 2 + 1 + (unit // 512) * 30
        name = (
            np.array(STREET_FIRST, dtype=object)[street % len(STREET_FIRST)]
            + " "
            + np.array(STREET_LAST, dtype=object)[street // len(STREET_FIRST)]
        )
        flat = self.rng.random(len(outward)) < 0.16
        house = np.where(
            flat,
            "Flat " + (place % 9 + 1).astype(str).astype(object) + ", " + number.astype(str).astype(object),
            number.astype(str).astype(object),
        )
        team = team_of_outward(outward)
        return pd.DataFrame(
            {
                "address_id": np.arange(1, len(outward) + 1),
                "house": house,
                "street": name,
                "town": np.array(TOWNS, dtype=object)[team],
                "postcode": postcodes(outward, unit),
                "uprn": uprns(len(outward), self.rng).astype(object),
                "outward": np.array([f"ZM{i}" for i in range(OUTWARDS + 1)], dtype=object)[outward],
                "area_team": coded(team, AREA_TEAMS),
                "kind": np.concatenate(self.kinds),
            }
        )


@dataclass(frozen=True)
class Homes:
    """Spells of families at addresses, sorted by family and start, and what the rest of the world asks of them.

    Attributes: family, start, end (FAR = open), address (0-based), temporary.
    """

    family: Ints
    start: Ints
    end: Ints
    address: Ints
    temporary: NDArray[np.bool_]
    second: Ints
    second_from: Ints

    def at(self, family: Ints, day: Ints) -> Ints:
        """Address of each family on each day (its first home before that)."""
        key = self.family * 4_000_000 + np.clip(self.start, 0, 3_999_999)
        place = np.searchsorted(key, family * 4_000_000 + np.clip(day, 0, 3_999_999), side="right") - 1
        first = np.searchsorted(self.family, family)
        return self.address[np.maximum(place, first)]


def hub_addresses(parameters: WorldParameters, book: AddressBook) -> dict[str, Ints]:
    """Addresses of each kind of hub."""
    rng = stream(parameters.seed, "places", "hubs")
    return {
        kind: book.new(rng.integers(1, OUTWARDS + 1, max(1, round(count * parameters.children / 60_000))), kind)
        for kind, count in HUBS
    }


def make_homes(
    parameters: WorldParameters,
    population: Population,
    history: History,
    book: AddressBook,
    first: Ints,
    stays: pd.DataFrame,
) -> Homes:
    """Chains of homes. `stays` are the temporary accommodations: family, address, start, end (FAR = open)."""
    rng = stream(parameters.seed, "places", "moves")
    families = population.families
    begin = np.where(
        population.family_from > 0,
        population.family_from,
        population.first_birth - 200 - (rng.random(families) * 1800).astype(np.int64),
    )
    moves_family, moves_day = [], []
    for week in range(6, parameters.weeks, 13):
        level = history.family_level[week]
        hit = np.flatnonzero(rng.random(families) < np.where(level >= 3, 0.02, 0.007))
        day = history.start + 7 * (week - 6) + (rng.random(len(hit)) * 91).astype(np.int64)
        fits = (day > begin[hit] + 30) & (day < population.family_to[hit] if len(hit) else True)
        moves_family.append(hit[fits])
        moves_day.append(day[fits])
    family, day = np.concatenate(moves_family), np.concatenate(moves_day)
    # A move inside a temporary stay does not happen.
    if len(stays):
        order = np.lexsort((stays["start"], stays["family"]))
        key = (stays["family"].to_numpy() * 4_000_000 + stays["start"].to_numpy())[order]
        place = np.searchsorted(key, family * 4_000_000 + day, side="right") - 1
        safe = np.maximum(place, 0)
        inside = (
            (place >= 0)
            & (stays["family"].to_numpy()[order][safe] == family)
            & (day <= np.minimum(stays["end"].to_numpy(), FAR)[order][safe] + 20)
        )
        after = np.searchsorted(key, family * 4_000_000 + day + 20, side="right") - 1 > place
        family, day = family[~inside & ~after], day[~inside & ~after]
    outward = np.where(
        rng.random(len(family)) < 0.8,
        team_of_outward(first[family]) * 3 + rng.integers(1, 4, len(family)),
        rng.integers(1, OUTWARDS + 1, len(family)),
    )
    share = pick(rng, len(family), (0.90, 0.05, 0.05))
    start_address = book.new(first, "home")
    fresh = book.new(outward, "home")
    hmo = np.flatnonzero(np.concatenate(book.kinds) == "hmo")
    address = np.where(
        share == 0,
        fresh,
        np.where(
            share == 1,
            hmo[rng.integers(0, len(hmo), len(family))],
            start_address[rng.integers(0, families, len(family))],
        ),
    )
    leave = stays[stays["end"] < FAR]
    back = book.new(team_of_outward(first[leave["family"].to_numpy()]) * 3 + rng.integers(1, 4, len(leave)), "home")
    all_family = np.concatenate([np.arange(families), family, stays["family"], leave["family"]])
    all_start = np.concatenate([begin, day, stays["start"], leave["end"]])
    all_address = np.concatenate([start_address, address, stays["address"], back])
    temporary = np.concatenate(
        [np.zeros(families + len(family), bool), np.ones(len(stays), bool), np.zeros(len(leave), bool)]
    )
    order = np.lexsort((temporary, all_start, all_family))
    f, s, a, t = all_family[order], all_start[order], all_address[order], temporary[order]
    end = np.where(np.append(f[1:] == f[:-1], False), np.append(s[1:], FAR), population.family_to[f])
    keep = end > s
    second_rng = stream(parameters.seed, "places", "second")
    has = np.where(population.lone, 0.33, 0.020) > second_rng.random(families)
    second = np.full(families, -1)
    second[has] = book.new(second_rng.integers(1, OUTWARDS + 1, int(has.sum())), "home")
    return Homes(
        f[keep],
        s[keep],
        end[keep],
        a[keep],
        t[keep],
        second,
        history.start - 400 + (second_rng.random(families) * 1500).astype(np.int64),
    )


def person_addresses(
    population: Population, homes: Homes, placements: pd.DataFrame, adults: pd.DataFrame, child_person: Ints
) -> pd.DataFrame:
    """Who lived where: homes of children and adults, second homes, placements (columns as in the world's description).

    `placements`: child, address, start, end. `adults`: person_id, family. Days stay numbers; FAR is an open end.
    """
    spells = len(homes.family)
    first = np.searchsorted(homes.family, np.arange(population.families))
    count = np.bincount(homes.family, minlength=population.families)

    def spread(family: Ints, person: Ints, low: Ints, high: Ints) -> pd.DataFrame:
        number = count[family]
        offset = np.repeat(np.cumsum(number) - number, number)
        spell = np.minimum(np.repeat(first[family], number) + np.arange(int(number.sum())) - offset, spells - 1)
        start = np.maximum(homes.start[spell], np.repeat(low, number))
        end = np.minimum(homes.end[spell], np.repeat(high, number))
        end = np.where((homes.end[spell] >= FAR) & (np.repeat(high, number) >= FAR), FAR, end)
        frame = pd.DataFrame(
            {
                "person_id": np.repeat(person, number),
                "address_id": homes.address[spell] + 1,
                "use": np.where(homes.temporary[spell], "temporary", "home"),
                "start_date": start,
                "end_date": end,
            }
        )
        return frame[frame["end_date"] > frame["start_date"]]

    children = spread(population.family_of, child_person, population.child_from, population.child_to)
    family = adults["family"].to_numpy()
    grown = spread(family, adults["person_id"].to_numpy(), np.full(len(family), -FAR), population.family_to[family])
    has = homes.second[population.family_of] >= 0
    second = pd.DataFrame(
        {
            "person_id": child_person[has],
            "address_id": homes.second[population.family_of[has]] + 1,
            "use": "second_home",
            "start_date": np.maximum(homes.second_from[population.family_of[has]], population.child_from[has] + 300),
            "end_date": population.child_to[has],
        }
    )
    placed = pd.DataFrame(
        {
            "person_id": child_person[placements["child"].to_numpy()],
            "address_id": placements["address"].to_numpy() + 1,
            "use": "placement",
            "start_date": placements["start"].to_numpy(),
            "end_date": placements["end"].to_numpy(),
        }
    )
    out = pd.concat([children, grown, second[second["end_date"] > second["start_date"]], placed], ignore_index=True)
    out = out.sort_values(["person_id", "start_date", "use", "address_id"], kind="stable", ignore_index=True)
    out.insert(0, "person_address_id", np.arange(1, len(out) + 1))
    return out
