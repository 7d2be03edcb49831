"""Drops through the sweep: refusals, waiting, quarantine and return, clocks, one bad feed beside good ones."""

from __future__ import annotations

import logging
import os
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1]))

from gate_support import (
    CODES,
    COLUMNS,
    START,
    column,
    contacts_columns,
    current,
    make_contract,
    plain_archive,
    plain_zones,
    row,
    sealed_zones,
    some_keys,
    write_drop,
)

from data_quality.code_sets import CodeSet, CodeSets
from data_quality.content_hash import content_hash
from data_quality.drop_log import GateFailed
from data_quality.feed_check import check_file
from data_quality.feed_status import feed_status
from data_quality.gate import accept_drop
from data_quality.raw_tables import RawTableConflict, ensure_raw_tables
from data_quality.sweep import sweep_landing

NOW = START + timedelta(days=30)
CANARY = "Zyxwquist"


ALWAYS = (date(1, 1, 1), date(9999, 12, 31))
NEWER_CODES = CodeSets({"referral_source": CodeSet("referral_source", (("1A", *ALWAYS), ("OLD", *ALWAYS)))})


def ask(con, sql):
    return con.execute(sql).fetchall()


def sweep(con, landing, *contracts, codes=CODES, now=NOW, **more):
    return sweep_landing(
        con, landing, {c.name: c for c in contracts}, codes, now=now, archive=plain_archive(landing), **more
    )


HEADER = ",".join(COLUMNS)
BOB = f"1,{CANARY},2026-10-01,1A,,"


@pytest.mark.parametrize(
    ("content", "count", "rule", "says"),
    [
        (f"{HEADER}\n{BOB}\n2,P".encode(), 2, "loaded", None),
        (f"{HEADER}\n{BOB}\n".encode(), 3, "truncated", "it has 1 rows, the manifest announces 3"),
        (f"{HEADER}\n1,\"{CANARY},2026-10-01,1A,,\n2,P,2026-10-01,1A,,\n".encode(), 2, "truncated", "it has 1 rows"),
        (f"contact_id,person_id\n1,{CANARY}\n".encode(), 1, "missing_column", "contact_date, source_code"),
        (f"{HEADER},contact_id\n{BOB},2\n".encode(), 1, "repeated_column", "contact_id comes twice"),
        (f"{HEADER}\n1,{CANARY}\xe9,2026-10-01,1A,,\n".encode("latin-1"), 1, "encoding", "line 2 cannot be read"),
        (f"{HEADER}\n1,{CANARY}\x00,2026-10-01,1A,,\n".encode(), 1, "null_bytes", "not a text file"),
        (b"", 0, "empty", "no header line"),
    ],
)  # fmt: skip
def test_structurally_bad_files_are_refused_whole_and_say_why(tmp_path, caplog, content, count, rule, says):
    contract = make_contract(tmp_path)
    with plain_zones() as con, caplog.at_level(logging.DEBUG):
        landing = tmp_path / "landing"
        write_drop(landing, content, extracted=START, count=count)
        report = sweep(con, landing, contract)
        drop = report.feeds["csc__contacts"].reports[0]
        if says is None:
            assert (drop.outcome, drop.rows_in, drop.loaded, drop.quarantined) == ("loaded", 2, 1, 1)
            assert con.execute("select rule, row_no from quarantine.gate.quarantined_row").fetchall() == [
                ("malformed_row", 2)
            ]
        else:
            assert (drop.outcome, drop.rule) == ("refused", rule)
            assert says in drop.reason and "csc contacts" in drop.reason and "What to do" in drop.reason
            assert con.execute("select count(*) from identity.raw.csc__contacts").fetchall() == [(0,)]
            assert len(list((landing / "csc/contacts/refused").iterdir())) == 2
            assert feed_status(con, {contract.name: contract}, NOW)[0].last_refusal == drop.reason
        assert CANARY not in repr(report) + caplog.text


