"""The weekly run on generated marts: one code path, gates that refuse, content that owes nothing to keys."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from models.risk import gates, labels, listing, registry, rules, splits
from models.risk.backtest import fit_rotation, judged_rows, positions_of
from models.risk.explain import of_rotation
from models.risk.families import families
from models.risk.panel import build_panel
from models.risk.parts import fit_parts
from models.risk.queue import queues
from models.risk.rolling import figures_of
from models.risk.run import run_weekly
from tests.risk_marts import attributes_of, configuration, make_marts, registered, sundays

WEEKS, PEOPLE = 130, 600
AS_OF = sundays(WEEKS)[-1]
EASY = {"least_difference": -1.0, "minimum_found": 1, "slope": (0.0, 9.0), "largest_relative_error": 9.0}
EASY |= {"margins": {"precision": 1.0, "missed": 1.0}, "most_turnover": 1.0, "least_overlap": 0.0}
CONFIG, BOOK = configuration(
    target={"horizon_days": 91, "maturity_days": 28, "minimum_positives": 10},
    training={"lookback_weeks": 26, "boosting": {"max_iter": 30, "learning_rate": 0.1}},
    evaluation={"test_weeks": 8, "bootstrap": 100},
)
LENIENT = registered(CONFIG.model_copy(update={"gates": tuple(g.model_copy(update=EASY) for g in CONFIG.gates)}))
LINKAGE = {m: {"estimate": 0.998, "low": 0.995, "high": 1.0} for m in ("precision", "recall")}
PARTNERSHIP = {
    "mode": "pilot",
    "sunset": AS_OF + timedelta(days=100),
    "capacity": {"North": 3, "South": 3},
    "sign_offs": {
        name: {"by": "A. Example", "signed": date(2021, 1, 1), "expires": date(2027, 8, 31)}
        for name in ("senior_responsible_owner", "caldicott_guardian", "dpia")
    },
    "gate_overrides": [
        {"gate": "fairness", "status": gates.UNPROVEN, "by": "A. Example", "reason": "Small.", "until": AS_OF}
    ],
}


def world(key_seed=0):
    return make_marts(PEOPLE, WEEKS, 11, key_seed=key_seed, rate=2.0)


@pytest.fixture(scope="module")
def con():
    return world()


@pytest.fixture(scope="module")
def back_test(con):
    """The newest split with its panel, the outcomes, and the models learnt on it."""
    split = splits.plan_splits(CONFIG, sundays(WEEKS)[0], AS_OF)[0]
    panel = build_panel(con, CONFIG, [*split.train, *split.test])
    outcomes = labels.read_outcomes(con, CONFIG.target, "warehouse.marts")
    return split, panel, outcomes, fit_rotation(panel, outcomes, CONFIG, split)


@pytest.fixture(scope="module")
def run(con):
    return run_weekly(con, LENIENT, BOOK, PARTNERSHIP, AS_OF, code_hash="c0de", **asides(con))


def asides(con) -> dict:
    """What a run is handed beside the marts."""
    return {"attributes": attributes_of(con), "linkage": LINKAGE}


def test_the_model_speaks_when_every_gate_has_passed(run):
    assert {g["id"] for g in run.gates if g["status"] != "passed"} == {"fairness"}, run.gates
    assert run.channel == "model+rules" and run.statement == ""
    assert run.evaluations[0]["rows_left_out"] == 0 and run.evaluation["stability"]["places"] > 0
    (accepted,) = run.accepted
    assert "not yet shown that the model serves every group alike" in accepted and "A. Example: Small." in accepted
    assert next(g for g in run.model.card["gates"] if g["id"] == "fairness")["accepted"]["by"] == "A. Example"
    assert any("model" in c["channel"] for c in run.candidates)
    assert run.plots["contributions"].startswith(b"\x89PNG")
    assert run.model is not None and run.model.card["purpose"] == "weekly list"
    assert "no family is scored by a model that learnt from it" in run.model.card["families"]
    assert 10 <= run.model.card["training_people_with_outcome"] < run.model.card["parts"][0]["training_outcomes"]


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


def test_reasons_are_of_the_same_kinds_whoever_proposed_a_person(run):
    """Blind review: while the model speaks, whom a pattern alone proposed is told of as the model's people are."""
    kinds = {
        way: {reason["kind"] for c in run.candidates if ("model" in c["channel"]) is way for reason in c["reasons"]}
        for way in (True, False)
    }
    assert "feature" in kinds[True] and "feature" in kinds[False]


def test_nothing_about_a_person_carries_a_score(run):
    text = json.dumps(run.candidates).lower()
    assert "score" not in text and "log_odds" not in text and "chance" not in text
    assert json.loads(text)


