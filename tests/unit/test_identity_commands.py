"""`hub identity queue, show, decide, unmerge, history` on three records: what is shown, kept, logged and refused."""

from __future__ import annotations

import io
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from unittest import mock
from uuid import UUID

import duckdb
import pytest
from linkage_people import database
from rich.console import Console
from typer.testing import CliRunner

from models.linkage.decisions import DECISIONS as KNOWN
from models.linkage.queue import KINDS
from pipelines import identity_decisions, identity_history, identity_queue
from pipelines.cli import app
from pipelines.cli_identity import Decision, Kind
from pipelines.hub import Hub, HubProblem
from pipelines.identity_history import DECISIONS

A, B, C = (str(UUID(int=i)) for i in (1, 2, 3))
ITEM = "Q0123456789"


class Opened(NamedTuple):
    """The hub as commands open it, and its identity zone as a database in memory."""

    hub: Hub
    con: duckdb.DuckDBPyConnection


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Person P1 of records A and C, person P2 of record B, and one question about A and B."""
    monkeypatch.setenv("HUB_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("HUB_KEY_FILE", str(tmp_path / "keys.json"))
    monkeypatch.setattr(Hub, "present", lambda _: datetime(2026, 10, 5, 1))
    con = database()
    for module in (identity_queue, identity_decisions, identity_history):
        monkeypatch.setattr(module, "identity_zone", lambda *_, **__: nullcontext(con))
    for key, person in ((A, "P1"), (B, "P2"), (C, "P1")):
        con.execute(
            "insert into canonical.person_record by name select $key::uuid as record_key, 'csc' as agency, "
            "'person' as feed, 's' as source_key, 'Marisol' as forename, 'Quennell' as surname, "
            "date '2013-05-16' as birth_date, 'F' as sex, $nhs as nhs_number, timestamp '2026-01-01' as known_from, "
            "timestamp '9999-12-31' as known_to",
            {"key": key, "nhs": "9" * 9 + key[-1]},
        )
        con.execute(
            "insert into linkage.person_assignment values (?, ?, '2026-01-01', '9999-12-31', 'single', 'linked', 'r')",
            [key, person],
        )
    con.execute(
        "insert into linkage.review_queue values (?, 'twin', ?, ?, 'P1', 'P2', '2026-10-05 01:00', 3, 2, 1, "
        "'same birth date, surname alike', 'They may be twins.', 12, -8, 'possible_twins')",
        [ITEM, A, B],
    )
    hub = Hub.from_environment(create_keys=True)
    assert hub.keys
    hub.settings.root.mkdir(parents=True)
    return Opened(hub, con)


def run(*words: str) -> str:
    printed = io.StringIO()
    with mock.patch("pipelines.cli_identity.console", Console(file=printed, width=200, highlight=False)):
        done = CliRunner().invoke(app, ["identity", *words])
    if isinstance(done.exception, HubProblem):
        return f"Stopped. {done.exception}"
    assert done.exit_code == 0, done.output
    return printed.getvalue()


def decided(con: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    sql = "select decision_id, decision, decided_by, reason, item_id from linkage.clerical_decision order by 1"
    return con.execute(sql).fetchall()


def test_the_queue_and_an_item_are_shown_without_a_name(opened: Opened) -> None:
    shown = run("queue") + run("queue", "--kind", "twin") + run("show", ITEM[:4])
    assert ITEM in shown and "same birth date, surname alike" in shown and "P2" in shown
    assert "Marisol" not in shown and "Quennell" not in shown and "99999" not in shown
    assert "0 questions wait" in run("queue", "--kind", "hold")
    assert not opened.hub.store.audit.entries()


def test_names_are_shown_to_somebody_for_a_reason_and_logged_first(opened: Opened) -> None:
    assert "say --by WHO and --why TEXT" in run("show", ITEM, "--names", "--by", "A. Reader")
    assert not opened.hub.store.audit.entries()
    assert "Marisol Quennell" in run("show", ITEM, "--names", "--by", "A. Reader", "--why", "twins?")
    entry = opened.hub.store.audit.entries()[0]
    assert (entry.who, entry.what, entry.purpose) == ("A. Reader", "identity.names_shown", "twins?")
    assert len(entry.subjects) == 2 and entry.detail == {"item_id": ITEM}


def test_a_decision_is_added_never_changed_and_says_what_will_happen(opened: Opened) -> None:
    said = run("decide", ITEM, "must_link", "--by", "A. Reader", "--why", "one child")
    assert "makes persons P1 and P2 one" in said and "different NHS numbers" in said
    assert "1 are decided and take effect with the next night" in run("queue")
    assert "stay two" in run("decide", ITEM, "cannot_link", "--by", "B", "--why", "twins", "--expires", "2027-01-01")
    assert [row[:3] for row in decided(opened.con)] == [
        ("D000000001", "must_link", "A. Reader"), ("D000000002", "cannot_link", "B"),
    ]  # fmt: skip
    history = run("history", ITEM)
    assert "A. Reader: the same person. one child" in history and "until 01 January 2027" in history
    assert "person P1" in run("history", A) and "two people" in run("history", B.upper())


def test_what_cannot_bind_is_refused(opened: Opened) -> None:
    by = ("--by", "A. Reader", "--why")
    assert "a reason" in run("decide", ITEM, "unsure", *by, "  ")
    assert "is over" in run("decide", ITEM, "unsure", *by, "x", "--expires", "2026-10-01")
    assert "not, or not any more, in the queue" in run("decide", "QZZZ", "must_link", *by, "x")
    assert "nothing to take apart" in run("unmerge", A, B, *by, "x")
    assert "is no record key" in run("unmerge", A, "b", *by, "x")
    assert CliRunner().invoke(app, ["identity", "decide", ITEM, "must_link", "--by", "A"]).exit_code != 0
    assert decided(opened.con) == []


def test_a_wrong_merge_is_taken_apart_by_its_records(opened: Opened) -> None:
    assert "parts person P1 between these two records" in run("unmerge", C, A, "--by", "A. Reader", "--why", "cousins")
    assert decided(opened.con) == [("D000000001", "cannot_link", "A. Reader", "cousins", None)]


def test_the_history_of_a_record_is_silent_about_whom_a_barrier_parts_it_from(opened: Opened) -> None:
    run("decide", ITEM, "must_link", "--by", "A. Reader", "--why", "one child")
    opened.con.execute(
        "insert into canonical.linkage_barrier by name "
        "select ?::uuid as record_key_before, ?::uuid as record_key_after", [C, B],
    )  # fmt: skip
    for what in (A, B, ITEM):
        assert "one child" not in run("history", what)


def retract(con: duckdb.DuckDBPyConnection, key: str, day: str) -> None:
    """The night of a day finds that a record is no longer sent."""
    for table in ("canonical.person_record", "linkage.person_assignment"):
        con.execute(f"update {table} set known_to = $day::timestamp where record_key = $key", {"key": key, "day": day})


def test_the_history_tells_whom_a_decision_binds_when_its_record_is_gone(opened: Opened) -> None:
    run("decide", ITEM, "cannot_link", "--by", "A. Reader", "--why", "cousins")
    assert "no longer sent" not in run("history", A) + run("history", ITEM) and "cousins" not in run("history", C)
    retract(opened.con, A, "2026-10-06")
    told = f"Record {A} is no longer sent; it counts for the record that stood beside it in its person: {C}."
    for what in (A, B, ITEM):
        assert told in run("history", what)
    assert "A. Reader: two people. cousins" in run("history", C)
    assert f"It was said of record {A}, which is no longer sent; this record stood beside it" in run("history", C)

    # What is decided anew about those two counts in its place, and the first decision binds nobody.
    opened.con.execute(
        "insert into linkage.clerical_decision (decision_id, record_key_l, record_key_r, decision, decided_by, "
        "decided_at, reason) values ('D000000002', ?, ?, 'must_link', 'B. Reader', '2026-10-05 01:00', 'one child')",
        [B, C],
    )
    assert "cousins" not in run("history", C) and "B. Reader: the same person. one child" in run("history", C)
    assert "no longer sent" not in run("history", A)


def test_the_history_says_when_nobody_stands_in_for_a_record_that_is_gone(opened: Opened) -> None:
    run("decide", ITEM, "must_link", "--by", "A. Reader", "--why", "one child")
    retract(opened.con, B, "2026-10-06")
    assert f"Record {B} is no longer sent, and nobody is left for whom it counts." in run("history", B)
    assert "one child" not in run("history", C)


def test_the_history_of_a_stand_in_is_silent_across_a_barrier(opened: Opened) -> None:
    run("decide", ITEM, "must_link", "--by", "A. Reader", "--why", "one child")
    retract(opened.con, A, "2026-10-06")
    assert "one child" in run("history", C)
    opened.con.execute(
        "insert into canonical.linkage_barrier by name "
        "select ?::uuid as record_key_before, ?::uuid as record_key_after", [C, B],
    )  # fmt: skip
    assert "one child" not in run("history", C) + run("history", A)


def test_before_the_first_night_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_VAR", str(tmp_path))
    assert "hub run nightly" in run("queue")


def test_commands_and_linkage_know_the_same_kinds_and_decisions() -> None:
    assert [kind.value for kind in Kind] == list(KINDS)
    assert [one.value for one in Decision] == list(KNOWN) == list(DECISIONS)
