"""The knowledge clock across weeks, years and both clock changes."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clock import as_of_known_at, next_night, nightly_cutoff, weekly_cutoff

DAYS = st.dates(date(2019, 1, 1), date(2035, 12, 31))
INSTANTS = st.datetimes(datetime(2019, 1, 1), datetime(2035, 12, 31))


@pytest.mark.parametrize(
    ("night", "expected"),
    [
        (date(2026, 1, 5), datetime(2026, 1, 5, 2)),
        (date(2026, 7, 6), datetime(2026, 7, 6, 1)),
        (date(2026, 10, 25), datetime(2026, 10, 25, 2)),  # clocks went back an hour before 02:00 GMT
        (date(2028, 2, 29), datetime(2028, 2, 29, 2)),
    ],
)
def test_the_cutoff_is_two_in_the_morning_in_london(night: date, expected: datetime) -> None:
    assert nightly_cutoff(night) == expected


def test_an_as_of_date_is_a_sunday() -> None:
    assert weekly_cutoff(date(2026, 10, 4)) == datetime(2026, 10, 5, 1)
    with pytest.raises(ValueError, match="not a Sunday"):
        weekly_cutoff(date(2026, 10, 5))


@given(DAYS)
def test_the_cutoff_falls_on_its_own_london_day(night: date) -> None:
    london = nightly_cutoff(night).replace(tzinfo=UTC).astimezone(ZoneInfo("Europe/London"))
    assert london.date() == night


@given(INSTANTS)
def test_the_next_night_is_the_first_that_can_know_an_instant(instant: datetime) -> None:
    night = next_night(instant)
    assert nightly_cutoff(night) >= instant
    assert nightly_cutoff(night - timedelta(days=1)) < instant


@given(INSTANTS)
def test_the_last_finished_week_is_known_and_the_next_is_not(instant: datetime) -> None:
    sunday = as_of_known_at(instant)
    assert weekly_cutoff(sunday) <= instant < weekly_cutoff(sunday + timedelta(days=7))
