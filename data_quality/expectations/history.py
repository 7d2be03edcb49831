"""What the expectations said of every drop: one row an expectation and drop, counts alone.

Rows of a drop are written in the transaction that completes the drop in the warehouse and undone with it; standing
rules are written after the sweep under the feed's newest drop. So a run that was killed and started again leaves the
same rows, and the history of a feed is as long as its drop log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

import duckdb

Scope = Literal["row", "standing", "volume", "schema"]
Severity = Literal["inform", "stop"]


@dataclass(frozen=True)
class CheckRow:
    """One expectation of one drop and how it went.

    Attributes:
        expectation: the rule's name in the contract, or the type of a generated expectation.
        column_name: empty for a rule about the table.
        scope: row (rows of the drop), standing (all current rows), volume or schema.
        checked: rows the rule applied to; unexpected: those that broke it. None where the rule could not be asked.
        promised: share of rows that must keep it; for volume, the count that was expected.
    """

    drop_id: UUID
    agency: str
    feed: str
    received_at: datetime
    expectation: str
    column_name: str
    scope: Scope
    severity: Severity
    passed: bool
    checked: int | None = None
    unexpected: int | None = None
    promised: float | None = None

    @property
    def name(self) -> str:
        """The feed as `agency__feed`."""
        return f"{self.agency}__{self.feed}"


@dataclass(frozen=True)
class RuleWeek:
    """One rule of one feed in one week (its Monday): how often it was asked and failed, and over how many rows."""

    agency: str
    feed: str
    expectation: str
    column_name: str
    scope: Scope
    severity: Severity
    week: date
    batches: int
    failed: int
    checked: int
    unexpected: int
    promised: float | None


_NAMES = ", ".join(field.name for field in fields(CheckRow))


def write(con: duckdb.DuckDBPyConnection, rows: Sequence[CheckRow]) -> None:
    """Append rows of one drop to `warehouse.quality.batch_check`, replacing what it already says of the same rules."""
    if rows:
        con.executemany(
            f"insert or replace into warehouse.quality.batch_check ({_NAMES}) "
            f"values ({', '.join('?' * len(fields(CheckRow)))})",
            [astuple(row) for row in rows],
        )


def forget(con: duckdb.DuckDBPyConnection, drop_id: object) -> None:
    """Take back all that was written for a drop."""
    con.execute("delete from warehouse.quality.batch_check where drop_id = ?", [drop_id])


def outcomes(
    con: duckdb.DuckDBPyConnection, *, feed: str | None = None, until: datetime | None = None
) -> list[CheckRow]:
    """Every row of the history, oldest drop first.

    Args:
        con: needs `warehouse`.
        feed: `agency__feed`; all feeds if absent.
        until: only drops received by then (naive UTC).
    """
    return _rows(
        con.execute(
            f"select {_NAMES} from warehouse.quality.batch_check "
            "where ($feed is null or agency || '__' || feed = $feed) and ($until is null or received_at <= $until) "
            "order by received_at, drop_id, expectation, column_name",
            {"feed": feed, "until": until},
        ).fetchall()
    )


def newest(con: duckdb.DuckDBPyConnection, *, until: datetime | None = None) -> list[CheckRow]:
    """The last answer to every rule: the newest drop that had rows to ask it of, by feed, rule and column.

    An empty delta after a bad one is no answer: what was bad is still there.
    """
    return _rows(
        con.execute(
            f"select {_NAMES} from warehouse.quality.batch_check "
            "where ($until is null or received_at <= $until) and (scope <> 'row' or coalesce(checked, 1) > 0) "
            "qualify row_number() over (partition by agency, feed, expectation, column_name "
            "order by received_at desc, drop_id desc) = 1 order by agency, feed, expectation, column_name",
            {"until": until},
        ).fetchall()
    )


def weekly(con: duckdb.DuckDBPyConnection, *, until: datetime, weeks: int = 8) -> list[RuleWeek]:
    """The history by feed, rule and week: the last `weeks` weeks that began by `until`, oldest first.

    A standing rule counts the week's last drop alone (it counts the same records every night), others add up.
    """
    monday = until.date() - timedelta(days=until.weekday())
    rows = con.execute(
        "select agency, feed, expectation, column_name, any_value(scope), arg_max(severity, received_at), "
        "date_trunc('week', received_at)::date as week, count(*), count_if(not passed), "
        "coalesce(case when any_value(scope) = 'standing' then arg_max(checked, (received_at, drop_id)) "
        "else sum(checked) end, 0)::bigint, "
        "coalesce(case when any_value(scope) = 'standing' then arg_max(unexpected, (received_at, drop_id)) "
        "else sum(unexpected) end, 0)::bigint, arg_max(promised, received_at) from warehouse.quality.batch_check "
        "where received_at >= ? and received_at <= ? group by agency, feed, expectation, column_name, week "
        "order by agency, feed, expectation, column_name, week",
        [monday - timedelta(weeks=weeks - 1), until],
    ).fetchall()
    return [RuleWeek(*row) for row in rows]


def _rows(found: Iterable[tuple[object, ...]]) -> list[CheckRow]:
    return [CheckRow(*row) for row in found]  # type: ignore[arg-type]
