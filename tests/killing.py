"""SIGKILL to a run while one of its steps is running, by what Dagster's own history tells of it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

from tests.demo_hub import DemoHub

_ENDED = "('STEP_SUCCESS', 'STEP_FAILURE', 'STEP_UP_FOR_RETRY')"
_POLL_SECONDS = 0.05


def histories(hub: DemoHub) -> dict[str, Path]:
    """The event log of each run there has been, by its id."""
    found = (hub.root / "dagster_home" / "history" / "runs").glob("*.db")
    return {path.stem: path for path in found if path.stem != "index"}


def span_of_steps(path: Path) -> tuple[datetime, datetime]:
    """When a run's first step started, and when its last one ended."""
    begun, ended = _ask(
        path,
        "select min(timestamp) filter (where dagster_event_type = 'STEP_START'), "
        f"max(timestamp) filter (where dagster_event_type in {_ENDED}) from event_logs",
    )[0]
    return datetime.fromisoformat(begun), datetime.fromisoformat(ended)


def seconds_in_steps(path: Path) -> float:
    """How long that took."""
    begun, ended = span_of_steps(path)
    return (ended - begun).total_seconds()


def running_steps(path: Path) -> list[str]:
    """Steps of a run that had started and not ended."""
    rows = _ask(
        path,
        "select step_key, max(id) filter (where dagster_event_type = 'STEP_START'), "
        f"max(id) filter (where dagster_event_type in {_ENDED}) "
        "from event_logs where step_key is not null group by step_key",
    )
    return [step for step, started, ended in rows if started and (not ended or ended < started)]


def kill_in_a_step(hub: DemoHub, words: tuple[str, ...], seconds: float) -> list[str]:
    """Start a run, and SIGKILL it `seconds` after its first step began, or as soon after that as a step is running.

    Returns:
        The steps it was in; none when the run had ended before, or ended a step in the moment of the kill.
    """
    before = histories(hub).keys()
    running = hub.start(*words)
    strike = None
    while running.wait(_POLL_SECONDS) is None:
        new = [path for run, path in histories(hub).items() if run not in before]
        if new and running_steps(new[0]):
            strike = strike or time.monotonic() + seconds
            running.wait(max(strike - time.monotonic(), 0))
            if running_steps(new[0]):
                return running_steps(new[0]) if running.kill() else []
    return []


def _ask(path: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(path, timeout=30)) as con:
        try:
            return con.execute(query).fetchall()
        except sqlite3.OperationalError:  # the run has made the file and not yet its tables
            return []
