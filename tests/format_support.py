"""The same rows written in every format, as an agency's own tools would write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from data_quality.contract import FeedContract
from tests.gate_support import column, make_contract

NAMES = ["visit_id", "child_id", "seen_on", "noted_at", "minutes", "share", "alone", "note", "factors"]
Row = Sequence[Any]
VISITS: list[Row] = [
    ("V1", "0012", date(2026, 9, 1), datetime(2026, 9, 1, 23, 15), 35, 0.5, True, "Zoë, “fine”", "1A;2B"),
    ("V2", "0013", date(2024, 2, 29), datetime(2026, 3, 28, 9, 0, 7), 0, 12.0, False, None, None),
    ("V3", "0012", date(2026, 9, 30), None, None, None, None, "né à\nlille", "2B"),
]


def visits_contract(folder: Path, form: str = "csv", **delivery: Any) -> FeedContract:
    """A feed of visits, with a column of every type."""
    delivery = {"format": form, "mode": "full"} | ({"rowPath": "Visits/Visit"} if form == "xml" else {}) | delivery
    return make_contract(
        folder,
        [
            column("visit_id", "identity", key=1),
            column("child_id", "identity", required=True, pattern="[0-9]{4}"),
            column("seen_on", "warehouse", "date", occurredOn=True),
            column("noted_at", "warehouse", "timestamp"),
            column("minutes", "warehouse", "integer", minimum=0),
            column("share", "warehouse", "number"),
            column("alone", "warehouse", "boolean"),
            column("note", "identity"),
            column("factors", "warehouse", separator=";"),
        ],
        feed="visits",
        delivery=delivery,
    )


def text(value: Any) -> str:
    """A value in the contract's default spelling."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return value.isoformat() if isinstance(value, date) else str(value)


def as_csv(rows: list[Row], names: list[str] = NAMES, encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    """A CSV file."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([names, *([text(value) for value in row] for row in rows)])
    return out.getvalue().encode(encoding)


def as_parquet(rows: list[Row], names: list[str] = NAMES, **kinds: Any) -> bytes:
    """A Parquet file, typed by its values; `kinds` gives a column another Arrow type."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    usual = {"visit_id": pa.string(), "child_id": pa.string(), "seen_on": pa.date32(), "noted_at": pa.timestamp("us"),
             "minutes": pa.int64(), "share": pa.float64(), "alone": pa.bool_()} | kinds  # fmt: skip
    arrays = [pa.array([row[place] for row in rows], usual.get(name, pa.string())) for place, name in enumerate(names)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, names=names), sink)
    return sink.getvalue().to_pybytes()


def as_xlsx(
    rows: list[Row], names: list[str] = NAMES, sheet: str = "Visits", change: Callable[[Any], None] | None = None
) -> bytes:
    """A workbook with one sheet; `change` gets it before it is saved."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in [names, *rows]:
        book.active.append(list(row))
    if change:
        change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_xml(rows: list[Row], names: list[str] = NAMES, root: str = "Message") -> bytes:
    """An XML file: an element a row, a child a value, a repeated child for each of several codes."""
    visits = []
    for row in rows:
        parts = []
        for name, value in zip(names, row, strict=True):
            for one in text(value).split(";") if name == "factors" else [text(value)]:
                parts.append(f"<{name}>{escape(one)}</{name}>" if one else "")
        visits.append(f"<Visit>{''.join(parts)}</Visit>")
    body = "\n".join(visits)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{root}><Visits>\n{body}\n</Visits></{root}>'.encode()


WRITERS: dict[str, Callable[..., bytes]] = {"csv": as_csv, "parquet": as_parquet, "xlsx": as_xlsx, "xml": as_xml}
