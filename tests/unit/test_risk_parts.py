"""Clocks, labels, splits, selection and natural frequencies, each on examples small enough to check by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from models.risk.asof import as_sundays, knowledge_cutoff
from models.risk.calibrate import Calibration, chance, fit_calibration
from models.risk.declare import Target
from models.risk.families import deal, families, folds_of
from models.risk.labels import (
    ImmatureLabels,
    NotEnoughEvidence,
    Outcomes,
    latest_mature,
    outcomes_of,
    require_positives,
)
from models.risk.rules import natural_frequency, wilson
from models.risk.select import draw, ordered, weekly_lists, within_capacity
from models.risk.splits import own_weeks, plan_splits
from tests.risk_marts import configuration

CONFIG, _ = configuration()
TARGET = Target(name="t", description="d", horizon_days=182, maturity_days=90, minimum_positives=1)


def test_the_cut_off_follows_london_through_summer_time():
    assert knowledge_cutoff(date(2026, 10, 4)) == datetime(2026, 10, 5, 1)
    assert knowledge_cutoff(date(2026, 1, 4)) == datetime(2026, 1, 5, 2)
    # The night after the clocks go forward, and after they go back.
    assert knowledge_cutoff(date(2026, 3, 29)) == datetime(2026, 3, 30, 1)
    assert knowledge_cutoff(date(2026, 10, 25)) == datetime(2026, 10, 26, 2)


def test_only_sundays_are_as_of_dates():
    with pytest.raises(ValueError, match="2026-10-05 is not a Sunday"):
        as_sundays([date(2026, 10, 4), date(2026, 10, 5)])


def outcome(day: date, known: datetime, until: datetime = datetime(9999, 12, 31)) -> Outcomes:
    frame = {"person_key": ["a"], "day": [np.datetime64(day, "D").astype(int)]}
    frame |= {k: [np.datetime64(v, "us").astype(int)] for k, v in (("known_from", known), ("known_to", until))}
    return Outcomes(pd.DataFrame(frame))


@pytest.mark.parametrize(("days_after", "counts"), [(0, False), (1, True), (182, True), (183, False), (-3, False)])
def test_an_outcome_counts_within_the_horizon_and_not_on_the_day(days_after, counts):
    on = date(2025, 1, 5)
    rows = pd.DataFrame({"person_key": ["a", "b"], "as_of_date": pd.to_datetime([on, on])})
    known = outcome(on + timedelta(days=days_after), datetime(2025, 9, 1))
    assert outcomes_of(known, rows, TARGET, date(2026, 1, 4)).tolist() == [counts, False]


def test_an_outcome_learnt_of_later_or_withdrawn_does_not_count():
    rows = pd.DataFrame({"person_key": ["a"], "as_of_date": pd.to_datetime([date(2025, 1, 5)])})
    day, on = date(2025, 3, 1), date(2026, 1, 4)
    assert outcomes_of(outcome(day, knowledge_cutoff(on)), rows, TARGET, on).all()
    assert not outcomes_of(outcome(day, knowledge_cutoff(on) + timedelta(seconds=1)), rows, TARGET, on).any()
    assert not outcomes_of(outcome(day, datetime(2025, 5, 1), knowledge_cutoff(on)), rows, TARGET, on).any()


def test_an_immature_week_is_refused_to_the_day():
    on = date(2026, 10, 4)
    assert latest_mature(TARGET, on) == date(2026, 1, 4)
    rows = pd.DataFrame({"person_key": ["a"], "as_of_date": pd.to_datetime([date(2026, 1, 11)])})
    with pytest.raises(ImmatureLabels, match="2026-01-04"):
        outcomes_of(outcome(date(2026, 2, 1), datetime(2026, 3, 1)), rows, TARGET, on)


@pytest.mark.parametrize("y", [[0, 0, 0], [1, 0, 0], [1, 1, 1]])
def test_too_few_outcomes_or_one_class_is_refused(y):
    with pytest.raises(NotEnoughEvidence):
        require_positives(np.array(y, dtype=bool), np.arange(3), 2, "the test")


def test_many_weeks_before_one_outcome_are_one_person():
    y = np.array([1, 1, 1, 0, 0], dtype=bool)
    with pytest.raises(NotEnoughEvidence, match="outcomes of fewer than ten people; 2 are needed"):
        require_positives(y, np.array([7, 7, 7, 7, 8]), 2, "the test")
    require_positives(y, np.array([7, 7, 8, 7, 8]), 2, "the test")


def test_the_splits_leave_outcomes_time_to_be_known():
    first, as_of = date(2021, 10, 10), date(2026, 10, 4)
    config = CONFIG.model_copy(update={"evaluation": CONFIG.evaluation.model_copy(update={"splits": 3})})
    plan = plan_splits(config, first, as_of)
    assert len(plan) == 4 and plan[-1].test == (as_of,) and plan[-1].judged_on is None
    for split in plan:
        assert split.train[-1] <= split.trained_on - timedelta(days=272)
        assert split.train[0] >= first + timedelta(weeks=52)
        assert all(b - a == timedelta(weeks=4) for a, b in zip(split.train, split.train[1:], strict=False))
        if split.judged_on:
            assert split.test[-1] <= as_of - timedelta(days=272) and len(split.test) == 26
    assert [s.trained_on for s in plan[:3]] == [date(2025, 5, 18), date(2025, 6, 15), date(2025, 7, 13)]


def test_families_hang_together_through_time_and_share_a_fold():
    rows = pd.DataFrame({"person": [0, 1, 2, 3, 1, 2, 4], "household": [0, 0, 1, -1, 0, 0, -1]})
    assert families(rows).tolist() == [0, 0, 0, 3, 0, 0, 4]
    many = np.repeat(np.arange(500), 3)
    fold = folds_of(many, 2, seed=1)
    assert (fold.reshape(-1, 3) == fold.reshape(-1, 3)[:, :1]).all() and 150 < (
        fold.reshape(-1, 3)[:, 0] == 0
    ).sum() < 350


def test_whoever_comes_later_goes_with_their_family_and_families_that_met_are_not_judged():
    many = 40
    before = pd.DataFrame({"person": range(many), "household": range(many)})
    after = pd.DataFrame({"person": [0, 1, many, many + 1], "household": [0, 0, 2, many]})
    rows = pd.concat([before, after], ignore_index=True)
    known = np.arange(len(rows)) < many
    fold, apart = deal(rows, known, 2, seed=3)
    assert (fold[:many] == folds_of(np.arange(many), 2, 3)).all(), "what came later deals nobody anew"
    assert fold[many + 2] == fold[2] and apart[many + 2] and apart[many + 3]
    assert (apart[[0, 1, many, many + 1]] == (fold[0] == fold[1])).all() and apart[2:many].all()
    alone, all_apart = deal(rows, known, 1, seed=3)
    assert not alone.any() and all_apart.all()


def test_each_week_is_judged_by_the_newest_model_there_could_have_been():
    config = CONFIG.model_copy(
        update={"evaluation": CONFIG.evaluation.model_copy(update={"splits": 3, "test_weeks": 10})}
    )
    plan = plan_splits(config, date(2021, 10, 10), date(2026, 10, 4))[:-1]
    own = own_weeks(plan)
    assert [len(w) for w in own] == [4, 4, 10]
    assert [w for weeks in own for w in weeks] == sorted({w for s in plan for w in s.test})
    assert config.evaluation.judged_weeks == 18


def test_ties_go_by_lot_and_the_lot_by_sort_number_alone():
    score, numbers = np.array([0.5, 0.5, 0.5 + 1e-12, 0.9]), np.array([10, 20, 30, 40])
    lot = draw(numbers, 7, 20000)
    assert ordered(score, lot)[0] == 3
    back = np.array([2, 0, 3, 1])
    again = ordered(score[back], draw(numbers[back], 7, 20000))
    assert numbers[back][again].tolist() == numbers[ordered(score, lot)].tolist()
    assert abs(draw(np.arange(20_000), 7, 20000).mean() - 0.5) < 0.01
    assert (draw(numbers, 7, 20000) != draw(numbers, 7, 20007)).all()


def test_capacity_is_kept_team_by_team():
    team = np.array(["N", "S", "N", "N", "", "S"], dtype=object)
    assert within_capacity(np.arange(6), team, {"N": 2, "S": 1}).tolist() == [0, 1, 2]
    assert within_capacity(np.arange(6), team, {"N": 0}).tolist() == []


def test_nobody_is_listed_again_within_the_weeks_agreed():
    weeks = pd.to_datetime([date(2025, 1, 5) + timedelta(weeks=w) for w in range(5)])
    rows = pd.DataFrame(
        {"as_of_date": np.repeat(weeks, 2), "person": [0, 1] * 5, "area_team": "N", "sort_no": [1, 2] * 5}
    )
    listed = weekly_lists(rows, np.array([0.9, 0.1] * 5), {"N": 1}, seed=1, relist_after_weeks=3)
    assert rows[listed][["person"]].to_numpy().ravel().tolist() == [0, 1, 0, 1]


def test_calibration_recovers_the_line_it_was_bent_by():
    rng = np.random.default_rng(0)
    truth = rng.normal(-2, 1.2, size=40_000)
    y = (rng.random(len(truth)) < chance(truth)).astype(float)
    bent = (truth + 0.7) / 0.6
    found = fit_calibration(bent, y, np.ones(len(y)))
    assert found.slope == pytest.approx(0.6, abs=0.03) and found.intercept == pytest.approx(-0.7, abs=0.06)
    assert fit_calibration(-bent, y, np.ones(len(y))).slope == 1.0
    assert Calibration(1.0, 2.0).log_odds(np.array([3.0])) == 7.0


def test_yields_are_told_as_people_and_withheld_when_few():
    assert natural_frequency(30, 100, 6)["words"] == (
        "of ten people shown for this, about three were found to need more help (between two and four)"
    )
    assert natural_frequency(4, 100, 6)["found"] is None
    assert natural_frequency(3, 9, 6)["words"] == "too few so far to say"
    assert wilson(0, 0) == (0.0, 1.0) and wilson(0, 50)[0] == 0.0
