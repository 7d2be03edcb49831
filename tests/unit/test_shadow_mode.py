"""In shadow mode a week is judged and kept, names nobody outside the hub's store, and does not fail."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from review_samples import AS_OF, SETTINGS, compose

from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
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
