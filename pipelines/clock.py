"""The knowledge clock: which instant a run may know the world up to.

Nothing downstream of the pipeline reads the machine's clock. A nightly run of day D knows every drop received before
D 02:00 Europe/London; a weekly list for Sunday S knows what was known on Monday (S + 1) 02:00. In the demo
(`clock: drops` in partnership.yml) the present is where the drops have got to, so that a demo made today behaves the
same next year.

>>> nightly_cutoff(date(2026, 10, 5))
datetime.datetime(2026, 10, 5, 1, 0)
>>> nightly_cutoff(date(2026, 10, 26))          # the clocks have gone back
datetime.datetime(2026, 10, 26, 2, 0)
>>> as_of_known_at(datetime(2026, 10, 5, 1, 0))
datetime.date(2026, 10, 4)
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
CUTOFF_HOUR = 2
SUNDAY = 6


def nightly_cutoff(night: date) -> datetime:
    """02:00 Europe/London of that day, as naive UTC."""
    return _utc(datetime.combine(night, time(CUTOFF_HOUR), LONDON))


def weekly_cutoff(as_of_date: date) -> datetime:
    """The instant a list for that Sunday may know up to: Monday 02:00 Europe/London, as naive UTC.

    Raises:
        ValueError: the date is not a Sunday.
    """
    if as_of_date.weekday() != SUNDAY:
        raise ValueError(f"{as_of_date:%A %d %B %Y} is not a Sunday; an as-of date is the Sunday a week ends with.")
    return nightly_cutoff(as_of_date + timedelta(days=1))


def next_night(instant: datetime) -> date:
    """The first day whose 02:00 cut-off is at or after a naive UTC instant."""
    day = instant.replace(tzinfo=UTC).astimezone(LONDON).date()
    return day if nightly_cutoff(day) >= instant else day + timedelta(days=1)


def as_of_known_at(instant: datetime) -> date:
    """The latest Sunday whose cut-off is not after a naive UTC instant."""
    day = instant.replace(tzinfo=UTC).astimezone(LONDON).date()
    sunday = day - timedelta(days=(day.weekday() - SUNDAY) % 7)
    return sunday if weekly_cutoff(sunday) <= instant else sunday - timedelta(days=7)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
