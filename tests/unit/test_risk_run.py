"""The weekly run on generated marts: one code path, gates that refuse, content that owes nothing to keys."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from models.risk import gates, labels, listing, registry, rules, splits
from models.risk.backtest import fit_split, judge_split, positions_of
from models.risk.panel import build_panel
from models.risk.run import run_weekly
from tests.risk_marts import configuration, make_marts, sundays

WEEKS, PEOPLE = 130, 600
EASY = {"least_difference": -1.0, "minimum_found": 1, "slope": (0.0, 9.0), "largest_error": 1.0}
CONFIG, BOOK = configuration(
    target={"horizon_days": 91, "maturity_days": 28, "minimum_positives": 20},
    training={"lookback_weeks": 26, "boosting": {"max_iter": 30, "learning_rate": 0.1}},
    evaluation={"test_weeks": 8, "bootstrap": 100},
)
LENIENT = CONFIG.model_copy(update={"gates": tuple(g.model_copy(update=EASY) for g in CONFIG.gates)})
PARTNERSHIP = {
    "mode": "pilot",
    "sunset": date(2027, 8, 31),
    "capacity": {"North": 3, "South": 3},
    "sign_offs": {
        name: {"by": "A. Example", "signed": date(2021, 1, 1), "expires": date(2027, 8, 31)}
        for name in ("senior_responsible_owner", "caldicott_guardian", "dpia")
    },
}
AS_OF = sundays(WEEKS)[-1]


def world(key_seed=0):
    return make_marts(PEOPLE, WEEKS, 11, key_seed=key_seed, rate=2.0)


@pytest.fixture(scope="module")
def con():
    return world()


@pytest.fixture(scope="module")
def run(con):
    return run_weekly(con, LENIENT, BOOK, PARTNERSHIP, AS_OF, code_hash="c0de")


def test_the_model_speaks_when_every_gate_has_passed(run):
    assert [g["status"] for g in run.gates] == ["passed"] * len(CONFIG.gates), run.gates
    assert run.channel == "model+rules" and run.statement == ""
    assert any("model" in c["channel"] for c in run.candidates)
    assert run.model is not None and run.model.card["purpose"] == "weekly list"
    assert "also stand in the training weeks" in run.model.card["families"]
    assert 20 <= run.model.card["training_people_with_outcome"] < run.model.card["training_outcomes"]


def test_the_list_keeps_to_capacity_and_names_nobody_twice(run):
    teams = [c["area_team"] for c in run.candidates]
    assert max(teams.count(t) for t in set(teams)) <= 3
    assert len({c["person_key"] for c in run.candidates}) == len(run.candidates)


def test_every_reason_has_source_rows_known_by_then(run, con):
    keys = {r[0] for r in con.execute("select event_key from warehouse.marts.event").fetchall()}
    keys |= {r[0] for r in con.execute("select episode_key from warehouse.marts.episode").fetchall()}
    reasons = [r for c in run.candidates for r in c["reasons"]]
    assert reasons and all(len(c["reasons"]) <= 5 for c in run.candidates)
    for reason in reasons:
        assert reason["evidence"] and {e["event_key"] for e in reason["evidence"]} <= keys
        assert reason["facts"]["count"] == len(reason["evidence"])
        assert reason["facts"]["last_on"] <= AS_OF.isoformat()


def test_nothing_about_a_person_carries_a_score(run):
    text = json.dumps(run.candidates).lower()
    assert "score" not in text and "log_odds" not in text and "chance" not in text
    assert json.loads(text)


def test_content_does_not_depend_on_keys(run):
    other = run_weekly(world(key_seed=77), LENIENT, BOOK, PARTNERSHIP, AS_OF, code_hash="c0de")
    assert {c["person_key"] for c in other.candidates}.isdisjoint(c["person_key"] for c in run.candidates)
    assert registry.digest([registry.to_json(other.content())]) == registry.digest([registry.to_json(run.content())])


def test_the_list_is_the_last_split_of_the_back_test(con):
    """Predictions for T made on T, and by a back-test run eight months later over T, are the same numbers."""
    first = sundays(WEEKS)[0]
    later = next(s for s in splits.plan_splits(CONFIG, first, AS_OF) if s.judged_on is not None)
    then = splits.plan_splits(CONFIG, first, later.trained_on)[-1]
    assert then.judged_on is None and then.train == later.train
    outcomes = labels.read_outcomes(con, CONFIG.target, "warehouse.marts")
    scores = []
    for split in (then, later):
        panel = build_panel(con, CONFIG, [*split.train, *split.test])
        learnt = fit_split(panel, outcomes, CONFIG, split)
        at = positions_of(panel, [then.test[0]])
        scores.append(dict(zip(panel.rows["person_key"].iloc[at], learnt.log_odds(panel, at), strict=True)))
    assert scores[0] == scores[1] and len(scores[0]) > 500


def test_thread_count_changes_nothing(con):
    from threadpoolctl import threadpool_limits

    split = splits.plan_splits(CONFIG, sundays(WEEKS)[0], AS_OF)[0]
    panel = build_panel(con, CONFIG, [*split.train, *split.test])
    outcomes = labels.read_outcomes(con, CONFIG.target, "warehouse.marts")
    hashes = set()
    for threads in (1, 2):
        for candidate in ("logistic", "boosting"):
            one = CONFIG.model_copy(
                update={"training": CONFIG.training.model_copy(update={"candidates": (candidate,)})}
            )
            with threadpool_limits(threads):
                numbers = registry.numbers_of(fit_split(panel, outcomes, one, split).fitted)
            hashes.add((candidate, registry.digest([numbers])))
    assert len(hashes) == 2


@pytest.mark.parametrize("candidate", ["logistic", "boosting"])
def test_a_model_survives_its_files_and_a_changed_file_is_refused(con, candidate):
    split = splits.plan_splits(CONFIG, sundays(WEEKS)[0], AS_OF)[0]
    panel = build_panel(con, CONFIG, [*split.train, *split.test])
    outcomes = labels.read_outcomes(con, CONFIG.target, "warehouse.marts")
    one = CONFIG.model_copy(update={"training": CONFIG.training.model_copy(update={"candidates": (candidate,)})})
    learnt = fit_split(panel, outcomes, one, split)
    packed = registry.pack_model(learnt.fitted, learnt.calibration, {"code": "x"}, {"a": 1})
    fitted, calibration, card = registry.unpack_model(packed.files)
    at = np.arange(50)
    again = replace(learnt, fitted=fitted, calibration=calibration)
    assert (again.log_odds(panel, at) == learnt.log_odds(panel, at)).all() and card["hashes"] == {"code": "x"}
    broken = packed.files | {"model.json": packed.files["model.json"].replace(b'"slope"', b'"slope" ')}
    with pytest.raises(registry.ModelFileError, match="not the one that was registered"):
        registry.unpack_model(broken)
    with pytest.raises(registry.ModelFileError, match="missing"):
        registry.unpack_model({k: v for k, v in packed.files.items() if k != "estimator.skops"})


@pytest.fixture(scope="module")
def shadow(con):
    return run_weekly(con, LENIENT, BOOK, PARTNERSHIP | {"mode": "shadow"}, AS_OF)


def test_a_gate_that_does_not_pass_leaves_the_rules_list(shadow):
    assert shadow.channel == "rules" and "shadow mode" in shadow.statement
    assert next(g for g in shadow.gates if g["id"] == "mode")["status"] == gates.FAILED
    assert shadow.candidates and all("model" not in c["channel"] for c in shadow.candidates)
    assert all(r["kind"] == "rule" for c in shadow.candidates for r in c["reasons"])
    assert shadow.model is not None and shadow.model.card["purpose"].startswith("back-test only")


def test_a_short_history_is_not_enough_evidence_and_the_rules_list_comes_out():
    con = make_marts(300, 40, 3, rate=3.0)
    run = run_weekly(con, CONFIG, BOOK, PARTNERSHIP, sundays(40)[-1])
    history = next(g for g in run.gates if g["id"] == "history")
    assert history["status"] == gates.UNPROVEN and "days needed; 273 days are there" in history["words"]
    assert run.channel == "rules" and run.model is None and run.candidates and run.evaluations == []
    assert run.plots == {} and all(y["words"] == "too few so far to say" for y in run.rule_yields)


def test_no_outcomes_is_said_and_the_rules_list_comes_out(con):
    con.execute("create or replace table warehouse.marts.label_kept as select * from warehouse.marts.label")
    con.execute("delete from warehouse.marts.label")
    try:
        run = run_weekly(con, LENIENT, BOOK, PARTNERSHIP, AS_OF)
    finally:
        con.execute("insert into warehouse.marts.label select * from warehouse.marts.label_kept")
        con.execute("drop table warehouse.marts.label_kept")
    assert run.channel == "rules" and "holds outcomes of 0 people; 20 are needed" in run.statement and run.candidates


def test_someone_listed_recently_is_not_listed_again(con, shadow):
    recent = frozenset(c["person_key"] for c in shadow.candidates)
    now = build_panel(con, CONFIG, [AS_OF])
    again = listing.choose(now, rules.fired(now, BOOK), None, {"North": 3, "South": 3}, CONFIG, BOOK, recent)
    assert again and recent.isdisjoint(now.rows["person_key"].iloc[[p for p, _ in again]])


def test_open_cases_are_told_and_not_listed(con, run):
    everyone = build_panel(con, CONFIG, [AS_OF], cohort_only=False)
    routed = everyone.rows.loc[everyone.rows["routed_to"].notna(), "person_key"]
    assert set(routed).isdisjoint(c["person_key"] for c in run.candidates)
    con.execute("create table kept as select * from warehouse.marts.event")
    for days in (3, 10):
        con.execute(
            "insert into warehouse.marts.event by name select $key::uuid as person_key, $id as event_key,"
            " 'police' as agency, 'missing' as feed, 'police_missing_report' as event_type, $day as occurred_on,"
            " 1.0 as value, 'ask_owner' as release, $day::timestamp as known_from, timestamp '9999-12-31' as known_to",
            {"key": routed.iloc[0], "id": f"new{days}", "day": AS_OF - timedelta(days=days)},
        )
    try:
        everyone = build_panel(con, CONFIG, [AS_OF], cohort_only=False)
        cases = listing.open_cases(everyone, BOOK)
        _, told = listing.describe(
            con, everyone, [], cases, CONFIG, BOOK, None, [], marts="warehouse.marts", record_person=None
        )
    finally:
        con.execute("delete from warehouse.marts.event")
        con.execute("insert into warehouse.marts.event select * from kept")
        con.execute("drop table kept")
    entry = next(n for n in told if n["person_key"] == routed.iloc[0])
    assert entry["channel"] == ["missing_again"] and entry["deadline_days"] == 3
    assert entry["routed_to"] == "named_worker" and entry["exclusion_reason"] == "referral_open"
    (reason,) = entry["reasons"]
    assert {"new3", "new10"} <= {e["event_key"] for e in reason["evidence"]} and reason["facts"]["new_count"] == 1


def test_training_never_sees_an_immature_week(con):
    outcomes = labels.read_outcomes(con, CONFIG.target, "warehouse.marts")
    panel = build_panel(con, CONFIG, [AS_OF])
    with pytest.raises(labels.ImmatureLabels, match="the newest date that is mature"):
        labels.outcomes_of(outcomes, panel.rows, CONFIG.target, AS_OF)
    split = splits.plan_splits(CONFIG, sundays(WEEKS)[0], AS_OF)[-1]
    early = replace(split, train=(*split.train, AS_OF - timedelta(weeks=4)))
    panel = build_panel(con, CONFIG, early.train)
    with pytest.raises(labels.ImmatureLabels):
        fit_split(panel, outcomes, CONFIG, early)


def test_what_is_judged_adds_up(con):
    split = splits.plan_splits(CONFIG, sundays(WEEKS)[0], AS_OF)[0]
    panel = build_panel(con, CONFIG, [*split.train, *split.test])
    outcomes = labels.read_outcomes(con, CONFIG.target, "warehouse.marts")
    learnt = fit_split(panel, outcomes, CONFIG, split)
    figures, yields = judge_split(panel, outcomes, CONFIG, BOOK, {"North": 3, "South": 3}, split, learnt)
    for name, at in figures["at_capacity"].items():
        assert at["listed"] <= 8 * 6 and at["found"] <= at["listed"], name
        assert at["precision"]["estimate"] == pytest.approx(at["found"] / max(at["listed"], 1), abs=1e-6)
        assert at["precision"]["low"] <= at["precision"]["estimate"] <= at["precision"]["high"]
    assert figures["average_precision"]["model"] > 1.5 * figures["base_rate"]
    assert len(yields) == 8 and all(y["words"] for y in yields)
