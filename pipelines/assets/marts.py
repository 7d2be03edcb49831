"""dbt in the graph: three steps, each with the key of one zone alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from pipelines import dbt_process
from pipelines.dbt_process import DbtProblem
from pipelines.dbt_runs import zone_environment
from pipelines.hub import Hub
from pipelines.progress import tell
from pipelines.retries import again
from pipelines.run import as_of_date_of, instant_of
from pipelines.translator import HubDbtTranslator

# step name: (zone, models, what a person is told)
STEPS = {
    "dbt_identity": ("identity", "tag:identity", "identity: one shape for every agency's records"),
    "dbt_marts": ("warehouse", "tag:warehouse,tag:nightly", "marts: one story each, from every agency's events"),
    "dbt_person_weeks": ("warehouse", "tag:warehouse,tag:weekly", "marts: who is in the cohort, week by week"),
}

# What may be different a little later. A model or test that fails fails again, so it is not tried again.
_PASSING = ("could not set lock", "no space left on device", "cannot allocate memory")


def dbt_steps(manifest: Path) -> dict[str, dg.AssetsDefinition]:
    """The dbt steps by name, from a parsed manifest."""
    return {name: _step(name, manifest, *what) for name, what in STEPS.items()}


def _step(name: str, manifest: Path, zone: str, select: str, message: str) -> dg.AssetsDefinition:
    translator = HubDbtTranslator()

    @dbt_assets(
        manifest=json.loads(manifest.read_text(encoding="utf-8")),
        select=select,
        name=name,
        dagster_dbt_translator=translator,
        required_resource_keys={"hub"},
        pool="databases",
        retry_policy=again(),
    )
    def step(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hub: Hub = context.resources.hub
        tell(message)
        run_clock = {
            "HUB_RUN_AT": instant_of(context.run.tags, hub).isoformat(sep=" "),
            "HUB_AS_OF": as_of_date_of(context.run.tags, hub).isoformat(),
        }
        folder = hub.settings.dbt_folder
        try:
            with zone_environment(hub, zone, run_clock):
                # A folder a step, not a run: dbt's partial parse in it stays valid, and nothing piles up.
                yield from dbt_process.build(context, folder, zone, folder / "target" / name)
        except DbtProblem as problem:
            passes = any(sign in str(problem).lower() for sign in _PASSING)
            raise dg.Failure(f"dbt could not make {name}.", allow_retries=passes) from problem

    return step
