"""A supplier reads about its own files: nothing of another agency, no value, everything accounted for."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_quality.code_sets import CodeSet, CodeSets
from data_quality.contract import FeedContract
from data_quality.masking import code_or_shape, key_ending, shape
from data_quality.supplier_asks import why_refused
from data_quality.supplier_page import CSV_COLUMNS, page, table
from data_quality.supplier_report import LedTo, SupplierReport, supplier_report
from data_quality.supplier_words import few, percent
from tests.gate_support import column, make_contract, plain_zones
from tests.quality_support import NOW, hold, log

CODES = CodeSets({"source": CodeSet("source", (("OLDCODE", date(2020, 1, 1), date(2026, 8, 31)),))})
SINCE = NOW - timedelta(days=1)


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FeedContract]:
    folder = tmp_path_factory.mktemp("contracts")
    columns = [
        column("ref", "identity", key=1),
        column("name", "identity", completeness=0.9),
        column("source", "warehouse", codeSet="source"),
        column("seen_on", "warehouse", "date", occurredOn=True),
    ]
    made = [make_contract(folder, columns, agency=agency, feed=feed)
            for agency, feed in (("police", "ppn"), ("police", "missing"), ("housing", "tenancy"))]  # fmt: skip
    return {contract.name: contract for contract in made}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with plain_zones() as connection:
        yield connection


def _report(con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract], **more: object) -> SupplierReport:
    return supplier_report(con, "police", "Police", contracts, CODES, NOW, **{"since": SINCE, **more})  # type: ignore[arg-type]


def _told(report: SupplierReport) -> str:
    html = page(report, look="", owner="Here", contact="A colleague", hub_contact="the hub, 01632 960110", synthetic="")
    return html + table(report)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("Żółć-Smith", "Aaaa-Aaaaa"), ("943 476 591", "999 999 999"), ("ZM7 2J", "AA9 9A"), ("", "(empty)"),
     (None, "(empty)"), ("x" * 30, "a" * 24 + "… (30 characters)"), ("a\nb", "a?a")],
)  # fmt: skip
def test_a_value_is_told_by_its_shape(value: str | None, expected: str) -> None:
    assert shape(value) == expected


def test_a_key_shows_its_end_only_where_the_rest_stays_hidden() -> None:
    assert (key_ending("A123456789012"), key_ending("PPN0010"), key_ending("12")) == ("…012", "AAA9999", "99")


def test_a_code_is_shown_only_where_it_cannot_be_a_name() -> None:
    known = CODES.every_code()
    assert [code_or_shape(value, known) for value in ("OLDCODE", "9Z", "SMITH", "AL", "R9X12")] == [
        "OLDCODE", "9Z", "AAAAA", "AA", "A9A99",
    ]  # fmt: skip


_NAME = st.text(alphabet="BCDFGHJKLMNPQRSTVWXZbcdfghjklmnpqrstvwxz'", min_size=6, max_size=20)
_KEY = st.text(alphabet="BCDFGHJKLMNPQRSTVWXYZ0123456789", min_size=8, max_size=14)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(_KEY, _NAME, st.sampled_from(["name", "source", "ref", None])), min_size=1, max_size=6))
def test_no_report_tells_another_agencys_rows_or_any_value(
    con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract], rows: list[tuple[str, str, str | None]]
) -> None:
    for table_name in ("quarantine.gate.drop_log", "warehouse.gate.drop_log", "quarantine.gate.quarantined_row"):
        con.execute(f"delete from {table_name}")
    for agency, feed in (("police", "ppn"), ("housing", "tenancy")):
        log(con, agency, feed, f"{agency}_secret.csv", days_ago=0.5, rows=9, held=len(rows))
        for place, (key, name, where) in enumerate(rows, start=1):
            sent = {"ref": f"{agency[:2]}{key}", "name": f"Q{name}", "source": name, "seen_on": "31/02/2026"}
            hold(con, agency, feed, f"{agency}_secret.csv", place, sent, column=where,
                 rule="code_set" if where == "source" else "pattern", days_ago=0.5)  # fmt: skip
    told = _told(_report(con, contracts))
    assert "police_secret.csv" in told
    assert "housing" not in told and "tenancy" not in told
    for key, name, _ in rows:
        assert f"po{key}" not in told and f"ho{key}" not in told
        assert name not in told


def test_every_row_that_came_is_accounted_for(
    con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]
) -> None:
    log(con, "police", "ppn", "a.csv", days_ago=0.5, rows=10, held=2, unchanged=3)
    log(
        con,
        "police",
        "ppn",
        "b.csv",
        days_ago=0.4,
        rows=7,
        reason="police ppn: b.csv is refused (checksum): x. What to do: y",
    )
    log(con, "police", "ppn", "old.csv", days_ago=3, rows=99)
    report = _report(con, contracts)
    line = next(line for line in report.feeds if line.feed == "ppn")
    parts = sum(line.total(what) for what in ("loaded", "unchanged", "held", "refused"))
    assert (line.total("rows"), parts) == (17, 17)
    assert [file.file for file in report.files] == ["a.csv", "b.csv"]


def test_the_worst_is_asked_first(con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]) -> None:
    log(con, "police", "ppn", "good.csv", days_ago=1.5, rows=5, held=1)
    hold(con, "police", "ppn", "good.csv", 4, {"ref": "PPN00123456", "name": "Nobody"}, column="name", rule="pattern",
         days_ago=1.5)  # fmt: skip
    log(con, "police", "ppn", "cut.csv", days_ago=0.3, rows=5,
        reason="police ppn: cut.csv is refused (truncated): it has 3 rows. What to do: Send it again.")  # fmt: skip
    log(con, "police", "missing", "m.csv", days_ago=9)
    report = _report(con, contracts, waiting=[("missing", "half.csv", "no manifest yet")])
    assert [ask.kind for ask in report.asks] == ["refused", "late", "waiting", "held"]
    assert report.asks[0].do == "Send it again."
    assert "none new" in report.asks[3].title
    assert report.asks[3].rows[0].key == "…456"


def test_feeds_that_fell_silent_together_are_one_ask(
    con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]
) -> None:
    for feed in ("ppn", "missing"):
        log(con, "police", feed, "m.csv", days_ago=9)
    late = [ask for ask in _report(con, contracts).asks if ask.kind == "late"]
    assert len(late) == 1
    assert "ppn and missing" in late[0].title


def test_what_comes_back_is_told_and_what_is_held_anew_is_not(
    con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]
) -> None:
    log(con, "police", "ppn", "old.csv", days_ago=5, rows=9, held=3)
    retry = log(con, "police", "ppn", "retry", days_ago=0.2, mode="retry", rows=1)
    full = log(con, "police", "ppn", "new.csv", days_ago=0.3, mode="full", rows=9, held=1)
    again = uuid4()
    for row_no, settled, key in ((1, retry, uuid4()), (2, full, uuid4()), (3, full, again)):
        hold(con, "police", "ppn", "old.csv", row_no, {"ref": "X"}, column="source", rule="code_set", days_ago=5,
             settled_by=settled, key=key)  # fmt: skip
    hold(con, "police", "ppn", "new.csv", 8, {"ref": "X"}, column="source", rule="code_set", days_ago=0.3, key=again)
    report = _report(con, contracts)
    assert sorted((one.rows, one.by_code_list) for one in report.returned) == [(1, False), (1, True)]
    assert "our code list knows the code" in _told(report)
    assert report.held_total == 1


def test_a_quiet_feed_says_so_in_a_line(con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]) -> None:
    for feed in ("ppn", "missing"):
        log(con, "police", feed, "m.csv", days_ago=0.5)
    told = _told(_report(con, contracts))
    assert "Nothing to put right" in told
    assert "ppn and missing: came without rows, nothing to report." in told


def test_a_promise_is_judged_on_enough_rows(con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]) -> None:
    for feed, rows, filled in (("ppn", 100, 50), ("missing", 3, 1)):
        key = log(con, "police", feed, "m.csv", days_ago=0.5, rows=rows)
        con.execute(
            "insert into warehouse.quality.completeness values (?, 'police', ?, 'name', ?, ?)",
            [key, feed, rows, filled],
        )
    report = _report(con, contracts)
    assert [ask.title for ask in report.asks] == ["ppn, name: emptier than agreed"]
    kept = {line.feed: [one.kept for one in line.promises if one.column == "name"] for line in report.feeds}
    assert kept == {"ppn": [False], "missing": [None]}


def test_small_numbers_about_people_are_not_told_apart() -> None:
    assert [few(n) for n in (0, 1, 4, 5, 1200)] == ["fewer than 5"] * 3 + ["5", "1,200"]
    assert " ".join(LedTo(12, 4, 0, 3).sentences()).count("fewer than 5") == 2
    told = LedTo(12, 17, 4, 3).sentences()
    assert "17 children" in told[0]
    assert all("fewer than 5" in sentence for sentence in told[1:])


def test_the_csv_is_one_table_that_a_spreadsheet_cannot_run(
    con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]
) -> None:
    log(con, "police", "ppn", "a.csv", days_ago=0.5, rows=1, held=1)
    hold(
        con, "police", "ppn", "a.csv", 1, {"ref": "=1+1", "name": "=cmd()"}, column="name", rule="pattern", days_ago=0.5
    )
    lines = list(csv.DictReader(io.StringIO(table(_report(con, contracts)))))
    assert {line["kind"] for line in lines} >= {"held", "file"}
    assert all(set(line) == set(CSV_COLUMNS) for line in lines)
    held = next(line for line in lines if line["kind"] == "held")
    assert held["looks_like"] == "'=aaa()"
    assert held["key_ends"].startswith("'=")


def test_the_page_is_one_offline_accessible_file(
    con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]
) -> None:
    log(con, "police", "ppn", "a.csv", days_ago=0.5, rows=30, held=1)
    html = page(_report(con, contracts), look="", owner="Here", contact="", hub_contact="the hub", synthetic="")
    assert not re.search(r'(src|href)="(?!#)', html)
    assert html.count("<table") == html.count("<thead")
    assert all("scope=" in head for head in re.findall(r"<th[ >][^>]*>", html))


def test_a_refusal_is_taken_apart_without_its_preamble() -> None:
    why, todo = why_refused("police ppn: a.csv is refused (checksum): its bytes differ. What to do: Send it again.")
    assert (why, todo) == ("its bytes differ.", "Send it again.")
    assert why_refused("something else")[0] == "something else"


def test_percentages_never_round_to_a_false_nothing_or_all() -> None:
    assert [percent(share) for share in (0, 0.0004, 0.017, 0.5, 0.983, 0.9996, 1)] == [
        "0 %", "under 0.1 %", "1.7 %", "50 %", "98.3 %", "over 99.9 %", "100 %",
    ]  # fmt: skip


def test_an_agency_that_has_sent_nothing_is_told_so(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    contract = make_contract(tmp_path, [column("ref", "identity", key=1)], agency="police", feed="ppn")
    report = _report(con, {contract.name: contract}, since=None)
    assert [ask.kind for ask in report.asks] == ["late"]
    assert "No file came." in _told(report)
