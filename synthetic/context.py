"""What the modules that write each agency's true rows share: who, when, where, and a stream of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthetic.history import History
from synthetic.latent import Hazards
from synthetic.parameters import AREA_TEAMS, WorldParameters
from synthetic.people import People
from synthetic.places import Homes
from synthetic.population import Population
from synthetic.randomness import stream

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Context:
    """Everything known about the world once need, events, homes and people exist. Days count from 1970-01-01."""

    parameters: WorldParameters
    population: Population
    hazards: Hazards
    history: History
    homes: Homes
    people: People
    staff: dict[str, Ints]
    outward: Ints

    @property
    def low(self) -> int:
        """First seen day."""
        return int(np.datetime64(self.parameters.history_start, "D").astype(np.int64))

    @property
    def high(self) -> int:
        """Last simulated day."""
        return int(np.datetime64(self.parameters.simulated_to, "D").astype(np.int64))

    def rng(self, *names: str) -> np.random.Generator:
        """Named stream of this world."""
        return stream(self.parameters.seed, "events", *names)

    def kind_numbers(self, family: bool) -> dict[str, int]:
        """Number of each family or child kind by name."""
        kinds = self.parameters.laws.kinds_family if family else self.parameters.laws.kinds_child
        return {kind.name: number for number, kind in enumerate(kinds)}

    def area_of_family(self, family: Ints, day: Ints) -> Ints:
        """Index of the area team where each family lives on each day."""
        return (self.outward[self.homes.at(family, day)] - 1) // 3

    def age(self, child: Ints, day: Ints) -> Ints:
        """Age in whole years (by 365.25 days)."""
        return (day - self.population.birth[child]) * 100 // 36525

    def level(self, child: Ints, day: Ints) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Family and child level in the week of each day."""
        week = np.clip((day - self.history.start) // 7, 0, len(self.history.family_level) - 1)
        return self.history.family_level[week, self.population.family_of[child]], self.history.child_level[week, child]


def clock(rng: np.random.Generator, day: Ints, hours: tuple[float, ...]) -> NDArray[np.datetime64]:
    """Seconds of the day drawn by hourly weights (24 of them); returns datetime64[s]."""
    edges = np.cumsum(np.array(hours)) / sum(hours)
    hour = np.minimum(np.searchsorted(edges, rng.random(len(day)), side="right"), 23)
    return day.astype("datetime64[D]").astype("datetime64[s]") + (
        hour * 3600 + rng.integers(0, 60, len(day)) * 60
    ).astype("timedelta64[s]")


def choose(
    rng: np.random.Generator, size: int, names: tuple[str, ...], shares: tuple[float, ...]
) -> NDArray[np.object_]:
    """Codes drawn with the given shares."""
    edges = np.cumsum(np.array(shares)) / sum(shares)
    return np.array(names, dtype=object)[
        np.minimum(np.searchsorted(edges, rng.random(size), side="right"), len(names) - 1)
    ]


def next_weekday(day: Ints) -> Ints:
    """The day itself, or the Monday after a Saturday or Sunday."""
    weekday = (day + 3) % 7
    return day + np.where(weekday == 5, 2, np.where(weekday == 6, 1, 0))


def draw_staff(context: Context, rng: np.random.Generator, kind: str, team: Ints) -> Ints:
    """A professional of the kind for each row, from the row's area team (index)."""
    worker = np.zeros(len(team), dtype=np.int64)
    for index, name in enumerate(AREA_TEAMS):
        group = context.staff[f"{kind}/{name}"]
        mine = team == index
        worker[mine] = group[rng.integers(0, len(group), int(mine.sum()))]
    return worker
