"""What an agency is told every night about its own files: what is asked of it, what came, what came back, how it does.

Everything is read for one agency alone, and every query says so. Values of rows never leave this module: a row is
named by file and number, its key by the last characters, its value by its shape (`masking`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from data_quality.code_sets import CodeSets
from data_quality.contract import FeedContract
from data_quality.feed_status import FeedStatus, feed_status
from data_quality.feed_weeks import Fill, Week, column_weeks, feed_weeks, usual_rows
from data_quality.supplier_asks import Ask, asks_of
from data_quality.supplier_promises import Promise, promises_of
from data_quality.supplier_rows import HeldRow, held_rows
from data_quality.supplier_words import FEW, amount, few, local

TREND_WEEKS = 8


@dataclass(frozen=True)
class ArrivedFile:
    """One file since the last report. `rows = loaded + unchanged + held + refused`; `why` says why it was refused."""

    feed: str
    file: str
    received_at: datetime
    mode: str
    rows: int
    loaded: int
    unchanged: int
    held: int
    refused: int
    columns_dropped: int
    why: str | None


@dataclass(frozen=True)
class Returned:
    """Rows that were held and no longer are: let in after a code list changed, or settled by a later file."""

    feed: str
    file: str
    rows: int
    by_code_list: bool
    settled_by: str
    settled_at: datetime


@dataclass(frozen=True)
class FeedLine:
    """One feed in the report: what came since the last one, its last eight weeks, its promises."""

    feed: str
    status: FeedStatus
    files: tuple[ArrivedFile, ...]
    held_now: int
    weeks: tuple[Week, ...]
    promises: tuple[Promise, ...]

    def total(self, what: str) -> int:
        """Sum of a count over the files that came."""
        return sum(getattr(file, what) for file in self.files)

    @property
    def usual(self) -> float | None:
        """Rows of an ordinary week."""
        return usual_rows(self.weeks)

    @property
    def is_quiet(self) -> bool:
        """No row came and nothing is wrong: a line says so."""
        return not self.total("rows") and not self.status.is_stale and not any(file.why for file in self.files)

    @property
    def in_short(self) -> str:
        """The feed in a few words."""
        refused = [file for file in self.files if file.refused or file.why]
        said = [
            *(["not read: no valid agreement"] if self.status.agreement != "valid" else []),
            *(["late"] if self.status.is_late else []),
            *([amount(len(refused), "file") + " refused"] if refused else []),
            *([amount(self.total("held"), "row") + " held"] if self.total("held") else []),
            *(
                [f"{amount(self.total('columns_dropped'), 'column')} not in the agreement left unread"]
                if self.total("columns_dropped")
                else []
            ),
        ]
        if said:
            return ", ".join(said)
        if not self.files:
            return "no file, and none was overdue" if self.status.last_good_load else "nothing yet"
        return "all well" if self.total("rows") else "came without rows, nothing to report"


@dataclass(frozen=True)
class LedTo:
    """What the agency's data led to in a number of weeks: children, each counted once (see `review.contributions`)."""

    weeks: int
    listed: int
    noticed: int
    assessed: int

    def sentences(self) -> list[str]:
        """In words; fewer than five are not told apart, and then nothing is said of what followed for them."""
        if max(self.listed, self.noticed) < FEW:
            return [
                f"In the last {self.weeks} weeks your data stood behind the names of {few(self.listed)} children "
                f"on the weekly lists, and behind news of {few(self.noticed)} to workers already with a family."
            ]
        return [
            f"In the last {self.weeks} weeks your data stood behind the names of {few(self.listed)} children "
            "on the weekly lists.",
            f"Workers already with a family were told of news from you about {few(self.noticed)} children.",
            f"Of the children listed, an assessment by social care has followed for {few(self.assessed)} so far.",
        ]


@dataclass(frozen=True)
class SupplierReport:
    """One agency's report of one night.

    Attributes:
        since: the night of the report before this one; None if this is the first.
        asks: what is asked of the agency, most important first.
        held: rows in quarantine, newest first, at most `supplier_rows.MOST_ROWS`; `held_total` counts all.
        repeats: exact repeats of a row of the same file that were set aside since the last report.
    """

    agency: str
    title: str
    now: datetime
    since: datetime | None
    asks: tuple[Ask, ...]
    held: tuple[HeldRow, ...]
    held_total: int
    feeds: tuple[FeedLine, ...]
    returned: tuple[Returned, ...]
    repeats: int
    led_to: LedTo | None

    @property
    def night(self) -> date:
        """The London day of the night's run."""
        return local(self.now).date()

    @property
    def files(self) -> tuple[ArrivedFile, ...]:
        """Every file since the last report, by feed and time."""
        return tuple(file for line in self.feeds for file in line.files)


