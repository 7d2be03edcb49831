"""Every format by contract alone: the same rows, the same rules, the same words when something is wrong."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_quality.content_hash import content_hash
from data_quality.drop import DropRefused
from data_quality.feed_check import check_file
from data_quality.formats import Unreadable, inspect, read_file
from data_quality.gate import DropReport, accept_drop
from data_quality.raw_tables import ensure_raw_tables
from data_quality.row_rules import rules_of
from data_quality.staging import staging
from tests.format_support import NAMES, VISITS, WRITERS, as_csv, as_parquet, as_xlsx, as_xml, visits_contract
from tests.gate_support import CODES, START, plain_zones, write_drop

CANARY = "Zyxwquist"


def send(con, folder: Path, contract, content: bytes, count: int, **more) -> DropReport:
    """One drop through the gate."""
    ensure_raw_tables(con, [contract])
    name = f"visits_20261005_full.{contract.delivery.format}"
    drop = write_drop(folder, content, extracted=START, count=count, name=name, feed="visits", mode="full", **more)
    return accept_drop(con, drop, contract, CODES)


def held(con) -> list[tuple]:
    """What waits in quarantine, by row."""
    return con.execute(
        "select row_no, column_name, rule from quarantine.gate.quarantined_row order by row_no"
    ).fetchall()


def test_the_same_rows_in_every_format_are_the_same_content(tmp_path):
    hashes = {}
    variants = [(form, {}, writer) for form, writer in WRITERS.items()]
    variants += [
        ("csv", {"encoding": encoding, "delimiter": delimiter},
         lambda rows, encoding=encoding, delimiter=delimiter: as_csv(rows, NAMES, encoding, delimiter))
        for encoding, delimiter in (("utf-8-sig", ";"), ("cp1252", "|"), ("utf-16", "\t"), ("mac-roman", ","),
                                    ("utf-16-be", ","), ("utf-32", ","), ("utf-7", ","))
    ]  # fmt: skip
    for place, (form, delivery, write) in enumerate(variants):
        folder = tmp_path / str(place)
        folder.mkdir()
        with plain_zones() as con:
            report = send(con, folder, visits_contract(folder, form, **delivery), write(VISITS), 3)
            assert (report.outcome, report.loaded, report.columns_dropped) == ("loaded", 3, ()), report.reason
            hashes[form, delivery.get("encoding")] = (content_hash(con, "identity"), content_hash(con, "warehouse"))
            noted = con.execute(
                "select noted_at, noted_at_on from warehouse.raw.csc__visits order by seen_on"
            ).fetchall()
            assert noted[1] == (datetime(2026, 9, 1, 22, 15), date(2026, 9, 1))
    assert len(set(hashes.values())) == 1, hashes


@pytest.mark.parametrize("form", WRITERS)
def test_columns_may_come_in_another_order_with_more_of_them_but_not_fewer(tmp_path, form):
    write, order = WRITERS[form], [8, 0, 1, 2, 3, 4, 5, 6, 7]
    with plain_zones() as con:
        rows = [(*(row[place] for place in order), CANARY) for row in VISITS]
        more = write(rows, [*(NAMES[place] for place in order), "extra"])
        contract = visits_contract(tmp_path, form)
        report = send(con, tmp_path, contract, more, 3)
        assert (report.outcome, report.loaded) == ("loaded", 3)
        assert [name.removeprefix("./") for name in report.columns_dropped] == ["extra"]
        renamed = write(VISITS, ["visit_id", "kid", *NAMES[2:]])
        report = send(con, tmp_path, contract, renamed, 3)
        assert (report.outcome, report.rule) == ("refused", "missing_column") and "column child_id" in report.reason
        findings = check_file(next((tmp_path / "csc/visits").glob(f"*.{form}")), contract, CODES, START)
        assert "child_id" in findings.refusal


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("cut", [0, 5, 0.5, -9])
def test_a_file_cut_short_is_refused_or_counted_and_no_value_is_told(tmp_path, form, cut):
    rows = [(f"V{place}", "0012", None, None, place, None, None, CANARY, None) for place in range(200)]
    content = WRITERS[form](rows)
    cut = round(len(content) * cut) if cut == 0.5 else cut
    with plain_zones() as con:
        report = send(con, tmp_path, visits_contract(tmp_path, form), content[:cut], 200)
    if report.outcome == "loaded":
        assert form == "csv" and report.rows_in == report.loaded + report.quarantined == 200
    else:
        assert f"csc visits: visits_20261005_full.{form} is refused" in report.reason and "What to do:" in report.reason
        assert CANARY not in report.reason


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("other", WRITERS)
def test_another_format_than_agreed_is_named(tmp_path, form, other):
    if form == other:
        return
    with plain_zones() as con:
        report = send(con, tmp_path, visits_contract(tmp_path, form), WRITERS[other](VISITS), 3)
    assert report.outcome == "refused" and (f"it is {other}" in report.reason or other == "csv")


def test_what_excel_did_to_a_value_is_undone_or_holds_the_row(tmp_path):
    def change(book):
        sheet = book.active
        sheet["B2"].value, sheet["B2"].number_format = 12, "0000"  # shown as 0012
        sheet["B3"].value = 13  # the zeros are gone
        sheet["C4"].value = 46295  # a day number without a date format
        sheet["E4"].value = 3.0
        sheet["H4"].value = date(2026, 3, 1)  # a note that Excel took for a date
        sheet["A5"].value = 12345678901234567  # more digits than Excel keeps
        sheet["H6"].value, sheet["H6"].data_type = "#REF!", "e"
        sheet["A9"].value = ""  # a formatted row below the rows
        book.create_sheet("Notes").sheet_state = "hidden"

    rows = [*VISITS, ("V4", "0012", None, None, None, None, None, "x", None), ("V5", "0012", *[None] * 7)]
    with plain_zones() as con:
        contract = visits_contract(tmp_path, "xlsx")
        report = send(con, tmp_path, contract, as_xlsx(rows, change=change), 5)
        assert (report.outcome, report.rows_in, report.loaded) == ("loaded", 5, 1), report.reason
        assert held(con) == [
            (2, "child_id", "pattern"),
            (3, "note", "malformed_row"),
            (4, "visit_id", "malformed_row"),
            (5, "note", "malformed_row"),
        ]
        assert con.execute("select child_id from identity.raw.csc__visits").fetchall() == [("0012",)]


def test_numbers_and_day_numbers_of_a_sheet_read_as_the_contract_says(tmp_path):
    row = ("V1", "0012", 46295, 46295.5, 3.0, 0.1, 1, 7, None)
    with plain_zones() as con:
        report = send(con, tmp_path, visits_contract(tmp_path, "xlsx"), as_xlsx([row]), 1)
        assert report.loaded == 1, report
        found = con.execute(
            'select seen_on, noted_at, minutes, "share", alone from warehouse.raw.csc__visits'
        ).fetchall()
        assert found == [(date(2026, 9, 30), datetime(2026, 9, 30, 11), 3, 0.1, True)]
        assert con.execute("select note from identity.raw.csc__visits").fetchall() == [("7",)]


def bomb(content: bytes) -> bytes:
    """A workbook one of whose parts says that it unfolds to three gigabytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part, old.read(part))
        new.writestr("xl/worksheets/sheet2.xml", b"0" * 1000)
    raw = bytearray(out.getvalue())
    place = raw.rfind(b"xl/worksheets/sheet2.xml") - 46
    raw[place + 24 : place + 28] = (3 << 30).to_bytes(4, "little")
    return bytes(raw)


