"""What moved is told, a season alone is not, and nothing divides by zero."""

from __future__ import annotations

import math
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.risk import drift, drift_arrivals, drift_estimate, drift_measures
from models.risk.backtest import Judged
from models.risk.drift_declare import Drift, Limit
from tests.risk_marts import configuration

CONFIG, _ = configuration()
AS_OF = date(2026, 10, 4)
LIMITS = Drift()


# --- measures -------------------------------------------------------------------------------------------------------


def index_slowly(now: list[float], then: list[float]) -> float:
    """The stability index over given values, one bin a value, in plain Python."""
    values = sorted(set(now) | set(then))
    total = 0.0
    for value in values:
        p = (now.count(value) + 0.5) / (len(now) + 0.5 * len(values))
        q = (then.count(value) + 0.5) / (len(then) + 0.5 * len(values))
        total += (p - q) * math.log(p / q)
    return max(0.0, total - (len(values) - 1) * (1 / len(now) + 1 / len(then)))


few = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=40)


@given(few, few)
def test_the_index_equals_the_slow_one(now, then):
    edges = drift_measures.bins_of(np.array(now + then))
    found = drift_measures.stability_index(
        drift_measures.counts_in(edges, np.array(now)),
        drift_measures.counts_in(edges, np.array(then)),
        len(now),
        len(then),
    )
    assert found == pytest.approx(index_slowly(now, then), abs=1e-6)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=200))
def test_bins_hold_every_value_once_and_the_commonest_alone(values):
    x = np.round(np.array(values), 3)
    edges = drift_measures.bins_of(x)
    counts = drift_measures.counts_in(edges, x)
    assert counts.sum() == len(x) and len(counts) <= drift_measures.MOST_BINS + 2
    assert (np.diff(edges) > 0).all()
    different, times = np.unique(x, return_counts=True)
    if times.max() > 2 * np.median(times):
        place = np.searchsorted(edges, different[times.argmax()])
        assert counts[place] == times.max()


def test_a_constant_is_one_bin_and_nothing_has_no_index():
    same = np.zeros(50)
    edges = drift_measures.bins_of(same)
    counts = drift_measures.counts_in(edges, same)
    assert drift_measures.stability_index(counts, counts, 50, 50) == 0.0
    assert drift_measures.stability_index(counts, np.zeros(1, dtype=int), 50, 0) is None
    constant_then = drift_measures.bins_of(np.concatenate([same, same + 3]))
    moved = drift_measures.stability_index(
        drift_measures.counts_in(constant_then, same + 3), drift_measures.counts_in(constant_then, same), 50, 50
    )
    assert moved is not None and math.isfinite(moved) and moved > 1


def test_two_draws_of_one_population_have_an_index_near_nothing():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(200):
        now, then = rng.poisson(1.0, 400).astype(float), rng.poisson(1.0, 400).astype(float)
        edges = drift_measures.bins_of(np.concatenate([now, then]))
        counts = [drift_measures.counts_in(edges, x) for x in (now, then)]
        found.append(drift_measures.stability_index(*counts, 400, 400))
    assert np.mean(found) < 0.01 and max(found) < LIMITS.distribution.most


def test_a_ratio_or_step_of_few_says_nothing_and_of_nothing_does_not_fail():
    assert drift_measures.ratio_of(3, 1000, 4, 1000, least=20).by is None
    assert drift_measures.ratio_of(0, 0, 5, 10, least=1) is drift_measures.NOTHING
    gone = drift_measures.ratio_of(0, 1000, 200, 1000, least=20)
    assert gone.beyond_factor(1.6) == -1 and gone.by is not None and gone.by > 0
    assert drift_measures.ratio_of(90, 1000, 100, 1000, least=20).beyond_factor(1.6) == 0
    assert drift_measures.step_of(3, 5, 80, 100, least=20) is drift_measures.NOTHING
    assert drift_measures.step_of(50, 100, 90, 100, least=20).beyond_step(0.15) == -1


