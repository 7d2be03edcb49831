"""A whole weekly run in shadow mode: everything is judged and kept, nothing that names a person leaves the store."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
from tests.demo_hub import DemoHub, copy_of

PACK = Path(__file__).parents[2] / "partnerships" / "northmere"
WEEK = date(2026, 10, 4)


@pytest.fixture(scope="module")
def hub(finished: DemoHub, tmp_path_factory: pytest.TempPathFactory) -> DemoHub:
    pack = tmp_path_factory.mktemp("packs") / "northmere"
    shutil.copytree(PACK, pack)
    # Of four hundred children no pattern holds this week: one agency's concern is enough for this one.
    _put(pack / "rules.yml", "agencies_12w, at_least: 2}, {feature: concerns_prior_52w, at_most: 1}",
         "agencies_12w, at_least: 1}, {feature: concerns_prior_52w, at_most: 99}")  # fmt: skip
    _put(pack / "partnership.yml", "\nmode: pilot", "\nmode: shadow")
    copied = copy_of(finished, tmp_path_factory.mktemp("shadow"))
    # As if no week had been made yet: no list issued, none handed out.
    for made in (copied.root / "hub.sqlite", copied.root / "hub.sqlite-wal", copied.root / "hub.sqlite-shm"):
        made.unlink(missing_ok=True)
    shutil.rmtree(copied.root / "outbox")
    return DemoHub(copied.folder, str(pack), finished.key_file or finished.folder / "keys.json")


def _put(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def outbox(hub: DemoHub) -> dict[str, bytes]:
    folder = hub.root / "outbox"
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_shadow_week_is_judged_and_kept_and_names_nobody(hub: DemoHub) -> None:
    before = outbox(hub)
    said = " ".join(hub.run("run", "weekly", "--as-of", WEEK.isoformat()).split())
    assert "shadow mode, nothing that names a person leaves the hub's store" in said
    assert outbox(hub) == before

    store = HubStore(hub.root / "hub.sqlite", hub.keys.hub, Pseudonym(hub.keys.pseudonym).key_of)
    try:
        # Judged: every gate has its verdict, and the candidates with their evidence are kept.
        judged = store.audit.entries(what=["risk.judged"])[-1].detail
        assert judged["as_of_date"] == WEEK.isoformat() and judged["mode"] == "shadow"
        assert judged["gates"]["mode"] == "failed" and len(judged["gates"]) > 10
        assert store.candidates(judged["batch_id"])["candidates"]
        # Frozen, so that it can be looked back on; handed to nobody.
        frozen = store.issued(as_of=WEEK)
        assert frozen
        assert not {one.document_id for one in frozen} & {one.document_id for one in store.releases()}
    finally:
        store.close()


def test_the_commands_hand_nothing_out_either(hub: DemoHub) -> None:
    before = outbox(hub)
    said = " ".join(hub.run("list", "show", "--as-of", WEEK.isoformat()).split())
    assert "nothing that names a person leaves the hub's store" in said
    assert outbox(hub) == before
