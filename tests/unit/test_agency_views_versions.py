"""Row versions, clocks and schedules: what is in which night's drop."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic.agencies import FEEDS
from synthetic.agencies.drops import history_condition, night_condition, pending_condition, received_at
from synthetic.agencies.incidents import Delivery, deliveries, told_until
from synthetic.agencies.views import (
    FIRST_DROP_AT,
    FIRST_DROP_DATE,
    Feed,
    at_work,
    columns,
    existing,
    stack_versions,
    to_utc,
)

LONDON = ZoneInfo("Europe/London")
NIGHTLY = Feed("a", "nightly", columns("id value row_state"), ("id",), "delta", clock(22, 0))
WEEKLY = Feed("a", "weekly", columns("id value row_state"), ("id",), "delta", clock(1, 0), weekday=3)


def test_wall_clock_to_utc_agrees_with_the_time_zone_database():
    hours = np.arange(np.datetime64("2019-01-01T00", "h"), np.datetime64("2027-12-31T00", "h")).astype("datetime64[s]")
    got = to_utc(hours)
    for wall, utc in zip(hours[::5].tolist(), got[::5].tolist(), strict=True):
        assert wall.replace(tzinfo=LONDON).astimezone(UTC).replace(tzinfo=None) == utc
    assert np.isnat(to_utc(np.array(["NaT"], dtype="datetime64[s]")))[0]


def test_no_time_lies_in_the_hour_skipped_in_march():
    times = np.array(
        ["2026-03-29T00:59:30", "2026-03-29T01:00", "2026-03-29T01:59", "2026-10-25T01:30", "NaT"], "M8[s]"
    )
    shown = ["2026-03-29T00:59", "2026-03-29T02:00", "2026-03-29T02:59", "2026-10-25T01:30", "NaT"]
    assert existing(times).astype("datetime64[m]").astype(str).tolist() == shown


def test_office_hours_are_london_hours():
    days = np.array(["2026-01-15", "2026-07-15"], dtype="datetime64[s]")
    assert at_work(days, np.array([0.0, 0.0])).tolist() == [datetime(2026, 1, 15, 8, 30), datetime(2026, 7, 15, 7, 30)]


def test_first_drop_is_sunday_evening_in_summer_time():
    assert datetime(2026, 10, 4, 19, 0, tzinfo=UTC) == FIRST_DROP_AT
    assert FIRST_DROP_DATE.weekday() == 6


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.label)
def test_every_drop_of_a_night_lies_between_six_and_half_past_one(feed):
    for days in range(1, 40):
        night = FIRST_DROP_DATE + timedelta(days=days)
        if feed.is_sent_on(night):
            sent = received_at(feed, night).astimezone(LONDON).replace(tzinfo=None)
            start = datetime.combine(night, clock(18, 0))
            assert start <= sent <= start + timedelta(hours=7, minutes=30)
            assert feed.extracted_at(night) < received_at(feed, night)
            assert told_until(feed, night, ()) < feed.extracted_at(night)


def test_a_weekly_feed_has_told_all_until_a_week_back_or_the_first_drops():
    first = date(2026, 10, 8)
    assert told_until(WEEKLY, first, ()) == FIRST_DROP_AT
    assert told_until(WEEKLY, first + timedelta(days=7), ()) == WEEKLY.extracted_at(first)


def test_versions_follow_one_another():
    opened = pd.DataFrame(
        {"id": ["1", "2"], "value": ["open", "open"], "_recorded_at": np.array(["2026-01-01", "2026-01-02"], "M8[s]")}
    )
    closed = pd.DataFrame({"id": ["1"], "value": ["closed"], "_recorded_at": np.array(["2026-02-01"], "M8[s]")})
    gone = pd.DataFrame(
        {"id": ["2"], "value": ["open"], "_recorded_at": np.array(["2025-12-01"], "M8[s]"), "_row_op": "deleted"}
    )
    rows = stack_versions(NIGHTLY, [opened, closed, gone])
    one = rows[rows["id"] == "1"]
    assert one["row_state"].tolist() == ["new", "updated"]
    assert one["_superseded_at"].iloc[0] == one["_recorded_at"].iloc[1]
    two = rows[rows["id"] == "2"]
    assert two["_row_op"].tolist() == ["new", "deleted"]
    assert (two["_recorded_at"] == np.datetime64("2026-01-02", "s")).all(), "a later version is never the earlier one"


def test_a_feed_without_rows_keeps_its_columns():
    rows = stack_versions(NIGHTLY, [])
    assert list(rows.columns) == ["id", "value", "row_state", "_recorded_at", "_superseded_at", "_row_op"]


moments = st.integers(-20 * 24, 20 * 24).map(lambda hours: np.datetime64("2026-10-04T19:00:00", "s") + hours * 3600)


def _own(feed: Feed, night: date) -> Delivery:
    """The night's own file, nothing special about it."""
    (delivery,) = deliveries(feed, night, received_at(feed, night), ())
    return delivery


@given(st.lists(st.tuples(st.integers(0, 5), moments, st.booleans()), max_size=25), st.sampled_from([NIGHTLY, WEEKLY]))
def test_history_and_deltas_add_up_to_the_current_state(events, feed):
    """Whatever happens to rows, the first drops and then each night's changes give what a full copy would."""
    parts: dict[int, list[dict[str, object]]] = {}
    count: dict[int, int] = {}
    for number, (key, at, deleted) in enumerate(sorted(events, key=lambda event: event[1])):
        version = count[key] = count.get(key, -1) + 1
        row = {"id": str(key), "value": str(number), "_recorded_at": at, "_row_op": "deleted" if deleted else None}
        parts.setdefault(version, []).append(row)
    rows = stack_versions(feed, [pd.DataFrame(parts[n]) for n in sorted(parts)])
    con = duckdb.connect()
    con.register("rows", rows.astype({"id": str, "value": str, "_row_op": str}))
    con.execute(f"create table v as select * from rows where ({pending_condition(feed)}) or ({history_condition()})")
    held = dict(con.execute(f"select id, value from v where {history_condition()}").fetchall())
    full = replace(feed, mode="full")
    for days in range(1, 22):
        night = FIRST_DROP_DATE + timedelta(days=days)
        if feed.is_sent_on(night):
            condition = night_condition(feed, _own(feed, night))
            sent = con.execute(f"select id, value, _row_op from v where {condition}").fetchall()
            assert len({key for key, _, _ in sent}) == len(sent)
            for key, value, op in sent:
                held.pop(key, None)
                if op != "deleted":
                    held[key] = value
            condition = night_condition(full, _own(full, night))
            truth = dict(con.execute(f"select id, value from v where {condition}").fetchall())
            assert held == truth