@given(st.integers(20, 500), st.integers(20, 500), st.integers(500, 5000), st.integers(500, 5000))
def test_a_ratio_and_its_turned_round_are_equally_far(k_now, k_then, n_now, n_then):
    one = drift_measures.ratio_of(k_now, n_now, k_then, n_then, least=20)
    other = drift_measures.ratio_of(k_then, n_then, k_now, n_now, least=20)
    assert one.beyond_factor(1.6) == -other.beyond_factor(1.6)


# --- features: two comparisons have to agree --------------------------------------------------------------------------


def row_of(training: float, *season: float, people: int = 5000) -> dict:
    """A feature's line: shares recorded now .10, in the training weeks and on each Sunday of the year before."""
    feature = CONFIG.feature("police_da_12w")

    def level(share):
        return drift_measures.ratio_of(0.10 * people, people, share * people, people, CONFIG.drift.least)

    return drift._feature_row(feature, 0.0, level(training), [(0.0, level(s)) for s in season], CONFIG, people)


def test_what_moved_from_both_is_told_and_a_season_is_not():
    assert row_of(0.21, 0.20, 0.21, 0.22)["moved"] == "less"
    assert row_of(0.05, 0.05, 0.04)["moved"] == "more"
    # Far from the year as a whole, and as in this season last year.
    assert row_of(0.30, 0.10, 0.11)["moved"] is None
    # A holiday that moved by a week: one of the three Sundays is alike.
    assert row_of(0.21, 0.21, 0.21, 0.10)["moved"] is None
    # Last year was odd and this one is ordinary.
    assert row_of(0.10, 0.25, 0.25)["moved"] is None
    # More than usual and less than last year is no one direction.
    assert row_of(0.05, 0.20, 0.20)["moved"] is None
    # Without a year before one comparison must do.
    assert row_of(0.21)["moved"] == "less"


def test_few_people_are_withheld_and_never_warn():
    told = row_of(0.21, 0.21, people=40)
    assert told["recorded_now"] is None and told["ratio_training"] is None and told["moved"] is None


# --- arrivals -------------------------------------------------------------------------------------------------------


def arrivals_of(rows: list[tuple[date, int]], limits: Drift = LIMITS, since: dict[str, date] | None = None) -> dict:
    """The comparison of one feed from (day, days until known) of each of its rows."""
    con = duckdb.connect()
    con.execute("create schema marts")
    columns = "agency varchar, feed varchar, known_from timestamp"
    con.execute(f"create table marts.event (event_key varchar, occurred_on date, {columns})")
    con.execute(f"create table marts.episode (episode_key varchar, started_on date, {columns})")
    frame = pd.DataFrame(
        {
            "event_key": [str(i) for i in range(len(rows))],
            "occurred_on": [d for d, _ in rows],
            "agency": "schools",
            "feed": "marks",
            "known_from": [pd.Timestamp(d) + pd.Timedelta(days=lag) for d, lag in rows],
        }
    )
    con.register("frame", frame)
    con.execute("insert into marts.event by name select * from frame")
    (one,) = drift_arrivals.arrivals(con, limits, AS_OF, 6, "marts", since)
    return one


def weeks_of(rows, *, weeks: int = 120, seed: int = 0) -> list[tuple[date, int]]:
    """Rows of 120 weeks; rows: age in weeks -> (how many, days until known)."""
    rng = np.random.default_rng(seed)
    out = []
    for age in range(weeks):
        count, lag = rows(age)
        end = AS_OF - timedelta(weeks=age)
        out += [(end - timedelta(days=int(rng.integers(0, 7))), lag) for _ in range(count)]
    return out


def holiday(age: int) -> bool:
    """Six weeks of summer that end with the newest weeks, every year."""
    return age % 52 < 6


