"""The value of each kind of feature on every row of the panel (the kinds are listed in `declare`).

Rows of the spine that the panel leaves out still count for the others of their household, and their weeks too: grids
hold everyone, values are read for the rows kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import duckdb
import numpy as np
import pandas as pd

from models.risk.declare import EPISODE_KINDS, EVENT_KINDS, Feature
from models.risk.grids import Ranges, cumulated, earliest, latest, things_once, written_out
from models.risk.relations import Facts, Spine, read_episodes, read_events, read_moves

# Differences and means are rounded so that the order of a sum can never show in a feature.
DECIMALS = 6
NEVER = -(10**6)
OPEN_START = 10**8
ABSENT, ALONE_AT_HOME = -2, -1


class Kinds:
    """Computes one feature at a time; holds the facts and what the features share."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        spine: Spine,
        features: Sequence[Feature],
        keep: np.ndarray,
        kept: pd.DataFrame,
        marts: str,
    ):
        """keep: which rows of the spine values are wanted for; kept: those rows."""
        self.by_name = {f.name: f for f in features}
        self.bases = {f.base for f in features if f.base}
        self.base_values: dict[str, np.ndarray] = {}
        rows = spine.rows
        people, weeks = spine.shape
        week, person, home = (rows[c].to_numpy() for c in ("week", "person", "household"))
        self.homes = max(spine.households, 1)
        cell = week * np.int32(people) + person
        home_cell = np.where(home >= 0, week * np.int32(self.homes) + home, ALONE_AT_HOME).astype(np.int32)
        # The household of every person in every week, for adding up what its members have.
        self.home_of = np.full(weeks * people, ABSENT, dtype=np.int32)
        self.home_of[cell] = home_cell
        self.home_size = np.bincount(home_cell[home >= 0], minlength=weeks * self.homes).astype(np.int32)
        self.week, self.cell, self.lives = week[keep], cell[keep], home[keep] >= 0
        self.home_cell = np.maximum(home_cell[keep], 0)
        self.kept = kept
        # The matrix to come is large: of the spine only its people and dates stay.
        self.spine = replace(spine, rows=kept)
        self.buffer = np.empty((weeks, people), dtype=np.int32)
        self.events = read_events(con, spine, features, marts)
        self.episodes = read_episodes(con, spine, features, marts)
        moves = any(f.kind == "household_moves" for f in features)
        self.moves = {"person": read_moves(con, spine, marts)} if moves else {}

    def values(self, feature: Feature) -> np.ndarray:
        """Values of the feature on the kept rows."""
        values = self._values(feature)
        if feature.name in self.bases:
            self.base_values = {feature.name: values}
        return _floored(feature, values)

    def _values(self, feature: Feature) -> np.ndarray:
        """Values before the floor."""
        kind = feature.kind
        if kind in {"count", "sum", "episodes_started", "episodes_ended", "household_moves"}:
            values = self._window(feature, feature.offset_weeks, feature.weeks)
            return np.round(values, DECIMALS) if kind == "sum" else values
        if kind == "change":
            now = self._window(feature, 0, feature.weeks)
            before = self._window(feature, feature.weeks, feature.weeks_before)
            return np.round(now - before * (feature.weeks / feature.weeks_before), DECIMALS)
        if kind in {"distinct_agencies", "distinct_types"}:
            return self._distinct(feature)
        if kind == "days_since":
            return np.minimum(self.spine.days[self.week] - self._latest(feature), 7 * feature.weeks)
        if kind == "count_since_end":
            return self._since_end(feature)
        if kind == "open_episode":
            return self._added(feature, self._open_ranges) > 0
        if kind == "episode_days":
            return self._episode_days(feature)
        if kind == "household_size":
            return np.where(self.lives, self.home_size[self.home_cell], 1)
        if kind == "relative_to_peers":
            return self._relative(self.by_name[str(feature.base)])
        age = self.kept["age_months"].to_numpy().astype(np.float64)
        if kind == "age":
            return np.round(age / 12, DECIMALS)
        return (age >= (feature.from_months or 0)) & (age < (feature.to_months or 0))

    # -- what may be added up -------------------------------------------------------------------------------------

    def _window(self, feature: Feature, offset: int, weeks: int, among: Callable | None = None) -> np.ndarray:
        """Sum over the window `(D - 7(offset + weeks), D - 7 offset]`, kept rows."""

        def ranges(feature: Feature, owner: str) -> Ranges:
            facts, chosen = self._chosen(feature, owner, among)
            ends = facts.end if feature.kind == "episodes_ended" else None
            day = (facts.day if ends is None else ends)[chosen]
            return Ranges(
                owner=facts.owner[chosen],
                begin=np.maximum(self.spine.first_week(day + 7 * offset), facts.first[chosen]),
                stop=np.minimum(self.spine.first_week(day + 7 * (offset + weeks)), facts.last[chosen]),
                amount=facts.value[chosen] if feature.kind == "sum" else None,
                thing=facts.things[feature.once][chosen] if feature.scope != "person" else None,
            )

        return self._added(feature, ranges)

    def _added(self, feature: Feature, ranges: Callable[[Feature, str], Ranges]) -> np.ndarray:
        """What the ranges of the person, or of the household, add up to on the kept rows."""
        people, weeks = self.spine.shape
        own_ranges = ranges(feature, "person")
        own = cumulated(own_ranges.alone(), weeks, people, self.buffer)
        if feature.scope == "person":
            return np.take(own, self.cell)
        home_ranges = ranges(feature, "household")
        home = cumulated(home_ranges.alone(), weeks, self.homes).reshape(-1)
        cells = np.flatnonzero(own)
        cells = cells[self.home_of[cells] >= 0]
        np.add.at(home, self.home_of[cells], own.reshape(-1)[cells])
        self._add_shared(own_ranges.shared(), home_ranges.shared(), own.reshape(-1), home)
        around, mine = np.take(home, self.home_cell), np.take(own, self.cell)
        if feature.scope == "household_others":
            return np.where(self.lives, around - mine, 0)
        return np.where(self.lives, around, mine)

    def _add_shared(self, people: Ranges | None, homes: Ranges | None, own: np.ndarray, home: np.ndarray) -> None:
        """Add to the flat grids what several rows tell of, once for each household (or person without one).

        To `home` all of it; to `own` what the household would lack without the person, or all for one without.
        """
        parts = []
        for ranges, is_home in ((people, False), (homes, True)):
            if ranges is None:
                continue
            things = np.asarray(ranges.thing)
            weeks, members = len(self.spine.days), self.homes if is_home else len(self.spine.people)
            ranges = replace(ranges, stop=np.minimum(ranges.stop, weeks))
            cells, source = written_out(ranges, members)
            unit = cells if is_home else self.home_of[cells]
            amount = np.ones(len(cells)) if ranges.amount is None else ranges.amount[source]
            # Someone without a household is a unit of their own, numbered after the households.
            unit = np.where(unit == ALONE_AT_HOME, len(home) + cells, unit)
            who = np.full(len(cells), -1) if is_home else cells
            there = unit != ABSENT
            parts.append([a[there] for a in (unit, things[source], who, amount)])
        if not parts:
            return
        unit, most, teller, without = things_once(*(np.concatenate(p) for p in zip(*parts, strict=True)))
        most, without = most.astype(home.dtype), without.astype(own.dtype)
        at_home = unit < len(home)
        np.add.at(home, unit[at_home], most[at_home])
        np.add.at(own, unit[~at_home] - len(home), most[~at_home])
        lives = self.home_of[teller] >= 0
        np.add.at(own, teller[lives], without[lives])

    def _open_ranges(self, feature: Feature, owner: str) -> Ranges:
        """The weeks in which each episode version was known and its episode open."""
        facts, chosen = self._chosen(feature, owner, None)
        end = facts.end[chosen] if facts.end is not None else np.empty(0, dtype=np.int32)
        return Ranges(
            owner=facts.owner[chosen],
            begin=np.maximum(self.spine.first_week(facts.day[chosen]), facts.first[chosen]),
            stop=np.minimum(self.spine.first_week(end), facts.last[chosen]),
        )

    # -- what may not ---------------------------------------------------------------------------------------------

    def _distinct(self, feature: Feature) -> np.ndarray:
        """How many agencies (or event types) have something in the window."""
        by = "agency" if feature.kind == "distinct_agencies" else "type"
        found = np.zeros(len(self.cell), dtype=np.int32)
        names = {n for facts, wanted in self._read(feature) for n in facts.classes.loc[wanted, by]}
        for name in sorted(names):
            found += self._window(feature, feature.offset_weeks, feature.weeks, lambda c, n=name: c[by] == n) > 0
        return found

    def _latest(self, feature: Feature) -> np.ndarray:
        """Latest known day of occurrence not after D, kept rows; far in the past when there is none."""
        people, weeks = self.spine.shape

        def grid(owner: str, owners: int) -> np.ndarray:
            facts, chosen = self._chosen(feature, owner, None)
            begin = np.maximum(self.spine.first_week(facts.day[chosen]), facts.first[chosen])
            ranges = Ranges(facts.owner[chosen], begin, facts.last[chosen])
            return latest(ranges, facts.day[chosen], weeks, owners, NEVER).reshape(-1)

        own = grid("person", people)
        if feature.scope == "person":
            return np.take(own, self.cell)
        return self._extreme(own, grid("household", self.homes), np.maximum, NEVER)

    def _since_end(self, feature: Feature) -> np.ndarray:
        """Events after the latest end of an episode, kept rows; only of people who had one end, who are few."""
        people, weeks = self.spine.shape
        ends, ended = self._chosen(feature.model_copy(update={"kind": "episodes_ended"}), "person", None)
        end = ends.end[ended] if ends.end is not None else np.empty(0, dtype=np.int32)
        begin = np.maximum(self.spine.first_week(end), ends.first[ended])
        last_end = latest(Ranges(ends.owner[ended], begin, ends.last[ended]), end, weeks, people, NEVER).reshape(-1)
        facts, chosen = self._chosen(feature, "person", None)
        chosen = chosen[np.isin(facts.owner[chosen], ends.owner[ended])]
        day, reach = facts.day[chosen], 7 * feature.weeks
        begin = np.maximum(self.spine.first_week(day), facts.first[chosen])
        stop = np.minimum(self.spine.first_week(day + reach), facts.last[chosen])
        cells, source = written_out(Ranges(facts.owner[chosen], begin, stop), people)
        ended_on = last_end[cells]
        counts = (day[source] > ended_on) & (ended_on > self.spine.days[cells // people] - reach)
        self.buffer.fill(0)
        np.add.at(self.buffer.reshape(-1), cells[counts], 1)
        return np.take(self.buffer, self.cell)

    def _episode_days(self, feature: Feature) -> np.ndarray:
        """Days since the earliest start of an open episode, capped at the window; 0 when none is open."""
        people, weeks = self.spine.shape

        def grid(owner: str, owners: int) -> np.ndarray:
            facts, chosen = self._chosen(feature, owner, None)
            ranges = self._open_ranges(feature, owner)
            return earliest(ranges, facts.day[chosen], weeks, owners, OPEN_START).reshape(-1)

        own = grid("person", people)
        if feature.scope == "person":
            start = np.take(own, self.cell)
        else:
            start = self._extreme(own, grid("household", self.homes), np.minimum, OPEN_START)
        days = np.minimum(self.spine.days[self.week] - start, 7 * feature.weeks)
        return np.where(start == OPEN_START, 0, days)

    def _extreme(self, own: np.ndarray, home: np.ndarray, take: np.ufunc, nothing: int) -> np.ndarray:
        """The largest (or least) of the values at home, kept rows; the own one for someone without a household."""
        cells = np.flatnonzero(own != nothing)
        cells = cells[self.home_of[cells] >= 0]
        take.at(home, self.home_of[cells], own[cells])
        return np.where(self.lives, np.take(home, self.home_cell), np.take(own, self.cell))

    def _relative(self, base: Feature) -> np.ndarray:
        """The base less its mean over the cohort of the same week and peer group; 0 where there is no peer group."""
        values = self.base_values.get(base.name)
        if values is None:
            values = self._values(base)
        values = _floored(base, values).astype(np.float64)
        peer = self.kept["peer_group"].cat.codes.to_numpy().astype(np.int32)
        weeks = len(self.spine.days)
        cell = np.maximum(peer, 0) * np.int32(weeks) + self.week
        counted = self.kept["exclusion_reason"].isna().to_numpy() & (peer >= 0)
        size = (int(peer.max(initial=0)) + 1) * weeks
        n = np.bincount(cell[counted], minlength=size)
        mean = np.bincount(cell[counted], weights=values[counted], minlength=size) / np.maximum(n, 1)
        known = (peer >= 0) & (n[cell] > 0)
        return np.where(known, np.round(values - mean[cell], DECIMALS), 0.0)

    # -- what a feature reads -------------------------------------------------------------------------------------

    def _facts(self, feature: Feature) -> dict[str, Facts]:
        """The facts a feature counts, by owner."""
        if feature.kind == "household_moves":
            return self.moves
        return self.episodes if feature.kind in EPISODE_KINDS else self.events

    def _read(self, feature: Feature) -> Iterator[tuple[Facts, np.ndarray]]:
        """The facts of each owner that matters to the feature, and which classes of them it counts."""
        for owner, facts in self._facts(feature).items():
            if owner == "person" or feature.scope != "person":
                yield facts, _wanted(feature, facts)

    def _chosen(self, feature: Feature, owner: str, among: Callable | None) -> tuple[Facts, np.ndarray]:
        """The facts of an owner, and the positions of those the feature counts (those classes `among` holds for)."""
        facts = self._facts(feature)[owner]
        wanted = _wanted(feature, facts)
        if among is not None:
            wanted = wanted & among(facts.classes).to_numpy(dtype=bool)
        return facts, facts.select(wanted)


def _floored(feature: Feature, values: np.ndarray) -> np.ndarray:
    """The values, counting as nothing below the feature's floor."""
    return np.where(values < feature.floor, 0, values) if feature.floor else values


def _wanted(feature: Feature, facts: Facts) -> np.ndarray:
    """Which classes of facts the feature counts, boolean per class."""
    classes = facts.classes
    if feature.kind == "household_moves":
        return np.ones(len(classes), dtype=bool)
    types, details = (
        (feature.events, feature.details) if feature.kind in EVENT_KINDS else (feature.episodes, feature.outcomes)
    )
    wanted = classes["type"].isin(types)
    if details:
        wanted &= classes["detail"].isin(details)
    return wanted.to_numpy(dtype=bool)
