"""The panel equals, cell for cell, the SQL written from the same declarations, whatever the clocks do."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from models.risk.declare import load_risk
from models.risk.panel import build_panel
from models.risk.panel_sql import panel_sql
from tests.risk_marts import PACK, make_marts, sundays

# Kinds, scopes and ways of counting that the pack could use and does not.
HOUSING = ["homelessness_application", "ta_placement"]
POLICE = ["police_da_notification", "police_child_notification"]
MORE = [
    {"name": "home_value_26w", "kind": "sum", "scope": "household", "events": HOUSING, "window_weeks": 26},
    {"name": "others_value_26w", "kind": "sum", "scope": "household_others", "events": HOUSING, "window_weeks": 26},
    {"name": "others_change", "kind": "change", "scope": "household_others", "events": POLICE, "once": "incident",
     "window_weeks": 12, "prior_weeks": 30},
    {"name": "home_change", "kind": "change", "scope": "household", "events": HOUSING, "window_weeks": 12,
     "prior_weeks": 30},
    {"name": "home_prior", "kind": "count", "scope": "household", "events": POLICE, "once": "incident",
     "window_weeks": 12, "offset_weeks": 3},
    {"name": "home_types", "kind": "distinct_types", "scope": "household_others", "events": [*HOUSING, *POLICE],
     "window_weeks": 30},
    {"name": "home_started", "kind": "episodes_started", "scope": "household", "episodes": ["referral", "early_help"],
     "window_weeks": 40},
    {"name": "since_help", "kind": "count_since_end", "events": POLICE, "window_weeks": 40,
     "episodes": ["referral", "early_help"]},
    {"name": "others_ended", "kind": "episodes_ended", "scope": "household_others", "window_weeks": 40,
     "episodes": ["referral", "early_help", "temporary_accommodation"]},
]  # fmt: skip


def declarations():
    """The pack's declarations with the features above."""
    raw = yaml.safe_load((PACK / "risk.yml").read_text(encoding="utf-8"))
    return load_risk(
        raw | {"features": raw["features"] + [{"theme": "household", "label": m["name"]} | m for m in MORE]}
    )


CONFIG = declarations()


def both(con, dates, cohort_only):
    """Panel and SQL as (keys, values) pairs."""
    panel = build_panel(con, CONFIG, dates, cohort_only=cohort_only)
    frame = con.execute(panel_sql(CONFIG, dates, cohort_only=cohort_only)).df()
    return panel, frame


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("cohort_only", [True, False])
def test_every_cell_equals_the_generated_sql(seed, cohort_only):
    con = make_marts(40, 80, seed, rate=6)
    dates = [d for i, d in enumerate(sundays(80)) if i % 7 == 3 or i > 77]
    panel, frame = both(con, dates, cohort_only)
    assert len(panel.rows) == len(frame) > 200
    # An equality of zeros would prove nothing.
    assert sum(panel.column(n).min() < panel.column(n).max() for n in panel.names) > 70
    assert (panel.rows["person_key"].to_numpy() == frame["person_key"].astype(str).to_numpy()).all()
    for name in panel.names:
        expected = frame[name].to_numpy(dtype=np.float64).astype(np.float32)
        differ = panel.column(name) != expected
        assert not differ.any(), (
            f"{name}: {differ.sum()} cells, first {panel.column(name)[differ][0]} not {expected[differ][0]}"
        )


@settings(max_examples=8)
@given(seed=st.integers(100, 10**6), picked=st.sets(st.integers(0, 59), min_size=1, max_size=6))
def test_any_dates_of_any_world(seed, picked):
    con = make_marts(10, 60, seed, rate=10)
    panel, frame = both(con, [sundays(60)[i] for i in picked], False)
    for name in panel.names:
        assert (panel.column(name) == frame[name].to_numpy(dtype=np.float64).astype(np.float32)).all(), name


def test_a_week_alone_equals_the_week_among_others():
    con = make_marts(60, 90, 5, rate=4)
    dates = sundays(90)
    whole = build_panel(con, CONFIG, dates)
    alone = build_panel(con, CONFIG, [dates[70]])
    same = (whole.rows["as_of_date"] == np.datetime64(dates[70])).to_numpy()
    assert (whole.X[same] == alone.X).all()


CHILD, SISTER, HOME = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2, 9))
ROWS = [
    # who, home, agency, type, moment, source row, key: one placement and one incident, each told of both children
    (CHILD, None, "housing", "ta_placement", None, "a1", "t1"),
    (SISTER, None, "housing", "ta_placement", None, "a1", "t2"),
    (CHILD, None, "police", "police_da_notification", "2026-09-20 22:15", "a2", "p1"),
    (SISTER, None, "police", "police_da_notification", "2026-09-20 22:15", "a3", "p2"),
    (None, HOME, "police", "police_da_notification", "2026-09-20 22:15", "a4", "p3"),
]


