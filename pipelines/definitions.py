"""All that Dagster knows of a partnership. `dagster dev -w workspace.yaml` and `hub run` both load this."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.assurance import assurance_assets
from pipelines.assets.identity import identity_assets
from pipelines.assets.landing import drop_log_asset, gate_assets
from pipelines.assets.marts import dbt_steps
from pipelines.assets.review import decisions_asset, review_assets
from pipelines.assets.risk import risk_assets
from pipelines.dbt_runs import ensure_manifest
from pipelines.hub import Hub
from pipelines.schedules import hub_schedules
from pipelines.sensors import completed_drops_sensor


def build(hub: Hub) -> dg.Definitions:
    """The definitions of one partnership, generated from its pack."""
    dbt = dbt_steps(ensure_manifest(hub))
    titles = {name: agency.title for name, agency in hub.agencies.items()}
    nightly_steps = [
        *gate_assets(hub.contracts, titles),
        dbt["dbt_identity"],
        *identity_assets(sorted(dbt["dbt_identity"].keys)),
        dbt["dbt_marts"],
    ]
    nightly_steps += assurance_assets(sorted(dbt["dbt_marts"].keys))
    weekly_steps = [dbt["dbt_person_weeks"]]
    gates = hub.declaration("risk.yml").get("gates", [])
    weekly_steps += risk_assets(sorted(dbt["dbt_person_weeks"].keys), gates)
    weekly_steps += review_assets()
    nightly = dg.define_asset_job(
        "nightly",
        selection=dg.AssetSelection.assets(*nightly_steps),
        description="Take in what has arrived, find out who is who, build the marts.",
    )
    weekly = dg.define_asset_job(
        "weekly",
        selection=dg.AssetSelection.assets(*weekly_steps),
        description="From the marts to a frozen list for every area team.",
    )
    return dg.Definitions(
        assets=[*nightly_steps, *weekly_steps, drop_log_asset(hub.contracts), decisions_asset()],
        jobs=[nightly, weekly],
        schedules=hub_schedules(nightly, weekly),
        sensors=[completed_drops_sensor(nightly)],
        resources={"hub": dg.ResourceDefinition(lambda _: Hub.from_environment(create_keys=True))},
        # One process a run: a third of the time of the multiprocess executor here, and no database lock to lose.
        executor=dg.in_process_executor,
    )


defs = build(Hub.from_environment(create_keys=True))
