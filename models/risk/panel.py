"""The exact panel: one row a person and as-of date, each feature as it was known at that date.

How it is exact and still fast. A version of an event adds to a windowed count on exactly those as-of dates for which
`D - 7w < occurred_on <= D` and `known_from <= cutoff(D) < known_to`. Every one of the four conditions holds from some
date on, or up to some date, so the dates form one contiguous range: a +1 where it begins, a -1 where it ends, one
cumulative sum along the weeks, and all dates of all windows are done. Late rows, corrections and retractions need no
other path.

Worked example, Sundays 1, 8, 15, 22 (indices 0..3), window 2 weeks. An event of the 3rd, known on the 10th, and
corrected away on the 20th: it has happened by index 1, is known by index 2, leaves the window at index 3, and is
withdrawn by index 3: range [2, 3), so only the 15th sees it.

The latest day (for days_since) is a running maximum of the days of versions that are never withdrawn, joined with
those of withdrawn versions written out week by week; the latter are few and short-lived, which keeps it exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pandas as pd

from models.risk.asof import as_sundays
from models.risk.declare import EPISODE_KINDS, EVENT_KINDS, Feature, RiskConfig
from models.risk.relations import Facts, Spine, forget, read_episodes, read_events, read_moves, read_spine

# Differences and means are rounded so that the order of a sum can never show in a feature.
DECIMALS = 6
NEVER = -(10**6)


@dataclass(frozen=True)
class Panel:
    """Feature values with the rows they belong to.

    rows: person (number), person_key, as_of_date, area_team, peer_group, household (number, -1 none), exclusion_reason,
    routed_to, sort_no, ordered by as_of_date, sort_no. X: float32, shape (rows, features), no missing values.
    """

    rows: pd.DataFrame
    X: np.ndarray
    names: tuple[str, ...]

    def column(self, name: str) -> np.ndarray:
        """Values of one feature, shape (rows,)."""
        return self.X[:, self.names.index(name)]

    def take(self, positions: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Values of several features on some rows, shape (positions, names)."""
        out = np.empty((len(positions), len(names)), dtype=np.float32, order="F")
        # Column by column: X is stored that way, and a plain row selection would read all of it.
        for place, name in enumerate(names):
            out[:, place] = self.X[positions, self.names.index(name)]
        return out

    def where(self, mask: np.ndarray) -> Panel:
        """The panel of the rows for which the mask holds."""
        return Panel(self.rows[mask].reset_index(drop=True), self.X[mask], self.names)


def build_panel(
    con: duckdb.DuckDBPyConnection,
    config: RiskConfig,
    dates: Iterable[date],
    *,
    marts: str = "warehouse.marts",
    cohort_only: bool = True,
    features: Sequence[str] | None = None,
) -> Panel:
    """The panel at the given Sundays, from the marts readable on `con`.

    cohort_only leaves out people with an exclusion reason (they still count for their siblings). features: names to
    build, all declared ones when None. Raises ValueError for a date that is no Sunday or an empty spine.
    """
    sundays = as_sundays(dates)
    chosen = list(config.features) if features is None else [config.feature(n) for n in features]
    needed = _with_bases(chosen, config)
    try:
        spine = read_spine(con, sundays, marts)
        if spine.rows.empty:
            raise ValueError("the spine holds nobody on the dates asked for")
        builder = _Builder(con, spine, needed, marts)
        keep = spine.rows["exclusion_reason"].isna().to_numpy() if cohort_only else np.ones(len(spine.rows), dtype=bool)
        X = np.empty((int(keep.sum()), len(chosen)), dtype=np.float32, order="F")
        for position, feature in enumerate(chosen):
            X[:, position] = builder.values(feature, keep)
    finally:
        forget(con)
    rows = spine.rows[keep].reset_index(drop=True)
    rows.insert(0, "as_of_date", np.array(sundays, dtype="datetime64[s]")[rows["week"].to_numpy()])
    # A key is text of 36 characters, a person has hundreds of rows: keep each key once.
    keys = pd.Index(spine.people["person_key"], dtype=object)
    codes = rows["person"].to_numpy()
    rows.insert(1, "person_key", pd.Series(pd.Categorical.from_codes(codes, categories=keys)))
    return Panel(rows.drop(columns=["week"]), X, tuple(f.name for f in chosen))


def _with_bases(features: Sequence[Feature], config: RiskConfig) -> list[Feature]:
    """The features and those they are relative to."""
    return list({f.name: f for g in features for f in ([config.feature(g.base), g] if g.base else [g])}.values())


