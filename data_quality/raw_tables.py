"""Raw tables, made and evolved from the contracts.

One table per zone a feed has columns for. A new contract column is added to the table; a column that left the
contract stays, because rows already received were received under the agreement of their day.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from data_quality.contract import ColumnContract, FeedContract
from data_quality.sql import quoted, raw_table

_TYPES = {
    "string": "VARCHAR", "date": "DATE", "timestamp": "TIMESTAMP", "integer": "BIGINT", "number": "DOUBLE",
    "boolean": "BOOLEAN",
}  # fmt: skip
# Types a column may change to without losing what was received.
_WIDER = {("BIGINT", "DOUBLE"), ("DATE", "TIMESTAMP"), *((kind, "VARCHAR") for kind in _TYPES.values())}
META = (
    ("record_key", "UUID"), ("drop_id", "UUID"), ("row_no", "BIGINT"), ("extracted_at", "TIMESTAMP"),
    ("known_from", "TIMESTAMP"), ("known_basis", "VARCHAR"), ("is_deleted", "BOOLEAN"),
    ("superseded_on_arrival", "BOOLEAN"),
)  # fmt: skip
HASH = ("content_hash", "UUID")


class RawTableConflict(Exception):
    """A contract changes a column's type in a way that would lose rows already received."""


def key_column(column: ColumnContract) -> str:
    """Name of the column that holds the record key a reference points to."""
    return f"{column.name}_key"


def day_column(column: ColumnContract) -> str:
    """Name of the column that holds a timestamp's day as the agency wrote it."""
    return f"{column.name}_on"


def content_columns(contract: FeedContract, zone: str) -> list[tuple[str, str]]:
    """(name, DuckDB type) of the columns a zone keeps of a feed, references' keys included, meta excluded."""
    columns = []
    for column in contract.zone_columns(zone):
        columns.append((column.name, _TYPES[column.type]))
        if column.type == "timestamp":
            columns.append((day_column(column), "DATE"))
    columns += [(key_column(column), "UUID") for column in contract.references]
    return columns


def table_columns(contract: FeedContract, zone: str) -> list[tuple[str, str]]:
    """All columns of the feed's raw table in a zone."""
    home = [HASH] if zone == contract.home_zone else []
    return content_columns(contract, zone) + list(META) + home


def ensure_raw_tables(con: duckdb.DuckDBPyConnection, contracts: Iterable[FeedContract]) -> None:
    """Create missing raw tables and add missing columns, for every feed, so that later stages find all of them.

    Raises:
        RawTableConflict: see the class.
    """
    present: dict[tuple[str, str, str], dict[str, str]] = {}
    for database, schema, table, column, kind in con.execute(
        "select database_name, schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where (database_name, schema_name) in (('identity', 'raw'), ('warehouse', 'raw'), ('warehouse', 'audit'))"
    ).fetchall():
        present.setdefault((database, schema, table), {})[column.lower()] = kind
    for contract in contracts:
        for zone in contract.zones:
            place = ("warehouse", "audit", contract.name) if zone == "audit" else (zone, "raw", contract.name)
            _ensure(con, raw_table(zone, contract.name), table_columns(contract, zone), present.get(place))


def _ensure(
    con: duckdb.DuckDBPyConnection, table: str, wanted: list[tuple[str, str]], present: dict[str, str] | None
) -> None:
    if present is None:
        con.execute(f"create table {table} ({', '.join(f'{quoted(name)} {kind}' for name, kind in wanted)})")
        return
    for name, kind in wanted:
        there = present.get(name.lower())
        if there is None:
            con.execute(f"alter table {table} add column {quoted(name)} {kind}")
        elif there != kind:
            if (there, kind) not in _WIDER:
                raise RawTableConflict(
                    f"{table}: the contract changes {name} from {there} to {kind}, which would lose rows already "
                    "received. Give the new column another name."
                )
            con.execute(f"alter table {table} alter column {quoted(name)} set data type {kind}")
