"""Dagster's run history, written without waiting for the disk after every event.

A night writes some seven hundred events, each in several SQLite transactions on a connection of its own. By default
each of them waits for the disk twice: at the commit, and again when the last connection closes and the write-ahead log
is folded in. With one connection kept open beside them and `synchronous = normal` no event waits. In WAL mode that is
safe: a killed process loses nothing, a power cut loses the newest events of the history and never its consistency.
The zones and the hub's own store are not touched: they keep every promise of a commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


@contextmanager
def quick_history(home: Path) -> Iterator[None]:
    """For the time of a run of this process: SQLite files under DAGSTER_HOME `home` are written as said above."""
    kept: dict[str, sqlite3.Connection] = {}

    def hurry(connection: Any, _: Any) -> None:
        if not isinstance(connection, sqlite3.Connection):
            return
        file = connection.execute("pragma database_list").fetchone()[2]
        if not file or not Path(file).is_relative_to(home):
            return
        connection.execute("pragma synchronous = normal")
        if file not in kept:
            kept[file] = sqlite3.connect(file, check_same_thread=False)
            kept[file].execute("select count(*) from sqlite_master").fetchall()

    event.listen(Engine, "connect", hurry)
    try:
        yield
    finally:
        event.remove(Engine, "connect", hurry)
        for connection in kept.values():
            connection.close()
