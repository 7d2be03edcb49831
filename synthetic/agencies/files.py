"""Rows as a file of the feed's format: CSV as text, Parquet and workbooks with real dates and numbers in them.

The same rows give the same bytes on any machine: nothing is compressed by a library that may differ, and no file says
when it was made.
"""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from io import BytesIO
from pathlib import Path

import duckdb

from synthetic.agencies.views import Feed

_MADE = datetime(2026, 1, 1)
_EPOCH = (1980, 1, 1, 0, 0, 0)


def save(con: duckdb.DuckDBPyConnection, query: str, feed: Feed, path: Path) -> int:
    """Writes the query's rows to ``path``; returns how many there are."""
    if feed.format == "xlsx":
        return _save_workbook(con, query, feed, path)
    options = "FORMAT csv, HEADER, DELIMITER ',', NULL ''" if feed.format == "csv" else (
        "FORMAT parquet, COMPRESSION uncompressed"
    )  # fmt: skip
    place = str(path).replace("'", "''")
    rows = int(con.execute(f"COPY ({query}) TO '{place}' ({options})").fetchall()[0][0])
    if feed.encoding != "utf-8":
        path.write_bytes(path.read_text("utf-8").encode(feed.encoding, errors="replace"))
    return rows


def _save_workbook(con: duckdb.DuckDBPyConnection, query: str, feed: Feed, path: Path) -> int:
    """One sheet of the feed's name: a line of column names, then the rows."""
    import xlsxwriter

    rows = con.execute(query).fetchall()
    names = [column[0] for column in con.description or ()]
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    book.set_properties({"created": _MADE})
    sheet = book.add_worksheet(feed.name)
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
    sheet.write_row(0, 0, names)
    for place, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if isinstance(value, datetime):
                sheet.write_datetime(place, column, value, moment)
            elif isinstance(value, date):
                sheet.write_datetime(place, column, value, day)
            elif isinstance(value, str):
                sheet.write_string(place, column, value)
            elif value is not None:
                sheet.write_number(place, column, value)
    book.close()
    with zipfile.ZipFile(content) as made, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as kept:
        for name in made.namelist():
            kept.writestr(zipfile.ZipInfo(name, _EPOCH), made.read(name))
    return len(rows)
