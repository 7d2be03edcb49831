"""The panel equals, cell for cell, the SQL written from the same declarations, whatever the clocks do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.risk.panel import build_panel
from models.risk.panel_sql import panel_sql
from tests.risk_marts import configuration, make_marts, sundays

CONFIG, _ = configuration()


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