def test_a_feed_that_halves_is_told_within_weeks():
    one = arrivals_of(weeks_of(lambda age: (20 if age < 5 else 40, 2)))
    assert one["amount_moved"] == "less" and one["ratio_usual"] == pytest.approx(0.5, abs=0.05)
    (warning,) = drift_arrivals.warnings_of([one], LIMITS)
    assert warning["about"] == "schools.marks" and "tells less than usual" in warning["words"] and warning["do"]


def test_an_empty_feed_and_one_that_doubles_are_told():
    assert arrivals_of(weeks_of(lambda age: (0 if age < 5 else 40, 2)))["amount_moved"] == "less"
    assert arrivals_of(weeks_of(lambda age: (80 if age < 5 else 40, 2)))["amount_moved"] == "more"


def test_a_holiday_is_no_movement_although_it_is_far_from_usual():
    one = arrivals_of(weeks_of(lambda age: (8 if holiday(age) else 60, 2)))
    assert one["ratio_usual"] < 0.2 and one["ratio_season"] == pytest.approx(1, abs=0.4)
    assert one["amount_moved"] is None and one["lateness_moved"] is None


def test_a_later_agency_is_told_and_said_to_be_late_rather_than_less_to_come():
    one = arrivals_of(weeks_of(lambda age: (40, 14 if age < 12 else 2)))
    assert one["lateness_moved"] == "later" and one["in_time"] == 0 and one["in_time_usual"] > 0.9
    assert any(
        w["kind"] == "lateness" and "later than usual" in w["words"] for w in drift_arrivals.warnings_of([one], LIMITS)
    )


def test_new_weeks_are_not_called_late_for_being_new():
    """Half of the rows take three weeks, always: the newest weeks lack them, and nothing has moved."""
    rows = weeks_of(lambda age: (20, 2)) + weeks_of(lambda age: (20, 20), seed=1)
    known = [(d, lag) for d, lag in rows if d + timedelta(days=lag) <= AS_OF]
    one = arrivals_of(known)
    assert one["lateness_moved"] is None and one["amount_moved"] is None
    assert one["in_time"] == pytest.approx(0.5, abs=0.05)


def test_a_feed_that_has_just_begun_is_compared_with_nothing():
    one = arrivals_of(weeks_of(lambda age: (40, 2), weeks=10))
    assert one["ratio_usual"] is None and one["amount_moved"] is None
    assert drift_arrivals.warnings_of([one], LIMITS) == []


def test_the_declared_delay_of_a_feeds_history_is_no_lateness():
    """Ten weeks ago the feed began to be delivered, a fortnight late; its history says four weeks for every row."""
    since = {"schools.marks": AS_OF - timedelta(weeks=10)}
    rows = weeks_of(lambda age: (40, 14 if age < 10 else 28))
    one = arrivals_of(rows, since=since)
    assert one["in_time"] is None and one["lateness_moved"] is None and one["amount_moved"] is None
    assert (
        one["ratio_usual"] == pytest.approx(1, abs=0.1) and one["delivered_since"] == since["schools.marks"].isoformat()
    )
    halved = arrivals_of(weeks_of(lambda age: (20 if age < 9 else 40, 14 if age < 10 else 28)), since=since)
    assert halved["amount_moved"] == "less"
    # After half a year of delivery the clock is real on both sides.
    later = weeks_of(lambda age: (40, 14 if age < 9 else 3 if age < 60 else 28))
    assert arrivals_of(later, since={"schools.marks": AS_OF - timedelta(weeks=60)})["lateness_moved"] == "later"


