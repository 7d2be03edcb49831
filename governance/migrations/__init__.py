"""Numbered migrations of the encrypted databases.

Each zone has a folder of files `NNNN_what_it_does.sql`, applied in order, each in one transaction with its entry in
`schema_version`. Tables that follow from a contract (raw feeds) or from dbt (canonical, marts) are not here: they
are derived from their own declarations.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

_FOLDER = Path(__file__).parent


class SchemaTooNew(Exception):
    """The database was written by a newer version of this system."""


def migrations_of(zone: str) -> list[tuple[int, str, str]]:
    """(number, name, SQL) of every migration of a zone, in order."""
    files = sorted((_FOLDER / zone).glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return [(int(file.name[:4]), file.stem[5:], file.read_text(encoding="utf-8")) for file in files]


def migrate_database(con: duckdb.DuckDBPyConnection, zone: str) -> int:
    """Apply what is missing to the attached database `zone`; returns the schema version it now has.

    Raises:
        SchemaTooNew: the database has a migration this version does not know.
    """
    con.execute(f"use {zone}")
    con.execute(
        "create table if not exists schema_version (number integer primary key, name varchar not null, "
        "applied_at timestamp not null default (now() at time zone 'UTC'))"
    )
    known = migrations_of(zone)
    rows = con.execute("select coalesce(max(number), 0) from schema_version").fetchall()
    present = int(rows[0][0])
    latest = known[-1][0] if known else 0
    if present > latest:
        raise SchemaTooNew(
            f"Zone {zone!r} has schema version {present}, this program knows {latest}. "
            "Install the newer version of the hub, or restore a backup made with this one."
        )
    for number, name, sql in known:
        if number > present:
            con.execute("begin transaction")
            try:
                con.execute(sql)
                con.execute("insert into schema_version (number, name) values (?, ?)", [number, name])
                con.execute("commit")
            except duckdb.Error:
                con.execute("rollback")
                raise
    return latest
