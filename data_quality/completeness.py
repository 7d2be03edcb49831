"""How full the columns that matter are, drop by drop: counts that outlive the rows they were taken from.

A column is followed when it identifies a person (`identifier`) or when its agreement promises how full it is
(`completeness`). A full drop is counted by the records that live after it, because its unchanged rows leave no
version; a delta by the versions it brought, because a column that went blank last night must not be hidden by five
good years.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb

from data_quality.contract import ColumnContract, FeedContract
from data_quality.sql import quoted, raw_table


def followed(contract: FeedContract) -> list[ColumnContract]:
    """The columns of a feed whose completeness is kept, in file order."""
    return [
        column
        for column in contract.columns
        if column.zones and (column.identifier is not None or column.completeness is not None)
    ]


def record_completeness(con: duckdb.DuckDBPyConnection, contracts: Mapping[str, FeedContract]) -> int:
    """Count what loaded drops brought and write it to `warehouse.quality.completeness`; returns how many were new.

    Counted once per drop, all of a night in one transaction: a second call writes nothing, and a drop that the gate
    undid is forgotten.

    Args:
        con: `identity` and `warehouse` attached, the second one writable.
    """
    drops: dict[str, list[tuple[Any, str, datetime]]] = {}
    for drop_id, name, mode, extracted_at in con.execute(
        "select drop_id, agency || '__' || feed, mode, extracted_at from warehouse.gate.drop_log "
        "where is_complete and status = 'loaded' and mode <> 'retry' "
        "and agency || '__' || feed in (select unnest(?)) "
        "and drop_id not in (select drop_id from warehouse.quality.completeness) order by drop_id",
        [[name for name, contract in contracts.items() if followed(contract)]],
    ).fetchall():
        drops.setdefault(name, []).append((drop_id, mode, extracted_at))
    counted: list[list[Any]] = []
    for name, contract in contracts.items():
        if name in drops:
            counted += _count_feed(con, contract, drops[name])
    con.execute("begin transaction")
    con.execute(
        "delete from warehouse.quality.completeness where drop_id not in (select drop_id from warehouse.gate.drop_log)"
    )
    if counted:
        con.executemany("insert into warehouse.quality.completeness values (?, ?, ?, ?, ?, ?)", counted)
    con.execute("commit")
    return len({line[0] for line in counted})


def _count_feed(
    con: duckdb.DuckDBPyConnection, contract: FeedContract, drops: Sequence[tuple[Any, str, datetime]]
) -> list[list[Any]]:
    counted = []
    for zone in contract.zones:
        present = _columns(con, zone, contract.name)
        columns = [
            column
            for column in followed(contract)
            # A column with a copy in the audit store is counted once, where it lives.
            if zone == column.zone and column.name.lower() in present
        ]
        if not columns:
            continue
        table = raw_table(zone, contract.name)
        counts = "count(*), " + ", ".join(f"count({quoted(column.name)})" for column in columns)
        found: dict[Any, Sequence[Any]] = {
            drop_id: values
            for drop_id, *values in con.execute(
                f"select drop_id, {counts} from {table} where not is_deleted "
                "and drop_id in (select unnest(?::uuid[])) group by drop_id",
                [[str(drop_id) for drop_id, mode, _ in drops if mode != "full"]],
            ).fetchall()
        }
        for drop_id, mode, extracted_at in drops:
            if mode == "full":
                found[drop_id] = con.execute(
                    f"select {counts} from (from {table} where (extracted_at, drop_id) <= (?, ?) qualify "
                    "row_number() over (partition by record_key order by extracted_at desc, drop_id desc) = 1) "
                    "where not is_deleted",
                    [extracted_at, drop_id],
                ).fetchall()[0]
            rows, *filled = found.get(drop_id, (0, *[0] * len(columns)))
            counted += [
                [drop_id, contract.agency, contract.feed, column.name, rows, full]
                for column, full in zip(columns, filled, strict=True)
            ]
    return counted


def _columns(con: duckdb.DuckDBPyConnection, zone: str, name: str) -> set[str]:
    database, schema = ("warehouse", "audit") if zone == "audit" else (zone, "raw")
    return {
        column.lower()
        for (column,) in con.execute(
            "select column_name from duckdb_columns() where (database_name, schema_name, table_name) = (?, ?, ?)",
            [database, schema, name],
        ).fetchall()
    }
