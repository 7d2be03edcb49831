"""Drop logs and held rows written by hand, for tests of what is told about them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import duckdb

NOW = datetime(2026, 12, 7, 2, 0)
_SPACE = UUID(int=7)


def drop_id(file: str) -> UUID:
    """Ids that sort by nothing but are the same every time."""
    return uuid5(_SPACE, file)


def log(
    con: duckdb.DuckDBPyConnection,
    agency: str,
    feed: str,
    file: str,
    *,
    days_ago: float,
    rows: int = 0,
    held: int = 0,
    unchanged: int = 0,
    mode: str = "delta",
    reason: str | None = None,
    history: bool = False,
) -> UUID:
    """One drop in the logs of quarantine and warehouse; a reason makes it a refused one."""
    at, key = NOW - timedelta(days=days_ago), drop_id(f"{agency}{feed}{file}")
    loaded = 0 if reason else rows - held - unchanged
    for database in ("quarantine", "warehouse"):
        con.execute(
            f"insert into {database}.gate.drop_log (drop_id, agency, feed, file_name, mode, history, extracted_at, "
            "received_at, rows_in, rows_loaded, rows_quarantined, rows_unchanged, columns_dropped, sha256, "
            "is_complete, status, reason) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', true, ?, ?)",
            [key, agency, feed, file, mode, history, at, at, rows, loaded, held, unchanged,
             "refused" if reason else "loaded", reason],
        )  # fmt: skip
    return key


def hold(
    con: duckdb.DuckDBPyConnection,
    agency: str,
    feed: str,
    file: str,
    row_no: int,
    sent: dict[str, str] | None,
    *,
    column: str | None,
    rule: str,
    days_ago: float,
    settled_by: UUID | None = None,
    key: UUID | None = None,
) -> None:
    """One held row of a drop that `log` wrote."""
    con.execute(
        "insert into quarantine.gate.quarantined_row (drop_id, agency, feed, file_name, row_no, column_name, rule, "
        "reason, source_key_hash, row_as_sent, quarantined_at, resolved_by_drop) "
        "values (?, ?, ?, ?, ?, ?, ?, 'it is not as agreed', ?, ?, ?, ?)",
        [drop_id(f"{agency}{feed}{file}"), agency, feed, file, row_no, column, rule, key,
         None if sent is None else json.dumps(sent), NOW - timedelta(days=days_ago), settled_by],
    )  # fmt: skip