def test_what_is_counted_equals_a_slow_count():
    rng = np.random.default_rng(3)
    rows = [
        (AS_OF - timedelta(days=int(a)), int(lag))
        for a, lag in zip(rng.integers(0, 600, 900), rng.integers(0, 60, 900), strict=True)
    ]
    known = [(d, lag) for d, lag in rows if d + timedelta(days=lag) <= AS_OF]
    one = arrivals_of(known, LIMITS.model_copy(update={"least": 5}))
    for week in one["weeks"]:
        end = date.fromisoformat(week["week"])
        mine = [lag for d, lag in known if end - timedelta(days=7) < d <= end]
        in_time = sum(lag <= LIMITS.known_within_days for lag in mine)
        assert week["rows"] == (None if 0 < in_time < 6 else in_time)
        complete = [
            lag
            for d, lag in known
            if end - timedelta(days=7) < d <= end and d + timedelta(days=lag) <= end + timedelta(days=28)
        ]
        if end <= AS_OF - timedelta(days=28) and len(complete) >= 6:
            assert week["share"] == pytest.approx(in_time / len(complete), abs=1e-6)


# --- estimates ------------------------------------------------------------------------------------------------------


def judged_of(bias: float, weeks: int = 26, people: int = 2000, seed: int = 5) -> Judged:
    """Weeks with chances that are honest when bias is 0; log-odds too high by the bias otherwise."""
    rng = np.random.default_rng(seed)
    days = np.repeat([np.datetime64("2025-01-05", "s") + np.timedelta64(7 * w, "D") for w in range(weeks)], people)
    person = np.tile(np.arange(people), weeks)
    log_odds = rng.normal(-2.5, 1.2, len(days))
    y = rng.random(len(days)) < 1 / (1 + np.exp(-log_odds))
    rows = pd.DataFrame(
        {"as_of_date": days, "person": person, "area_team": "North", "sort_no": person, "household": -1}
    )
    none = np.zeros(len(days), dtype=np.int8)
    return Judged(rows, none, y, y.astype(int), log_odds + bias, none, none[:, None], none, none)


def test_an_honest_estimate_holds_and_a_boastful_one_is_told():
    honest = drift_estimate.check(judged_of(0.0), {"North": 10}, CONFIG)
    assert honest["moved"] is None and abs(honest["off"]) < 3 * honest["off_noise"] + 0.02
    boastful = drift_estimate.check(judged_of(2.0), {"North": 10}, CONFIG)
    assert boastful["moved"] == "high" and boastful["off"] > 0.1
    (warning,) = drift_estimate.warnings_of(boastful)
    assert "too often" in warning["words"]
    assert drift_estimate.check(judged_of(-2.0), {"North": 10}, CONFIG)["moved"] == "low"


def test_what_is_expected_equals_a_slow_sum():
    judged = judged_of(0.0, weeks=4, people=50)
    told = drift_estimate.check(judged, {"North": 50}, CONFIG)["checked"]
    assert len(told) == 1 and told[0]["listed"] == 50  # nobody twice within the weeks
    p = [1 / (1 + math.exp(-x)) for x in judged.log_odds]
    assert told[0]["expected_in_need"] == pytest.approx(sum(p) / 4, abs=0.05)
    assert told[0]["expected"] == pytest.approx(sum(p[:50]) / 50, abs=1e-6)


def test_without_a_model_nothing_is_estimated_and_without_places_nothing_expected():
    rows = judged_of(0.0, weeks=1, people=30).rows
    assert drift_estimate.estimate(rows, None, None, {"North": 3}, CONFIG) is None
    told = drift_estimate.estimate(rows, np.zeros(30), None, {"North": 0}, CONFIG)
    assert told["precision"] is None and told["places"] == 0 and told["in_need"] == 15.0
    assert "off" not in drift_estimate.check(judged_of(0.0, weeks=4, people=30), {"North": 0}, CONFIG)


# --- declarations ---------------------------------------------------------------------------------------------------


def test_a_limit_without_its_reason_and_days_the_wrong_way_round_are_refused():
    with pytest.raises(ValueError, match="at least 10 characters"):
        Limit(most=1.0, why="because")
    with pytest.raises(ValueError, match="must be more than known_within_days"):
        Drift(known_within_days=30, complete_after_days=28)
