"""One hash for the content of a zone's raw tables, the same under other keys and on other days.

A hash that proves two runs equal must not contain what legitimately differs between them: record keys (they follow
the pseudonym key), drop ids, and anything a machine's clock wrote. What remains of a row (its content, its place in
the file, and the *logical* instants of the manifest) is hashed; the row hashes are then added up modulo 2^128. Adding
needs no order at all, so no key can sneak in by deciding ties, and ten million rows need no sort.
"""

from __future__ import annotations

import hashlib

import duckdb

from data_quality.sql import quoted

_KEYED = frozenset({"record_key", "drop_id", "content_hash"})
_SCHEMAS = {"identity": ("raw",), "warehouse": ("raw", "audit")}


def content_hash(con: duckdb.DuckDBPyConnection, zone: str) -> str:
    """Hex hash of all raw tables of `identity` or `warehouse`; empty tables do not count."""
    digest = hashlib.sha256()
    for schema in _SCHEMAS[zone]:
        tables: dict[str, list[tuple[str, str]]] = {}
        for table, column, kind in con.execute(
            "select table_name, column_name, data_type from duckdb_columns() where database_name = ? "
            "and schema_name = ? order by table_name, column_name",
            [zone, schema],
        ).fetchall():
            tables.setdefault(table, []).append((column, kind))
        for table, columns in tables.items():
            rows, total = _table_hash(con, f"{zone}.{schema}.{quoted(table)}", columns)
            if rows:
                digest.update(f"{schema}.{table}:{rows}:{total}\n".encode())
    return digest.hexdigest()


def _table_hash(con: duckdb.DuckDBPyConnection, table: str, columns: list[tuple[str, str]]) -> tuple[int, int]:
    # Every UUID of a raw table is a keyed pseudonym or a drop id.
    content = [name for name, kind in columns if name not in _KEYED and kind != "UUID"]
    pairs = ", ".join(f"'{name}=' || {quoted(name)}" for name in content)
    rows, low, high = con.execute(
        f"with hashed as (select md5_number(concat_ws(chr(31), {pairs})) as h from {table}) select count(*), "
        "coalesce(sum((h & 18446744073709551615::uhugeint)::hugeint), 0), coalesce(sum((h >> 64)::hugeint), 0) "
        "from hashed"
    ).fetchall()[0]
    return int(rows), (int(low) + (int(high) << 64)) % (1 << 128)
