"""From ranges of weeks to grids of weeks x owners: the arithmetic that makes every week of every window at once.

A range says that something of an owner (a person or a household, by number) counts on the weeks `begin <= j < stop`.
Grids are laid out with weeks leading, because rows of the spine are ordered by week: reading a grid then runs through
memory. Sums along the weeks go row by row for the same reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ALONE = -1  # the `thing` of a row that no other row tells of


@dataclass(frozen=True)
class Ranges:
    """Columns of equal length: owner, begin, stop (int32); `amount` each adds (None: one) and `thing`, the number of
    what the row tells of where several rows may tell of the same (ALONE, or None throughout, where none does)."""

    owner: np.ndarray
    begin: np.ndarray
    stop: np.ndarray
    amount: np.ndarray | None = None
    thing: np.ndarray | None = None

    def where(self, mask: np.ndarray) -> Ranges:
        """The ranges for which the mask holds."""
        return Ranges(*(None if a is None else a[mask] for a in self._columns()))  # type: ignore[arg-type]

    def real(self) -> Ranges:
        """The ranges that are not empty."""
        return self.where(self.begin < self.stop)

    def alone(self) -> Ranges:
        """The ranges of things told of once."""
        return self if self.thing is None else self.where(self.thing == ALONE)

    def shared(self) -> Ranges | None:
        """The ranges of things that several rows tell of; None when there are none."""
        if self.thing is None or not (several := self.thing != ALONE).any():
            return None
        return self.where(several)

    def _columns(self):
        return self.owner, self.begin, self.stop, self.amount, self.thing


def cumulated(ranges: Ranges, weeks: int, owners: int, buffer: np.ndarray | None = None) -> np.ndarray:
    """How much counts for each owner in each week, shape (weeks, owners): +1 where a range begins, -1 where it stops,
    summed along the weeks. int32, or float64 when the ranges carry amounts. buffer: int32 of that shape to write to."""
    ranges = ranges.real()
    if ranges.amount is None:
        grid = np.empty((weeks, owners), dtype=np.int32) if buffer is None else buffer
        grid.fill(0)
    else:
        grid = np.zeros((weeks, owners), dtype=np.float64)
    flat = grid.reshape(-1)
    ends = ranges.stop < weeks
    np.add.at(flat, _cells(ranges.begin, ranges.owner, owners), 1 if ranges.amount is None else ranges.amount)
    stop = _cells(ranges.stop[ends], ranges.owner[ends], owners)
    np.subtract.at(flat, stop, 1 if ranges.amount is None else ranges.amount[ends])
    for week in range(1, weeks):
        grid[week] += grid[week - 1]
    return grid


def latest(ranges: Ranges, day: np.ndarray, weeks: int, owners: int, never: int) -> np.ndarray:
    """The largest `day` among the ranges of each owner and week, shape (weeks, owners), int32; `never` where none is.

    Ranges that never stop are carried forward by a running maximum; the few that do are written out week by week.
    """
    grid = np.full((weeks, owners), never, dtype=np.int32)
    flat = grid.reshape(-1)
    stays = (ranges.stop >= weeks) & (ranges.begin < weeks)
    np.maximum.at(flat, _cells(ranges.begin[stays], ranges.owner[stays], owners), day[stays].astype(np.int32))
    for week in range(1, weeks):
        np.maximum(grid[week], grid[week - 1], out=grid[week])
    passing = (ranges.stop < weeks) & (ranges.begin < ranges.stop)
    cells, source = written_out(ranges.where(passing), owners)
    np.maximum.at(flat, cells, day[passing][source].astype(np.int32))
    return grid


def earliest(ranges: Ranges, day: np.ndarray, weeks: int, owners: int, never: int) -> np.ndarray:
    """The least `day` among the ranges of each owner and week, shape (weeks, owners), int32; `never` where none is."""
    ranges = Ranges(ranges.owner, ranges.begin, np.minimum(ranges.stop, weeks))
    real = ranges.begin < ranges.stop
    grid = np.full((weeks, owners), never, dtype=np.int32)
    cells, source = written_out(ranges.where(real), owners)
    np.minimum.at(grid.reshape(-1), cells, day[real][source].astype(np.int32))
    return grid


def written_out(ranges: Ranges, owners: int) -> tuple[np.ndarray, np.ndarray]:
    """Every week of every range: its cell (week * owners + owner), and the position of the range it belongs to."""
    length = np.maximum(ranges.stop.astype(np.int64) - ranges.begin, 0)
    source = np.repeat(np.arange(len(length)), length)
    step = np.arange(len(source)) - (np.cumsum(length) - length)[source]
    return (ranges.begin[source] + step) * owners + ranges.owner[source], source


def things_once(unit: np.ndarray, thing: np.ndarray, who: np.ndarray, amount: np.ndarray):
    """What things told of by several rows add where they are told of, each counted once.

    unit: where it is told (a household in a week), who: by whose row (negative: the household's own). A thing adds its
    largest amount. Returns (units, amounts) to add up, and (whos, amounts): what each would be without that person, as
    the amount to take away, which is all of it where nobody else tells of the thing and nothing where somebody does.
    """
    order = np.lexsort((who, -amount, thing, unit))
    unit, thing, who, amount = unit[order], thing[order], who[order], amount[order]
    # Versions and copies of one person's row: the first, which is the largest, stands for all of them.
    leads = _changes(unit, thing)
    group = np.cumsum(leads) - 1
    best = who[leads][group] == who
    runner_up = np.zeros(int(leads.sum()))
    np.maximum.at(runner_up, group[~best], amount[~best])
    most, teller = amount[leads], who[leads]
    return unit[leads], most, teller[teller >= 0], (most - runner_up)[teller >= 0]


def _changes(*columns: np.ndarray) -> np.ndarray:
    """Whether each row differs from the one before it in some column; the first always does."""
    differs = np.zeros(len(columns[0]), dtype=bool)
    differs[:1] = True
    for column in columns:
        differs[1:] |= column[1:] != column[:-1]
    return differs


def _cells(week: np.ndarray, owner: np.ndarray, owners: int) -> np.ndarray:
    """Flat positions in a grid of weeks x owners."""
    return week.astype(np.int64) * owners + owner
