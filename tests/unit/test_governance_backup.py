"""Backups: what comes back is what went in, or nothing comes back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from governance import hub_schema
from governance.backup import BackupProblem, backup, restore
from governance.hub_store import HubStore
from governance.keys import Keys
from governance.migrations import SchemaTooNew
from governance.pseudonym import Pseudonym
from governance.zones import Zones

KEYS = Keys(*(bytes([number]) * 32 for number in range(7)))
TAKEN = datetime(2026, 10, 5, 3)


def hub(root: Path) -> HubStore:
    return HubStore(root / "hub.sqlite", KEYS.hub, Pseudonym(KEYS.pseudonym).key_of)


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    zones = Zones(tmp_path / "var" / "northmere", KEYS, threads=1, memory_limit="512MB")
    zones.migrate()
    with zones.open("identity") as con:
        con.execute("create table note (text varchar)")
        con.execute("insert into note select 'CANARY ' || i from range(50000) t(i)")
    store = hub(zones.root)
    store.audit.append("schedule", "test.made", "test", about=["somebody"])
    store.close()
    accepted = zones.root / "landing" / "police" / "ppn" / "accepted"
    accepted.mkdir(parents=True)
    (accepted / "ppn_20261004_full.csv.enc").write_bytes(b"sealed already")
    return zones


def test_what_comes_back_is_what_went_in(zones: Zones, tmp_path: Path) -> None:
    archive = tmp_path / "northmere.backup"
    manifest = backup(zones, archive, KEYS.hub, TAKEN)
    assert set(manifest.schema_versions) == {"quarantine", "identity", "warehouse", "hub"}
    assert archive.stat().st_mode & 0o077 == 0
    assert b"CANARY" not in archive.read_bytes()
    assert b"northmere" not in archive.read_bytes()

    elsewhere = tmp_path / "other" / "northmere"
    assert restore(archive, elsewhere, KEYS.hub) == manifest
    restored = Zones(elsewhere, KEYS, threads=1)
    with restored.open("identity", read_only=True) as con:
        assert con.execute("select count(*), max(text) from note").fetchone() == (50000, "CANARY 9999")
    store = hub(elsewhere)
    assert store.audit.verify_chain().entries == 1
    assert store.audit.entries(about="somebody")[0].what == "test.made"
    store.close()
    assert (elsewhere / "landing/police/ppn/accepted/ppn_20261004_full.csv.enc").read_bytes() == b"sealed already"


def test_a_backup_never_overwrites(zones: Zones, tmp_path: Path) -> None:
    archive = tmp_path / "one.backup"
    backup(zones, archive, KEYS.hub, TAKEN)
    before = archive.read_bytes()
    with pytest.raises(BackupProblem, match="never overwrites"):
        backup(zones, archive, KEYS.hub, TAKEN)
    assert archive.read_bytes() == before


def test_restore_refuses_a_full_folder_and_force_moves_it_aside(zones: Zones, tmp_path: Path) -> None:
    archive = tmp_path / "one.backup"
    backup(zones, archive, KEYS.hub, TAKEN)
    with zones.open("identity") as con:
        con.execute("drop table note")
    with pytest.raises(BackupProblem, match="not empty"):
        restore(archive, zones.root, KEYS.hub)
    restore(archive, zones.root, KEYS.hub, force=True)
    with zones.open("identity") as con:
        assert con.execute("select count(*) from note").fetchone() == (50000,)
    aside = zones.root.with_name("northmere.before-restore-1")
    assert (aside / "identity.duckdb").exists()


@pytest.mark.parametrize("damage", ["flip", "cut", "append", "swap_last", "empty", "not_a_backup"])
def test_a_damaged_archive_restores_nothing(zones: Zones, tmp_path: Path, damage: str) -> None:
    archive = tmp_path / "one.backup"
    backup(zones, archive, KEYS.hub, TAKEN)
    content = bytearray(archive.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    elif damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "append":
        content += b"more"
    elif damage == "swap_last":
        content[11 + 16] ^= 1
    elif damage == "empty":
        content = bytearray()
    else:
        content = bytearray(b"PK\x03\x04" + bytes(1000))
    archive.write_bytes(content)
    target = tmp_path / "target"
    with pytest.raises(BackupProblem):
        restore(archive, target, KEYS.hub)
    assert not target.exists()
    assert not list(tmp_path.glob(".target*"))


def test_another_key_opens_nothing(zones: Zones, tmp_path: Path) -> None:
    archive = tmp_path / "one.backup"
    backup(zones, archive, KEYS.hub, TAKEN)
    with pytest.raises(BackupProblem, match="another key"):
        restore(archive, tmp_path / "target", KEYS.identity)


def test_a_backup_of_a_newer_system_is_refused(zones: Zones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "one.backup"
    backup(zones, archive, KEYS.hub, TAKEN)
    monkeypatch.setattr(hub_schema, "LATEST", 0)
    with pytest.raises(SchemaTooNew, match="hub has schema version"):
        restore(archive, tmp_path / "target", KEYS.hub)
    assert not (tmp_path / "target").exists()


def test_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(BackupProblem, match="nothing to back up"):
        backup(Zones(tmp_path / "var", KEYS), tmp_path / "one.backup", KEYS.hub, TAKEN)