class _Builder:
    """Computes one feature at a time as a grid (people x weeks); holds what the features share."""

    def __init__(self, con: duckdb.DuckDBPyConnection, spine: Spine, features: Sequence[Feature], marts: str):
        self.spine = spine
        self.by_name = {f.name: f for f in features}
        rows = spine.rows
        self.person = rows["person"].to_numpy()
        self.week = rows["week"].to_numpy()
        self.home = rows["household"].to_numpy()
        self.peer = rows["peer_group"].cat.codes.to_numpy().astype(np.int64)
        self.in_cohort = rows["exclusion_reason"].isna().to_numpy()
        self.lives = self.home >= 0
        week = self.week.astype(np.int64)
        self.cell = week * len(spine.people) + self.person
        self.home_cell = week * max(spine.households, 1) + np.maximum(self.home, 0)
        around = [f for f in features if f.scope != "person"]
        self.events = {"person": read_events(con, spine, features, marts, "person")}
        self.episodes = {"person": read_episodes(con, spine, features, marts, "person")}
        if around:
            self.events["household"] = read_events(con, spine, around, marts, "household")
            self.episodes["household"] = read_episodes(con, spine, around, marts, "household")
        self.moves = read_moves(con, spine, marts) if any(f.kind == "household_moves" for f in features) else None

    def values(self, feature: Feature, keep: np.ndarray) -> np.ndarray:
        """Values of the feature on the kept rows of the spine."""
        values = self._rows(feature)[keep]
        if feature.floor:
            values = np.where(values < feature.floor, 0.0, values)
        return values

    def _rows(self, feature: Feature) -> np.ndarray:
        """Values on every row of the spine, before the floor."""
        kind, scope = feature.kind, feature.scope
        if kind in {"count", "sum"}:
            return np.round(self._window(feature, feature.offset_weeks, feature.weeks, scope), DECIMALS)
        if kind == "change":
            now = self._window(feature, 0, feature.weeks, scope)
            before = self._window(feature, feature.weeks, feature.weeks_before, scope)
            return np.round(now - before * (feature.weeks / feature.weeks_before), DECIMALS)
        if kind in {"distinct_agencies", "distinct_types"}:
            return self._distinct(feature)
        if kind == "days_since":
            last = self._latest(feature)
            return np.minimum(self.spine.days[self.week] - last, 7 * feature.weeks).astype(np.float64)
        if kind == "open_episode":
            return (self._open(feature) > 0).astype(np.float64)
        if kind == "episode_days":
            return self._episode_days(feature)
        if kind in {"episodes_started", "episodes_ended"}:
            return self._window(feature, 0, feature.weeks, scope)
        if kind == "household_moves":
            return self._window(feature, 0, feature.weeks, "person")
        if kind == "household_size":
            return self._household_size()
        if kind == "relative_to_peers":
            return self._relative(self.by_name[str(feature.base)])
        age = self.spine.rows["age_months"].to_numpy().astype(np.float64)
        if kind == "age":
            return np.round(age / 12, DECIMALS)
        return ((age >= (feature.from_months or 0)) & (age < (feature.to_months or 0))).astype(np.float64)

    # -- windows ------------------------------------------------------------------------------------------------

    def _window(self, feature: Feature, offset: int, weeks: int, scope: str) -> np.ndarray:
        """Sum over the window `(D - 7(offset + weeks), D - 7 offset]`, rows of the spine."""
        summed = feature.kind == "sum"

        def grid(facts: Facts, owners: int, wanted: np.ndarray) -> np.ndarray:
            chosen = facts.select(wanted)
            day = facts.end[chosen] if feature.kind == "episodes_ended" and facts.end is not None else facts.day[chosen]
            begin = np.maximum(self._first_week(day + 7 * offset), facts.first[chosen])
            stop = np.minimum(self._first_week(day + 7 * (offset + weeks)), facts.last[chosen])
            value = facts.value[chosen] if summed else None
            return self._cumulate(facts.owner[chosen], begin, stop, value, owners)

        return self._scoped(feature, scope, grid)

    def _open(self, feature: Feature) -> np.ndarray:
        """Number of episodes open on the day, rows of the spine."""

        def grid(facts: Facts, owners: int, wanted: np.ndarray) -> np.ndarray:
            owner, begin, stop, _ = self._open_ranges(facts, wanted)
            return self._cumulate(owner, begin, stop, None, owners)

        return self._scoped(feature, feature.scope, grid)

    def _open_ranges(self, facts: Facts, wanted: np.ndarray):
        """Owner, week range and start day of the episode versions in which the episode is open."""
        chosen = facts.select(wanted)
        end = facts.end[chosen] if facts.end is not None else np.empty(0, dtype=np.int64)
        begin = np.maximum(self._first_week(facts.day[chosen]), facts.first[chosen])
        stop = np.minimum(self._first_week(end), facts.last[chosen])
        return facts.owner[chosen], begin, stop, facts.day[chosen]

    def _first_week(self, day: np.ndarray) -> np.ndarray:
        """Index of the first as-of date that is not before each day."""
        return np.searchsorted(self.spine.days, day, side="left")

    def _cumulate(self, owner, begin, stop, value, owners: int) -> np.ndarray:
        """Difference array over (weeks, owners), summed along the weeks; ranges that are empty add nothing.

        Weeks lead because rows of the spine are ordered by week: reading a grid then runs through memory.
        """
        weeks = len(self.spine.days)
        real = begin < stop
        owner, begin, stop = owner[real], begin[real], stop[real]
        value = None if value is None else value[real]
        size = owners * (weeks + 1)
        # Without weights bincount counts in integers, which is exact and quicker.
        change = np.bincount(begin * owners + owner, weights=value, minlength=size)
        change = change - np.bincount(stop * owners + owner, weights=value, minlength=size)
        return np.cumsum(change.reshape(weeks + 1, owners)[:weeks], axis=0)

    def _scoped(self, feature: Feature, scope: str, grid) -> np.ndarray:
        """Rows of the spine of a grid that may be added up over a household."""
        people, _ = self.spine.shape
        own = np.take(grid(self._facts(feature, "person"), people, self._wanted(feature, "person")), self.cell)
        if scope == "person":
            return own.astype(np.float64)
        total = self._home_total(own)
        facts = self._facts(feature, "household")
        nameless = grid(facts, max(self.spine.households, 1), self._wanted(feature, "household"))
        around = np.take(total + nameless, self.home_cell)
        if scope == "household_others":
            return np.where(self.lives, around - own, 0.0)
        return np.where(self.lives, around, own).astype(np.float64)

    def _home_total(self, own: np.ndarray) -> np.ndarray:
        """Sum of the members' values, shape (weeks, households)."""
        weeks, homes = len(self.spine.days), max(self.spine.households, 1)
        # Someone without a household is written to household 0 with nothing.
        total = np.bincount(self.home_cell, weights=own * self.lives, minlength=weeks * homes)
        return total.reshape(weeks, homes)

    # -- other kinds --------------------------------------------------------------------------------------------

    def _distinct(self, feature: Feature) -> np.ndarray:
        """How many agencies (or event types) have something in the window."""
        by = "agency" if feature.kind == "distinct_agencies" else "type"
        sources = [self.events["person"]] + ([self.events["household"]] if feature.scope != "person" else [])
        wanted = [self._wanted(feature, owner) for owner in ("person", "household")[: len(sources)]]
        names = sorted({n for s, w in zip(sources, wanted, strict=True) for n in s.classes.loc[w, by]})
        found = np.zeros(len(self.spine.rows))
        for name in names:
            one = feature.model_copy(update={"kind": "count"})
            with_name = _Only(self, by, name)
            found += with_name._window(one, feature.offset_weeks, feature.weeks, feature.scope) > 0
        return found

    def _latest(self, feature: Feature) -> np.ndarray:
        """Latest known day of occurrence not after D, rows of the spine; far in the past when there is none."""
        people, weeks = self.spine.shape
        own = self._latest_grid(self._facts(feature, "person"), self._wanted(feature, "person"), people)
        last = np.take(own, self.cell)
        if feature.scope == "person":
            return last
        homes = np.full((weeks, max(self.spine.households, 1)), NEVER, dtype=np.int64)
        np.maximum.at(homes.reshape(-1), self.home_cell[self.lives], last[self.lives])
        facts = self._facts(feature, "household")
        if self.spine.households:
            homes = np.maximum(
                homes, self._latest_grid(facts, self._wanted(feature, "household"), self.spine.households)
            )
        return np.where(self.lives, np.take(homes, self.home_cell), last)

    def _latest_grid(self, facts: Facts, wanted: np.ndarray, owners: int) -> np.ndarray:
        """Latest day, shape (weeks, owners)."""
        weeks = len(self.spine.days)
        chosen = facts.select(wanted)
        begin = np.maximum(self._first_week(facts.day[chosen]), facts.first[chosen])
        owner, day, stop = facts.owner[chosen], facts.day[chosen], facts.last[chosen]
        stays = (stop >= weeks) & (begin < weeks)
        grid = np.full((weeks, owners), NEVER, dtype=np.int64)
        np.maximum.at(grid.reshape(-1), begin[stays] * owners + owner[stays], day[stays])
        np.maximum.accumulate(grid, axis=0, out=grid)
        cells, values = _write_out(owner, begin, stop, day, (stop < weeks) & (begin < stop), owners)
        np.maximum.at(grid.reshape(-1), cells, values)
        return grid

    def _episode_days(self, feature: Feature) -> np.ndarray:
        """Days since the earliest start of an open episode, capped at the window; 0 when none is open."""
        people, weeks = self.spine.shape
        never = np.iinfo(np.int64).max

        def grid(owner_kind: str, owners: int) -> np.ndarray:
            facts = self._facts(feature, owner_kind)
            owner, begin, stop, day = self._open_ranges(facts, self._wanted(feature, owner_kind))
            stop = np.minimum(stop, weeks)
            cells, values = _write_out(owner, begin, stop, day, begin < stop, owners)
            out = np.full(owners * weeks, never, dtype=np.int64)
            np.minimum.at(out, cells, values)
            return out

        start = np.take(grid("person", people), self.cell)
        if feature.scope == "household":
            homes = grid("household", max(self.spine.households, 1))
            np.minimum.at(homes, self.home_cell[self.lives], start[self.lives])
            start = np.where(self.lives, np.take(homes, self.home_cell), start)
        days = np.minimum(self.spine.days[self.week] - np.minimum(start, self.spine.days[self.week]), 7 * feature.weeks)
        return np.where(start == never, 0, days).astype(np.float64)

    def _household_size(self) -> np.ndarray:
        """People of the spine in the household; 1 for someone without one."""
        size = np.take(self._home_total(np.ones(len(self.spine.rows))), self.home_cell)
        return np.where(self.lives, size, 1.0)

    def _relative(self, base: Feature) -> np.ndarray:
        """The base less its mean over the cohort of the same week and peer group; 0 where there is no peer group."""
        values = self.values(base, np.ones(len(self.spine.rows), dtype=bool))
        weeks = len(self.spine.days)
        cell = np.maximum(self.peer, 0) * weeks + self.week
        counted = self.in_cohort & (self.peer >= 0)
        size = (int(self.peer.max(initial=0)) + 1) * weeks
        n = np.bincount(cell[counted], minlength=size)
        mean = np.bincount(cell[counted], weights=values[counted], minlength=size) / np.maximum(n, 1)
        known = (self.peer >= 0) & (n[cell] > 0)
        return np.where(known, np.round(values - mean[cell], DECIMALS), 0.0)

    # -- what a feature reads -----------------------------------------------------------------------------------

    def _facts(self, feature: Feature, owner: str) -> Facts:
        """The facts a feature counts."""
        if feature.kind == "household_moves":
            assert self.moves is not None
            return self.moves
        return (self.episodes if feature.kind in EPISODE_KINDS else self.events)[owner]

    def _wanted(self, feature: Feature, owner: str) -> np.ndarray:
        """Which classes of facts the feature counts, boolean per class."""
        classes = self._facts(feature, owner).classes
        if feature.kind == "household_moves":
            return np.ones(len(classes), dtype=bool)
        types, details = (
            (feature.events, feature.details) if feature.kind in EVENT_KINDS else (feature.episodes, feature.outcomes)
        )
        wanted = classes["type"].isin(types)
        if details:
            wanted &= classes["detail"].isin(details)
        return wanted.to_numpy(dtype=bool)


class _Only(_Builder):
    """The same builder seeing the classes of one agency (or one event type) alone."""

    def __init__(self, of: _Builder, by: str, name: str):
        self.__dict__.update(of.__dict__)
        self._by, self._name = by, name

    def _wanted(self, feature: Feature, owner: str) -> np.ndarray:
        return super()._wanted(feature, owner) & (self.events[owner].classes[self._by] == self._name).to_numpy(
            dtype=bool
        )


def _write_out(owner, begin, stop, day, chosen, owners: int) -> tuple[np.ndarray, np.ndarray]:
    """Flat cells (week * owners + owner) of the chosen ranges, and the day each carries."""
    owner, begin, day = owner[chosen], begin[chosen].astype(np.int64), day[chosen]
    length = np.maximum(stop[chosen] - begin, 0)
    step = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    return (np.repeat(begin, length) + step) * owners + np.repeat(owner, length), np.repeat(day, length)