def test_wrong_checksum_is_refused_but_a_file_younger_than_its_manifest_waits(tmp_path):
    contract = make_contract(tmp_path)
    landing = tmp_path / "landing"
    drop = write_drop(landing, [row("1")], extracted=START, sha256="0" * 64)
    later = drop.manifest_path.stat().st_mtime_ns + 10**9
    os.utime(drop.path, ns=(later, later))
    with plain_zones() as con:
        report = sweep(con, landing, contract).feeds["csc__contacts"]
        assert not report.reports and "still being written" in report.waiting[0]
        os.utime(drop.path, ns=(1, 1))
        report = sweep(con, landing, contract).feeds["csc__contacts"]
        assert report.reports[0].rule == "checksum"
        # The right file under the same manifest is then taken.
        good = write_drop(landing, [row("1")], extracted=START)
        assert sweep(con, landing, contract).feeds["csc__contacts"].loaded
        assert not good.path.exists()


def test_half_written_drops_and_later_knowledge_wait(tmp_path):
    contract = make_contract(tmp_path)
    landing = tmp_path / "landing"
    drop = write_drop(landing, [row("1")], extracted=START, received=NOW + timedelta(hours=1))
    (drop.path.parent / "contacts_20261006_delta.csv").write_bytes(b"contact_id,")
    with plain_zones() as con:
        report = sweep(con, landing, contract).feeds["csc__contacts"]
        assert not report.reports and len(report.waiting) == 2
        assert sweep(con, landing, contract, now=NOW + timedelta(hours=2)).feeds["csc__contacts"].loaded


def test_no_valid_agreement_is_not_read_and_other_feeds_go_on(tmp_path):
    landing = tmp_path / "landing"
    expired = make_contract(tmp_path, agreement={"id": "A", "signed": date(2024, 1, 1), "expires": date(2025, 1, 1)})
    missing = make_contract(tmp_path, agency="police", feed="contacts", agreement=None)
    good = make_contract(tmp_path, agency="health", feed="contacts")
    broken = make_contract(tmp_path, agency="school", feed="contacts")
    for contract in (expired, missing, good):
        write_drop(landing, [row("1")], extracted=START, agency=contract.agency)
    manifest = write_drop(landing, [row("1")], extracted=START, agency="school").manifest_path
    manifest.write_text("{", encoding="utf-8")
    (landing / "stranger" / "feed").mkdir(parents=True)
    with plain_zones() as con:
        report = sweep(con, landing, expired, missing, good, broken)
        assert [report.feeds[c.name].agreement for c in (expired, missing, good)] == ["expired", "missing", "valid"]
        assert report.feeds["csc__contacts"].unread == report.feeds["police__contacts"].unread == 1
        assert report.feeds["health__contacts"].loaded and report.unknown_folders == ["stranger__feed"]
        assert "not valid JSON" in report.feeds["school__contacts"].refused[0]
        assert [path.suffix for path in sorted((landing / "csc/contacts").iterdir())] == [".csv", ".json"]
        said = {
            status.name: status.sentence() for status in feed_status(con, {c.name: c for c in (expired, good)}, NOW)
        }
        assert "its sharing agreement is expired" in said["csc__contacts"] and "late" in said["health__contacts"]


def test_extra_and_reordered_columns_are_dropped_and_counted(tmp_path):
    contract = make_contract(tmp_path)
    order = ["row_state", "extra", *COLUMNS[:-1]]
    with plain_zones() as con:
        landing = tmp_path / "landing"
        write_drop(landing, [["", CANARY, *row("1")[:-1]]], extracted=START, header=order)
        drop = sweep(con, landing, contract).feeds["csc__contacts"].reports[0]
        assert drop.loaded == 1 and drop.columns_dropped == ("extra",) and drop.is_reordered
        assert con.execute("select columns_dropped from identity.gate.drop_log").fetchall() == [(1,)]
        assert current(con) == {("1", date(2026, 10, 1), "1A", None)}


