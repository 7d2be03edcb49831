"""The leak check: it passes where nothing looks ahead, names the feature that does, and cannot pass on nothing.

And planted movements, seen through the real panel: a feed that halves is told, the same world untouched is not.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from models.risk import drift, leak, relations
from models.risk.asof import knowledge_cutoff
from models.risk.backtest import positions_of
from models.risk.panel import build_panel
from tests.risk_marts import configuration, make_marts, sundays

CONFIG, _ = configuration()
WEEKS = 125
AS_OF = sundays(WEEKS)[-1]


@pytest.fixture(scope="module")
def con():
    return make_marts(700, WEEKS, 21, rate=3.0)


def test_nothing_looks_ahead_and_the_same_rows_known_in_time_would_be_seen(con):
    found = leak.leak_check(con, CONFIG, AS_OF)
    assert found.passed and found.moved == () and found.people >= leak.HOMES
    # All features but age and its bands, the household's size, and windows that end before the last weeks.
    assert found.control > 0.8 * len(CONFIG.features) and found.rows > 1000
    assert "changed nothing" in found.words
    assert con.execute("select count(*) from duckdb_databases() where database_name = 'leak_check'").fetchall() == [
        (0,)
    ]


def test_a_panel_that_takes_rows_known_an_hour_later_is_caught_and_its_features_named(con, monkeypatch):
    monkeypatch.setattr(relations, "knowledge_cutoff", lambda day: knowledge_cutoff(day) + timedelta(hours=1))
    found = leak.leak_check(con, CONFIG, AS_OF)
    assert not found.passed and "police_da_4w" in found.moved and "home_moves_52w" in found.moved
    assert "age_years" not in found.moved and found.words.startswith("Features see what nobody could know")


def test_a_panel_that_looks_a_week_ahead_is_caught(con, monkeypatch):
    real = relations.Spine.first_week

    def early(self, day):
        return real(self, day - 7)

    monkeypatch.setattr(relations.Spine, "first_week", early)
    monkeypatch.setattr(
        relations, "_bounds", lambda spine: {"newest": date(2030, 1, 1), "known": AS_OF + timedelta(days=1)}
    )
    assert "police_da_4w" in leak.leak_check(con, CONFIG, AS_OF).moved


def test_a_sample_in_which_nothing_could_move_tests_nothing_and_says_so(con):
    ages = tuple(f for f in CONFIG.features if f.kind in {"age", "age_band"})
    found = leak.leak_check(con, CONFIG.model_copy(update={"features": ages}), AS_OF)
    assert not found.passed and found.control == 0 and "could not be tested" in found.words


def test_a_week_without_people_is_refused(con):
    with pytest.raises(ValueError, match="no row for 2001-01-07"):
        leak.leak_check(con, CONFIG, date(2001, 1, 7))


# --- drift through the panel ----------------------------------------------------------------------------------------

TRAIN = tuple(AS_OF - timedelta(weeks=w) for w in range(80, 8, -4))
SEASON = [AS_OF - timedelta(weeks=w) for w in (53, 52, 51)]


def features_of(con) -> dict[str, dict]:
    panel = build_panel(con, CONFIG, [*TRAIN, *SEASON, AS_OF])
    learnt = SimpleNamespace(split=SimpleNamespace(train=TRAIN))
    season = drift.season_panel(con, CONFIG, panel, SEASON, "warehouse.marts")
    assert season[0] is panel
    told = drift.of_features(panel, positions_of(panel, [AS_OF]), learnt, season, CONFIG, sundays(WEEKS)[0])
    assert json.loads(json.dumps(told)) == told
    return {one["name"]: one for one in told}


@pytest.fixture(scope="module")
def usual(con):
    return features_of(con)


def test_a_world_in_which_nothing_was_planted_has_no_feature_that_moved(usual):
    assert [name for name, one in usual.items() if one["moved"]] == []


def test_a_feature_that_nobody_has_does_not_divide_by_nothing(usual):
    none = [one for one in usual.values() if one["index_training"] == 0.0 and not one["recorded_now"]]
    assert none and all(one["moved"] is None for one in none)


def test_a_window_that_reaches_before_the_history_is_not_compared(usual):
    """Two years of history and a window of two years: it has been filling all the time."""
    assert WEEKS < 104 + 53 and usual["referrals_104w"]["index_season"] is None
    assert usual["police_da_12w"]["index_season"] is not None


def test_a_feed_that_halves_shows_in_its_features_and_in_no_others(con, usual):
    con.execute("create table kept as select * from warehouse.marts.event")
    con.execute(
        "delete from warehouse.marts.event where event_type like 'absence%' and occurred_on > ?"
        " and hash(event_key) % 10 < 8",
        [AS_OF - timedelta(weeks=14)],
    )
    try:
        told = features_of(con)
    finally:
        con.execute("delete from warehouse.marts.event")
        con.execute("insert into warehouse.marts.event select * from kept")
        con.execute("drop table kept")
    moved = {name for name, one in told.items() if one["moved"]}
    assert moved and all(told[name]["moved"] in {"less", "otherwise"} for name in moved)
    read = {name: CONFIG.feature(CONFIG.feature(name).base or name).events for name in moved}
    assert all(any(event.startswith("absence") for event in events) for events in read.values())
    warnings = drift.warnings_of(
        {
            "features": list(told.values()),
            "season": SEASON,
            "score": None,
            "base_rate": None,
            "arrivals": [],
            "estimate": None,
        },
        CONFIG,
    )
    assert {w["about"] for w in warnings} == moved and all(w["do"].startswith("Ask the agencies") for w in warnings)


def test_where_the_run_has_no_weeks_of_the_year_before_they_are_built(con):
    panel = build_panel(con, CONFIG, [AS_OF])
    built, at = drift.season_panel(con, CONFIG, panel, SEASON[:2], "warehouse.marts")
    assert built is not panel and [len(a) > 0 for a in at] == [True, True]
    assert drift.year_before(AS_OF, sundays(WEEKS)) == SEASON and drift.year_before(AS_OF, [AS_OF]) == []