def supplier_report(
    con: duckdb.DuckDBPyConnection,
    agency: str,
    title: str,
    contracts: Mapping[str, FeedContract],
    code_sets: CodeSets,
    now: datetime,
    *,
    since: datetime | None = None,
    waiting: Sequence[tuple[str, str, str]] = (),
    led_to: LedTo | None = None,
) -> SupplierReport:
    """Everything one agency is told on one night.

    Args:
        con: `warehouse` and `quarantine` attached.
        contracts: of any agencies; only this one's are used.
        now: the night's knowledge instant (naive UTC).
        since: the instant of the last report; everything after it is news.
        waiting: (feed, file, why) of things in the agency's landing folder that are no complete drop.
    """
    own = {name: contract for name, contract in contracts.items() if contract.agency == agency}
    states = {status.feed: status for status in feed_status(con, own, now)}
    weeks = feed_weeks(con, own, now, TREND_WEEKS)
    fills = column_weeks(con, own, now, TREND_WEEKS)
    files = _files(con, agency, since, now)
    held, totals = held_rows(con, agency, own, code_sets, since)
    lines = []
    for name, contract in own.items():
        own_fills = {column: line for (feed, column), line in fills.items() if feed == name}
        lines.append(
            FeedLine(
                feed=contract.feed,
                status=states[contract.feed],
                files=tuple(file for file in files if file.feed == contract.feed),
                held_now=sum(count for (feed, _, _), count in totals.items() if feed == contract.feed),
                weeks=weeks[name],
                promises=promises_of(contract, states[contract.feed], weeks[name], _latest(own_fills), now),
            )
        )
    return SupplierReport(
        agency=agency,
        title=title,
        now=now,
        since=since,
        asks=tuple(asks_of(con, own, states, held, totals, {line.feed: line.promises for line in lines}, waiting, now)),
        held=tuple(held),
        held_total=sum(totals.values()),
        feeds=tuple(lines),
        returned=tuple(_returned(con, agency, since, now)),
        repeats=_repeats(con, agency, since, now),
        led_to=led_to,
    )


def _latest(fills: Mapping[str, tuple[Fill, ...]]) -> dict[str, Fill]:
    """By column how full it was in the last week that brought rows."""
    return {column: next((fill for fill in reversed(line) if fill.rows), Fill(0, 0)) for column, line in fills.items()}


def _files(con: duckdb.DuckDBPyConnection, agency: str, since: datetime | None, now: datetime) -> list[ArrivedFile]:
    rows = con.execute(
        "select feed, file_name, received_at, mode, rows_in, rows_loaded, rows_unchanged, rows_quarantined, "
        "case when status = 'refused' then rows_in else 0 end, columns_dropped, reason "
        "from quarantine.gate.drop_log where agency = ? and is_complete and mode <> 'retry' "
        "and received_at <= ? and (?::timestamp is null or received_at > ?) order by feed, received_at, file_name",
        [agency, now, since, since],
    ).fetchall()
    return [ArrivedFile(*row) for row in rows]


def _returned(con: duckdb.DuckDBPyConnection, agency: str, since: datetime | None, now: datetime) -> list[Returned]:
    """Held rows settled since the last report. A full copy settles what it holds anew, too; that is no return."""
    rows = con.execute(
        "select held.feed, held.file_name, count(*), log.mode = 'retry', log.file_name, log.received_at "
        "from quarantine.gate.quarantined_row as held "
        "join quarantine.gate.drop_log as log on log.drop_id = held.resolved_by_drop "
        "where held.agency = ? and held.drop_id <> held.resolved_by_drop and log.received_at <= ? "
        "and (?::timestamp is null or log.received_at > ?) and not exists ("
        " from quarantine.gate.quarantined_row as again where again.drop_id = held.resolved_by_drop"
        " and again.source_key_hash = held.source_key_hash) "
        "group by all order by log.received_at desc, held.feed, held.file_name",
        [agency, now, since, since],
    ).fetchall()
    return [Returned(*row) for row in rows]


def _repeats(con: duckdb.DuckDBPyConnection, agency: str, since: datetime | None, now: datetime) -> int:
    found = con.execute(
        "select count(*) from quarantine.gate.quarantined_row where agency = ? and drop_id = resolved_by_drop "
        "and quarantined_at <= ? and (?::timestamp is null or quarantined_at > ?)",
        [agency, now, since, since],
    ).fetchall()
    return int(found[0][0])
