"""Evidence of one small family, written out by hand: whose rows stand behind a reason, and what is told of them."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from models.risk import evidence
from models.risk.evidence import Person
from tests.risk_marts import configuration

CONFIG, BOOK = configuration()
AS_OF = date(2026, 10, 4)
CHILD, SISTER, HOME = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2, 9))
FAMILY = Person(CHILD, HOME, (SISTER,))
# Rows that tell of one thing: two children of one housing row; two subjects of one police incident.
SAME_ROW, SAME_MOMENT = {"t2": "t1"}, {"q1": "2026-09-12 22:15", "q2": "2026-09-12 22:15"}
EVENTS = [
    # who, home, type, day, known from, known to, record, agency
    (CHILD, None, "police_da_notification", "2026-09-01", "2026-09-02", None, "p1", "police"),
    (CHILD, None, "police_da_notification", "2026-09-20", "2026-10-01", None, "p2", "police"),
    (CHILD, None, "police_da_notification", "2025-11-01", "2025-11-02", None, "p3", "police"),
    (CHILD, None, "police_da_notification", "2026-09-25", "2026-10-06", None, "p4", "police"),
    (CHILD, None, "police_da_notification", "2026-09-26", "2026-09-27", "2026-09-30", "p5", "police"),
    (SISTER, None, "police_da_notification", "2026-09-10", "2026-09-11", None, "p6", "police"),
    (None, HOME, "eviction_notice", "2026-08-01", "2026-08-02", None, "h1", "housing"),
    (CHILD, None, "ta_placement", "2026-05-29", "2026-05-30", None, "t1", "housing"),
    (SISTER, None, "ta_placement", "2026-05-29", "2026-09-29", None, "t2", "housing"),
    (SISTER, None, "police_child_notification", "2026-09-12", "2026-09-13", None, "q1", "police"),
    (None, HOME, "police_child_notification", "2026-09-12", "2026-09-13", None, "q2", "police"),
    (CHILD, None, "health_attended", "2024-01-01", "2024-01-02", None, "c1", "community_health"),
    (CHILD, None, "health_contact_attended", "2026-08-11", "2026-09-08", None, "c2", "community_health"),
]


@pytest.fixture(scope="module")
def dossier():
    con = duckdb.connect()
    con.execute("attach ':memory:' as warehouse")
    con.execute("create schema warehouse.marts")
    con.execute(
        "create table warehouse.marts.event (person_key uuid, household_key uuid, event_type varchar, occurred_on date,"
        " known_from timestamp, known_to timestamp, record_key varchar, agency varchar, event_key varchar,"
        " source_record_key varchar, occurred_at timestamp, feed varchar, value double, detail varchar,"
        " release varchar)"
    )
    for who, home, kind, day, known, until, record, agency in EVENTS:
        row = [who, home, kind, day, known, until or "9999-12-31", record, agency, record]
        row += [SAME_ROW.get(record, record), SAME_MOMENT.get(record), agency]
        con.execute(f"insert into warehouse.marts.event values ({', '.join('?' * 12)}, 1, null, 'ask_owner')", row)
    con.execute(
        "create table warehouse.marts.episode as select * from (values"
        f" ('{CHILD}'::uuid, 'early_help', date '2026-01-05', null::date, timestamp '2026-01-06', 'Family Help', 'w1'),"
        f" ('{CHILD}'::uuid, 'cin_plan', date '2025-01-05', date '2025-06-01', timestamp '2025-06-02', 'North', 'w2'))"
        " as t(person_key, episode_type, started_on, ended_on, known_from, team, worker_record_key)"
    )
    con.execute(
        "alter table warehouse.marts.episode add column household_key uuid;"
        "alter table warehouse.marts.episode add column known_to timestamp default timestamp '9999-12-31';"
        "alter table warehouse.marts.episode add column agency varchar default 'csc';"
        "alter table warehouse.marts.episode add column feed varchar default 'x';"
        "alter table warehouse.marts.episode add column outcome varchar; alter table warehouse.marts.episode add column"
        " organisation varchar; alter table warehouse.marts.episode add column release varchar default 'sealed';"
        "alter table warehouse.marts.episode add column episode_key varchar default 'e';"
        "alter table warehouse.marts.episode add column source_record_key uuid"
    )
    con.execute(
        "create table warehouse.link as select * from (values"
        f" ('p1', '{CHILD}'::uuid, 'deterministic'), ('p2', '{CHILD}'::uuid, 'probabilistic'),"
        f" ('c2', '{CHILD}'::uuid, 'single')) as t(record_key, person_key, link_basis),"
        " (values (timestamp '2020-01-01', timestamp '9999-12-31')) as k(known_from, known_to)"
    )
    return evidence.gather(con, CONFIG, [FAMILY], AS_OF, marts="warehouse.marts", record_person="warehouse.link").about(
        FAMILY
    )


def test_only_rows_known_by_then_stand_behind_a_reason(dossier):
    feature = CONFIG.feature("police_da_12w")
    rows, before = evidence.rows_behind(feature, FAMILY, dossier, CONFIG)
    assert rows["event_key"].tolist() == ["p1", "p2"] and before == 1
    facts = evidence.facts_of(feature, rows, before, CONFIG, AS_OF)
    assert facts == {
        "count": 2, "total": 2.0, "kinds": 1, "first_on": "2026-09-01", "last_on": "2026-09-20", "days": 33,
        "new_count": 1, "window_weeks": 12, "prior_count": 1, "prior_weeks": 52,
    }  # fmt: skip


def test_household_reasons_rest_on_the_others_and_the_home(dossier):
    rows, _ = evidence.rows_behind(CONFIG.feature("siblings_police_12w"), FAMILY, dossier, CONFIG)
    assert rows["event_key"].tolist() == ["p6", "q1"]
    rows, _ = evidence.rows_behind(CONFIG.feature("eviction_52w"), FAMILY, dossier, CONFIG)
    assert rows["event_key"].tolist() == ["h1"]
    rows, _ = evidence.rows_behind(CONFIG.feature("age_years"), FAMILY, dossier, CONFIG)
    assert rows.empty


def test_behind_what_came_back_stand_only_rows_after_the_end(dossier):
    since = CONFIG.feature("concerns_since_help_26w")
    rows, before = evidence.rows_behind(since, FAMILY, dossier, CONFIG)
    assert rows.empty and before is None  # early help is open
    plan = since.model_copy(update={"episodes": ("cin_plan",), "window_weeks": 80})
    rows, _ = evidence.rows_behind(plan, FAMILY, dossier, CONFIG)
    assert rows["event_key"].tolist() == ["p3", "t1", "p1", "p2"]
    rows, _ = evidence.rows_behind(plan.model_copy(update={"window_weeks": 60}), FAMILY, dossier, CONFIG)
    assert rows.empty  # the end lies outside the window


def test_one_thing_told_of_every_child_of_a_home_is_told_once(dossier):
    """A real list once said "3 moves to temporary accommodation" of the one move of a family of three children."""
    rows, before = evidence.rows_behind(CONFIG.feature("temporary_home_26w"), FAMILY, dossier, CONFIG)
    assert rows["event_key"].tolist() == ["t1"] and before == 0
    facts = evidence.facts_of(CONFIG.feature("temporary_home_26w"), rows, before, CONFIG, AS_OF)
    # What was known of the child before this week is not news because a sister's row came in.
    assert (facts["count"], facts["total"], facts["new_count"]) == (1, 1.0, 0)
    rows, _ = evidence.rows_behind(CONFIG.feature("siblings_police_12w"), FAMILY, dossier, CONFIG)
    assert rows["event_type"].tolist() == ["police_da_notification", "police_child_notification"]


def test_the_latest_day_alone_stands_behind_days_since(dossier):
    rows, before = evidence.rows_behind(CONFIG.feature("police_da_days_since"), FAMILY, dossier, CONFIG)
    assert rows["event_key"].tolist() == ["p2"] and before is None


def test_a_reason_told_once_is_not_told_again_in_other_words(dossier):
    values = dict.fromkeys((f.name for f in CONFIG.features), 1.0)
    themes = [
        ("police", ["police_da_12w", "police_da_52w"]),
        ("together", ["concerns_12w", "age_years"]),
        ("age", ["age_years"]),
    ]
    reasons = evidence.feature_reasons(themes, values, FAMILY, dossier, CONFIG, [])
    assert [r["name"] for r in reasons] == ["police_da_12w"]


def test_an_improvement_is_not_told_as_a_worry(dossier):
    """Missing less school than before is no reason, even while others of the same age miss still less."""
    config = CONFIG.model_copy(
        update={
            "features": tuple(
                f.model_copy(update={"events": ("police_da_notification",)}) if f.name == "absence_change" else f
                for f in CONFIG.features
            )
        }
    )
    values = dict.fromkeys((f.name for f in CONFIG.features), 1.0)
    for own_change, told in ((0.5, ["absence_change_vs_peers"]), (0.0, []), (-2.0, [])):
        now = values | {"absence_change": own_change}
        reasons = evidence.feature_reasons([("school", ["absence_change_vs_peers"])], now, FAMILY, dossier, config, [])
        assert [r["name"] for r in reasons] == told


def test_what_goes_well_who_is_there_and_the_story(dossier):
    values = dict.fromkeys((f.name for f in CONFIG.features), 1.0)
    assert [p["name"] for p in evidence.protective(values, FAMILY, dossier, CONFIG)] == ["health_attended_26w"]
    (open_now,) = evidence.involvement(FAMILY, dossier)
    assert open_now["episode_type"] == "early_help" and open_now["worker_record_key"] == "w1"
    assert open_now["release"] == "sealed"
    story = evidence.chronology(FAMILY, dossier)
    assert [e["occurred_on"] for e in story] == ["2025-11-01", "2026-05-29", "2026-08-11", "2026-09-01", "2026-09-20"]


def test_an_agency_is_as_sure_as_its_least_sure_record(dossier):
    assert dossier.basis[CHILD] == {"police": "probabilistic", "community_health": "single"}
