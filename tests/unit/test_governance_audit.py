"""The audit log and the hub store: nothing can be changed unseen, nothing sealed opens in another place."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from governance import hub_schema
from governance.audit import AuditBroken
from governance.hub_store import HubStore, HubStoreProblem
from governance.migrations import SchemaTooNew
from governance.pseudonym import Pseudonym
from governance.seal import SealBroken

KEY = b"k" * 32
AT = datetime(2026, 10, 5, 1, tzinfo=UTC)


def opened(path: Path, key: bytes = KEY) -> HubStore:
    return HubStore(path, key, Pseudonym(b"p" * 32).key_of)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hub.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[HubStore]:
    store = opened(path)
    yield store
    store.close()


def filled(store: HubStore, entries: int = 5) -> None:
    for number in range(entries):
        store.audit.append(
            "a.manager", "list.viewed", "Monday meeting", about=[f"person {number}"], detail={"n": number}, at=AT
        )


def tamper(path: Path, statement: str) -> None:
    """What somebody with the file and a text editor, but without the key, could do."""
    with sqlite3.connect(path) as con:
        for (trigger,) in con.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            con.execute(f"drop trigger {trigger}")
        con.execute(statement)


def test_entries_say_who_what_why_whose_and_when(store: HubStore) -> None:
    filled(store)
    assert store.audit.verify_chain().intact
    (entry,) = store.audit.entries(about="person 3")
    assert (entry.seq, entry.who, entry.what, entry.purpose) == (4, "a.manager", "list.viewed", "Monday meeting")
    assert entry.detail == {"n": 3}
    assert entry.at == AT.replace(tzinfo=None)
    assert all("person" not in subject for subject in entry.subjects)


@pytest.mark.parametrize("missing", ["who", "what", "purpose"])
def test_an_entry_without_who_what_or_purpose_is_refused(store: HubStore, missing: str) -> None:
    facts = {"who": "a", "what": "b", "purpose": "c", missing: " "}
    with pytest.raises(ValueError, match="needs who"):
        store.audit.append(**facts)
    assert store.audit.head()[0] == 0


@pytest.mark.parametrize(
    "statement", ["update audit_entry set who = 'x'", "delete from audit_entry", "delete from audit_subject"]
)
def test_the_database_itself_refuses_changes(store: HubStore, statement: str) -> None:
    filled(store)
    with pytest.raises(sa.exc.IntegrityError, match="can only be added to"), store.transaction() as connection:
        connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    ("statement", "at"),
    [
        ("update audit_entry set who = 'x' where seq = 2", 2),
        ("update audit_entry set at = '2026-10-06 00:00:00.000000' where seq = 3", 3),
        ("update audit_entry set purpose = 'curiosity' where seq = 1", 1),
        (
            "update audit_entry set sealed_detail = (select sealed_detail from audit_entry where seq = 1)"
            " where seq = 4",
            4,
        ),
        ("update audit_subject set subject = 'other' where seq = 5", 5),
        ("delete from audit_subject where seq = 2", 2),
        ("delete from audit_entry where seq = 3", 3),
        ("delete from audit_entry where seq >= 4", 4),
        ("delete from audit_entry", 1),
        ("update audit_head set seq = 4, entry_hash = (select entry_hash from audit_entry where seq = 4)", 6),
        ("delete from audit_head", 6),
        ("update audit_entry set seq = 9 where seq = 5", 5),
    ],
)
def test_every_tampering_is_found_and_stops_the_log(store: HubStore, path: Path, statement: str, at: int) -> None:
    filled(store)
    tamper(path, statement)
    fresh = opened(path)
    state = fresh.audit.verify_chain()
    assert (state.intact, state.broken_at) == (False, at)
    with pytest.raises(AuditBroken, match=f"entry {at} "):
        fresh.audit.append("a.manager", "list.viewed", "Monday meeting")
    # A log that had seen the entries before notices a cut at the end without reading all of it again.
    if "seq >= 4" in statement or statement == "delete from audit_entry":
        with pytest.raises(AuditBroken):
            store.audit.append("a.manager", "list.viewed", "Monday meeting")
    fresh.close()


def test_an_act_that_fails_leaves_no_entry_and_no_broken_log(store: HubStore) -> None:
    filled(store, 2)
    with pytest.raises(RuntimeError), store.transaction() as connection:
        store.audit.append("a", "b", "c", connection=connection)
        raise RuntimeError
    with pytest.raises(RuntimeError), store.transaction() as connection:
        for _ in range(3):
            store.audit.append("a", "b", "c", connection=connection)
        raise RuntimeError
    assert store.audit.append("a", "b", "c") == 3
    assert store.audit.verify_chain().entries == 3


def test_two_writers_keep_one_chain(path: Path) -> None:
    first, second = opened(path), opened(path)
    for number in range(6):
        (first if number % 2 else second).audit.append("a", "b", "c")
    assert first.audit.verify_chain().entries == second.audit.verify_chain().entries == 6
    first.close()
    second.close()


def test_candidates_are_sealed_and_kept_once(store: HubStore, path: Path) -> None:
    body = {"candidates": [{"person_key": "CANARY"}]}
    batch = store.put_candidates(date(2026, 10, 4), body, AT)
    assert store.put_candidates(date(2026, 10, 4), body, AT) == batch
    assert store.candidates(batch) == body
    assert b"CANARY" not in path.read_bytes()
    with pytest.raises(HubStoreProblem):
        store.candidates("2026-10-04-none")


def test_a_judgement_that_came_back_is_the_latest_again(store: HubStore) -> None:
    week = date(2026, 10, 4)
    first = store.put_candidates(week, {"n": 1}, AT)
    other = store.put_candidates(week, {"n": 2}, AT + timedelta(hours=1))
    assert store.latest_batch(week) == other
    assert store.put_candidates(week, {"n": 1}, AT + timedelta(hours=2)) == first
    assert store.latest_batch(week) == first


def test_a_sealed_field_moved_to_another_row_does_not_open(store: HubStore, path: Path) -> None:
    one = store.put_candidates(date(2026, 10, 4), {"n": 1}, AT)
    two = store.put_candidates(date(2026, 10, 4), {"n": 2}, AT)
    tamper(
        path,
        "update candidate_batch set sealed_body = (select sealed_body from candidate_batch"
        f" where batch_id = '{one}') where batch_id = '{two}'",
    )
    with pytest.raises(SealBroken):
        store.candidates(two)


def test_another_key_reads_nothing(store: HubStore, path: Path) -> None:
    batch = store.put_candidates(date(2026, 10, 4), {"n": 1}, AT)
    other = opened(path, b"o" * 32)
    with pytest.raises(SealBroken):
        other.candidates(batch)
    other.close()


def test_a_newer_store_is_refused(store: HubStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_schema, "LATEST", hub_schema.LATEST - 1)
    with pytest.raises(SchemaTooNew, match="schema version"):
        opened(path)


def test_the_file_is_the_owners_alone(store: HubStore, path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0


def test_every_table_can_be_made_on_postgresql() -> None:
    from sqlalchemy.dialects import postgresql

    for table in hub_schema.METADATA.tables.values():
        assert "CREATE TABLE" in str(sa.schema.CreateTable(table).compile(dialect=postgresql.dialect()))
