"""The end of keeping: records whose retention is over leave every zone, and a count without keys stays.

Worked example. A contract keeps contacts for 72 months; tonight is 5 October 2026, so the cut-off is 5 October 2020.

    contact of 4 October 2020                       goes, in every zone, with all its versions
    contact of 5 October 2020                       stays
    plan that ended on 1 March 2020                 goes; while it is open it stays, however old
    referral that ended on 1 March 2020, on which
      a plan that ended in 2023 stands              stays until the plan goes
    factors found in the assessment of that plan,
      without a date of their own                   go with the assessment

A purge is written down before it begins (`gate.purge_due`) and crossed off when the last zone has deleted, so that one
that was killed is finished by the next. `gate.purged` says how much went and never what.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb

# Columns by which a table is about one record of a feed. References to a record of another feed are named otherwise.
_KEYS = (
    "record_key", "source_record_key", "record_key_l", "record_key_r", "record_key_before", "record_key_after",
    "other_record_key", "source_key_hash",
)  # fmt: skip
_ZONES = ("quarantine", "identity", "warehouse")


@dataclass(frozen=True)
class FeedRetention:
    """How long one feed's records are kept, and where they lie.

    Attributes:
        months: from the end of a record (or its day, if it has no end) to its purge.
        tables: the feed's raw tables by zone (identity, warehouse, audit), as SQL names.
        ends: (table, column) of the day a record ended or happened; None for a feed without one, whose records go with
            what they refer to.
        references: (table, column) of keys of other records.
    """

    agency: str
    feed: str
    months: int
    tables: tuple[tuple[str, str], ...]
    ends: tuple[str, str] | None
    references: tuple[tuple[str, str], ...]

    def cutoff(self, today: date) -> date:
        """The first day whose records stay."""
        return months_before(today, self.months)


@dataclass(frozen=True)
class Purged:
    """How much of a feed went, from one zone: records and rows, no key."""

    agency: str
    feed: str
    zone: str
    cutoff: date
    records: int
    rows: int


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or that month's last.

    >>> months_before(date(2026, 3, 31), 1)
    datetime.date(2026, 2, 28)
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))


def find_expired(con: duckdb.DuckDBPyConnection, feeds: Sequence[FeedRetention], today: date) -> list[Purged]:
    """What has reached its end today: left in `temp.purge_new` for `purge`, and counted by feed and zone.

    Args:
        con: has identity and warehouse attached. Nothing in them is changed.
    """
    con.execute("create or replace temp table purge_new (agency varchar, feed varchar, record_key uuid)")
    for one in feeds:
        if one.ends:
            _dated(con, one, one.ends, one.cutoff(today))
    if not con.execute("select 1 from temp.purge_new limit 1").fetchall():
        return []
    while any(_hold_back(con, table, column) for one in feeds for table, column in one.references if one.ends):
        pass
    while any(_follow(con, one) for one in feeds if not one.ends and one.references):
        pass
    found = []
    for one in feeds:
        for zone, table in one.tables:
            rows, records = con.execute(
                f"select count(*), count(distinct record_key) from {table} where record_key in "
                "(select record_key from temp.purge_new where agency = ? and feed = ?)",
                [one.agency, one.feed],
            ).fetchall()[0]
            if rows:
                found.append(Purged(one.agency, one.feed, zone, one.cutoff(today), int(records), int(rows)))
    return found


def purge(
    con: duckdb.DuckDBPyConnection,
    feeds: Sequence[FeedRetention],
    now: datetime,
    today: date,
    mark: Callable[[set[str]], object],
    step: Callable[[str], None] = lambda name: None,
) -> list[Purged]:
    """Delete in every zone what has reached its end, a purge that was killed before included.

    Args:
        con: has quarantine, identity and warehouse attached.
        now: the run's knowledge instant (naive UTC), written beside the counts.
        mark: gets the person keys of whom something goes, before it goes; called again after a kill.
        step: called with a name between any two steps; tests raise from it to play a killed process.
    """
    _carry_out(con, mark, step)
    found = find_expired(con, feeds, today)
    if found:
        con.execute("begin transaction")
        con.execute("insert into warehouse.gate.purge_due select agency, feed, record_key from temp.purge_new")
        con.executemany(
            "insert into warehouse.gate.purged values (?, ?, ?, ?, ?, ?, ?)",
            [[p.agency, p.feed, p.zone, p.cutoff, p.records, p.rows, now] for p in found],
        )
        con.execute("commit")
        step("written down")
        _carry_out(con, mark, step)
    return found


def _carry_out(con: duckdb.DuckDBPyConnection, mark: Callable[[set[str]], object], step: Callable[[str], None]) -> None:
    """Delete what is written down as due, and cross it off with the last zone."""
    if not con.execute("select 1 from warehouse.gate.purge_due limit 1").fetchall():
        return
    mark(_persons(con))
    step("marked")
    for zone in _ZONES:
        con.execute("begin transaction")
        for table, column in _keyed_tables(con, zone):
            con.execute(f"delete from {table} where {column} in (select record_key from warehouse.gate.purge_due)")
        if zone == "warehouse":
            con.execute("delete from warehouse.gate.purge_due")
        con.execute("commit")
        step(f"{zone} deleted")


def purge_quarantine(con: duckdb.DuckDBPyConnection, before: datetime) -> int:
    """Delete refused rows that were put aside before a moment (naive UTC), settled or not; returns how many.

    The drop log keeps how many rows of a drop were held, so that the sum of every drop stays whole.
    """
    rows = con.execute("delete from quarantine.gate.quarantined_row where quarantined_at < ?", [before]).fetchall()
    return int(rows[0][0])


def _dated(con: duckdb.DuckDBPyConnection, one: FeedRetention, ends: tuple[str, str], cutoff: date) -> None:
    """Records whose newest version ended before the cut-off; of records that stay nothing is read but their day."""
    table, column = ends
    con.execute(
        f"""
        insert into temp.purge_new
        with old as (select distinct record_key from {table} where {column} < $cutoff),
        newest as (
            select raw.record_key, raw.{column} as ended
            from {table} as raw
            where raw.record_key in (select old.record_key from old) and not raw.is_deleted
            qualify row_number() over (
                partition by raw.record_key order by raw.extracted_at desc, raw.drop_id desc, raw.row_no desc
            ) = 1
        )
        select $agency, $feed, record_key from newest where ended < $cutoff
        """,
        {"cutoff": cutoff, "agency": one.agency, "feed": one.feed},
    )


def _hold_back(con: duckdb.DuckDBPyConnection, table: str, column: str) -> int:
    """Keep a record on which one stands that stays; returns how many were kept."""
    rows = con.execute(
        f"delete from temp.purge_new where record_key in (select {column} from {table} where {column} is not null "
        "and record_key not in (select record_key from temp.purge_new))"
    ).fetchall()
    return int(rows[0][0])


def _follow(con: duckdb.DuckDBPyConnection, one: FeedRetention) -> int:
    """Let records without a day of their own go with what they refer to; returns how many were added."""
    added = 0
    for table, column in one.references:
        rows = con.execute(
            f"insert into temp.purge_new select distinct $agency, $feed, record_key from {table} where {column} in "
            "(select record_key from temp.purge_new) and record_key not in (select record_key from temp.purge_new)",
            {"agency": one.agency, "feed": one.feed},
        ).fetchall()
        added += int(rows[0][0])
    return added


def _persons(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Person keys of the records that are due, from the marts as last built; none before there are any."""
    found: set[str] = set()
    tables = con.execute(
        "select distinct schema_name, table_name from duckdb_columns() where database_name = 'warehouse' "
        "and schema_name = 'marts' and column_name = 'source_record_key'"
    ).fetchall()
    for schema, table in tables:
        rows = con.execute(
            f'select distinct person_key::varchar from warehouse."{schema}"."{table}" where person_key is not null '
            "and source_record_key in (select record_key from warehouse.gate.purge_due)"
        ).fetchall()
        found |= {key for (key,) in rows}
    return found


def _keyed_tables(con: duckdb.DuckDBPyConnection, zone: str) -> list[tuple[str, str]]:
    """(table, column) of every table of a zone that is about records, as SQL names; not the list of what is due."""
    rows = con.execute(
        "select schema_name, table_name, column_name from duckdb_columns() inner join duckdb_tables() "
        "using (database_name, schema_name, table_name) where database_name = ? and not duckdb_tables.internal "
        "and data_type = 'UUID' and list_contains(?, column_name) and table_name <> 'purge_due' order by all",
        [zone, list(_KEYS)],
    ).fetchall()
    return [(f'{zone}."{schema}"."{table}"', f'"{column}"') for schema, table, column in rows]
