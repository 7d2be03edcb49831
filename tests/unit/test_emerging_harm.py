"""Planted emerging harm: what is planted is as described, and lies below every single agency's threshold."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from benchmarks.emerging_harm_patterns import BEGINNINGS, LONGEST, SHORTEST, draw_pattern
from benchmarks.emerging_harm_plant import MOST_ABSENT, Planted, planter
from synthetic.world import create_world

FIRST, LAST = date(2025, 7, 20), date(2026, 1, 4)


@pytest.fixture(scope="module")
def worlds() -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame], Planted]:
    """Tables before and after, and what was planted."""
    world = create_world(1_500, years=3, seed=11)
    before, planted = dict(world.tables), Planted()
    planter(5, 20, FIRST, LAST, planted)(world)
    return before, world.tables, planted


@pytest.mark.parametrize("age", [1, 4, 8, 13, 16])
def test_three_agencies_see_something_in_the_first_half_of_every_pattern(age):
    rng = np.random.default_rng(age)
    for _ in range(200):
        pattern = draw_pattern(rng, age)
        assert 7 * SHORTEST <= pattern.days <= 7 * LONGEST
        first = {s.agency: s.at for s in reversed(pattern.seen)}
        assert len(first) >= 3 or age in (1, 4, 16)
        assert max(first.values()) <= 0.5
        assert max(Counter(s.kind for s in pattern.seen if s.kind != "absence").values()) <= 2


def test_shares_of_beginnings_sum_to_one():
    assert sum(b.share for b in BEGINNINGS) == pytest.approx(1.0)


def test_rows_are_added_and_none_changed(worlds):
    before, after, planted = worlds
    for name, table in before.items():
        pd.testing.assert_frame_equal(after[name].iloc[: len(table)], table, check_categorical=False)
    assert len(planted.children) == 20 and planted.children["person_id"].is_unique
    assert len(after["csc_assessment"]) == len(before["csc_assessment"]) + 20


def test_families_were_quiet_and_every_agency_stays_below_its_threshold(worlds):
    before, after, planted = worlds
    subject = after["police_subject"].merge(after["police_incident"], on="incident_id")
    for child in planted.children.itertuples():
        quiet_from, need = child.begins - timedelta(days=364), child.need_on
        for table, column in (
            ("csc_contact", "contact_date"),
            ("csc_referral", "referral_date"),
            ("exclusion", "start_date"),
        ):
            days = before[table].loc[before[table]["person_id"] == child.person_id, column]
            assert not ((days > quiet_from) & (days < need)).any()
        police = np.sort(subject.loc[subject["person_id"] == child.person_id, "occurred_at"].to_numpy())
        police = police[police > np.datetime64(quiet_from)]
        assert len(police) <= 2
        marks = after["attendance"]
        away = marks[(marks["person_id"] == child.person_id) & marks["code"].isin(["O", "U", "N", "G"])]
        mine = planted.seen[(planted.seen["person_id"] == child.person_id) & (planted.seen["kind"] == "absence")]
        for day in mine["day"]:
            gap = (away["date"] - pd.Timestamp(day)).dt.days
            assert ((gap >= 0) & (gap < 70)).sum() <= MOST_ABSENT
        assert len(set(planted.seen.loc[planted.seen["person_id"] == child.person_id, "agency"])) >= 3


def test_the_same_seed_plants_the_same(worlds):
    again = Planted()
    world = create_world(1_500, years=3, seed=11)
    planter(5, 20, FIRST, LAST, again)(world)
    pd.testing.assert_frame_equal(again.seen, worlds[2].seen)
