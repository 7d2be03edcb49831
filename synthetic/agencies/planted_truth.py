"""What was planted, as it stands in the files: ``truth/planted_defect.parquet``, for tests and benchmarks alone.

One row a mistake: ``kind, agency, feed, file_name, night, row_no, source_key, expected, expected_rule, column_name``.
``row_no`` counts the rows of the file from 1 (none for what is wrong with a whole file, or with its absence);
``source_key`` is the row's key as written, its parts joined by U+001F.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synthetic.agencies.incidents import Delivery, Incident
from synthetic.agencies.row_defects import Handling, handling
from synthetic.agencies.views import Feed

SCHEMA = pa.schema(
    [
        ("kind", pa.string()), ("agency", pa.string()), ("feed", pa.string()), ("file_name", pa.string()),
        ("night", pa.date32()), ("row_no", pa.int64()), ("source_key", pa.string()), ("expected", pa.string()),
        ("expected_rule", pa.string()), ("column_name", pa.string()),
    ]
)  # fmt: skip


def planted_rows(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    condition: str,
    feed: Feed,
    delivery: Delivery,
    file_name: str,
    written: dict[str, str],
) -> list[dict[str, Any]]:
    """The mistakes in the file just written from these rows; ``written`` gives each column's text as SQL.

    A file that is refused or waits tells nothing of its rows. What a record merely carries is told of when it is new.
    """
    found: list[dict[str, Any]] = []
    if delivery.incident is not None:
        found.append(incident_row(delivery.incident, feed, delivery.sent_on, file_name))
        if delivery.incident.expected in ("refuse", "late"):
            return found
    key = " || chr(31) || ".join(
        f"CASE WHEN _wrong_column = '{name}' THEN _wrong_text ELSE {written[name]} END" for name in feed.key
    )
    rows = con.execute(
        f"SELECT row_no, {key}, _planted, _recorded_at > ? FROM (SELECT *, row_number() OVER () AS row_no "
        f"FROM {relation} WHERE {condition}) WHERE _planted IS NOT NULL ORDER BY row_no",
        [delivery.since.replace(tzinfo=None)],
    ).fetchall()

    for row_no, source_key, planted, is_new in rows:
        for kind in planted.split(";"):
            known = handling(feed.label, kind)
            if known is None or not _is_told(known, delivery, is_new):
                continue
            row = _row(kind, feed, file_name, delivery.sent_on, known.expected, known.rule, known.column)
            found.append(row | {"row_no": row_no, "source_key": source_key})
    return found


def _is_told(known: Handling, delivery: Delivery, is_new: bool) -> bool:
    """What is held or counted is so in every file; the rest is said once; history puts nothing right."""
    if known.expected in ("quarantine", "inform"):
        return True
    return known.expected != "resolve" if delivery.history else is_new


def incident_row(incident: Incident, feed: Feed, night: date, file_name: str | None) -> dict[str, Any]:
    """One row for what is wrong with a whole file, or with there being none."""
    return _row(incident.kind, feed, file_name, night, incident.expected, incident.rule, incident.column)


def remember(path: Path, night: date, rows: Iterable[dict[str, Any]]) -> None:
    """Adds a night's mistakes to the file; written again, a night replaces itself."""
    more = pa.Table.from_pylist(list(rows), schema=SCHEMA)
    if path.exists():
        held = pq.read_table(path, schema=SCHEMA)
        more = pa.concat_tables([held.filter(pc.not_equal(held["night"], pa.scalar(night))), more])
    draft = path.with_suffix(".parquet.part")
    pq.write_table(more, draft, compression="zstd", store_schema=False)
    draft.replace(path)


def _row(
    kind: str, feed: Feed, file_name: str | None, night: date, expected: str, rule: str | None, column: str | None
) -> dict[str, Any]:
    return {
        "kind": kind, "agency": feed.agency, "feed": feed.name, "file_name": file_name, "night": night,
        "row_no": None, "source_key": None, "expected": expected, "expected_rule": rule, "column_name": column,
    }  # fmt: skip
