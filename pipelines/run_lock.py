"""One run at a time in a partnership, however it was started, and no dead run that looks alive.

Two kinds of lock, both held by the operating system and freed by it when a process dies, whatever killed it:

    run.lock          whoever holds it may open the databases; the others wait
    alive/<run id>    held by every run from its start to its end; free while the run still counts as unfinished
                      in Dagster's history, it says that the run is dead
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import dagster as dg

from pipelines.settings import Settings

# A run that Dagster launches takes its mark within moments of its start; after this long without one it never will.
_GRACE_SECONDS = 60
_OLD_SECONDS = 24 * 3600
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
COMMAND_TAG = "hub/started_by"
COMMAND = "hub run"
_held_until_exit: list[IO[str]] = []


@contextmanager
def only_run(settings: Settings, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the partnership's run lock; who comes second waits, and is told once."""
    settings.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.root / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run of this partnership is under way; waiting for it to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def marked_alive(settings: Settings, run_id: str) -> Iterator[None]:
    """Hold the mark of a run for as long as the block lasts; it has to reach beyond the run's last event."""
    with _taken(settings, run_id):
        yield
    mark_of(settings, run_id).unlink(missing_ok=True)


def mark_until_exit(settings: Settings, run_id: str) -> None:
    """Hold the mark of a run until this process ends: for a process that Dagster started for one run.

    Dagster writes the run's last event after it has given back the run's resources, so none of them could hold it.
    """
    _held_until_exit.append(_taken(settings, run_id))


def remove_old_marks(settings: Settings) -> int:
    """Remove the marks of runs that ended a day ago or longer; returns how many."""
    gone = 0
    for mark in (settings.root / "alive").glob("*"):
        if time.time() - mark.stat().st_mtime > _OLD_SECONDS and _is_free(mark):
            mark.unlink(missing_ok=True)
            gone += 1
    return gone


def bury_dead_runs(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    """Mark runs whose process ended without saying so as failed, and free what dead runs still hold.

    Left alone, a dead run would keep its place in Dagster's queue and pool, and the next one would wait for ever.
    Returns the ids of those buried now.
    """
    buried = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)):
        run = record.dagster_run
        if _is_dead(settings, record):
            instance.report_run_failed(run, "The process of this run ended before the run did; run it again.")
            mark_of(settings, run.run_id).unlink(missing_ok=True)
            buried.append(run.run_id)
    _free_places_of_runs_that_are_over(instance)
    return buried


def _free_places_of_runs_that_are_over(instance: dg.DagsterInstance) -> None:
    """A run whose death Dagster's own server noticed is marked by it as failed, and keeps its place in the pool."""
    storage = instance.event_log_storage
    for pool in storage.get_concurrency_keys():
        place = storage.get_concurrency_info(pool)
        for run_id in {one.run_id for one in place.claimed_slots} | {one.run_id for one in place.pending_steps}:
            run = instance.get_run_by_id(run_id)
            if run is None or run.status not in _UNFINISHED:
                storage.free_concurrency_slots_for_run(run_id)


def _is_dead(settings: Settings, record: dg.RunRecord) -> bool:
    run = record.dagster_run
    mark = mark_of(settings, run.run_id)
    if mark.exists():
        return _is_free(mark)
    # `hub run` takes its mark before it makes the run. Before Dagster's own launcher has started one, run monitoring
    # (dagster.yaml) watches it.
    if run.tags.get(COMMAND_TAG) == COMMAND:
        return True
    return bool(record.start_time and time.time() - record.start_time > _GRACE_SECONDS)


def _is_free(mark: Path) -> bool:
    """Whether no living process holds a mark."""
    try:
        with mark.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True


def mark_of(settings: Settings, run_id: str) -> Path:
    """The file a living run holds locked."""
    return settings.root / "alive" / run_id


def _taken(settings: Settings, run_id: str) -> IO[str]:
    mark = mark_of(settings, run_id)
    mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = mark.open("w")
    # Waits only for somebody who is looking whether the run lives.
    fcntl.flock(file, fcntl.LOCK_EX)
    return file
