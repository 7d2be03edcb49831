"""A fuzzed drop's table as the bytes of a CSV, Parquet, XLSX or XML file, and how many rows a plain reader counts.

Cells are text, or typed as the contract says, or as a program guesses that looks at them (a column of whole numbers is
numbers, whatever was agreed). Nothing here uses the gate's own readers.
"""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from xml.sax.saxutils import escape

from data_quality.contract import FeedContract

FORMATS = ("csv", "parquet", "xlsx", "xml")
# Characters that no XML, and so no workbook, can hold.
_UNSAYABLE = dict.fromkeys((*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0xFFFE, 0xFFFF), "?")
_LONGEST_CELL = 32_767
Cell = str | int | date | None


def in_format(contract: FeedContract, name: str) -> FeedContract:
    """The same feed, delivered in another format."""
    if name == contract.delivery.format:
        return contract
    return replace(
        contract, delivery=replace(contract.delivery, format=name, sheet=None, header_row=1, row_path="Rows/Row")
    )


def write_table(
    contract: FeedContract,
    header: list[str],
    rows: list[list[str]],
    types: str,
    dialect: dict[str, Any],
    encoding: str,
) -> bytes:
    """The file's bytes in the contract's format; `dialect` and `encoding` matter to text files alone."""
    name = contract.delivery.format
    if name == "csv":
        text = io.StringIO()
        csv.writer(text, escapechar=None, **dialect).writerows([header, *rows])
        return text.getvalue().encode(encoding, errors="replace")
    if name == "xml":
        return _xml(header, rows, encoding)
    # A table of columns: too short a row lacks its last cells, too long a one loses them.
    full = [[*row[: len(header)], *[""] * (len(header) - len(row))] for row in rows]
    cells: list[list[Cell]] = [[value or None for value in row] for row in full]
    if types != "text":
        agreed = {column.name: column.type for column in contract.columns}
        columns = [
            _typed(contract, [row[place] for row in cells], agreed.get(name) if types == "agreed" else None)
            for place, name in enumerate(header)
        ]
        cells = [[column[at] for column in columns] for at in range(len(cells))]
    return _xlsx(header, cells) if name == "xlsx" else _parquet(header, cells)


def count_rows(
    content: bytes, contract: FeedContract, header: list[str], rows: list[list[str]], damaged: bool
) -> int | None:
    """The records a plain reader finds in a file; None where it can find none.

    A CSV is counted from its bytes, by Python's own reader. The other formats are counted from the table they were
    written from, unless their bytes were `damaged` afterwards: then whoever reads them first decides.
    """
    name = contract.delivery.format
    if name == "csv":
        csv.field_size_limit(sys.maxsize)
        try:
            text = content.decode(contract.delivery.encoding)
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=contract.delivery.delimiter)
            return max(0, sum(1 for record in reader if record) - 1)
        except (UnicodeDecodeError, csv.Error):
            return None
    if damaged:
        return None
    if name == "xlsx":
        # Rows below the last that says anything are none.
        return max((place for place, row in enumerate(rows, start=1) if any(row[: len(header)])), default=0)
    return len(rows)


def _typed(contract: FeedContract, column: list[Cell], kind: str | None) -> list[Cell]:
    """The column as whole numbers or dates where every cell allows it; `kind`: only as this type of the contract's."""
    said = [value for value in column if isinstance(value, str)]
    if kind not in (None, "integer", "date"):
        return column
    if said and kind != "date" and all(value.isascii() and value.isdigit() and len(value) < 16 for value in said):
        return [int(value) if isinstance(value, str) else value for value in column]
    if kind == "integer":
        return column
    try:
        days = {value: datetime.strptime(value, contract.delivery.date_format).date() for value in said}
    except ValueError:
        return column
    # A workbook counts its days from 1900.
    if not all(1900 < day.year < 9999 for day in days.values()):
        return column
    return [days[value] if isinstance(value, str) else value for value in column]


def _parquet(header: list[str], rows: list[list[Cell]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [pa.array([row[place] for row in rows]) for place in range(len(header))]
    columns = [column.cast(pa.string()) if pa.types.is_null(column.type) else column for column in columns]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, names=[_sayable(name) for name in header]), out)
    return out.getvalue()


def _xlsx(header: list[str], rows: list[list[Cell]]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("rows")
    for row in ([_sayable(name) for name in header], *rows):
        sheet.append([_sayable(value) if isinstance(value, str) else value for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _xml(header: list[str], rows: list[list[str]], encoding: str) -> bytes:
    """One element a row. A column name that is none is written as it stands: such a file is not well formed."""
    parts = [f'<?xml version="1.0" encoding="{encoding}"?>\n<Message><Rows>']
    for row in rows:
        cells = zip(header, row, strict=False)
        parts.append(
            "<Row>" + "".join(f"<{name}>{escape(_sayable(value))}</{name}>" for name, value in cells) + "</Row>"
        )
    return "\n".join([*parts, "</Rows></Message>"]).encode(encoding, errors="xmlcharrefreplace")


def _sayable(text: str) -> str:
    return text.translate(_UNSAYABLE)[:_LONGEST_CELL]
