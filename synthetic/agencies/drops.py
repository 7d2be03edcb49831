"""Writes an agency's drop: the file in its format, encoding and way of writing dates, then the manifest.

The manifest makes the drop complete and is put in place last, by an atomic rename, so a receiver that waits for it
never reads half a file. Everything in both files follows from the rows, the night and the seed: the same demo sends
the same bytes on any machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb

from synthetic.agencies.files import save
from synthetic.agencies.incidents import Delivery
from synthetic.agencies.planted_truth import planted_rows
from synthetic.agencies.views import FIRST_DROP_AT, FIRST_DROP_DATE, Feed

SCHEMA_VERSION = "1.0.0"
CODE_SET_VERSION = "2026-09"

#: What a column is called in the file in which it was renamed.
RENAMED = {"ArrivalMode": "ModeOfArrival"}

#: Schools whose software is changed: a third of the lowest digits of the number every school has.
SILENT_GROUP = '("URN"::BIGINT % 3 = 0)'


@dataclass(frozen=True)
class Manifest:
    """What a drop says about itself (field names are those of the file)."""

    agency: str
    feed: str
    file: str
    mode: Literal["full", "delta"]
    history: bool
    extracted_at: str
    received_at: str
    window: dict[str, str]
    rows: int
    sha256: str
    schema_version: str = SCHEMA_VERSION
    code_set_version: str = CODE_SET_VERSION


@dataclass(frozen=True)
class Sent:
    """What was written: the manifest (None for a file left half-written), and the mistakes in it."""

    manifest: Manifest | None
    planted: list[dict[str, Any]]


@contextmanager
def drop_connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB that keeps row order, for writing drops."""
    con = duckdb.connect(":memory:", config={"threads": 2, "preserve_insertion_order": True})
    try:
        yield con
    finally:
        con.close()


def stamp(instant: datetime) -> str:
    """``2026-10-04T19:00:00Z``."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def history_condition() -> str:
    """SQL condition on row versions: their latest form when the first drops were made, unless deleted by then."""
    cut = _literal(FIRST_DROP_AT)
    return f"_recorded_at <= {cut} AND _superseded_at > {cut} AND _row_op <> 'deleted'"


def night_condition(feed: Feed, delivery: Delivery) -> str:
    """SQL condition on row versions: what this file tells."""
    end, since = _literal(delivery.extracted), _literal(delivery.since)
    current = f"_recorded_at <= {end} AND _superseded_at > {end}"
    if feed.mode == "full":
        rows = f"{current} AND _row_op <> 'deleted'"
        return rows if delivery.silent is None else f"{rows} AND ({_told_before(delivery.silent)})"
    if delivery.caught_up is not None:
        since = f"CASE WHEN {SILENT_GROUP} THEN {_literal(delivery.caught_up)} ELSE {since} END"
    rows = f"{current} AND _recorded_at > {since}"
    return rows if delivery.silent is None else f"{rows} AND ({_told_before(delivery.silent)})"


def _told_before(instant: datetime) -> str:
    return f"NOT {SILENT_GROUP} OR _recorded_at <= {_literal(instant)}"


def pending_condition(feed: Feed) -> str:
    """SQL condition on row versions that some later night may send."""
    late = "" if feed.mode == "full" else f" AND _recorded_at > {_literal(FIRST_DROP_AT)}"
    return f"_superseded_at > {_literal(FIRST_DROP_AT)}{late}"


def received_at(feed: Feed, night: date) -> datetime:
    """Some minutes after the extract, different for each feed and night."""
    draw = hashlib.blake2b(f"{feed.label}|{night.isoformat()}".encode(), digest_size=2).digest()
    return feed.extracted_at(night) + timedelta(seconds=120 + int.from_bytes(draw, "big") % 600)


def write_history(con: duckdb.DuckDBPyConnection, relation: str, feed: Feed, landing: Path, since: datetime) -> Sent:
    """A feed's first drop, whole, received the evening before the first run. ``relation`` holds row versions."""
    first = Delivery(FIRST_DROP_DATE, "full", since, FIRST_DROP_AT, FIRST_DROP_AT, FIRST_DROP_DATE, history=True)
    return write(con, relation, feed, landing, first, history_condition())


def write_night(con: duckdb.DuckDBPyConnection, relation: str, feed: Feed, landing: Path, delivery: Delivery) -> Sent:
    """One later file of a feed."""
    return write(con, relation, feed, landing, delivery, night_condition(feed, delivery))


