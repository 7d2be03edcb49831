"""A model fed by nothing is silent and says why: dead features, silent feeds, rows from the future, one class."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest

from models.risk import inputs, labels, rules
from models.risk.panel import Panel
from models.risk.parts import fit_parts
from tests.risk_marts import configuration

AS_OF = date(2026, 10, 4)
CONFIG, BOOK = configuration(
    target={"minimum_positives": 5}, training={"boosting": {"max_iter": 5, "min_samples_leaf": 5}}
)
NAMES = tuple(f.name for f in CONFIG.features)


def panel(people: int = 200, weeks: int = 2) -> Panel:
    """People without a household on the as-of date and weeks before it; every feature 0."""
    days = [AS_OF - timedelta(weeks=w) for w in reversed(range(weeks))]
    n = people * weeks
    rows = pd.DataFrame(
        {
            "as_of_date": np.repeat(np.array(days, dtype="datetime64[s]"), people),
            "person_key": [f"k{i}" for i in range(people)] * weeks,
            "person": np.tile(np.arange(people), weeks),
            "household": np.full(n, -1),
            "sort_no": np.tile(np.arange(people), weeks),
        }
    )
    return Panel(rows, np.zeros((n, len(NAMES)), dtype=np.float32, order="F"), NAMES)


def put(one: Panel, name: str, at: np.ndarray, values) -> Panel:
    """The panel with other values of a feature on some rows."""
    one.X[at, NAMES.index(name)] = values
    return one


# --- learning from nothing ------------------------------------------------------------------------------------------


def test_without_outcomes_or_with_nothing_else_there_is_no_model():
    one = put(panel(), "police_da_12w", np.arange(400), np.arange(400) % 3)
    at = np.arange(400)
    with pytest.raises(labels.NotEnoughEvidence, match="outcomes of 0 people; 5 are needed"):
        fit_parts(one, at, np.zeros(400, dtype=bool), at // 2 % 4, CONFIG)
    with pytest.raises(labels.NotEnoughEvidence, match="nothing but outcomes"):
        fit_parts(one, at, np.ones(400, dtype=bool), at // 2 % 4, CONFIG)


def test_features_that_never_vary_teach_nothing_and_those_left_out_are_named():
    at = np.arange(400)
    y, fold = at % 5 == 0, at // 2 % 4
    with pytest.raises(labels.NotEnoughEvidence, match="no feature varies"):
        fit_parts(panel(), at, y, fold, CONFIG)
    one = put(panel(), "police_da_12w", np.arange(400), np.where(y, 3, np.arange(400) % 2))
    for part in fit_parts(one, at, y, fold, CONFIG):
        assert [f.name for f in part.fitted.features] == ["police_da_12w"]
        assert "missing_52w" in part.left_out and len(part.left_out) == len(CONFIG.model_features) - 1


def test_rules_hold_for_nobody_where_nothing_is_recorded():
    assert not rules.fired(panel(), BOOK).any()


@pytest.mark.parametrize(
    ("seen", "holds"),
    [
        ({"police_12w": 1, "ed_12w": 1, "health_signs_12w": 1}, True),
        ({"ed_12w": 2, "homelessness_12w": 1, "unauthorised_change": 3}, True),
        ({"ed_12w": 2, "homelessness_12w": 1, "unauthorised_change": 2.9}, False),
        ({"police_12w": 2, "ed_12w": 5}, False),
        ({"police_12w": 1, "ed_12w": 1, "health_signs_12w": 1, "homelessness_12w": 1, "contacts_52w": 1}, False),
    ],
)
def test_three_agencies_a_little_takes_three_and_silence_at_the_front_door(seen, holds):
    one = panel(people=1, weeks=1)
    for name, value in seen.items():
        put(one, name, np.arange(1), value)
    number = [r.id for r in BOOK.rules].index("three_agencies_a_little")
    assert rules.fired(one, BOOK)[0, number] == holds


# --- what the model reads -------------------------------------------------------------------------------------------


def learnt(train: tuple[date, ...], *names: str) -> SimpleNamespace:
    """Stands for models that read the features."""
    fitted = SimpleNamespace(features=[CONFIG.feature(n) for n in names])
    return SimpleNamespace(split=SimpleNamespace(train=train), parts=[SimpleNamespace(fitted=fitted)])


def test_a_feature_the_model_learnt_from_that_nobody_has_any_more_is_named():
    before = AS_OF - timedelta(weeks=1)
    one = put(panel(), "police_da_12w", np.arange(60), 2)  # a third of the people, a week ago
    one = put(one, "missing_52w", np.arange(5), 2)  # so few that none of them now may be chance
    models = learnt((before,), "police_da_12w", "missing_52w")
    (said,) = inputs.dead_features(one, models, CONFIG, AS_OF)
    assert CONFIG.feature("police_da_12w").label in said and "same for everybody" in said
    put(one, "police_da_12w", np.array([250]), 1)
    assert inputs.dead_features(one, models, CONFIG, AS_OF) == []


@pytest.fixture
def con():
    con = duckdb.connect()
    con.execute("create schema marts")
    con.execute(
        "create table marts.event (agency varchar, feed varchar, occurred_on date, known_from timestamp,"
        " known_to timestamp)"
    )
    con.execute(
        "create table marts.episode (agency varchar, feed varchar, started_on date, known_from timestamp,"
        " known_to timestamp)"
    )
    con.execute("create table marts.label (target varchar, occurred_on date, known_from timestamp, known_to timestamp)")
    return con


def fill(con, feed: str, first: date, last: date, known_after: int = 1) -> None:
    """Two rows a day of a police feed from a first to a last day."""
    con.execute(
        "insert into marts.event select 'police', ?, d::date, d + interval (?) day, timestamp '9999-12-31'"
        " from generate_series(?::date, ?::date, interval 12 hour) as t(d)",
        [feed, known_after, first, last],
    )


def silent(con) -> list[str]:
    return inputs.silent_feeds(con, AS_OF - timedelta(weeks=100), AS_OF, 13, "marts")


def test_a_feed_absent_for_a_quarter_is_named_and_one_that_began_late_is_not(con):
    year = AS_OF - timedelta(days=700)
    fill(con, "ppn", year, AS_OF)
    fill(con, "late", AS_OF - timedelta(days=300), AS_OF)
    assert silent(con) == []
    fill(con, "gone", year, AS_OF - timedelta(days=95))
    fill(con, "hole", year, AS_OF - timedelta(weeks=39))
    fill(con, "hole", AS_OF - timedelta(weeks=26) + timedelta(days=1), AS_OF)
    assert silent(con) == [
        "Nothing of police.gone happened from 02 July 2026 to 04 October 2026.",
        "Nothing of police.hole happened from 05 January 2026 to 05 April 2026.",
    ]


@pytest.mark.parametrize("weeks_ago", range(14, 28, 3))
@pytest.mark.parametrize(("quiet_days", "is_told"), [(90, False), (91, True), (120, True)])
def test_a_quarter_without_a_row_is_named_whenever_it_began(con, weeks_ago, quiet_days, is_told):
    last = AS_OF - timedelta(weeks=weeks_ago)
    fill(con, "ppn", AS_OF - timedelta(days=700), last)
    fill(con, "ppn", last + timedelta(days=quiet_days + 1), AS_OF)
    again = min(last + timedelta(days=quiet_days), AS_OF)
    words = f"Nothing of police.ppn happened from {last + timedelta(days=1):%d %B %Y} to {again:%d %B %Y}."
    assert silent(con) == ([words] if is_told else [])


def test_rows_known_before_they_happened_betray_a_wrong_clock(con):
    fill(con, "ppn", AS_OF - timedelta(days=100), AS_OF)
    assert inputs.rows_from_the_future(con, CONFIG, AS_OF, "marts") == []
    fill(con, "ppn", AS_OF - timedelta(days=20), AS_OF - timedelta(days=10), known_after=-30)
    con.execute(
        "insert into marts.label values (?, ?, ?, timestamp '9999-12-31')",
        [CONFIG.target.name, AS_OF + timedelta(days=40), AS_OF],
    )
    events, outcomes = inputs.rows_from_the_future(con, CONFIG, AS_OF, "marts")
    assert events.startswith("Of 222 events 21 are dated after") and outcomes.startswith("Of 1 outcomes 1 are")
