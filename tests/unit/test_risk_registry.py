"""The registry: files, card and log must agree; who approved or retired a model stands where nobody can change it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from governance.audit import AuditBroken
from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
from models.risk import registry
from models.risk.calibrate import Calibration
from models.risk.registry import ModelFileError
from models.risk.train import fit
from pipelines import risk_registry
from pipelines.assets.risk import keep_model
from pipelines.hub import HubProblem
from pipelines.risk_pack import JUDGED
from tests.risk_marts import configuration

CONFIG, _ = configuration()
FEATURES = [CONFIG.feature(n) for n in CONFIG.model_features[:2]]
MONDAY = date(2026, 10, 5)


def packed(seed: int) -> registry.ModelFiles:
    rng = np.random.default_rng(seed)
    X = rng.poisson(1.0, (120, 2)).astype(np.float32)
    fitted = fit("logistic", X, rng.random(120) < 0.3, np.ones(120), FEATURES, CONFIG.training)
    hashes = {"code": "c0de", "config": "c0nf"}
    return registry.pack_model([(fitted, Calibration(0.0, 1.0))], hashes, {"as_of_date": "2026-10-04", "parts": []})


@pytest.fixture(scope="module")
def models() -> list[registry.ModelFiles]:
    return [packed(1), packed(2)]


@pytest.fixture
def hub(tmp_path: Path, models: list[registry.ModelFiles]) -> Iterator[SimpleNamespace]:
    """A hub in whose last week the second model spoke, and the week before the first."""
    store = HubStore(tmp_path / "hub.sqlite", b"k" * 32, Pseudonym(b"p" * 32).key_of)
    for model, week in zip(models, ("2026-09-27", "2026-10-04"), strict=True):
        keep_model(tmp_path / "models", model)
        detail = {"as_of_date": week, "channel": "model+rules", **risk_registry.judged_detail(model), "batch_id": week}
        store.audit.append("schedule", JUDGED, "weekly review", detail=detail)
    yield SimpleNamespace(
        store=store,
        settings=SimpleNamespace(root=tmp_path),
        partnership=SimpleNamespace(mode="pilot"),
        present=lambda: datetime(2026, 10, 5, 1),
    )
    store.close()


def week_of(hub, model):
    return risk_registry.find(hub, risk_registry.standing(hub), model.name)[-1]


def hashes_of(model) -> dict[str, str]:
    return {**model.card["hashes"], "content": model.card["content_hash"]}


def test_a_model_is_found_by_its_name_its_beginning_or_its_hash(hub, models):
    known = risk_registry.standing(hub)
    first, second = models
    for name in (second.name, second.name[:-2], second.card["content_hash"][:20]):
        assert risk_registry.find(hub, known, name)[0].model == second.name
    with pytest.raises(HubProblem, match="2 models of the registry begin with"):
        risk_registry.find(hub, known, "logistic")
    with pytest.raises(HubProblem, match="is called ''"):
        risk_registry.find(hub, known, "")
    assert risk_registry.model_of_week(hub, date(2026, 9, 27)).model == first.name
    assert known.champion().model == second.name


def test_files_of_another_model_are_refused_even_when_they_agree_among_themselves(hub, models):
    first, second = models
    place = hub.settings.root / "models" / second.name
    shutil.rmtree(place)
    # Somebody renames another model's whole folder and its card with it.
    forged = json.loads(first.files["card.json"]) | {"content_hash": second.card["content_hash"]}
    shutil.copytree(place.parent / first.name, place)
    (place / "card.json").write_text(json.dumps(forged), encoding="utf-8")
    with pytest.raises(ModelFileError, match="computes other numbers"):
        risk_registry.load(hub, week_of(hub, second))
    assert risk_registry.state_of_files(hub, week_of(hub, second)) == "changed"
    assert risk_registry.state_of_files(hub, week_of(hub, first)) == "intact"
    shutil.rmtree(place)
    assert risk_registry.state_of_files(hub, week_of(hub, second)) == "gone"


def test_a_card_that_says_otherwise_than_the_log_is_refused(hub, models):
    week = week_of(hub, models[1])
    _, card = risk_registry.load(hub, week)
    risk_registry.check_card(week, card)
    with pytest.raises(ModelFileError, match="its card is not the one that was registered"):
        risk_registry.check_card(week, card | {"as_of_date": "2026-09-27"})


def test_an_approval_holds_for_refits_of_the_recipe_in_live_running(hub, models):
    hub.partnership.mode = "live"
    ask = hashes_of(models[1])
    assert "has approved" in risk_registry.may_speak(hub, MONDAY)(models[1].name, ask)
    risk_registry.approve(hub, models[1].name, "R. Example", "figures read", date(2026, 12, 31))
    may = risk_registry.may_speak(hub, MONDAY)
    assert may(models[1].name, ask) == "" and may("next", ask | {"content": "other"}) == ""
    assert may("next", ask | {"code": "changed"}) != "" and may("next", ask | {"config": "changed"}) != ""
    assert risk_registry.may_speak(hub, date(2027, 1, 1))(models[1].name, ask) != ""
    (entry,) = hub.store.audit.entries(what=[risk_registry.APPROVED])
    assert entry.detail["by"] == "R. Example" and entry.detail["reason"] == "figures read"


def test_retirement_is_by_hash_or_by_recipe_and_says_so(hub, models):
    ask = hashes_of(models[1])
    risk_registry.retire(hub, models[1].name, "R. Example", "a feed was wrong", with_recipe=False)
    may = risk_registry.may_speak(hub, MONDAY)
    assert may(models[1].name, ask) == "Its model was retired on 05 October 2026."
    assert may("next", ask | {"content": "other"}) == ""
    assert risk_registry.standing(hub).champion().model == models[0].name
    with pytest.raises(HubProblem, match="not approved again"):
        risk_registry.approve(hub, models[1].name, "R. Example", "again", date(2026, 12, 31))
    risk_registry.retire(hub, models[0].name, "R. Example", "so was the other", with_recipe=True)
    assert "were retired" in risk_registry.may_speak(hub, MONDAY)("next", ask | {"content": "other"})
    assert risk_registry.standing(hub).champion() is None


@pytest.mark.parametrize(("by", "reason"), [(" ", "why"), ("R. Example", "")])
def test_nobody_retires_a_model_for_no_reason(hub, models, by, reason):
    with pytest.raises(HubProblem, match="who does this and why"):
        risk_registry.retire(hub, models[1].name, by, reason, with_recipe=False)
    assert hub.store.audit.entries(what=[risk_registry.RETIRED]) == []


def test_a_changed_log_approves_nothing(hub):
    with sqlite3.connect(hub.settings.root / "hub.sqlite") as con:
        for (trigger,) in con.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            con.execute(f"drop trigger {trigger}")
        con.execute("delete from audit_entry where seq = 1")
    with pytest.raises(AuditBroken, match="Nothing read from it counts"):
        risk_registry.may_speak(hub, MONDAY)
