"""A past week scored again by its registered model: the same list, the same margin, or a refusal that says why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.risk import registry, rules
from models.risk.backtest import fit_rotation, positions_of
from models.risk.calibrate import chance
from models.risk.explain_person import explain_person
from models.risk.gate_declare import ASKED_ANYWHERE
from models.risk.labels import read_outcomes
from models.risk.margin import chosen_again, families_near, same_as_then
from models.risk.panel import build_panel
from models.risk.rescore import CannotRescore, rescore, see, with_features
from models.risk.run import run_weekly
from models.risk.splits import plan_splits
from tests.risk_marts import make_marts, registered, sundays
from tests.unit.test_risk_run import BOOK, LENIENT, PARTNERSHIP, asides

WEEKS, PEOPLE = 110, 400
AS_OF = sundays(WEEKS)[-1]
SIMPLE = LENIENT.training.model_copy(update={"candidates": ("logistic",)})
ASKED = tuple(gate for gate in LENIENT.gates if gate.kind in ASKED_ANYWHERE)
CONFIG = registered(
    LENIENT.model_copy(
        update={"training": SIMPLE, "gates": ASKED}
        | {"evaluation": LENIENT.evaluation.model_copy(update={"bootstrap": 20})}
    )
)


@pytest.fixture(scope="module")
def con():
    return make_marts(PEOPLE, WEEKS, 5, rate=2.5)


@pytest.fixture(scope="module")
def run(con):
    return run_weekly(con, CONFIG, BOOK, PARTNERSHIP, AS_OF, code_hash="c0de", **asides(con))


@pytest.fixture(scope="module")
def again(con, run):
    parts, card = registry.unpack_model(run.model.files, run.model.name)
    return rescore(con, parts, card, CONFIG, AS_OF)


def listed_by_model(run) -> set[str]:
    return {c["person_key"] for c in run.candidates if "model" in c["channel"]}


def test_the_registered_model_gives_the_scores_of_the_day(con, run, again):
    assert run.channel == "model+rules" and again.changed == ()
    split = plan_splits(CONFIG, sundays(WEEKS)[0], AS_OF)[-1]
    panel = build_panel(con, CONFIG, [*split.train, *split.test])
    learnt = fit_rotation(panel, read_outcomes(con, CONFIG.target, "warehouse.marts"), CONFIG, split)
    at = positions_of(panel, [AS_OF])
    keys = panel.rows["person_key"].iloc[at].astype(str)
    then = dict(zip(keys, learnt.log_odds(panel, at), strict=True))
    now = dict(zip(again.panel.rows["person_key"].astype(str), again.log_odds, strict=True))
    assert then == now and len(set(again.rotation.fold)) == CONFIG.evaluation.family_folds


def test_weeks_read_together_give_what_each_gives_alone(con, run, again):
    parts, card = registry.unpack_model(run.model.files, run.model.name)
    own = with_features(CONFIG, (f for p, _ in parts for f in p.features))
    seen = see(con, own, [*sundays(WEEKS)[-40:-30], AS_OF], [card])
    together = rescore(con, parts, card, CONFIG, AS_OF, seen=seen)
    assert together.changed == () and (together.log_odds == again.log_odds).all()
    with pytest.raises(CannotRescore, match="can be read any more"):
        seen.on(sundays(WEEKS)[-2])


def test_choosing_again_chooses_the_same_people_and_the_margin_is_beside_them(run, again):
    held = chosen_again(again.panel, again.log_odds, run.choice, CONFIG, BOOK, frozenset())
    assert same_as_then(again.panel, held, run.candidates)
    assert not same_as_then(again.panel, held, run.candidates[1:])
    near = families_near(again.panel, held)
    listed = {k for n in near if n.listed for k in n.members}
    assert {c["person_key"] for c in run.candidates} <= listed
    assert not listed & {k for n in near if not n.listed for k in n.members}
    keys = list(again.panel.rows["person_key"].astype(str))
    score = dict(zip(keys, chance(again.log_odds), strict=True))
    for team in ("North", "South"):
        ours = [max(score[k] for k in n.members) for n in near if n.channel == "model" and n.team == team and n.listed]
        missed = [
            max(score[k] for k in n.members) for n in near if n.channel == "model" and n.team == team and not n.listed
        ]
        assert ours and missed and min(ours) >= max(missed)


def test_a_score_is_taken_apart_and_put_in_its_place(run, again):
    keys = again.panel.rows["person_key"].astype(str).to_numpy()
    team = again.panel.rows["area_team"].astype(str).to_numpy()
    score = chance(again.log_odds)
    for key in [*sorted(listed_by_model(run))[:2], keys[0]]:
        told = explain_person(again, BOOK, key, listed_by_model(run))
        at = int(np.flatnonzero(keys == key)[0])
        assert told.base + sum(c for *_, c in told.contributions) == pytest.approx(told.log_odds, abs=1e-6)
        assert told.base + sum(c for _, c in told.themes) == pytest.approx(again.log_odds[at], abs=1e-6)
        assert told.chance == score[at]
        own = team == team[at]
        above = (np.round(score, 9) > round(score[at], 9)).sum(), (np.round(score[own], 9) > round(score[at], 9)).sum()
        level = (np.round(score, 9) == round(score[at], 9)).sum()
        assert above[0] < told.place[1] <= above[0] + level and above[1] < told.place[0] <= above[1] + level
        assert told.of == (own.sum(), len(score))
        mine = [score[i] for i in np.flatnonzero(own) if keys[i] in listed_by_model(run)]
        assert told.cut_off == (min(mine) if mine else None)
        holds = rules.fired(again.panel, BOOK)[at]
        assert told.patterns == [r.title for r, h in zip(BOOK.rules, holds, strict=True) if h]
    with pytest.raises(CannotRescore, match="Nobody of that week's cohort"):
        explain_person(again, BOOK, "nobody", set())


def test_records_that_read_otherwise_today_are_noticed(con, run):
    parts, card = registry.unpack_model(run.model.files, run.model.name)
    con.execute("create table warehouse.marts.event_kept as select * from warehouse.marts.event")
    con.execute(
        "delete from warehouse.marts.event where occurred_on > $day::date - 60 and event_type in"
        " (select event_type from warehouse.marts.event group by 1 order by count(*) desc limit 3)",
        {"day": AS_OF},
    )
    try:
        changed = rescore(con, parts, card, CONFIG, AS_OF).changed
    finally:
        con.execute("delete from warehouse.marts.event")
        con.execute("insert into warehouse.marts.event select * from warehouse.marts.event_kept")
        con.execute("drop table warehouse.marts.event_kept")
    assert len(changed) == 1 and "features have other values" in changed[0]
    assert rescore(con, parts, card, CONFIG, AS_OF).changed == ()


def test_a_week_the_model_did_not_score_is_refused(con, run):
    parts, card = registry.unpack_model(run.model.files, run.model.name)
    with pytest.raises(CannotRescore, match="did not score that week"):
        rescore(con, parts, card, CONFIG, sundays(WEEKS)[-2])
    with pytest.raises(CannotRescore, match="did not say which rows it scored"):
        rescore(con, parts, {k: v for k, v in card.items() if k != "scored"}, CONFIG, AS_OF)


def test_a_models_own_declarations_stand_beside_todays(run):
    parts, _ = registry.unpack_model(run.model.files, run.model.name)
    own = {f.name for fitted, _ in parts for f in fitted.features}
    fewer = CONFIG.model_copy(update={"features": tuple(f for f in CONFIG.features if f.name != sorted(own)[0])})
    assert set(with_features(fewer, (f for p, _ in parts for f in p.features)).model_features) == own


def test_a_model_whose_word_was_taken_is_silent_and_says_so(con):
    asked = []

    def no(name, hashes):
        asked.append((name, hashes))
        return "Its model was retired on 05 October 2026."

    run = run_weekly(con, CONFIG, BOOK, PARTNERSHIP, AS_OF, code_hash="c0de", may_speak=no, **asides(con))
    assert run.channel == "rules" and all("model" not in c["channel"] for c in run.candidates)
    assert run.statement == (
        "This week's list comes from the named patterns alone. Its model was retired on 05 October 2026."
    )
    ((name, hashes),) = asked
    assert name.endswith(hashes["content"][:12]) and hashes["code"] == "c0de"
    assert run.model is None, "no back-test fits in so short a history, and the list.s model is not registered anew"
    spoke = run_weekly(con, CONFIG, BOOK, PARTNERSHIP, AS_OF, code_hash="c0de", **asides(con))
    assert (spoke.model.name, spoke.model.card["content_hash"]) == (name, hashes["content"])
    assert registry.recipe_of(spoke.model.card["hashes"]) == registry.recipe_of(hashes)
    other = replace(spoke.model, card=spoke.model.card | {"as_of_date": "2020-01-05"})
    assert registry.card_hash(other.card) != registry.card_hash(spoke.model.card)
