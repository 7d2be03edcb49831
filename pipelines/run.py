"""Run a job in this process and tell a person, line by line, what it is doing.

One process costs a third of what Dagster's multiprocess executor costs here (imports dominate), and the run is
recorded in the same history the UI reads.
"""

from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, redirect_stdout
from datetime import UTC, date, datetime
from uuid import uuid4

import dagster as dg
from rich.console import Console
from rich.markup import escape

from pipelines.alerts import alerts_of_run, announce
from pipelines.clock import as_of_known_at, nightly_cutoff, weekly_cutoff
from pipelines.dagster_history import quick_history
from pipelines.failures import failures_of
from pipelines.hub import Hub
from pipelines.progress import listening
from pipelines.run_lock import COMMAND, COMMAND_TAG, bury_dead_runs, marked_alive, only_run
from pipelines.settings import REPOSITORY, Settings

INSTANT_TAG = "hub/known_until"
AS_OF_TAG = "hub/as_of_date"


def run_nightly(as_of: date | None, console: Console) -> bool:
    """The night of `as_of`, or of the newest drop; true when everything expected was made."""

    def tags(hub: Hub) -> dict[str, str]:
        instant = nightly_cutoff(as_of) if as_of else hub.present()
        return {INSTANT_TAG: instant.isoformat()}

    return run_job("nightly", tags, console)


def run_weekly(as_of: date | None, console: Console) -> bool:
    """The lists for the Sunday `as_of`, or for the last Sunday that is over; true when they were issued."""

    def tags(hub: Hub) -> dict[str, str]:
        sunday = as_of or as_of_known_at(hub.present())
        return {AS_OF_TAG: sunday.isoformat(), INSTANT_TAG: weekly_cutoff(sunday).isoformat()}

    return run_job("weekly", tags, console)


def run_job(name: str, tags: Callable[[Hub], dict[str, str]], console: Console) -> bool:
    """Execute a job; prints each step's message and time, and the failing step's own words.

    Args:
        tags: makes the run's tags from the opened partnership, once the run lock is held.
    """
    started = time.monotonic()
    settings = Settings()
    prepare_dagster_home(settings)

    def say(message: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.1f}s[/dim]  {message}", soft_wrap=True)

    console.rule(f"{name} run of {settings.name}")
    with ExitStack() as stack:
        stack.enter_context(only_run(settings, say))
        hub = Hub.from_environment(create_keys=True)
        hub.prepare()
        run_tags = {**tags(hub), COMMAND_TAG: COMMAND, "hub/because": "hub run"}
        from pipelines.definitions import defs

        stack.enter_context(quick_history(settings.dagster_home))
        instance = stack.enter_context(dg.DagsterInstance.get())
        bury_dead_runs(instance, settings)
        run_id = str(uuid4())
        stack.enter_context(marked_alive(settings, run_id))
        stack.enter_context(listening(say))
        # dbt's lines go to its own log in the assembled project; here a person follows the steps.
        stack.enter_context(redirect_stdout(io.StringIO()))
        result = defs.resolve_job_def(name).execute_in_process(
            instance=instance,
            run_id=run_id,
            tags=run_tags,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.STEP_UP_FOR_RETRY:
            say(f"[yellow]{event.step_key} failed and was tried again.[/yellow]")
    for failure in failures_of(result.all_events):
        say(f"[red]{failure.step or name} failed.[/red] {escape(failure.words)}")
    state = "[green]done[/green]" if result.success else "[red]failed[/red]: nothing was published"
    say(f"{name} {state}")
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id) or result.dagster_run
        told = alerts_of_run(hub, instance, run)
        announce(hub, told, lambda line: say(f"[yellow]{escape(line)}[/yellow]"), datetime.now(UTC))
    return result.success


def prepare_dagster_home(settings: Settings) -> None:
    """Make DAGSTER_HOME of the partnership, with the committed dagster.yaml in it."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(REPOSITORY / "dagster.yaml", settings.dagster_home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)


def fix_clock(hub: Hub, job: str, tags: Mapping[str, str]) -> None:
    """Settle once which instant a run knows the world up to; every step is then told the same.

    A run that was given none (the UI, a sensor) takes the present, a weekly one the cut-off of the last Sunday that
    is over, just as `hub run` does.

    Raises:
        HubProblem: it lies beyond the partnership's frozen calendars, or nothing was ever delivered.
    """
    hub.known_until = _settled(hub, job, tags)


def _settled(hub: Hub, job: str, tags: Mapping[str, str]) -> datetime:
    if INSTANT_TAG in tags:
        instant = datetime.fromisoformat(tags[INSTANT_TAG])
    elif AS_OF_TAG in tags:
        instant = weekly_cutoff(date.fromisoformat(tags[AS_OF_TAG]))
    else:
        instant = hub.present()
        if job == "weekly":
            instant = weekly_cutoff(as_of_known_at(instant))
    hub.require_calendar(instant)
    return instant


def instant_of(tags: Mapping[str, str], hub: Hub) -> datetime:
    """The knowledge instant of a run (naive UTC): settled when it began, else as its tags say, else the present.

    Raises:
        HubProblem: it lies beyond the partnership's frozen calendars.
    """
    if hub.known_until is not None:
        return hub.known_until
    return _settled(hub, "", tags)


def as_of_date_of(tags: Mapping[str, str], hub: Hub) -> date:
    """The Sunday a weekly run was given, else the last one that is over."""
    if AS_OF_TAG not in tags:
        return as_of_known_at(instant_of(tags, hub))
    sunday = date.fromisoformat(tags[AS_OF_TAG])
    hub.require_calendar(weekly_cutoff(sunday))
    return sunday
