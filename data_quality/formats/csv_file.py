"""CSV in any encoding Python knows and with any delimiter.

UTF-8 goes through DuckDB's own reader; other encodings, and files that mix line ends, through pyarrow, which decodes
in memory, because a re-encoded copy on disk would be plain personal data. Lines that are no rows (too few or too many
fields, broken quotes) come back beside the rows with their place, so that rows in = rows out + lines reported.
"""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

import duckdb

from data_quality.contract import FeedContract
from data_quality.drop import Drop
from data_quality.formats.common import Batch, MalformedLine, Shape, Take, Unreadable, match_columns
from data_quality.sql import literal

_UTF8 = frozenset({"utf-8", "utf8", "utf-8-sig", "utf_8", "utf_8_sig", "ascii", "us-ascii"})
# DuckDB holds one line in memory; nothing an agency sends as a row comes near this.
_LONGEST_LINE = 4 << 20
# Blanks beyond ASCII that DuckDB trims, as UTF-8 (Unicode category Zs).
_WIDE_BLANKS = (b"\xc2\xa0", b"\xe1\x9a\x80", b"\xe2\x80", b"\xe2\x81\x9f", b"\xe3\x80\x80")


class Scan:
    """What one pass over a file's bytes can tell of its text; fed chunk by chunk."""

    def __init__(self, contract: FeedContract) -> None:
        import numpy as np

        encoding = contract.delivery.encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._is_utf8 = encoding in _UTF8
        self._edges = np.zeros(256, bool)
        self._edges[list(contract.delivery.delimiter.encode() + b'"\n\r')] = True
        self._last = b"\n"
        self.is_decodable = True
        self.has_null = False
        self.is_tidy = self._is_utf8

    def feed(self, chunk: bytes, final: bool = False) -> None:
        """Look at the next bytes."""
        try:
            text = self._decoder.decode(chunk, final=final) if self.is_decodable else ""
        except UnicodeError:
            self.is_decodable = False
        else:
            self.has_null = self.has_null or "\0" in text
        self.is_tidy = self.is_tidy and not self._has_loose_blank(chunk)
        self._last = chunk[-1:] or self._last
        self.is_tidy = self.is_tidy and not (final and self._last == b" ")

    def _has_loose_blank(self, chunk: bytes) -> bool:
        """Whether a blank stands at the edge of a value, going by the bytes beside it (a comma in quotes counts)."""
        import numpy as np

        text = np.frombuffer(self._last + chunk, np.uint8)
        blanks = np.flatnonzero(text == ord(" "))
        before, after = text[np.maximum(blanks - 1, 0)], text[np.minimum(blanks + 1, len(text) - 1)]
        is_wide = not chunk.isascii() and any(blank in chunk for blank in _WIDE_BLANKS)
        return is_wide or bool(self._edges[before].any() or self._edges[after].any())


def look(drop: Drop, contract: FeedContract, scan: Scan, first: bytes, size: int) -> Shape:
    """Judge the scan and read the header.

    Args:
        first: the first bytes of the file, which hold its header.

    Raises:
        DropRefused: another encoding than declared, NUL characters, or a header that lacks a column.
    """
    encoding, delimiter = contract.delivery.encoding, contract.delivery.delimiter
    if not scan.is_decodable:
        raise drop.refuse(
            "encoding",
            f"line {_first_bad_line(drop.path, encoding)} cannot be read as {encoding}, which the contract declares.",
            f"Export the file as {encoding}, or agree another encoding in the contract.",
        )
    if scan.has_null:
        raise drop.refuse("null_bytes", "it holds NUL characters, so it is not a text file.", "Export the file again.")
    text = codecs.getincrementaldecoder(encoding)().decode(first).lstrip("\ufeff")
    line = text.split("\n", 1)[0]
    if "\n" not in text and "\r" in text:
        line = text.split("\r", 1)[0]
    try:
        header = next(csv.reader([line.rstrip("\r")], delimiter=delimiter, strict=True), [])
    except csv.Error:
        header = []
    shape = match_columns(drop, contract, header, size)
    return Shape(**{**vars(shape), "is_tidy": scan.is_tidy})


def read(con: duckdb.DuckDBPyConnection, path: Path, shape: Shape, contract: FeedContract, take: Take) -> Batch:
    """Hand the rows over.

    Raises:
        Unreadable: no row can be told from another (for instance a quote that never closes).
    """
    # DuckDB takes a path with these in it (some folder above, perhaps) for a pattern of names.
    is_pattern = any(mark in str(path) for mark in "*?[")
    is_utf8 = contract.delivery.encoding in _UTF8 and not is_pattern
    batch = _read_utf8(con, path, shape, contract, take) if is_utf8 else None
    return batch if batch is not None else _read_other(con, path, shape, contract, take)


