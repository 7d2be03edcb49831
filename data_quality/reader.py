"""Rows of a file into a table, as text and in their types, nothing lost.

UTF-8 goes through DuckDB's CSV reader; other encodings, and files that mix line ends, through pyarrow, which decodes
in memory, because a re-encoded copy on disk would be plain personal data. Lines that are no rows (too few or too many
fields, broken quotes) come back beside the table with their place, so that rows in = rows out + lines reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from data_quality.contract import FeedContract
from data_quality.drop import Shape
from data_quality.raw_tables import day_column
from data_quality.row_rules import local_time, text_of, typed
from data_quality.sql import literal, quoted

BATCH = "gate_batch"
_UTF8 = frozenset({"utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii"})
# DuckDB holds one line in memory; nothing an agency sends as a row comes near this.
_LONGEST_LINE = 4 << 20


class Unreadable(Exception):
    """The reader gave up on the file; the cause is not repeated because it may quote the file."""


@dataclass(frozen=True)
class MalformedLine:
    """A line that is no row: its 1-based row number in the file, what is wrong, and the line as sent."""

    row_no: int
    why: str
    text: str


@dataclass(frozen=True)
class Batch:
    """What was read: `rows` in table `gate_batch` (see `batch_columns`), and the malformed lines."""

    rows: int
    malformed: tuple[MalformedLine, ...]


def batch_columns(contract: FeedContract, sent: dict[str, str]) -> str:
    """The select list of `gate_batch`: each column trimmed (`name§`), and those that are not text in their type.

    Args:
        sent: contract column name -> SQL of its text as sent. Text that is not of the column's type gives NULL.
    """
    texts = {column.name: f"nullif(trim({sent[column.name]}), '')" for column in contract.columns}
    parts = [f"{texts[column.name]} as {text_of(column)}" for column in contract.columns]
    for column in contract.columns:
        text = texts[column.name]
        if column.type != "string":
            parts.append(f"{typed(column, contract, text)} as {quoted(column.name)}")
        if column.type == "timestamp":
            parts.append(f"{local_time(column, contract, text)}::date as {quoted(day_column(column))}")
    return ", ".join(parts)


def read_file(con: duckdb.DuckDBPyConnection, path: Path, shape: Shape, contract: FeedContract) -> Batch:
    """Read a file into the temporary table `gate_batch`.

    Raises:
        Unreadable: no row can be told from another (for instance a quote that never closes).
    """
    con.execute(f"drop table if exists temp.{BATCH}")
    if contract.delivery.encoding in _UTF8:
        batch = _read_utf8(con, path, shape, contract)
        if batch is not None:
            return batch
    return _read_other(con, path, shape, contract)


def _read_utf8(con: duckdb.DuckDBPyConnection, path: Path, shape: Shape, contract: FeedContract) -> Batch | None:
    """None when DuckDB's strict reader cannot take the file at all (mixed line ends, for one)."""
    _forget_rejects(con)
    names = [f"c{position}" for position in range(len(shape.header))]
    columns = "{" + ", ".join(f"'{name}': 'varchar'" for name in names) + "}"
    picked = batch_columns(contract, {name: f"c{place}" for name, place in shape.columns.items()})
    try:
        con.execute(
            f"create temp table {BATCH} as select {picked} from read_csv({literal(str(path))}, columns = {columns}, "
            f"delim = {literal(contract.delivery.delimiter)}, quote = '\"', escape = '\"', header = false, skip = 1, "
            f"auto_detect = false, strict_mode = true, max_line_size = {_LONGEST_LINE}, "
            "store_rejects = true, rejects_table = 'gate_rejects', rejects_scan = 'gate_rejects_scan', "
            "rejects_limit = 0)"
        )
        rejected = con.execute(
            "select line, min(error_type::varchar), any_value(csv_line) from gate_rejects group by line order by line"
        ).fetchall()
    except duckdb.Error:
        con.execute(f"drop table if exists temp.{BATCH}")
        return None
    finally:
        _forget_rejects(con)
    # `line` counts the header as line 1, so row 1 of the file is line 2.
    malformed = tuple(MalformedLine(int(line) - 1, _plain(kind), text or "") for line, kind, text in rejected)
    return Batch(_number_rows(con, [line.row_no for line in malformed]), malformed)


def _read_other(con: duckdb.DuckDBPyConnection, path: Path, shape: Shape, contract: FeedContract) -> Batch:
    import pyarrow as pa
    from pyarrow import csv

    names = [f"c{position}" for position in range(len(shape.header))]
    malformed: list[MalformedLine] = []

    def keep(row: csv.InvalidRow) -> str:
        kind = "too few fields" if row.actual_columns < row.expected_columns else "too many fields"
        malformed.append(MalformedLine(int(row.number or 0) - 1, kind, row.text or ""))
        return "skip"

    wanted = [f"c{shape.columns[column.name]}" for column in contract.columns]
    try:
        table = csv.read_csv(
            path,
            # One thread, because only then does pyarrow know the number of a malformed row.
            read_options=csv.ReadOptions(
                use_threads=False, column_names=names, skip_rows=1, encoding=contract.delivery.encoding
            ),
            parse_options=csv.ParseOptions(
                delimiter=contract.delivery.delimiter, newlines_in_values=True, invalid_row_handler=keep
            ),
            convert_options=csv.ConvertOptions(
                include_columns=wanted, column_types={name: pa.string() for name in wanted}, strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, UnicodeError):
        raise Unreadable from None
    con.register("gate_arrow", table)
    try:
        sent = {name: f"c{place}" for name, place in shape.columns.items()}
        con.execute(f"create temp table {BATCH} as select {batch_columns(contract, sent)} from gate_arrow")
    finally:
        con.unregister("gate_arrow")
    malformed.sort(key=lambda line: line.row_no)
    return Batch(_number_rows(con, [line.row_no for line in malformed]), tuple(malformed))


def _number_rows(con: duckdb.DuckDBPyConnection, gaps: list[int]) -> int:
    """Add `row_no`, the place in the file, leaving out the numbers of malformed lines; returns the row count."""
    rows = int(con.execute(f"select count(*) from {BATCH}").fetchall()[0][0])
    if gaps:
        con.execute("create or replace temp table gate_gaps as select unnest(?::bigint[]) as gap", [gaps])
        con.execute(f"create or replace temp table gate_numbered as select *, rowid as position from {BATCH}")
        con.execute(f"drop table {BATCH}")
        con.execute(
            f"create temp table {BATCH} as with places as (select range as place from range(1, {rows + len(gaps) + 1}) "
            "where range not in (select gap from gate_gaps)), numbered as (select place, row_number() over "
            "(order by place) - 1 as position from places) "
            "select gate_numbered.* exclude (position), numbered.place as row_no "
            "from gate_numbered join numbered using (position) order by numbered.place"
        )
        con.execute("drop table gate_numbered")
        con.execute("drop table gate_gaps")
    return rows


def _forget_rejects(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("drop table if exists temp.gate_rejects")
    con.execute("drop table if exists temp.gate_rejects_scan")


def _plain(kind: str) -> str:
    return {
        "TOO MANY COLUMNS": "too many fields",
        "MISSING COLUMNS": "too few fields",
        "UNQUOTED VALUE": "broken quotes",
        "LINE SIZE OVER MAXIMUM": "line too long",
        "INVALID ENCODING": "undecodable",
    }.get(kind.upper(), "not a row")
