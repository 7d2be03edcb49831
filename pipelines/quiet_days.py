"""Days on which nobody should wonder at a small file: schools are closed, offices are closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from datetime import date, timedelta

from data_quality.contract import FeedContract

_SATURDAY = 5
# Sessions of a week in which schools are open on all five days.
_FULL_WEEK = "10"


class QuietDays:
    """Says of a feed and a day whether it has no reason to bring its usual rows.

    A contract chooses with `volume: {calendar: ...}`: `school_days` (quiet outside the days of full school weeks),
    `school_weeks` (for files of a whole week: quiet unless it was a full school week) or `working_days` (quiet at
    weekends and on bank holidays). Without a calendar no day is quiet.

    Args:
        school_weeks: rows of the school calendar: `week_beginning`, `possible_sessions`. Of a week with days off the
            calendar does not say which, so all of it is quiet.
    """

    def __init__(self, school_weeks: Iterable[Mapping[str, str]], bank_holidays: Set[date]) -> None:
        full = (row["week_beginning"] for row in school_weeks if row["possible_sessions"] == _FULL_WEEK)
        self._school_weeks = {date.fromisoformat(monday) for monday in full}
        days = {monday + timedelta(days=place) for monday in self._school_weeks for place in range(5)}
        self._school_days = days - bank_holidays
        self._bank_holidays = bank_holidays

    def __call__(self, contract: FeedContract, day: date) -> bool:
        """See the class."""
        calendar = (contract.extra.get("volume") or {}).get("calendar")
        if calendar == "school_weeks":
            return day - timedelta(days=day.weekday()) not in self._school_weeks
        if calendar == "school_days":
            return day not in self._school_days
        return calendar == "working_days" and (day.weekday() >= _SATURDAY or day in self._bank_holidays)
