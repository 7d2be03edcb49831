"""The gates' own errors, on a handful of light worlds; benchmarks/gate_simulation.py counts them on hundreds."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.gate_simulation_ranges import RANGES, draw_parameters, halves, is_tuning
from benchmarks.gate_simulation_runs import configuration, run
from benchmarks.gate_simulation_world import make_world
from models.risk.bootstrap import FamilyBootstrap
from models.risk.gates import FAILED, PASSED

CONFIG = configuration()


@pytest.mark.parametrize("family", ["nothing", "noise", "no_better"])
def test_a_model_that_knows_no_more_than_counting_is_not_published(family):
    for number in range(2):
        told = run(family, "tuning", number, CONFIG)
        assert not told["published"]
        assert told["verdicts"]["beats_contact_count"] != PASSED or told["verdicts"]["beats_rules"] != PASSED


def test_a_model_that_finds_much_more_is_published_once_unproven_fairness_is_accepted():
    told = run("useful", "tuning", 0, CONFIG)
    assert told["true_lift"] >= 1.5 and told["published"]
    assert all(status == PASSED for gate, status in told["verdicts"].items() if gate != "fairness")


def test_a_gap_of_fifteen_points_is_found_where_there_are_people_enough_and_never_passed_where_not():
    large = run("gap_precision_large", "held_out", 1, CONFIG)
    assert large["verdicts"]["fairness"] == FAILED and abs(large["planted"] - 0.15) < 0.02
    assert run("gap_missed", "tuning", 0, CONFIG)["verdicts"]["fairness"] != PASSED


def test_every_range_is_halved_by_its_name_alone_and_no_value_lies_in_both_halves():
    told = halves()
    rng = np.random.default_rng(0)
    for half in ("tuning", "held_out"):
        for _ in range(50):
            drawn = draw_parameters(rng, half)
            assert set(drawn) == set(RANGES)
            assert all(any(a - 1e-3 <= drawn[n] <= b + 1e-3 for a, b in told[n][half]) for n in drawn)
    assert all(sum(is_tuning(name, s) for s in range(4)) == 2 for name in RANGES)


def test_outcomes_come_as_often_as_their_known_chance_says():
    rng = np.random.default_rng(3)
    world = make_world(draw_parameters(rng, "tuning") | {"people": 4_000, "base_rate": 0.05}, 5, CONFIG)
    p, y = world.p[world.here], world.days[world.here] > 0
    for low, high in ((0, 0.02), (0.02, 0.1), (0.1, 1.0)):
        mine = (p >= low) & (p < high)
        # A person has many rows: the error is that of persons, not of rows.
        assert y[mine].mean() == pytest.approx(p[mine].mean(), rel=0.25)


def test_intervals_equal_a_slow_recomputation_by_families():
    rng = np.random.default_rng(1)
    family = rng.integers(0, 30, size=200)
    hit, shown = rng.random(200) < 0.3, rng.random(200) < 0.6
    boot = FamilyBootstrap(family, 50, 0.9, 4)
    over, under = boot.totals(hit & shown, shown).T
    names = np.unique(family)
    again = np.random.default_rng(4)
    drawn = []
    for _ in range(50):
        rows = [np.flatnonzero(family == names[f]) for f in again.integers(len(names), size=len(names))]
        rows = np.concatenate(rows)
        drawn.append((hit & shown)[rows].sum() / shown[rows].sum())
    low, high = np.quantile(drawn, [0.05, 0.95])
    assert boot.share(over, under) == {
        "estimate": pytest.approx((hit & shown).sum() / shown.sum(), abs=1e-6),
        "low": pytest.approx(low, abs=1e-6),
        "high": pytest.approx(high, abs=1e-6),
    }
