"""In shadow mode a week is judged and kept, names nobody outside the hub's store, and does not fail."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from review_samples import AS_OF, SETTINGS, compose

from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
from models.risk import gate_terms
from models.risk.gate_declare import Gate
from models.risk.gate_result import GateInput
from models.risk.labels import HistorySum
from pipelines.checks.gates import gate_check_results
from pipelines.weekly_lists import release_lists
from review.freeze import issue

FIRST = datetime(2026, 10, 5, 1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HubStore]:
    store = HubStore(tmp_path / "hub.sqlite", b"k" * 32, Pseudonym(b"p" * 32).key_of)
    yield store
    store.close()


def hub(store: HubStore, folder: Path, mode: str) -> Any:
    return SimpleNamespace(
        store=store, settings=SimpleNamespace(outbox=folder / "outbox"), partnership=SimpleNamespace(mode=mode)
    )


def files(folder: Path) -> list[Path]:
    return [one for one in (folder / "outbox").rglob("*") if one.is_file()]


@pytest.mark.parametrize("frozen_in", ["shadow", "pilot"])
def test_a_week_of_shadow_running_ends_without_a_product(store: HubStore, tmp_path: Path, frozen_in: str) -> None:
    documents = compose(settings=dataclasses.replace(SETTINGS, mode=frozen_in))
    issue(store, list(documents.values()), issued_at=FIRST, who="schedule")
    assert store.issued(as_of=AS_OF)
    shadow = hub(store, tmp_path, "shadow")
    assert release_lists(shadow, AS_OF, who="schedule", purpose="weekly review") == []
    assert files(tmp_path) == [] and store.releases() == []


def test_what_went_out_before_still_ends_on_its_day(store: HubStore, tmp_path: Path) -> None:
    documents = compose(settings=dataclasses.replace(SETTINGS, mode="pilot"))
    issue(store, list(documents.values()), issued_at=FIRST, who="schedule")
    assert release_lists(hub(store, tmp_path, "pilot"), AS_OF, who="schedule", purpose="weekly review")
    assert files(tmp_path)
    assert release_lists(hub(store, tmp_path, "shadow"), date(2026, 10, 18), who="schedule", purpose="review") == []
    assert files(tmp_path) == []


@pytest.mark.parametrize(("mode", "is_error"), [("shadow", False), ("live", True)])
def test_running_in_shadow_is_told_and_nobody_is_rung_for_it(mode: str, is_error: bool) -> None:
    gate = Gate(id="mode", kind="mode", title="Beyond shadow running", required=("live_running",))
    given = GateInput(
        as_of=AS_OF, partnership={"mode": mode}, teams=(), history=HistorySum(0, 0, 0, 0, 0), no_model_because="",
        feeds={}, evaluation=None, linkage=None, registration=None,
    )  # fmt: skip
    verdict = gate_terms.mode(gate, given).as_dict()
    assert verdict["status"] == "failed"
    (told,) = gate_check_results(dg.AssetKey("gates"), [verdict])
    assert not told.passed and (told.severity is dg.AssetCheckSeverity.ERROR) == is_error
