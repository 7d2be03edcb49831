"""Run a job in this process and tell a person, line by line, what it is doing.

One process costs a third of what Dagster's multiprocess executor costs here (imports dominate), and the run is
recorded in the same history the UI reads.
"""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from datetime import date, datetime

import dagster as dg
from rich.console import Console

from pipelines.clock import as_of_known_at, nightly_cutoff, weekly_cutoff
from pipelines.hub import Hub
from pipelines.progress import listening
from pipelines.settings import REPOSITORY, Settings

INSTANT_TAG = "hub/known_until"
AS_OF_TAG = "hub/as_of_date"
COMMAND_TAG = "hub/started_by"
_UNFINISHED = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def run_nightly(as_of: date | None, console: Console) -> bool:
    """The night of `as_of`, or of the newest drop; true when everything expected was made."""
    hub = Hub.from_environment(create_keys=True)
    hub.prepare()
    instant = nightly_cutoff(as_of) if as_of else hub.present()
    return run_job("nightly", {INSTANT_TAG: instant.isoformat()}, console)


def run_weekly(as_of: date | None, console: Console) -> bool:
    """The lists for the Sunday `as_of`, or for the last Sunday that is over; true when they were issued."""
    hub = Hub.from_environment(create_keys=True)
    hub.prepare()
    sunday = as_of or as_of_known_at(hub.present())
    return run_job("weekly", {AS_OF_TAG: sunday.isoformat(), INSTANT_TAG: weekly_cutoff(sunday).isoformat()}, console)


def run_job(name: str, tags: dict[str, str], console: Console) -> bool:
    """Execute a job with its tags; prints each step's message and time, and the failing step's own words."""
    started = time.monotonic()
    settings = Settings()
    prepare_dagster_home(settings)

    def say(message: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.1f}s[/dim]  {message}", soft_wrap=True)

    console.rule(f"{name} run of {settings.name}")
    from pipelines.definitions import defs

    job = defs.resolve_job_def(name)
    with ExitStack() as stack:
        stack.enter_context(only_run(settings, say))
        instance = stack.enter_context(dg.DagsterInstance.get())
        bury_dead_runs(instance)
        stack.enter_context(listening(say))
        # dbt's lines go to its own log in the assembled project; here a person follows the steps.
        stack.enter_context(redirect_stdout(io.StringIO()))
        result = job.execute_in_process(
            instance=instance,
            tags={**tags, COMMAND_TAG: "hub run"},
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    for event in result.get_step_failure_events():
        failure = event.step_failure_data
        error = failure.error
        while error is not None and error.cause is not None:
            error = error.cause
        say(f"[red]{event.step_key} failed.[/red] {error.message.strip() if error else ''}")
    state = "[green]done[/green]" if result.success else "[red]failed[/red]: nothing was published"
    say(f"{name} {state}")
    return result.success


@contextmanager
def only_run(settings: Settings, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the partnership's run lock; a second `hub run` waits for the first. The system frees it when a run dies."""
    settings.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.root / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another `hub run` of this partnership is under way; waiting for it to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def bury_dead_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs of this command whose process was killed as failed, and free what they still hold.

    The caller holds the run lock, so a run of this command that still counts as started cannot be alive. Left alone,
    it would keep its place in the pool for ever and the next run would wait for it. Returns how many there were.
    """
    dead = instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED, tags={COMMAND_TAG: "hub run"}))
    for run in dead:
        instance.report_run_failed(run, "The process of this run ended before the run did; run it again.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return len(dead)


def prepare_dagster_home(settings: Settings) -> None:
    """Make DAGSTER_HOME of the partnership, with the committed dagster.yaml in it."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(REPOSITORY / "dagster.yaml", settings.dagster_home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)


def instant_of(tags: Mapping[str, str], hub: Hub) -> datetime:
    """The knowledge instant a run was given, else the present (a run started in the UI or by a schedule).

    Raises:
        HubProblem: it lies beyond the partnership's frozen calendars.
    """
    instant = datetime.fromisoformat(tags[INSTANT_TAG]) if INSTANT_TAG in tags else hub.present()
    hub.require_calendar(instant)
    return instant


def as_of_date_of(tags: Mapping[str, str], hub: Hub) -> date:
    """The Sunday a weekly run was given, else the last one that is over."""
    if AS_OF_TAG not in tags:
        return as_of_known_at(instant_of(tags, hub))
    sunday = date.fromisoformat(tags[AS_OF_TAG])
    hub.require_calendar(weekly_cutoff(sunday))
    return sunday
