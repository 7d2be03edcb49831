"""What a contract says of keeping, carried out: every night by itself, and by `hub purge`.

Records leave in the gate's step, after the sweep and before dbt, so that an old record an agency sends again never
reaches the marts. Refused rows and sealed files go at the end of the night.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import duckdb
from rich.console import Console
from rich.table import Table

from data_quality.contract import ColumnContract, FeedContract
from data_quality.raw_tables import day_column, key_column
from data_quality.sql import quoted, raw_table
from governance.landing_archive import remove_archived
from governance.retention import FeedRetention, Purged, find_expired, purge, purge_quarantine
from pipelines.clock import LONDON
from pipelines.hub import Hub
from pipelines.run_lock import only_run

_QUARANTINE_DAYS = 90


def retention_of(contracts: Iterable[FeedContract]) -> list[FeedRetention]:
    """How long each feed is kept and where it lies.

    Left out are feeds whose contract names no retention, and those that hold identity alone (addresses, relationships,
    identifiers): their months count from when a person was last seen, and that purge is not built.
    """
    return [
        FeedRetention(
            agency=one.agency,
            feed=one.feed,
            months=one.retention_months,
            tables=tuple((zone, raw_table(zone, one.name)) for zone in one.zones),
            ends=_place(one, end) if (end := one.ended_on or one.occurred_on) and end.zones else None,
            references=tuple(
                (raw_table(one.home_zone, one.name), quoted(key_column(column))) for column in one.references
            ),
        )
        for one in contracts
        if one.retention_months and "warehouse" in one.zones
    ]


def purge_records(
    con: duckdb.DuckDBPyConnection, hub: Hub, contracts: Iterable[FeedContract], now: datetime
) -> list[Purged]:
    """Delete records past their contract's retention in every zone, and mark lists that name a person of theirs.

    Args:
        con: has quarantine, identity and warehouse attached.
        contracts: of one agency or of all; a record and what stands on it belong to one agency.
        now: the run's knowledge instant, naive UTC.
    """
    today = now.replace(tzinfo=UTC).astimezone(LONDON).date()
    cause = f"records about persons on it reached the end of their retention on {today:%d %B %Y}"
    return purge(
        con, retention_of(contracts), now, today, mark=lambda persons: hub.store.mark_about(persons, cause, now)
    )


def purge_refused_rows(con: duckdb.DuckDBPyConnection, hub: Hub, now: datetime) -> int:
    """Delete refused rows older than `retention.quarantine_days` of partnership.yml; returns how many."""
    declared = hub.declaration("partnership.yml").get("retention") or {}
    return purge_quarantine(con, now - timedelta(days=declared.get("quarantine_days", _QUARANTINE_DAYS)))


def remove_sealed_files(con: duckdb.DuckDBPyConnection, hub: Hub, now: datetime) -> int:
    """Remove sealed drops whose contract's landing retention ended before `now`; returns how many files went.

    The databases are the record; landing is kept for weeks only, to be able to look at a file as it was sent.
    """
    removed = 0
    drops = con.execute("select agency, feed, file_name, received_at from quarantine.gate.drop_log").fetchall()
    for agency, feed, file_name, received_at in drops:
        contract = hub.declared_contracts.get(f"{agency}__{feed}")
        if contract and received_at + timedelta(days=contract.landing_retention_days) < now:
            removed += remove_archived(hub.settings.landing, agency, feed, file_name)
    return removed


def purge_now(console: Console, confirm: bool) -> None:
    """`hub purge`: say what has reached its end, and with `confirm` delete it; waits for a run that is under way."""
    hub = Hub.from_environment()
    now = hub.present()
    with only_run(hub.settings, console.print), hub.zones.open("identity", "warehouse", "quarantine") as con:
        contracts = hub.declared_contracts.values()
        present = [one for one in contracts if _is_there(con, one)]
        if confirm:
            found = purge_records(con, hub, present, now)
            refused = purge_refused_rows(con, hub, now)
            hub.store.audit.append(
                who=getpass.getuser(),
                what="retention.purged",
                purpose="end of retention",
                detail={
                    "today": now.date().isoformat(),
                    "rows": {f"{one.agency}.{one.feed}.{one.zone}": one.rows for one in found},
                    "refused_rows": refused,
                },
            )
        else:
            found = find_expired(con, retention_of(present), now.date())
            refused = None
    table = Table("feed", "zone", "ended before", "records", "rows", title="deleted" if confirm else "at their end")
    for one in found:
        table.add_row(f"{one.agency} {one.feed}", one.zone, one.cutoff.isoformat(), f"{one.records:,}", f"{one.rows:,}")
    console.print(table if found else "No record has reached the end of its retention.")
    if refused:
        console.print(f"{refused:,} refused rows deleted.")


def _place(contract: FeedContract, column: ColumnContract) -> tuple[str, str]:
    """(raw table, column) where a day lies."""
    zone = next(zone for zone in contract.zones if zone in column.zones)
    return raw_table(zone, contract.name), quoted(day_column(column) if column.type == "timestamp" else column.name)


def _is_there(con: duckdb.DuckDBPyConnection, contract: FeedContract) -> bool:
    """Whether a feed was ever taken in: its raw tables exist then."""
    rows = con.execute(
        "select count(*) from duckdb_tables() where table_name = ? and schema_name in ('raw', 'audit')", [contract.name]
    ).fetchall()
    return int(rows[0][0]) == len(contract.zones)
