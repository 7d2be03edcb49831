"""The two dates of an as-of run: the Sunday that windows end with, and the instant that bounds what was known.

Worked example: as-of Sunday 2026-10-04; its knowledge cut-off is Monday 2026-10-05 02:00 in London, which in October
is British Summer Time, so 2026-10-05 01:00 UTC. In January the same wall-clock hour is 02:00 UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

LONDON = ZoneInfo("Europe/London")
OPEN_END = datetime(9999, 12, 31)


def knowledge_cutoff(as_of_date: date) -> datetime:
    """The instant (naive, UTC) up to which something may be known on this as-of date: the next day, 02:00 in London."""
    local = datetime.combine(as_of_date + timedelta(days=1), time(2), tzinfo=LONDON)
    return local.astimezone(UTC).replace(tzinfo=None)


def as_sundays(dates: Iterable[date]) -> list[date]:
    """The dates sorted and without repeats; ValueError when one is not a Sunday, since a week ends on a Sunday."""
    ordered = sorted(set(dates))
    for day in ordered:
        if day.isoweekday() != 7:
            raise ValueError(f"as-of date {day.isoformat()} is not a Sunday")
    return ordered


def day_numbers(dates: Iterable[date]) -> np.ndarray:
    """Dates as days since 1970-01-01, shape (n,), int64."""
    return np.array(list(dates), dtype="datetime64[D]").astype(np.int64)


def microseconds(instants: Iterable[datetime]) -> np.ndarray:
    """Naive UTC instants as microseconds since 1970-01-01, shape (n,), int64."""
    return np.array(list(instants), dtype="datetime64[us]").astype(np.int64)
