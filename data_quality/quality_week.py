"""One agency in one week, judged: which cells of the page ask for a look, and by which thresholds.

The thresholds are house rules, not statistics: a week is worth a look (`watch`) where a data officer would ask, and
worth a call (`act`) where lists begin to rest on data that is old, thin or held. They are constants here so that they
can be argued about in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from data_quality.feed_weeks import Fill, Week

Level = Literal["none", "good", "watch", "act"]

# Fewer rows than this say nothing about a share or a volume.
LEAST_ROWS = 20
# Rows of a week against the feed's own median week.
VOLUME_WATCH, VOLUME_ACT = 0.7, 0.4
VOLUME_TOO_MUCH = 3.0
# Share of rows that were held.
HELD_WATCH, HELD_ACT = 0.02, 0.10
# Points by which a column is emptier than in its own median week.
FILL_WATCH, FILL_ACT = 0.05, 0.15


@dataclass(frozen=True)
class Cell:
    """One cell of a heat table: what it says, how it stands, and its height in the trend (None for a gap)."""

    text: str
    level: Level
    value: float | None = None


@dataclass(frozen=True)
class Volume:
    """The feed of an agency that moved furthest from its own median week."""

    feed: str
    rows: int
    usual: float

    @property
    def ratio(self) -> float:
        """Rows of the week against the median."""
        return self.rows / self.usual


def usual(weeks: Sequence[Week]) -> float | None:
    """Median rows of the ordinary weeks that brought a file; None if there are fewer than three, or hardly any rows."""
    taken = [week.taken for week in weeks if week.files and not week.is_quiet]
    middle = median(taken) if len(taken) >= 3 else 0
    return float(middle) if middle >= LEAST_ROWS else None


def furthest(feeds: dict[str, Sequence[Week]], place: int) -> Volume | None:
    """The feed that came with the least of its usual rows; where none came short, the one with the most."""
    found = [
        Volume(feed, weeks[place].taken, middle)
        for feed, weeks in feeds.items()
        if weeks[place].files and not weeks[place].is_quiet and (middle := usual(weeks)) is not None
    ]
    if not found:
        return None
    least = min(found, key=lambda one: (one.ratio, one.feed))
    return least if least.ratio < VOLUME_WATCH else max(found, key=lambda one: (one.ratio, one.feed))


def volume_level(ratio: float) -> Level:
    """How a week's rows stand against the feed's median week."""
    if ratio < VOLUME_ACT:
        return "act"
    return "watch" if ratio < VOLUME_WATCH or ratio > VOLUME_TOO_MUCH else "good"


def held_level(held: int, rows: int) -> Level:
    """How a week's held rows stand."""
    if rows < LEAST_ROWS:
        return "none"
    share = held / rows
    return "act" if share >= HELD_ACT else "watch" if share >= HELD_WATCH else "good"


def usual_share(fills: Sequence[Fill]) -> float | None:
    """Median share of filled values over the weeks before the last; None where too little came."""
    shares = [fill.share for fill in fills[:-1] if fill.rows >= LEAST_ROWS and fill.share is not None]
    return median(shares) if shares else None


def fill_level(fill: Fill, middle: float | None) -> Level:
    """How full a column was against its own median week."""
    if fill.share is None or fill.rows < LEAST_ROWS or middle is None:
        return "none"
    lost = middle - fill.share
    return "act" if lost >= FILL_ACT else "watch" if lost >= FILL_WATCH else "good"


def late_level(late: int, feeds: int, needed: int) -> Level:
    """How an agency's freshness stands. `needed`: late feeds the list depends on."""
    if not late:
        return "good"
    return "act" if needed or 2 * late > feeds else "watch"
