"""All that Dagster knows of a partnership. `dagster dev -w workspace.yaml` and `hub run` both load this."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.assurance import assurance_assets
from pipelines.assets.evaluation import evaluation_assets
from pipelines.assets.front_door import front_door_assets, front_door_checks, held_contact_assets
from pipelines.assets.helped import helped_assets
from pipelines.assets.identity import identity_assets
from pipelines.assets.landing import drop_log_asset, gate_assets
from pipelines.assets.marts import dbt_steps
from pipelines.assets.reports import report_assets
from pipelines.assets.review import decisions_asset, review_assets
from pipelines.assets.risk import GATES, risk_assets
from pipelines.assets.subjects import record_model, subject_identity_assets, subject_list_assets
from pipelines.dbt_runs import ensure_manifest
from pipelines.housekeeping import housekeeping_job
from pipelines.hub import Hub
from pipelines.hub_resource import hub_resource
from pipelines.schedules import hub_schedules
from pipelines.sensors import completed_drops_sensor, watching_sensors


def build(hub: Hub) -> dg.Definitions:
    """The definitions of one partnership, generated from its pack."""
    dbt = dbt_steps(ensure_manifest(hub))
    titles = {name: agency.title for name, agency in hub.agencies.items()}
    others = hub.other_subjects
    # Linkage stands on the canonical tables; what is about others has no part in it, not even as something to wait for.
    who_is_who = sorted(dbt["dbt_identity"].keys - {record_model(subject) for subject in others})
    nightly_steps = [
        *gate_assets(hub.contracts, titles),
        dbt["dbt_identity"],
        *identity_assets(who_is_who),
        *subject_identity_assets(others),
        *held_contact_assets(hub),
        dbt["dbt_marts"],
    ]
    reports = report_assets(sorted(dbt["dbt_marts"].keys)) + front_door_assets(hub, dbt["dbt_marts"].keys)
    told = [key for step in reports for key in step.keys]
    nightly_steps += [*reports, *assurance_assets(sorted([*dbt["dbt_marts"].keys, *told]))]
    weekly_steps = [dbt["dbt_person_weeks"]]
    gates = hub.declaration("risk.yml").get("gates", [])
    weekly_steps += risk_assets(sorted(dbt["dbt_person_weeks"].keys), gates)
    weekly_steps += [*evaluation_assets(GATES), *review_assets(), *subject_list_assets(others), *helped_assets()]
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
    housekeeping = housekeeping_job()
    return dg.Definitions(
        assets=[*nightly_steps, *weekly_steps, drop_log_asset(hub.contracts), decisions_asset()],
        asset_checks=front_door_checks(hub, dbt["dbt_marts"].keys),
        jobs=[nightly, weekly, housekeeping],
        schedules=hub_schedules(hub.partnership.schedule, nightly, weekly, housekeeping),
        sensors=[completed_drops_sensor(nightly, hub.contracts), *watching_sensors()],
        resources={"hub": hub_resource()},
        # One process a run: a third of the time of the multiprocess executor here, and no database lock to lose.
        executor=dg.in_process_executor,
    )


defs = build(Hub.from_environment(create_keys=True))
