"""How many rows a feed usually brings, learned from its own last drops of the same kind.

>>> band([100, 104, 98, 96, 110, 101, 99, 103])
Band(expected=100.5, least=60.3, most=140.7)
>>> band([4, 6, 5, 5])                        # small counts jump about; nothing but silence for weeks would be news
Band(expected=5.0, least=0.0, most=15.0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import duckdb

from data_quality.contract import FeedContract
from data_quality.drop import Manifest

_LONDON = ZoneInfo("Europe/London")
LAST = 8
# Fewer drops of the same weekday teach nothing yet.
LEAST_DROPS = 4
# Beyond this share of what is usual a list needs an explanation first (the partnership's own rule).
TOLERANCE = 0.4
_SPREAD = 3.0
# A family of six is no surge.
_FEW = 10
# Median absolute deviation to standard deviation, for a normal distribution.
_MAD_TO_SD = 1.4826
# An extract made before this hour is about the day before.
_DAY_BEGINS = timedelta(hours=6)

QuietDay = Callable[[FeedContract, date], bool]


@dataclass(frozen=True)
class Band:
    """Rows that are no surprise."""

    expected: float
    least: float
    most: float


@dataclass(frozen=True)
class EarlierDrop:
    """A drop taken in before: its id, the day it is about, its rows."""

    drop_id: str
    day: date
    rows: int


def band(counts: Sequence[int]) -> Band:
    """What a drop may count: the median of the last ones, 40 % or ten rows either way, wider where chance alone is.

    Chance is three standard deviations, of a Poisson count of that size or as the drops themselves scatter (median
    absolute deviation, so that one bad night does not teach the next to be bad).
    """
    middle = float(median(counts))
    scatter = _MAD_TO_SD * float(median([abs(count - middle) for count in counts]))
    reach = max(TOLERANCE * middle, _SPREAD * max(scatter, middle**0.5), _FEW)
    return Band(middle, round(max(0.0, middle - reach), 1), round(middle + reach, 1))


def day_of(extracted_at: datetime) -> date:
    """The day in London that an extract (naive UTC) is about."""
    return (extracted_at.replace(tzinfo=ZoneInfo("UTC")).astimezone(_LONDON) - _DAY_BEGINS).date()


def like_drops(con: duckdb.DuckDBPyConnection, contract: FeedContract, manifest: Manifest) -> list[EarlierDrop]:
    """Earlier drops of the same feed and mode, newest first, initial histories left out."""
    rows = con.execute(
        "select drop_id, extracted_at, rows_in from warehouse.gate.drop_log where agency = ? and feed = ? "
        "and mode = ? and not history and status = 'loaded' and is_complete and extracted_at < ? "
        "and received_at <= ? order by extracted_at desc, drop_id desc limit 120",
        [contract.agency, contract.feed, manifest.mode, manifest.extracted_at, manifest.received_at],
    ).fetchall()
    return [EarlierDrop(str(drop_id), day_of(extracted_at), int(count)) for drop_id, extracted_at, count in rows]


def usual_band(drops: Sequence[EarlierDrop], day: date) -> Band | None:
    """The band for a drop about `day`, from the last drops of that weekday; None while there are too few."""
    counts = [one.rows for one in drops if one.day.weekday() == day.weekday()][:LAST]
    return band(counts) if len(counts) >= LEAST_DROPS else None
