"""A model's life through the commands: it speaks, is approved, traced, explained, tampered with, retired, gone."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
from models.risk.registry import pack_model, unpack_model
from pipelines.checks.watching import FEATURE_CHECKS, LEAK, SCORE_CHECKS
from tests.demo_hub import DemoHub, copy_of
from tests.lenient_pack import lenient_pack

PACK = Path(__file__).parents[2] / "partnerships" / "northmere"


@pytest.fixture(scope="module")
def hub(finished: DemoHub, tmp_path_factory: pytest.TempPathFactory) -> DemoHub:
    """The finished demo under a pack of the same name whose model may speak, and the week made once more."""
    pack = lenient_pack(tmp_path_factory.mktemp("packs"))
    copied = copy_of(finished, tmp_path_factory.mktemp("lenient"))
    hub = DemoHub(copied.folder, str(pack), finished.key_file or finished.folder / "keys.json")
    said = hub.run("run", "weekly")
    assert "from a model that passed every check" in said
    return hub


@pytest.fixture(scope="module")
def store(hub: DemoHub) -> Iterator[HubStore]:
    opened = HubStore(hub.root / "hub.sqlite", hub.keys.hub, Pseudonym(hub.keys.pseudonym).key_of)
    yield opened
    opened.close()


def champion(store: HubStore) -> dict:
    """What the log says of the newest week whose model spoke."""
    return [e.detail for e in store.audit.entries(what=["risk.judged"]) if e.detail["channel"] == "model+rules"][-1]


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def explain(hub: DemoHub, key: str, as_of: str, fails: bool = False, *more: str) -> str:
    who = ("--by", "A. Reader", "--why", "a complaint")
    return " ".join(hub.run("risk", "explain", "--key", key, "--as-of", as_of, *who, *more, fails=fails).split())


def trace(hub: DemoHub, model: str) -> dict[str, Path]:
    """The files of a trace by their last part."""
    hub.run("risk", "trace", model, "--by", "A. Reader", "--why", "a feed was wrong")
    found = (hub.root / "outbox" / "analyst-a-reader").glob(f"model-trace_{model}_*")
    return {file.name.rsplit("_", 1)[1]: file for file in found}


def test_the_week_shows_its_figures_pictures_and_drift_in_the_ui(hub: DemoHub) -> None:
    with dg.DagsterInstance.from_config(str(hub.root / "dagster_home")) as history:
        (run,) = history.get_runs(dg.RunsFilter(job_name="weekly"), limit=1)
        events = [entry.dagster_event for entry in history.all_logs(run.run_id) if entry.dagster_event]
    shown = {
        made.asset_key.to_user_string(): set(made.metadata)
        for event in events
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION
        for made in [event.step_materialization_data.materialization]
    }
    checked = {
        event.asset_check_evaluation_data.check_name
        for event in events
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
    }
    assert {LEAK, *FEATURE_CHECKS, *SCORE_CHECKS, "registered"} <= checked
    # What each model contributes is drawn, even where nothing could be judged; the course of drift is a number a week.
    assert {"contributions", "rules", "score_index_training", "expected_precision"} <= shown["risk/evaluation"]
    assert {"features", "features_by_theme", "largest_index_training"} <= shown["panel/features"], shown
    assert "card" in shown["risk/model"] and {"statement", "gates"} <= shown["risk/gates"]
    assert "Has the world moved away" in (hub.root / "assurance" / "drift.html").read_text(encoding="utf-8")


def test_a_models_life(hub: DemoHub, store: HubStore) -> None:
    week = champion(store)
    model, as_of = week["model"], week["as_of_date"]
    batch = store.candidates(week["batch_id"])
    pointed = {one["person_key"] for one in batch["candidates"] if "model" in one["channel"]}
    assert pointed and batch["model"] == model and week["lottery"] == batch["choice"]["lottery"]

    # It is listed with its figures, and approved by recipe.
    said = hub.run("risk", "models")
    assert model in said and "champion" in said and "intact" in said and "challenger" in said
    until = ("--until", "2027-01-31")
    hub.run("risk", "approve", model[:-3], "--by", "R. Example", "--reason", "figures read", *until)
    assert "R. Example, until" in " ".join(hub.run("risk", "models").split())
    assert "over on the day" in hub.run(
        "risk", "approve", model, "--by", "R.", "--reason", "late", "--until", "2020-01-01", fails=True
    )
    assert "is called 'nothing'" in hub.run("risk", "trace", "nothing", "--by", "R.", "--why", "x", fails=True)

    # Decisions come back, and the trace tells whom it pointed to, who saw it, what was decided.
    hub.run("demo", "decide")
    files = trace(hub, model)
    people = rows_of(files["people.csv"])
    assert {one["person_key"] for one in people} == pointed
    on_lists = [one for one in people if one["document"]]
    assert on_lists and all(one["week"] == as_of and one["released_to"].endswith("-team") for one in on_lists)
    decided = {(d["document_id"], d["person_key"]): d["decision"] for d in store.decisions()}
    assert {(o["document"], o["person_key"]): o["decision"] for o in on_lists if o["decision"]} == {
        pair: words
        for pair, words in decided.items()
        if pair[1] in pointed and pair[0] in {o["document"] for o in on_lists}
    }
    assert any(one["decision"] for one in on_lists)
    looks = rows_of(files["looks.csv"])
    assert {"risk.judged", "weekly_list.issued", "weekly_list.released", "decision.taken"} <= {o["what"] for o in looks}
    text = "".join(file.read_text(encoding="utf-8") for file in files.values())
    names = {c["name"] for one in on_lists for f in store.document(one["document"])["families"] for c in f["children"]}
    assert names and not [name for name in names if name in text]
    assert all(file.stat().st_mode & 0o077 == 0 for file in files.values())
    (entry,) = store.audit.entries(what=["model.traced"])
    assert entry.purpose == "a feed was wrong" and len(entry.subjects) == len(pointed)

    # A score is taken apart, logged, and the store holds nothing of it.
    key = sorted(pointed)[0]
    said = explain(hub, key, as_of)
    assert (
        "chance" in said
        and "yes, by model" in said
        and "cut-off of the team" in said
        and "nobody in particular" in said
    )
    (entry,) = store.audit.entries(what=["risk.explained"])
    assert entry.purpose == "a complaint" and entry.detail["by"] == "A. Reader" and len(entry.subjects) == 1
    assert set(entry.detail) == {"as_of_date", "model", "by", "changed"}
    assert "Nobody goes by this key" in explain(hub, "00000000-0000-0000-0000-000000000000", as_of, True)
    assert "No model is registered for the week" in explain(hub, key, "2020-01-05", True)

    # A changed file, a changed card and another model's files in its place are each refused.
    folder = hub.root / "models" / model
    kept = {file: file.read_bytes() for file in folder.iterdir()}
    estimator = folder / "estimator_1.skops"
    estimator.write_bytes(kept[estimator][:-1] + b"x")
    said = explain(hub, key, as_of, True)
    assert "estimator_1.skops is not the one that was registered" in said and "changed" in hub.run("risk", "models")
    estimator.write_bytes(kept[estimator])
    card = json.loads(kept[folder / "card.json"])
    (folder / "card.json").write_text(json.dumps(card | {"evaluation": {}}), encoding="utf-8")
    assert "its card is not the one that was registered" in explain(hub, key, as_of, True)
    (folder / "card.json").write_bytes(kept[folder / "card.json"])
    parts, _ = unpack_model({file.name: content for file, content in kept.items()})
    for name, content in pack_model(parts[::-1], {}, {}).files.items():
        (folder / name).write_bytes(content)
    assert "are those of another model" in explain(hub, key, as_of, True)
    for file, content in kept.items():
        file.write_bytes(content)
    assert "chance" in explain(hub, key, as_of)

    # Retired, it is silent when its week is made again, and the list says why, though a file of it is damaged too.
    estimator.write_bytes(b"damaged")
    hub.run("risk", "retire", model, "--by", "R. Example", "--reason", "a feed was wrong")
    said = hub.run("run", "weekly")
    assert "from the named patterns alone. Its model was retired" in said
    again = [e.detail for e in store.audit.entries(what=["risk.judged"])][-1]
    assert again["channel"] == "rules" and store.candidates(again["batch_id"])["model"] is None
    said = " ".join(hub.run("risk", "models").split())
    assert "No champion" in said and re.search(r"Retired on [-0-9]{10}.* by R\. Example: a feed was wrong", said)

    # Its files may be gone: whom it pointed to can still be told.
    shutil.rmtree(folder)
    assert "gone" in hub.run("risk", "models")
    assert {one["person_key"] for one in rows_of(trace(hub, model)["people.csv"])} == pointed
    assert "are not in the registry any more" in explain(hub, key, as_of, True)
    page = (hub.root / "assurance" / "was_anyone_helped.html").read_text(encoding="utf-8")
    assert "not known yet" in page and "invented" in page and not [name for name in names if name in page]
