"""Dagster's run history, written without waiting for the disk, and without starting anew, for every event.

A night writes some seven hundred events, each in several SQLite transactions. By default Dagster makes an engine and a
connection for each of them, so that every statement is compiled again, and each waits for the disk twice: at the
commit, and again when the last connection closes and the write-ahead log is folded in. That was a quarter of a small
night. Here a file has one engine, whose connections stay open, and `synchronous = normal`. In WAL mode that is safe: a
killed process loses nothing, a power cut loses the newest events of the history and never its consistency. The zones
and the hub's own store are not touched: they keep every promise of a commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.pool import QueuePool

_STORES = (sqlite_event_log, sqlite_run_storage)


@contextmanager
def quick_history(home: Path) -> Iterator[None]:
    """For the time of a run of this process: SQLite files under DAGSTER_HOME `home` are written as said above."""
    kept: dict[str, Engine] = {}

    def engine(address: str, **options: Any) -> Engine:
        """The engine of a file, made once. Dagster disposes of it after each event: that is for the end."""
        if not Path(make_url(address).database or "").is_relative_to(home):
            return create_engine(address, **options)
        if address not in kept:
            kept[address] = create_engine(address, **options | {"poolclass": QueuePool})
            event.listen(kept[address], "connect", _hurry)
            # A method is replaced on this one engine: a subclass could not come out of `create_engine`.
            kept[address].dispose = _later  # type: ignore[method-assign]
        return kept[address]

    with ExitStack() as stack:
        for store in _STORES:
            stack.enter_context(patch.object(store, "create_engine", engine))
        try:
            yield
        finally:
            for made in kept.values():
                Engine.dispose(made)


def _hurry(connection: Any, _: Any) -> None:
    connection.execute("pragma synchronous = normal")


def _later(close: bool = True) -> None:
    """What an engine in use does when it is told to let go of its connections."""
