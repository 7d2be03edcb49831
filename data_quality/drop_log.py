"""The drop log: which drops count. Each database has a line for each drop, written with the drop's rows.

A drop counts when all three lines say so. So a run that was killed between two databases leaves a drop that does not
count, and `recover` removes what it has written.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from data_quality.drop import DropRefused, Manifest
from data_quality.expectations import history
from data_quality.sql import raw_table
from data_quality.staging import roll_back
from data_quality.writing import Counts, write_log

DATABASES = ("quarantine", "warehouse", "identity")


class GateFailed(Exception):
    """Something unforeseen stopped a drop. The database's own words are withheld: they may quote a row."""


def is_loaded(con: duckdb.DuckDBPyConnection, manifest: Manifest) -> bool:
    """Whether every zone has recorded this drop as loaded."""
    return outcome_of(con, manifest) == "loaded"


def outcome_of(con: duckdb.DuckDBPyConnection, manifest: Manifest) -> str | None:
    """`loaded` or `refused` if every zone has recorded this drop so, else None."""
    states = {
        tuple(
            con.execute(
                f"select status from {database}.gate.drop_log where drop_id = ? and is_complete", [manifest.drop_id]
            ).fetchall()
        )
        for database in DATABASES
    }
    return str(next(iter(states))[0][0]) if len(states) == 1 and states != {()} else None


def is_refused_already(con: duckdb.DuckDBPyConnection, manifest: Manifest) -> bool:
    """Whether the log has refused a drop of this name and these bytes, whenever that was."""
    found = con.execute(
        "select count(*) from quarantine.gate.drop_log where agency = ? and feed = ? and file_name = ? "
        "and sha256 = ? and mode = ? and status = 'refused' and is_complete",
        [manifest.agency, manifest.feed, manifest.file, manifest.sha256, manifest.mode],
    ).fetchall()
    return bool(found[0][0])


def recover(con: duckdb.DuckDBPyConnection) -> int:
    """Undo every drop that some zone has not recorded; returns how many. Run it before anything else."""
    everywhere = " intersect ".join(
        f"select drop_id, status from {database}.gate.drop_log where is_complete" for database in DATABASES
    )
    logged = " union ".join(f"select drop_id, status, agency, feed from {d}.gate.drop_log" for d in DATABASES)
    incomplete = con.execute(
        f"select distinct drop_id, agency, feed from ({logged}) where (drop_id, status) not in ({everywhere})"
    ).fetchall()
    if not incomplete:
        return 0
    tables = set(
        con.execute("select database_name, schema_name, table_name from duckdb_tables() where not internal").fetchall()
    )
    for drop_id, agency, feed in incomplete:
        name = f"{agency}__{feed}"
        for database in DATABASES:
            con.execute("begin transaction")
            for zone, place in (
                ("identity", ("identity", "raw", name)),
                ("warehouse", ("warehouse", "raw", name)),
                ("audit", ("warehouse", "audit", name)),
            ):
                if place[0] == database and place in tables:
                    con.execute(f"delete from {raw_table(zone, name)} where drop_id = ?", [drop_id])
            if database == "quarantine":
                con.execute("delete from quarantine.gate.quarantined_row where drop_id = ?", [drop_id])
                con.execute(
                    "update quarantine.gate.quarantined_row set resolved_by_drop = null where resolved_by_drop = ?",
                    [drop_id],
                )
            else:
                con.execute(f"delete from {database}.gate.confirmed where drop_id = ?", [drop_id])
            if database == "warehouse":
                history.forget(con, drop_id)
            con.execute(f"delete from {database}.gate.drop_log where drop_id = ?", [drop_id])
            con.execute("commit")
    return len(incomplete)


def write_refusal(
    con: duckdb.DuckDBPyConnection, manifest: Manifest, refusal: DropRefused, step: Callable[[str], None]
) -> None:
    """Log a refused drop in every zone.

    Raises:
        GateFailed: the log cannot be written.
    """
    roll_back(con)
    try:
        for database in DATABASES:
            con.execute("begin transaction")
            write_log(con, database, manifest, manifest.mode, Counts(manifest.rows, 0, 0, 0, 0, 0), str(refusal))
            con.execute("commit")
            step(f"{database} refusal logged")
    except duckdb.Error as error:
        raise GateFailed(f"{refusal.file} was refused, which could not be logged ({type(error).__name__}).") from None