def test_one_thing_told_of_every_child_of_a_home_counts_once():
    con = make_marts(20, 20, 1)
    con.execute("delete from warehouse.marts.event; delete from warehouse.marts.person_week")
    for who, home, agency, kind, moment, source, key in ROWS:
        con.execute(
            "insert into warehouse.marts.event by name select ?::uuid as person_key, ?::uuid as household_key,"
            " ? as agency, ? as event_type, ?::timestamp as occurred_at, date '2026-09-20' as occurred_on,"
            " ('00000000-0000-0000-0000-0000000000' || ?)::uuid as source_record_key, ? as event_key, 1.0 as value,"
            " timestamp '2026-09-21' as known_from, timestamp '9999-12-31' as known_to",
            [who, home, agency, kind, moment, source, key],
        )
    for sort_no, who in enumerate((CHILD, SISTER)):
        con.execute(
            "insert into warehouse.marts.person_week by name select ?::uuid as person_key, ?::uuid as household_key,"
            " date '2026-10-04' as as_of_date, 'North' as area_team, 90 as age_months, 'primary' as peer_group,"
            " ? as sort_no",
            [who, HOME, sort_no],
        )
    panel, frame = both(con, [date(2026, 10, 4)], True)
    for name, value in {
        "temporary_home_26w": 1,
        "home_value_26w": 1,
        "siblings_police_12w": 1,
        "police_da_12w": 1,
    }.items():
        assert panel.column(name).tolist() == frame[name].tolist() == [value, value], name


ENDS = {
    # What ended and when, from when that was known, and how many of the events of 1, 15 and 29 September came after.
    "before two of them": ([("early_help", "2026-09-10", "2026-09-11")], 2),
    "on the day of one": ([("early_help", "2026-09-15", "2026-09-16")], 1),
    "never": ([], 0),
    "not yet": ([("early_help", None, "2026-01-01")], 0),
    "after all": ([("early_help", "2026-10-01", "2026-10-02")], 0),
    "again later": ([("early_help", "2026-06-01", "2026-06-02"), ("referral", "2026-09-20", "2026-09-21")], 1),
    "known too late": ([("early_help", "2026-06-01", "2026-06-02"), ("early_help", "2026-09-20", "2026-10-09")], 3),
    "long ago": ([("early_help", "2025-06-01", "2025-06-02")], 0),
    "another kind": ([("cin_plan", "2026-06-01", "2026-06-02")], 0),
}


@pytest.mark.parametrize("case", ENDS)
def test_what_came_before_the_end_of_help_is_not_counted_as_come_back(case):
    episodes, value = ENDS[case]
    con = make_marts(20, 20, 1)
    for table in ("event", "episode", "person_week"):
        con.execute(f"delete from warehouse.marts.{table}")
    con.execute(
        "insert into warehouse.marts.event by name select ?::uuid as person_key, 'police' as agency,"
        " 'police_da_notification' as event_type, day as occurred_on, day::varchar as event_key, 1.0 as value,"
        " day + interval 1 day as known_from, timestamp '9999-12-31' as known_to"
        " from (values (date '2026-09-01'), (date '2026-09-15'), (date '2026-09-29')) as t(day)",
        [CHILD],
    )
    for number, (kind, ended, known) in enumerate(episodes):
        con.execute(
            "insert into warehouse.marts.episode by name select ?::uuid as person_key, ? as episode_type,"
            " date '2025-01-01' as started_on, ?::date as ended_on, ?::timestamp as known_from,"
            " timestamp '9999-12-31' as known_to, 'earlyhelp' as agency, ? as episode_key",
            [CHILD, kind, ended, known, f"e{number}"],
        )
    con.execute(
        "insert into warehouse.marts.person_week by name select ?::uuid as person_key, date '2026-10-04' as as_of_date,"
        " 'North' as area_team, 90 as age_months, 'primary' as peer_group, 0 as sort_no",
        [CHILD],
    )
    panel, frame = both(con, [date(2026, 10, 4)], True)
    assert panel.column("since_help").tolist() == frame["since_help"].tolist() == [value]


def test_what_becomes_known_later_changes_nothing_before():
    """The leak test: rows of the future and late-known rows leave earlier weeks as they were, byte for byte."""
    con = make_marts(60, 90, 6, rate=4)
    dates = sundays(90)[:60]
    before = build_panel(con, CONFIG, dates)
    con.execute(
        "insert into warehouse.marts.event by name select * replace (event_key || 'x' as event_key,"
        " greatest(known_from, timestamp '2023-01-01') as known_from) from warehouse.marts.event"
    )
    assert dates[-1].isoformat() < "2023-01-01"
    after = build_panel(con, CONFIG, dates)
    assert before.X.tobytes() == after.X.tobytes()


def test_each_feature_alone_is_what_it_is_among_all():
    """The analyst's view is asked for one feature at a time, also for one that needs no event."""
    con = make_marts(20, 60, 3, rate=6)
    dates = sundays(60)[-2:]
    together = con.execute(panel_sql(CONFIG, dates)).df()
    for feature in CONFIG.features:
        alone = con.execute(panel_sql(CONFIG, dates, features=[feature.name])).df()
        assert alone[feature.name].equals(together[feature.name]), feature.name