def entities(content: bytes) -> bytes:
    """A workbook whose sheet declares entities."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.infolist():
            text = old.read(part)
            if part.filename.startswith("xl/worksheets/sheet"):
                text = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + text
            new.writestr(part.filename, text)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "delivery", "rule"),
    [
        (as_xlsx(VISITS), {"sheet": "Besuche"}, "sheet"),
        (as_xlsx(VISITS, change=lambda book: book.create_sheet("More")), {}, "sheet"),
        (as_xlsx(VISITS, change=lambda book: book.create_sheet("More")), {"sheet": "visits "}, None),
        (as_xlsx(VISITS, change=lambda book: book.active.insert_rows(1, 2)), {"headerRow": 3}, None),
        (as_xlsx(VISITS), {"headerRow": 9}, "empty"),
        (bomb(as_xlsx(VISITS)), {}, "too_large"),
        (entities(as_xlsx(VISITS)), {}, "unsafe_xml"),
        (b"PK\x03\x04nothing", {}, "not_xlsx"),
        (b"\xd0\xcf\x11\xe0protected by a password", {}, "not_xlsx"),
    ],
)
def test_workbooks_that_are_not_as_agreed(tmp_path, content, delivery, rule):
    with plain_zones() as con:
        report = send(con, tmp_path, visits_contract(tmp_path, "xlsx", **delivery), content, 3)
    assert (report.rule, report.loaded) == (rule, 0 if rule else 3), report.reason


@pytest.mark.parametrize(
    ("kinds", "refused"),
    [
        ({"seen_on": pa.timestamp("ms")}, None),
        ({"noted_at": pa.timestamp("us", tz="UTC")}, None),
        ({"minutes": pa.float64()}, None),
        ({"minutes": pa.int16(), "share": pa.decimal128(8, 3)}, None),
        ({"seen_on": pa.int64()}, "seen_on"),
        ({"minutes": pa.date32()}, "minutes"),
    ],
)
def test_parquet_types_must_be_able_to_be_the_contracts(tmp_path, kinds, refused):
    first = datetime(2026, 9, 1) if "seen_on" in kinds else date(2026, 9, 1)
    rows = [("V1", "0012", first, datetime(2026, 9, 1, 12), 35, 1, True, "x", None)]
    if refused:
        rows = [(*rows[0][:2], 7 if refused == "seen_on" else None, *rows[0][3:4],
                 date(2026, 9, 1) if refused == "minutes" else 3, *rows[0][5:])]  # fmt: skip
    with plain_zones() as con:
        report = send(con, tmp_path, visits_contract(tmp_path, "parquet"), as_parquet(rows, **kinds), 1)
        if refused:
            assert report.rule == "type_mismatch" and f"column {refused} has the type" in report.reason
        else:
            assert report.loaded == 1, report
            noted = con.execute("select noted_at from warehouse.raw.csc__visits").fetchall()[0][0]
            assert noted == datetime(2026, 9, 1, 12 if "noted_at" in kinds else 11)


def test_a_number_where_text_was_agreed_refuses_a_parquet_file(tmp_path):
    rows = [("V1", 12, None, None, None, None, None, None, None)]
    with plain_zones() as con:
        content = as_parquet(rows, child_id=pa.int64())
        report = send(con, tmp_path, visits_contract(tmp_path, "parquet"), content, 1)
    assert report.rule == "type_mismatch" and "child_id" in report.reason


@settings(max_examples=25)
@given(st.sampled_from(sorted(WRITERS)), st.data())
def test_whatever_stands_in_the_cells_every_row_is_accounted_for(tmp_path_factory, form, data):
    # Characters that no XML document and no worksheet can hold are not drawn: no tool could write them.
    words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=6) | st.none()
    keys = st.sampled_from(["V1", "V2", "V3", "", None]) | words
    if form == "xlsx":
        words |= st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
        words |= st.dates(date(1900, 3, 1)) | st.booleans() | st.sampled_from(["#N/A", "=1/0"])
    rows = data.draw(st.lists(st.tuples(keys, *[words] * 8), max_size=6))
    while form == "xlsx" and rows and not any(value not in (None, "") for value in rows[-1]):
        rows.pop()
    kinds = dict.fromkeys(NAMES, pa.string()) if form == "parquet" else {}
    content = WRITERS[form](rows, **kinds)
    folder = tmp_path_factory.mktemp("any")
    with plain_zones() as con:
        report = send(con, folder, visits_contract(folder, form), content, len(rows))
        assert report.outcome == "loaded" or (form, report.rule) in {
            ("csv", "null_bytes"), ("csv", "row_count"), ("csv", "truncated"), ("xml", "missing_column")
        }, report  # fmt: skip
        if report.outcome == "loaded":
            assert report.rows_in == len(rows) == report.loaded + report.unchanged + report.quarantined
            assert len(held(con)) == report.quarantined


@settings(max_examples=60)
@given(st.sampled_from(["parquet", "xlsx", "xml"]), st.data())
def test_no_damage_to_a_file_crashes_the_gate(tmp_path_factory, form, data):
    content = bytearray(_WHOLE[form])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(content)))
    folder = tmp_path_factory.mktemp("damaged")
    contract = visits_contract(folder, form)
    name = f"visits_20261005_full.{form}"
    drop = write_drop(folder, bytes(content[:cut]), extracted=START, count=3, name=name, feed="visits", mode="full")
    with duckdb.connect() as con:
        con.execute("create temp macro pseudonym(part) as md5(part)::uuid")
        try:
            shape = inspect(drop, contract)
            take = staging(con, contract, rules_of(contract, CODES, START.date()))
            read_file(con, drop.path, shape, contract, take)
        except DropRefused as refused:
            assert name in str(refused)
        except Unreadable:
            return


_WHOLE = {form: write(VISITS) for form, write in WRITERS.items()}


def test_memory_does_not_grow_with_an_xml_file(tmp_path):
    import tracemalloc

    from data_quality.formats import xml_file

    peaks = []
    for rows in (100, 1000):
        contract = visits_contract(tmp_path, "xml")
        path = tmp_path / "long.xml"
        path.write_bytes(as_xml([VISITS[0]] * rows))
        tracemalloc.start()
        assert sum(1 for _ in xml_file._rows(path, contract)) == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5, peaks
