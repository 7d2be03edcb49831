"""Rows of one agency in quarantine, masked: where each stands, which column failed, what shape its value has."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from data_quality.code_sets import CodeSets
from data_quality.contract import FeedContract
from data_quality.masking import code_or_shape, key_ending, shape

# More rows than anybody corrects by hand; all of them are counted.
MOST_ROWS = 5_000
NOT_KEPT = "(not kept)"


@dataclass(frozen=True)
class HeldRow:
    """One row in quarantine, in the supplier's own terms; `key` and `value` are masked."""

    feed: str
    file: str
    row_no: int
    column: str
    rule: str
    reason: str
    key: str
    value: str
    held_since: datetime
    is_new: bool


def held_rows(
    con: duckdb.DuckDBPyConnection,
    agency: str,
    contracts: Mapping[str, FeedContract],
    code_sets: CodeSets,
    since: datetime | None,
) -> tuple[list[HeldRow], dict[tuple[str, str, str], int]]:
    """The agency's unsettled rows, newest first, and how many there are by (feed, column, rule).

    Args:
        con: `quarantine` attached.
        since: rows held after it are new.
    """
    open_rows = "from quarantine.gate.quarantined_row where agency = ? and resolved_by_drop is null"
    totals = {
        (feed, column, rule): int(count)
        for feed, column, rule, count in con.execute(
            f"select feed, coalesce(column_name, ''), rule, count(*) {open_rows} group by all order by all", [agency]
        ).fetchall()
    }
    vocabulary = code_sets.every_code()
    rows = [
        HeldRow(
            feed=feed,
            file=file,
            row_no=row_no,
            column=column,
            rule=rule,
            reason=reason,
            key=_key(sent, contracts.get(f"{agency}__{feed}")),
            value=_value(sent, column, rule, vocabulary),
            held_since=held_since,
            is_new=since is None or held_since > since,
        )
        for feed, file, row_no, column, rule, reason, sent, held_since in con.execute(
            "select feed, file_name, row_no, coalesce(column_name, ''), rule, reason, row_as_sent, quarantined_at "
            f"{open_rows} order by quarantined_at desc, feed, file_name, row_no limit {MOST_ROWS}",
            [agency],
        ).fetchall()
    ]
    return rows, totals


def _key(sent: str | None, contract: FeedContract | None) -> str:
    row = _row(sent)
    if row is None or contract is None:
        return NOT_KEPT
    return " / ".join(key_ending(row.get(column.name)) for column in contract.keys)


def _value(sent: str | None, column: str, rule: str, vocabulary: Collection[str]) -> str:
    row = _row(sent)
    if row is None:
        return NOT_KEPT
    if not column:
        return ""
    # A value that fails another rule than its code list may be anything, a name included.
    return code_or_shape(row.get(column), vocabulary) if rule == "code_set" else shape(row.get(column))


def _row(sent: str | None) -> dict[str, Any] | None:
    """The row by column, None for a line that could not be taken apart or was not kept."""
    row = None if sent is None else json.loads(sent)
    return None if row is None or "line" in row else row