def test_content_does_not_depend_on_keys(run):
    there = world(key_seed=77)
    other = run_weekly(there, LENIENT, BOOK, PARTNERSHIP, AS_OF, code_hash="c0de", **asides(there))
    assert {c["person_key"] for c in other.candidates}.isdisjoint(c["person_key"] for c in run.candidates)
    assert registry.digest([registry.to_json(other.content())]) == registry.digest([registry.to_json(run.content())])


def test_the_list_is_the_last_split_of_the_back_test(con, back_test):
    """Predictions for T made on T, and by a back-test run four months later over T, are the same numbers."""
    later, panel, outcomes, learnt = back_test
    then = splits.plan_splits(CONFIG, sundays(WEEKS)[0], later.trained_on)[-1]
    assert then.judged_on is None and then.train == later.train
    on_the_day = build_panel(con, CONFIG, [*then.train, *then.test])
    scores = []
    for seen, models in (
        (panel, learnt),
        (on_the_day, fit_rotation(on_the_day, outcomes, CONFIG, then)),
    ):
        at = positions_of(seen, [later.trained_on])
        scores.append(dict(zip(seen.rows["person_key"].iloc[at], models.log_odds(seen, at), strict=True)))
    assert scores[0] == scores[1] and len(scores[0]) > 500


def test_no_family_is_scored_by_a_model_that_learnt_from_it(back_test):
    split, panel, outcomes, learnt = back_test
    judged = judged_rows(panel, outcomes, CONFIG, BOOK, split, learnt)
    family = families(panel.rows)
    for number, part in enumerate(learnt.parts):
        taught = positions_of(panel, split.train)
        taught = taught[learnt.fold[taught] != number]
        scored = judged.at[judged.part == number]
        assert len(taught) == part.rows and len(scored) > 100
        assert set(family[taught]).isdisjoint(family[scored])
    # Families that have since become one are left out, and they are few.
    assert 0.8 * len(positions_of(panel, split.test)) < len(judged.at)


@pytest.mark.parametrize("candidate", ["logistic", "boosting", "blend"])
def test_thread_count_changes_nothing_and_a_model_survives_its_files_and_adds_up(back_test, candidate):
    from threadpoolctl import threadpool_limits

    split, panel, outcomes, learnt = back_test
    one = CONFIG.model_copy(update={"training": CONFIG.training.model_copy(update={"candidates": (candidate,)})})
    taught = positions_of(panel, split.train)
    y = labels.outcomes_of(outcomes, panel.rows.iloc[taught], CONFIG.target, split.trained_on)
    fits = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            fits.append(fit_parts(panel, taught, y, learnt.fold[taught], one))
    one_thread, parts = fits
    numbers = [[registry.numbers_of(p.fitted) for p in fit] for fit in fits]
    assert numbers[0] == numbers[1] and len(one_thread) == CONFIG.evaluation.family_folds
    again = replace(learnt, parts=tuple(parts))
    packed = registry.pack_model([(p.fitted, p.calibration) for p in parts], {"code": "x"}, {"a": 1})
    loaded, card = registry.unpack_model(packed.files, packed.name)
    restored = [
        replace(p, fitted=fitted, calibration=calibration)
        for p, (fitted, calibration) in zip(parts, loaded, strict=True)
    ]
    at = positions_of(panel, split.test[:1])[:50]
    scored = replace(learnt, parts=tuple(restored)).log_odds(panel, at)
    assert (scored == again.log_odds(panel, at)).all()
    told = of_rotation(panel, at, again, CONFIG)
    np.testing.assert_allclose(told.base + sum(told.by_theme().values()), scored, atol=1e-6)
    assert card["hashes"] == {"code": "x"}


def test_a_changed_missing_or_swapped_model_file_is_refused(run):
    packed = run.model
    assert len(registry.unpack_model(packed.files, packed.name)[0]) == CONFIG.evaluation.family_folds
    broken = packed.files | {"model.json": packed.files["model.json"].replace(b'"slope"', b'"slope" ')}
    swapped = packed.files | {"estimator_1.skops": packed.files["estimator_2.skops"]}
    without = {k: v for k, v in packed.files.items() if k != "estimator_1.skops"}
    for files, words in (
        (broken, "model.json is not the one"),
        (swapped, "estimator_1.skops is not the one"),
        (without, "estimator_1.skops is missing"),
        (packed.files | {"card.json": b"{"}, "cannot be read"),
    ):
        with pytest.raises(registry.ModelFileError, match=words):
            registry.unpack_model(files)
    # Rubbish whose hash somebody wrote into the card: a refusal, not whatever a library says of it.
    for name, rubbish in (("estimator_1.skops", b"PK"), *(("model.json", text) for text in (b"[1]", b"{", b"5"))):
        card = json.loads(packed.files["card.json"])
        card["files"][name] = hashlib.sha256(rubbish).hexdigest()
        forged = packed.files | {name: rubbish, "card.json": json.dumps(card).encode()}
        with pytest.raises(registry.ModelFileError, match="cannot be read as a model"):
            registry.unpack_model(forged)
    with pytest.raises(registry.ModelFileError, match="those of another model"):
        registry.unpack_model(packed.files, "boosting-000000000000")