def write(
    con: duckdb.DuckDBPyConnection, relation: str, feed: Feed, landing: Path, delivery: Delivery, condition: str
) -> Sent:
    """The rows that meet ``condition`` as a file and its manifest, spoilt as the delivery says."""
    folder = landing / feed.agency / feed.name
    folder.mkdir(parents=True, exist_ok=True)
    number = "" if delivery.number == 1 else f"_{delivery.number}"
    target = folder / f"{feed.name}_{delivery.night:%Y%m%d}_{delivery.mode}{number}.{feed.format}"
    partial = target.with_suffix(f".{feed.format}.part")
    columns = _columns(con, relation, feed, delivery.twist)
    rows = save(con, f"SELECT {columns} FROM {relation} WHERE {condition}", feed, partial)
    _spoil_file(partial, delivery.twist)
    said = target.with_suffix(".manifest.json")
    said.unlink(missing_ok=True)
    partial.replace(target)
    truth = planted_rows(con, relation, condition, feed, delivery, target.name, _written(feed))
    if delivery.twist == "half_written_file":
        return Sent(None, truth)
    manifest = Manifest(
        agency=feed.agency,
        feed=feed.name,
        file=target.name,
        mode=delivery.mode,
        history=delivery.history,
        extracted_at=stamp(delivery.extracted),
        received_at=stamp(delivery.received),
        window={"from": stamp(delivery.since), "to": stamp(delivery.extracted)},
        rows=rows,
        sha256=_sha256(target),
    )
    draft = said.with_suffix(".json.part")
    draft.write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
    draft.replace(said)
    return Sent(manifest, truth)


def _spoil_file(path: Path, twist: str | None) -> None:
    """What happens to a file after its rows were written: cut off, or saved in another encoding."""
    content = path.read_bytes() if twist in ("truncated_file", "half_written_file", "wrong_encoding") else b""
    if twist == "wrong_encoding":
        path.write_bytes(content.decode("utf-8").encode("utf-16"))
    elif twist == "truncated_file":
        lines = content.splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: max(1, len(lines) * 6 // 10)]))
    elif twist == "half_written_file":
        path.write_bytes(content[: len(content) // 2])


def _written(feed: Feed, retyped: bool = False) -> dict[str, str]:
    """SQL of each column's text as the feed writes it; retyped: dates in another form than agreed."""
    dates = feed.date_format if not retyped else "%d %b %Y"
    parts = {}
    for name, kind in feed.columns:
        held = _name(name)
        if kind == "date":
            parts[name] = f"strftime({held}::TIMESTAMP, {_text(dates)})"
        elif kind == "datetime":
            parts[name] = f"strftime({held}::TIMESTAMP, {_text(feed.timestamp_format)})"
        elif kind == "integer":
            parts[name] = f"{held}::BIGINT::VARCHAR"
        else:
            parts[name] = f"{held}::VARCHAR"
    return parts


def _typed(feed: Feed) -> dict[str, str]:
    """SQL of each column in its type, for files that hold more than text."""
    kinds = {"date": "DATE", "datetime": "TIMESTAMP", "integer": "BIGINT", "text": "VARCHAR"}
    return {name: f"{_name(name)}::{kinds[kind]}" for name, kind in feed.columns}


def _columns(con: duckdb.DuckDBPyConnection, relation: str, feed: Feed, twist: str | None) -> str:
    """The select list of a file: wrong texts in the place of right ones, and its columns as the twist has them."""
    spoilt = {
        name
        for (name,) in con.execute(
            f"SELECT DISTINCT _wrong_column FROM {relation} WHERE _wrong_column IS NOT NULL"
        ).fetchall()
    }
    parts = []
    written = _written(feed, retyped=twist == "retyped_column") if feed.format == "csv" else _typed(feed)
    for name, text in written.items():
        if name in spoilt:
            text = f"{text}::VARCHAR" if feed.format != "csv" else text
            text = f"CASE WHEN _wrong_column = {_text(name)} THEN nullif(_wrong_text, '') ELSE {text} END"
        shown = RENAMED.get(name, name) if twist == "renamed_column" else name
        parts.append(f"{text} AS {_name(shown)}")
    if twist == "reordered_columns":
        parts.reverse()
    if twist == "new_column":
        parts.append("'batch 1' AS ExtractBatch")
    return ", ".join(parts)


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _literal(instant: datetime) -> str:
    return f"TIMESTAMP '{instant:%Y-%m-%d %H:%M:%S}'"


def _text(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
