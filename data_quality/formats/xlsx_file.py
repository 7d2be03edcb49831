"""XLSX: one worksheet, its header row, and values only.

A cell is written as the text the contract agrees, so that the row rules of every other format judge it. What Excel has
done to a value and nobody can undo holds the row, with the column named: an error cell, a date where text was agreed
("3-1" typed into a cell becomes one), a number of more than 15 digits. A number in a text column keeps the zeros its
cell format shows; zeros that Excel has dropped are found by the column's own rules (pattern, length, check, codes).
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb

from data_quality.contract import ColumnContract, FeedContract
from data_quality.drop import Drop, DropRefused
from data_quality.formats.common import (
    Batch,
    MalformedLine,
    Shape,
    Take,
    Unreadable,
    match_columns,
    refuse_large,
    take_rows,
)

MAGIC = b"PK\x03\x04"
# Excel keeps 15 digits of a number; what has more was changed when it was typed.
_EXACT = 10**15
# Serial day numbers that Excel can show as a date (1 January 1900 to 31 December 9999).
_SERIALS = (1, 2_958_466)
_DOCTYPE = b"<!DOCTYPE"
_SENT_AGAIN = "Save the workbook again as .xlsx, without password, and send it with a new manifest."


class _Mangled(Exception):
    """A cell whose value Excel has changed for good."""


def look(drop: Drop, contract: FeedContract, size: int) -> Shape:
    """Open the workbook, find the sheet and its header row.

    Raises:
        DropRefused: no workbook, cut short, too large when unfolded, the sheet is not there, or a column is missing.
    """
    _refuse_unsafe(drop)
    try:
        sheet, header = _header(drop, contract)
    except DropRefused:
        raise
    except Exception:  # a damaged workbook breaks openpyxl in every way there is, and its words may quote a cell
        raise drop.refuse("not_xlsx", "its workbook cannot be read.", _SENT_AGAIN) from None
    shape = match_columns(drop, contract, header, size)
    return Shape(**{**vars(shape), "sheet": sheet})


def read(con: duckdb.DuckDBPyConnection, path: Path, shape: Shape, contract: FeedContract, take: Take) -> Batch:
    """Hand the rows over; empty rows at the end are none.

    Raises:
        Unreadable: the sheet is damaged.
    """
    try:
        book = _open(path)
    except Exception:
        raise Unreadable from None
    try:
        return take_rows(con, contract, _rows(book, shape, contract), take)
    except Exception:  # as above
        raise Unreadable from None
    finally:
        book.close()


def cell_text(column: ColumnContract, contract: FeedContract, value: Any, number_format: str, epoch: datetime) -> str:
    """A cell's value as the contract's text.

    Args:
        number_format: how the cell is shown, for instance `00000`.
        epoch: the workbook's day zero.

    Raises:
        _Mangled: Excel has changed the value.
    """
    from openpyxl.utils.datetime import from_excel

    delivery = contract.delivery
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float) and column.type in ("date", "timestamp"):
        if not _SERIALS[0] <= value < _SERIALS[1]:
            return _number(column, value, number_format)
        value = from_excel(value, epoch)
    if isinstance(value, int | float):
        return _number(column, value, number_format)
    if isinstance(value, datetime | date):
        moment = value if isinstance(value, datetime) else datetime.combine(value, time())
        # A time of day is a fraction of a day, so seconds come out a little off.
        moment = (moment + timedelta(milliseconds=500)).replace(microsecond=0)
        if column.type == "date":
            is_day = moment.time() == time()
            return moment.strftime(column.format or delivery.date_format) if is_day else moment.isoformat(" ")
        if column.type == "timestamp":
            return moment.strftime(column.format or delivery.timestamp_format)
        raise _Mangled(f"a date stands in its cell where {column.type} was agreed")
    if isinstance(value, time) and column.type == "string":
        return value.isoformat()
    raise _Mangled(f"its cell holds neither text nor a {column.type}")


def _number(column: ColumnContract, value: float, number_format: str) -> str:
    if isinstance(value, float) and not value.is_integer():
        return repr(value)
    if abs(value) >= _EXACT and column.type != "number":
        raise _Mangled("its cell holds a number of more than 15 digits, which Excel has rounded")
    zeros = len(number_format) if number_format and set(number_format) == {"0"} else 0
    return str(int(value)).zfill(zeros) if column.type == "string" else str(int(value))


def _rows(
    book: Any, shape: Shape, contract: FeedContract
) -> Iterator[tuple[int, Mapping[str, str | None]] | MalformedLine]:
    columns = [(contract.column(name), place) for name, place in shape.columns.items()]
    empty: list[int] = []
    first = contract.delivery.header_row + 1
    for row_no, cells in enumerate(book[shape.sheet].iter_rows(min_row=first), start=1):
        if all(cell.value is None or cell.value == "" for cell in cells):
            empty.append(row_no)
            continue
        for gap in empty:
            yield gap, {}
        empty.clear()
        yield _row(row_no, cells, columns, contract, book.epoch)


def _row(
    row_no: int, cells: Any, columns: list[tuple[ColumnContract, int]], contract: FeedContract, epoch: datetime
) -> tuple[int, Mapping[str, str | None]] | MalformedLine:
    values: dict[str, str | None] = {}
    broken: tuple[str, str] | None = None
    for column, place in columns:
        cell = cells[place] if place < len(cells) else None
        if cell is None or cell.value is None:
            continue
        if cell.data_type == "e":
            broken = broken or (column.name, "an Excel error stands in its cell")
            values[column.name] = str(cell.value)
            continue
        try:
            values[column.name] = cell_text(column, contract, cell.value, cell.number_format or "", epoch)
        except _Mangled as mangled:
            broken = broken or (column.name, str(mangled))
            values[column.name] = str(cell.value)
    if broken is None:
        return row_no, values
    text = contract.delivery.delimiter.join(values.get(column.name) or "" for column, _ in columns)
    return MalformedLine(row_no, broken[1], text, broken[0])


def _header(drop: Drop, contract: FeedContract) -> tuple[str, list[str]]:
    book = _open(drop.path)
    try:
        wanted = (contract.delivery.sheet or "").strip()
        visible = [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"]
        named = [title for title in book.sheetnames if wanted and title.strip().casefold() == wanted.casefold()]
        if wanted and not named:
            raise drop.refuse(
                "sheet", f"it has no worksheet called {wanted!r}.", f"Call the sheet with the rows {wanted!r}."
            )
        if not wanted and len(visible) != 1:
            raise drop.refuse(
                "sheet",
                f"it has {len(visible)} visible worksheets and the contract does not say which.",
                "Send one sheet, or agree its name in the contract.",
            )
        title = named[0] if named else visible[0]
        number = contract.delivery.header_row
        rows = book[title].iter_rows(min_row=number, max_row=number, values_only=True)
        header = ["" if value is None else str(value) for value in next(rows, ())]
        while header and not header[-1].strip():
            header.pop()
        return title, header
    finally:
        book.close()


def _open(path: Path) -> Any:
    import openpyxl

    # Its warnings quote cells.
    warnings.filterwarnings("ignore", module="openpyxl")
    return openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)


def _refuse_unsafe(drop: Drop) -> None:
    """What the archive says of itself, before anything is unfolded.

    Raises:
        DropRefused: no archive, cut short, too large when unfolded, or a part that declares entities.
    """
    try:
        with zipfile.ZipFile(drop.path) as archive:
            parts = archive.infolist()
            refuse_large(drop, sum(part.file_size for part in parts), "its parts unfold to")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as file:
                        # A document type stands before the first element, so near the start.
                        head = file.read(64 << 10)
                    if _DOCTYPE in head or _DOCTYPE.decode().encode("utf-16-le") in head:
                        raise drop.refuse("unsafe_xml", "a part of it declares a document type.", _SENT_AGAIN)
    except DropRefused:
        raise
    except Exception:  # bad archive, unknown method, password, broken stream: all the same to the sender
        raise drop.refuse("not_xlsx", "it is no .xlsx workbook, or cut short.", _SENT_AGAIN) from None