@pytest.fixture(scope="module")
def shadow(con):
    simple = CONFIG.training.model_copy(update={"candidates": ("logistic",)})
    config = LENIENT.model_copy(update={"training": simple})
    return run_weekly(con, config, BOOK, PARTNERSHIP | {"mode": "shadow"}, AS_OF)


def test_a_gate_that_does_not_pass_leaves_the_rules_list(shadow):
    assert shadow.channel == "rules" and "shadow mode" in shadow.statement
    assert next(g for g in shadow.gates if g["id"] == "mode")["status"] == gates.FAILED
    assert shadow.candidates and all("model" not in c["channel"] for c in shadow.candidates)
    assert all(r["kind"] == "rule" for c in shadow.candidates for r in c["reasons"])
    assert shadow.model is not None and shadow.model.card["purpose"].startswith("back-test only")


def test_a_short_history_is_not_enough_evidence_and_the_rules_list_comes_out():
    con = make_marts(300, 40, 3, rate=3.0)
    # A target changed after registration is said too, and keeps nobody from the named patterns' list.
    changed = CONFIG.model_copy(update={"target": CONFIG.target.model_copy(update={"horizon_days": 92})})
    run = run_weekly(con, changed, BOOK, PARTNERSHIP, sundays(40)[-1])
    assert "The target or a gate was changed after version" in run.statement
    history = next(g for g in run.gates if g["id"] == "history")
    assert history["status"] == gates.UNPROVEN and "days needed; 273 days are there" in history["words"]
    assert (
        run.channel == "rules"
        and run.model is None
        and run.candidates
        and run.evaluation == {}
        and run.evaluations == []
    )
    assert run.plots == {} and all(y["words"] == "too few so far to say" for y in run.rule_yields)


def test_no_outcomes_is_said_and_the_rules_list_comes_out(con):
    con.execute("create or replace table warehouse.marts.label_kept as select * from warehouse.marts.label")
    con.execute("delete from warehouse.marts.label")
    try:
        run = run_weekly(con, LENIENT, BOOK, PARTNERSHIP, AS_OF)
    finally:
        con.execute("insert into warehouse.marts.label select * from warehouse.marts.label_kept")
        con.execute("drop table warehouse.marts.label_kept")
    assert run.channel == "rules" and "holds outcomes of 0 people; 10 are needed" in run.statement and run.candidates


def test_someone_listed_recently_is_not_listed_again(con, shadow):
    recent = frozenset(c["person_key"] for c in shadow.candidates)
    now = build_panel(con, CONFIG, [AS_OF])
    holds = rules.fired(now, BOOK)
    held = queues(now, holds, None, {"North": 3, "South": 3}, CONFIG, BOOK, recent)
    again = listing.choose(held, holds, BOOK, now.rows["household"].to_numpy())
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
            con, everyone, [], cases, CONFIG, BOOK, None, [], [], marts="warehouse.marts", record_person=None
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


def test_training_never_sees_an_immature_week(back_test):
    split, panel, outcomes, _ = back_test
    newest = panel.rows.assign(as_of_date=np.datetime64(AS_OF, "s"))
    with pytest.raises(labels.ImmatureLabels, match="the newest date that is mature"):
        labels.outcomes_of(outcomes, newest, CONFIG.target, AS_OF)
    early = replace(split, train=(*split.train, split.test[-1]))
    with pytest.raises(labels.ImmatureLabels):
        fit_rotation(panel, outcomes, CONFIG, early)


def test_what_is_judged_adds_up(back_test):
    split, panel, outcomes, learnt = back_test
    judged = judged_rows(panel, outcomes, CONFIG, BOOK, split, learnt)
    figures = figures_of(judged, {"North": 3, "South": 3}, CONFIG)
    yields = rules.yields(judged.rows, judged.holds, judged.y, BOOK, 6)
    for name, at in figures["at_capacity"].items():
        assert at["listed"] <= 8 * 6 and at["found"] <= at["listed"], name
        assert at["precision"]["estimate"] == pytest.approx(at["found"] / max(at["listed"], 1), abs=1e-6)
        assert at["precision"]["low"] <= at["precision"]["estimate"] <= at["precision"]["high"]
    assert figures["average_precision"]["model"] > 1.5 * figures["base_rate"]
    assert len(yields) == len(BOOK.rules) and all(y["words"] for y in yields)