def test_held_rows_come_back_corrected_or_when_the_code_set_is_updated(tmp_path):
    contract = make_contract(tmp_path)
    landing = tmp_path / "landing"
    with plain_zones() as con:
        write_drop(landing, [row("1", "OLD"), row("2", "OLD"), row("3", note="SECRET")], extracted=START)
        sweep(con, landing, contract)
        held = ask(con, "select row_no, rule, row_as_sent is null, source_key_hash is null "
                        "from quarantine.gate.quarantined_row order by row_no")  # fmt: skip
        assert held == [
            (1, "code_set", False, False),
            (2, "code_set", False, False),
            (3, "not_to_be_shared", True, False),
        ]
        write_drop(landing, [row("1")], extracted=START + timedelta(days=1))
        sweep(con, landing, contract)
        report = sweep(con, landing, contract, codes=NEWER_CODES).feeds["csc__contacts"]
        assert [(r.rows_in, r.loaded) for r in report.reports] == [(1, 1)]
        assert {(key, code) for key, _, code, _ in current(con)} == {("1", "1A"), ("2", "OLD")}
        open_rows = con.execute(
            "select row_no from quarantine.gate.quarantined_row where resolved_by_drop is null"
        ).fetchall()
        assert open_rows == [(3,)]
        known = con.execute(
            "select known_from, extracted_at from warehouse.raw.csc__contacts where source_code = 'OLD'"
        ).fetchall()
        assert known == [(NOW, START)]
        assert not sweep(con, landing, contract, codes=NEWER_CODES).feeds["csc__contacts"].reports


def test_two_clocks_of_an_initial_history(tmp_path):
    happened = make_contract(tmp_path, assumedLagDays=3)
    recorded = make_contract(
        tmp_path,
        [column("id", "identity", key=1), column("at", "warehouse", "timestamp", occurredOn=True),
         column("noted", "warehouse", "timestamp", recordedAt=True)],
        agency="police", feed="notes",
    )  # fmt: skip
    register = make_contract(tmp_path, [column("id", "identity", key=1)], feed="person")
    landing = tmp_path / "landing"
    write_drop(
        landing, [row("1", on="2026-07-01"), row("2", on="2026-10-04")], extracted=START, history=True, mode="full"
    )
    history = {"extracted": START, "history": True, "mode": "full"}
    note = ["1", "2026-07-01 23:30:00", "2026-07-02 09:00:00"]
    write_drop(landing, [note], agency="police", feed="notes", header=["id", "at", "noted"], **history)
    write_drop(landing, [["1"]], feed="person", header=["id"], **history)
    with plain_zones() as con:
        report = sweep(con, landing, happened, recorded, register)
        received = START + timedelta(hours=1)
        assert not any(feed.problem for feed in report.feeds.values())
        assert ask(con, "select known_from, known_basis from warehouse.raw.csc__contacts order by contact_date") == [
            (datetime(2026, 7, 4, 2), "assumed"),
            (received, "received"),
        ]
        assert ask(con, 'select "at", at_on, known_from, known_basis from warehouse.raw.police__notes') == [
            (datetime(2026, 7, 1, 22, 30), date(2026, 7, 1), datetime(2026, 7, 2, 8), "recorded")
        ]
        assert ask(con, "select known_from, known_basis from identity.raw.csc__person") == [
            (datetime(2000, 1, 1), "assumed")
        ]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
def test_declared_encodings_read_the_same(tmp_path, encoding):
    contract = make_contract(tmp_path, delivery={"encoding": encoding, "delimiter": ","})
    with plain_zones() as con:
        landing = tmp_path / "landing"
        write_drop(landing, [row("1", note="café “x”, né\nà Zoë"), row("2")], extracted=START, encoding=encoding)
        drop = sweep(con, landing, contract).feeds["csc__contacts"].reports[0]
        assert (drop.outcome, drop.loaded) == ("loaded", 2), drop.reason
        assert ("1", date(2026, 10, 1), "1A", "café “x”, né\nà Zoë") in current(con)


