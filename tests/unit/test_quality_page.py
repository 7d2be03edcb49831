"""What the hub's data officer sees: weeks judged, agencies ranked, nothing told by colour alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID, uuid4

import duckdb
import pytest

from data_quality.completeness import record_completeness
from data_quality.contract import FeedContract
from data_quality.feed_weeks import Fill, Week, column_weeks, feed_weeks
from data_quality.quality_page import QualityPage, calls, page, quality_page, summary
from data_quality.quality_week import fill_level, held_level, late_level, usual, volume_level
from data_quality.raw_tables import ensure_raw_tables
from data_quality.sparkline import bars
from tests.gate_support import column, make_contract, plain_zones
from tests.quality_support import NOW, drop_id, hold, log

TITLES = {"police": "Police", "housing": "Housing"}
CONTACTS = {"police": "Unit, 01632 960104", "housing": "Manager, 01632 960107"}


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FeedContract]:
    folder = tmp_path_factory.mktemp("contracts")
    columns = [column("ref", "identity", key=1), column("nhs", "identity", check="nhs_number", severity="inform")]
    made = [make_contract(folder, columns, agency=agency, feed=feed)
            for agency, feed in (("police", "ppn"), ("housing", "tenancy"))]  # fmt: skip
    return {contract.name: contract for contract in made}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with plain_zones() as connection:
        yield connection


def _shown(con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]) -> QualityPage:
    return quality_page(con, TITLES, CONTACTS, contracts, NOW)


def _steady(con: duckdb.DuckDBPyConnection, agency: str, feed: str, *, rows: int, last: int, held: int = 0) -> None:
    for week in range(9, 0, -1):
        log(con, agency, feed, f"{week}.csv", days_ago=7 * week + 0.5, rows=rows)
    log(con, agency, feed, "0.csv", days_ago=0.5, rows=last, held=held)


def test_weeks_add_up_and_leave_the_first_delivery_out(
    con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]
) -> None:
    log(con, "police", "ppn", "history.csv", days_ago=20, rows=5000, history=True)
    log(con, "police", "ppn", "a.csv", days_ago=6.9, rows=10, held=2)
    log(con, "police", "ppn", "b.csv", days_ago=7.0, rows=4)
    log(con, "police", "ppn", "c.csv", days_ago=0, rows=6, reason="x")
    week = feed_weeks(con, contracts, NOW, 4)["police__ppn"]
    assert [(one.rows, one.taken, one.held, one.refused_files) for one in week] == [
        (0, 0, 0, 0), (0, 0, 0, 0), (4, 4, 0, 0), (16, 10, 2, 1),
    ]  # fmt: skip
    assert [one.is_late for one in week] == [None, True, False, True]


def test_a_collapse_is_told_with_the_feeds_own_week_and_first(
    con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]
) -> None:
    _steady(con, "police", "ppn", rows=100, last=30)
    _steady(con, "housing", "tenancy", rows=100, last=100, held=5)
    hold(con, "housing", "tenancy", "0.csv", 1, {"ref": "SECRETREF"}, column="nhs", rule="nhs_number", days_ago=0.5)
    shown = _shown(con, contracts)
    told = {agency.agency: [worry.sentence for worry in worries] for agency, worries in calls(shown)}
    assert list(told) == ["police", "housing"]
    assert told["police"] == ["ppn: 30 rows this week, usually 100."]
    assert told["housing"] == ["tenancy: 5 of 100 rows held this week (5 %), most for nhs (nhs_number)."]
    volume = next(table for table in shown.tables if table.name == "Volume")
    assert {title: cells[-1].level for title, cells, _ in volume.rows} == {"Police": "act", "Housing": "good"}


def test_a_quiet_week_is_no_collapse(con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]) -> None:
    _steady(con, "police", "ppn", rows=100, last=0)
    _steady(con, "housing", "tenancy", rows=100, last=100)

    def holiday(contract: FeedContract, day: date) -> bool:
        return contract.agency == "police" and NOW.date() - timedelta(days=7) <= day

    shown = quality_page(con, TITLES, CONTACTS, contracts, NOW, quiet=holiday)
    assert calls(shown) == []


def test_refused_late_and_never_seen(con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]) -> None:
    log(con, "police", "ppn", "a.csv", days_ago=1, rows=3)
    log(con, "police", "ppn", "b.csv", days_ago=0.1, rows=3,
        reason="police ppn: b.csv is refused (encoding): line 2 cannot be read. What to do: Export it.")  # fmt: skip
    shown = _shown(con, contracts)
    lines = summary(shown)
    assert any("ppn: the newest file was refused" in line and "Line 2 cannot be read." in line for line in lines)
    assert any("tenancy: nothing has ever come." in line and CONTACTS["housing"] in line for line in lines)


def test_what_was_as_bad_a_week_ago_weighs_less(
    con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]
) -> None:
    log(con, "police", "ppn", "a.csv", days_ago=30, rows=3)
    log(con, "housing", "tenancy", "a.csv", days_ago=4, rows=3)
    found = calls(_shown(con, contracts))
    assert [agency.agency for agency, _ in found] == ["housing", "police"]
    assert "still late" in found[1][1][0].sentence


def _versions(
    con: duckdb.DuckDBPyConnection, drop: UUID, rows: list[tuple[int, str | None, bool]], days: float
) -> None:
    for number, nhs, deleted in rows:
        con.execute(
            'insert into identity.raw."police__ppn" by name select ? as ref, ? as nhs, ?::uuid as record_key, '
            "?::uuid as drop_id, ?::timestamp as extracted_at, ?::timestamp as known_from, ?::boolean as is_deleted",
            [f"R{number}", nhs, str(UUID(int=number)), str(drop), NOW - timedelta(days=days),
             NOW - timedelta(days=days), deleted],
        )  # fmt: skip


def test_completeness_counts_a_delta_by_its_rows_and_a_full_copy_by_what_lives(
    con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]
) -> None:
    ensure_raw_tables(con, contracts.values())
    first = log(con, "police", "ppn", "1.csv", days_ago=9, rows=3, mode="full")
    _versions(con, first, [(1, "9", False), (2, None, False), (3, "9", False)], 9)
    second = log(con, "police", "ppn", "2.csv", days_ago=2, rows=2, mode="full")
    _versions(con, second, [(2, "9", False), (3, None, True)], 2)
    third = log(con, "police", "ppn", "3.csv", days_ago=1, rows=1)
    _versions(con, third, [(1, None, False)], 1)
    log(con, "police", "ppn", "retry", days_ago=1, rows=1, mode="retry")
    assert record_completeness(con, contracts) == 3
    assert record_completeness(con, contracts) == 0
    counts = {
        drop: (rows, filled)
        for drop, rows, filled in con.execute(
            "select drop_id, rows, filled from warehouse.quality.completeness"
        ).fetchall()
    }
    assert counts == {first: (3, 2), second: (2, 2), third: (1, 0)}
    weeks = column_weeks(con, contracts, NOW, 2)["police__ppn", "nhs"]
    assert weeks == (Fill(3, 2), Fill(3, 2))
    con.execute("delete from warehouse.gate.drop_log where drop_id = ?", [third])
    record_completeness(con, contracts)
    assert con.execute("select count(*) from warehouse.quality.completeness").fetchall() == [(2,)]


def test_an_identifier_that_went_empty_is_told(
    con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]
) -> None:
    _steady(con, "police", "ppn", rows=100, last=100)
    for week in range(10):
        con.execute(
            "insert into warehouse.quality.completeness values (?, 'police', 'ppn', 'nhs', 100, ?)",
            [drop_id(f"policeppn{week}.csv"), 60 if week == 0 else 95],
        )
    shown = _shown(con, contracts)
    (_, worries), *_ = [call for call in calls(shown) if call[0].agency == "police"]
    assert worries[0].sentence == "NHS number is filled in 60 % of 100 records, usually in 95 %."


def test_thresholds() -> None:
    assert [volume_level(ratio) for ratio in (0.39, 0.5, 1, 3.1)] == ["act", "watch", "good", "watch"]
    assert [held_level(held, 100) for held in (1, 2, 10)] == ["good", "watch", "act"]
    assert held_level(9, 10) == "none"
    assert [fill_level(Fill(100, filled), 0.95) for filled in (95, 89, 79)] == ["good", "watch", "act"]
    assert [late_level(late, 4, 0) for late in (0, 1, 3)] == ["good", "watch", "act"]
    assert late_level(1, 4, 1) == "act"
    small = [Week(ends=NOW, files=1, rows=10)] * 5
    assert usual(small) is None


def test_no_cell_is_told_by_colour_alone(con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]) -> None:
    _steady(con, "police", "ppn", rows=100, last=30)
    html = page(_shown(con, contracts), look="", owner="Here", synthetic="Made up.")
    loud = re.findall(r'<td class="(?:watch|act)">(.*?)</td>', html)
    assert loud
    assert all("worth a" in cell and ("△" in cell or "▲" in cell) for cell in loud)
    assert not re.search(r'(src|href)="(?!#)', html)
    assert html.count("<svg") == html.count('role="img" aria-label=')


def test_no_value_of_a_row_reaches_the_page(con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]) -> None:
    _steady(con, "police", "ppn", rows=100, last=100, held=9)
    hold(con, "police", "ppn", "0.csv", 1, {"ref": "SECRETREF", "nhs": "9434765919"}, column="nhs", rule="nhs_number",
         days_ago=0.5, key=uuid4())  # fmt: skip
    html = page(_shown(con, contracts), look="", owner="Here", synthetic="")
    assert "SECRETREF" not in html and "9434765919" not in html


def test_bars_leave_gaps_and_say_what_they_show() -> None:
    svg = bars([1, None, 0, 2], 'rows "by" week')
    assert svg.count("<rect") == 3
    assert 'aria-label="rows &quot;by&quot; week"' in svg
    assert svg.count('class="now"') == 1


def test_persons_that_were_kept_are_told_at_a_glance_and_in_full(
    con: duckdb.DuckDBPyConnection, contracts: dict[str, FeedContract]
) -> None:
    why = "Persons are those of 05 October 2026. Look for a file that came empty."
    shown = quality_page(con, TITLES, CONTACTS, contracts, NOW, persons_kept=why)
    text = page(shown, look="", owner="Northmere", synthetic="")
    assert "<strong>Who is who is kept as it was.</strong>" in text and f"<p>{why}</p>" in text
    assert why in summary(shown)
    ordinary = _shown(con, contracts)
    assert "Who is who" not in page(ordinary, look="", owner="Northmere", synthetic="")