def _read_utf8(
    con: duckdb.DuckDBPyConnection, path: Path, shape: Shape, contract: FeedContract, take: Take
) -> Batch | None:
    """None when DuckDB's strict reader cannot take the file at all (mixed line ends, for one)."""
    _forget_rejects(con)
    columns = "{" + ", ".join(f"'c{position}': 'varchar'" for position in range(len(shape.header))) + "}"
    relation = (
        f"read_csv({literal(str(path))}, columns = {columns}, "
        f"delim = {literal(contract.delivery.delimiter)}, quote = '\"', escape = '\"', header = false, skip = 1, "
        f"auto_detect = false, compression = 'none', strict_mode = true, max_line_size = {_LONGEST_LINE}, "
        "store_rejects = true, rejects_table = 'gate_rejects', rejects_scan = 'gate_rejects_scan', rejects_limit = 0)"
    )
    try:
        take(relation, _sent(shape), None)
        rejected = con.execute(
            "select line, min(error_type::varchar), any_value(csv_line) from gate_rejects group by line order by line"
        ).fetchall()
    except duckdb.Error:
        return None
    finally:
        _forget_rejects(con)
    # `line` counts the header as line 1, so row 1 of the file is line 2.
    malformed = tuple(MalformedLine(int(line) - 1, _plain(kind), text or "") for line, kind, text in rejected)
    return Batch(_number_rows(con, [line.row_no for line in malformed]), malformed)


def _read_other(con: duckdb.DuckDBPyConnection, path: Path, shape: Shape, contract: FeedContract, take: Take) -> Batch:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    malformed: list[MalformedLine] = []

    def keep(row: arrow_csv.InvalidRow) -> str:
        kind = "too few fields" if row.actual_columns < row.expected_columns else "too many fields"
        malformed.append(MalformedLine(int(row.number or 0) - 1, kind, row.text or ""))
        return "skip"

    wanted = [f"c{position}" for position in sorted(shape.columns.values())]
    try:
        # A file, not a path: pyarrow would unpack by the name's ending.
        with path.open("rb") as file:
            table = arrow_csv.read_csv(
                file,
                # One thread, because only then does pyarrow know the number of a malformed row.
                read_options=arrow_csv.ReadOptions(
                    use_threads=False, column_names=[f"c{position}" for position in range(len(shape.header))],
                    skip_rows=1, encoding=contract.delivery.encoding,
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=contract.delivery.delimiter, newlines_in_values=True, invalid_row_handler=keep
                ),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
                ),
            )  # fmt: skip
    except (pa.ArrowException, UnicodeError):
        raise Unreadable from None
    con.register("gate_arrow", table)
    try:
        take("gate_arrow", _sent(shape), None)
    finally:
        con.unregister("gate_arrow")
    malformed.sort(key=lambda line: line.row_no)
    return Batch(_number_rows(con, [line.row_no for line in malformed]), tuple(malformed))


def _sent(shape: Shape) -> dict[str, str]:
    return {name: f"c{place}" for name, place in shape.columns.items()}


def _number_rows(con: duckdb.DuckDBPyConnection, gaps: list[int]) -> int:
    """Count the rows taken; where lines were left out, number the others by their place in the file."""
    rows = int(con.execute("select count(*) from temp.gate_staged").fetchall()[0][0])
    if gaps:
        con.execute("create or replace temp table gate_gaps as select unnest(?::bigint[]) as gap", [gaps])
        con.execute(
            "create or replace temp table gate_numbered as with places as (select range as place from "
            f"range(1, {rows + len(gaps) + 1}) where range not in (select gap from gate_gaps)), "
            "numbered as (select place, row_number() over (order by place) - 1 as position from places), "
            "staged as (select *, rowid as position from temp.gate_staged) "
            "select staged.* exclude (position), numbered.place as row_no "
            "from staged join numbered using (position) order by numbered.place"
        )
        con.execute("drop table temp.gate_staged")
        con.execute("alter table temp.gate_numbered rename to gate_staged")
        con.execute("drop table temp.gate_gaps")
    return rows


def _first_bad_line(path: Path, encoding: str) -> int:
    """1-based number of the first line that is not in an encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with path.open("rb") as file:
        for part in file:
            try:
                line += decoder.decode(part).count("\n")
            except UnicodeError:
                break
    return line


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
