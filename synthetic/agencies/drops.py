"""Writes an agency's drop: the CSV in its encoding and date formats, then the manifest that makes it complete.

The manifest is put in place last, by an atomic rename, so a receiver that waits for it never reads half a file.
Everything in both files follows from the rows, the night and the seed: the same demo sends the same bytes on any
machine.
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

from synthetic.agencies.views import FIRST_DROP_AT, FIRST_DROP_DATE, Feed

SCHEMA_VERSION = "1.0.0"
CODE_SET_VERSION = "2026-09"


@dataclass(frozen=True)
class Window:
    """Rows recorded after ``start`` and not after ``end`` (UTC)."""

    start: datetime
    end: datetime


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


def night_condition(feed: Feed, night: date) -> str:
    """SQL condition on row versions: what this feed sends in the night that begins on this date."""
    end = _literal(feed.extracted_at(night))
    current = f"_recorded_at <= {end} AND _superseded_at > {end}"
    if feed.mode == "full":
        return f"{current} AND _row_op <> 'deleted'"
    return f"{current} AND _recorded_at > {_literal(feed.previous_extract(night))}"


def pending_condition(feed: Feed) -> str:
    """SQL condition on row versions that some later night may send."""
    late = "" if feed.mode == "full" else f" AND _recorded_at > {_literal(FIRST_DROP_AT)}"
    return f"_superseded_at > {_literal(FIRST_DROP_AT)}{late}"


def received_at(feed: Feed, night: date) -> datetime:
    """Some minutes after the extract, different for each feed and night."""
    draw = hashlib.blake2b(f"{feed.label}|{night.isoformat()}".encode(), digest_size=2).digest()
    return feed.extracted_at(night) + timedelta(seconds=120 + int.from_bytes(draw, "big") % 600)


def write_history(
    con: duckdb.DuckDBPyConnection, relation: str, feed: Feed, landing: Path, since: datetime
) -> Manifest:
    """A feed's first drop, whole, received the evening before the first run. ``relation`` holds row versions."""
    return _write(
        con, relation, feed, landing, FIRST_DROP_DATE, "full", history_condition(), FIRST_DROP_AT, FIRST_DROP_AT,
        Window(since, FIRST_DROP_AT), history=True,
    )  # fmt: skip


def write_night(con: duckdb.DuckDBPyConnection, relation: str, feed: Feed, landing: Path, night: date) -> Manifest:
    """One later night's drop of a feed."""
    extracted = feed.extracted_at(night)
    return _write(
        con, relation, feed, landing, night, feed.mode, night_condition(feed, night), extracted,
        received_at(feed, night), Window(feed.previous_extract(night), extracted), history=False,
    )  # fmt: skip


def _write(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    feed: Feed,
    landing: Path,
    night: date,
    mode: Literal["full", "delta"],
    condition: str,
    extracted: datetime,
    received: datetime,
    window: Window,
    *,
    history: bool,
) -> Manifest:
    folder = landing / feed.agency / feed.name
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{feed.name}_{night:%Y%m%d}_{mode}.csv"
    partial = target.with_suffix(".csv.part")
    rows = con.execute(
        f"COPY (SELECT {_columns(feed)} FROM {relation} WHERE {condition}) TO {_text(str(partial))}"
        " (FORMAT csv, HEADER, DELIMITER ',', NULL '')"
    ).fetchall()[0][0]
    if feed.encoding != "utf-8":
        partial.write_bytes(partial.read_text("utf-8").encode(feed.encoding, errors="replace"))
    manifest = Manifest(
        agency=feed.agency,
        feed=feed.name,
        file=target.name,
        mode=mode,
        history=history,
        extracted_at=stamp(extracted),
        received_at=stamp(received),
        window={"from": stamp(window.start), "to": stamp(window.end)},
        rows=int(rows),
        sha256=_sha256(partial),
    )
    said = target.with_suffix(".manifest.json")
    said.unlink(missing_ok=True)
    partial.replace(target)
    draft = said.with_suffix(".json.part")
    draft.write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
    draft.replace(said)
    return manifest


def _columns(feed: Feed) -> str:
    parts = []
    for name, kind in feed.columns:
        held = '"' + name.replace('"', '""') + '"'
        if kind == "date":
            parts.append(f"strftime({held}::TIMESTAMP, {_text(feed.date_format)}) AS {held}")
        elif kind == "datetime":
            parts.append(f"strftime({held}::TIMESTAMP, {_text(feed.timestamp_format)}) AS {held}")
        elif kind == "integer":
            parts.append(f"{held}::BIGINT AS {held}")
        else:
            parts.append(f"{held}::VARCHAR AS {held}")
    return ", ".join(parts)


def _literal(instant: datetime) -> str:
    return f"TIMESTAMP '{instant:%Y-%m-%d %H:%M:%S}'"


def _text(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