@settings(max_examples=150)
@given(st.data())
def test_no_file_crashes_the_gate_and_every_row_is_accounted_for(tmp_path_factory, data):
    start = f"{HEADER}\n".encode() if data.draw(st.booleans()) else b""
    tail = data.draw(
        st.binary(max_size=60)
        | st.lists(
            st.sampled_from([b"1", b"P", b",", b",", b'"', b"\n", b"\r\n", b"2026-10-01", b"1A", b"\xe9", b" "]),
            max_size=40,
        ).map(b"".join)
    )
    folder = tmp_path_factory.mktemp("fuzz")
    encoding = data.draw(st.sampled_from(["utf-8", "cp1252"]))
    contract = make_contract(folder, delivery={"encoding": encoding, "delimiter": ","})
    with plain_zones() as con:
        drop = write_drop(folder, start + tail, extracted=START, count=data.draw(st.integers(0, 4)))
        ensure_raw_tables(con, [contract])
        report = accept_drop(con, drop, contract, CODES)
        assert report.outcome in ("loaded", "refused")
        if report.outcome == "loaded":
            assert report.rows_in == report.loaded + report.unchanged + report.quarantined == drop.manifest.rows
        else:
            assert report.reason and drop.path.name in report.reason


def test_the_database_never_gets_to_quote_a_row(tmp_path, monkeypatch):
    contract = make_contract(tmp_path)
    monkeypatch.setattr("data_quality.gate.compare", lambda con, *_: con.execute(f"select '{CANARY}'::integer"))
    with plain_zones() as con:
        ensure_raw_tables(con, [contract])
        drop = write_drop(tmp_path / "landing", [row("1")], extracted=START)
        with pytest.raises(GateFailed) as failed:
            accept_drop(con, drop, contract, CODES)
        assert CANARY not in str(failed.value) and failed.value.__suppress_context__
        report = sweep(con, tmp_path / "landing", contract)
        assert "stopped the gate" in report.feeds["csc__contacts"].problem


def test_content_hash_is_the_same_under_other_keys(tmp_path):
    contract = make_contract(tmp_path)
    hashes = []
    for fill in (7, 99):
        landing = tmp_path / f"landing{fill}"
        write_drop(landing, [row("1"), row("2")], extracted=START)
        with sealed_zones(tmp_path / f"var{fill}", some_keys(fill)) as con:
            sweep(con, landing, contract)
            hashes.append((content_hash(con, "identity"), content_hash(con, "warehouse")))
            last = content_hash(con, "warehouse")
            write_drop(landing, [row("2", note="x")], extracted=START + timedelta(days=1))
            sweep(con, landing, contract)
            assert content_hash(con, "warehouse") != last
    assert hashes[0] == hashes[1]


def test_raw_tables_follow_their_contract(tmp_path):
    columns = contacts_columns()
    with plain_zones() as con:
        ensure_raw_tables(con, [make_contract(tmp_path, columns)])
        columns.append(column("extra", "audit"))
        columns.append(column("team", "warehouse"))
        ensure_raw_tables(con, [make_contract(tmp_path, columns)])
        assert con.execute("select extra, person_id_key from warehouse.audit.csc__contacts").fetchall() == []
        assert con.execute("select team from warehouse.raw.csc__contacts").fetchall() == []
        columns[-1] = column("team", "warehouse", "date")
        with pytest.raises(RawTableConflict, match="Give the new column another name"):
            ensure_raw_tables(con, [make_contract(tmp_path, columns)])


def test_a_dry_run_says_rules_rows_and_counts_but_no_value(tmp_path):
    contract = make_contract(tmp_path)
    drop = write_drop(
        tmp_path,
        [row("1", person=CANARY), row("2", CANARY), row("2", CANARY + "2"), row("", person="")],
        extracted=START,
    )
    findings = check_file(drop.path, contract, CODES, START)
    said = "\n".join(findings.lines())
    assert (findings.rows, findings.held, findings.is_acceptable) == (4, 3, False)
    assert "source_code: 2 rows held, it is no code of referral_source on its day (rows 2, 3)." in said
    assert CANARY not in said


def test_a_broken_observer_costs_no_drop(tmp_path):
    contract = make_contract(tmp_path)

    def broken(*_):
        raise ValueError(CANARY)

    with plain_zones() as con:
        write_drop(tmp_path / "landing", [row("1")], extracted=START)
        report = sweep(con, tmp_path / "landing", contract, observe=broken).feeds["csc__contacts"].loaded[0]
    assert report.loaded == 1 and report.observer_problem == "ValueError" and CANARY not in repr(report)
