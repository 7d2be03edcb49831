"""The resource `hub` of a run: the partnership opened, its run lock held, its clock fixed, its run labelled.

Dagster makes it once before the first step and gives it back after the last, in one process (docs/decisions/0009), so
that runs from the UI, a schedule or a sensor obey the same lock as `hub run`, which holds it around the whole run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import dagster as dg

from pipelines.clock import as_of_known_at
from pipelines.dagster_history import quick_history
from pipelines.hub import Hub
from pipelines.progress import tell
from pipelines.run import AS_OF_TAG, INSTANT_TAG, fix_clock
from pipelines.run_lock import COMMAND, COMMAND_TAG, bury_dead_runs, mark_until_exit, only_run
from pipelines.settings import REPOSITORY

BECAUSE_TAG = "hub/because"
CODE_TAG = "hub/code"
PACK_TAG = "hub/pack"
_CODE = ("pipelines", "data_quality", "models", "review", "governance", "dbt_project")
# Jobs that know nothing of the world, and go on when the calendars have ended.
_WITHOUT_CLOCK = {"housekeeping"}
_STARTED_BY = {"dagster/schedule_name": "schedule", "dagster/sensor_name": "sensor"}


def hub_resource() -> dg.ResourceDefinition:
    """What every step asks for as `hub`."""
    return dg.ResourceDefinition(_for_a_run, description="The partnership: pack, keys, zones, and the run lock.")


def _for_a_run(context: dg.InitResourceContext) -> Iterator[Hub]:
    hub = Hub.from_environment(create_keys=True)
    run, instance = context.run, context.instance
    with ExitStack() as stack:
        if run is not None and instance is not None and run.tags.get(COMMAND_TAG) != COMMAND:
            mark_until_exit(hub.settings, run.run_id)
            stack.enter_context(quick_history(hub.settings.dagster_home))
            stack.enter_context(only_run(hub.settings, tell))
            bury_dead_runs(instance, hub.settings)
        hub.zones.migrate()
        if run is not None and run.job_name not in _WITHOUT_CLOCK:
            fix_clock(hub, run.job_name, run.tags)
        if run is not None and instance is not None:
            instance.add_run_tags(run.run_id, labels(hub, run))
        yield hub


def labels(hub: Hub, run: dg.DagsterRun) -> dict[str, str]:
    """Tags by which runs are found again: what they knew, why they ran, with which pack and which code."""
    known_until = hub.known_until
    found = {
        BECAUSE_TAG: run.tags.get(BECAUSE_TAG) or _because(run),
        PACK_TAG: f"{hub.settings.name} {_hash([hub.settings.pack], '')[:12]}",
        CODE_TAG: f"{version('safeguarding-hub')} {_hash([REPOSITORY / name for name in _CODE], '.py')[:12]}",
    }
    if known_until is not None:
        found[INSTANT_TAG] = known_until.isoformat()
        found[AS_OF_TAG] = run.tags.get(AS_OF_TAG) or as_of_known_at(known_until).isoformat()
    return found


def _because(run: dg.DagsterRun) -> str:
    for tag, what in _STARTED_BY.items():
        if tag in run.tags:
            return f"{what} {run.tags[tag]}"
    return "started in the UI"


def _hash(folders: list[Path], ending: str) -> str:
    """A hash over names and content of the files below some folders, caches left out."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob(f"*{ending}")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{folder.name}/{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()
