"""When things run by themselves: the night at 02:00, the week on Monday at 06:00, Europe/London. On by default."""

from __future__ import annotations

from typing import Any

import dagster as dg

# What `dg.define_asset_job` returns has no public name.
AssetJob = Any

NIGHTLY_CRON = "0 2 * * *"
WEEKLY_CRON = "0 6 * * 1"


def hub_schedules(nightly: AssetJob, weekly: AssetJob) -> list[dg.ScheduleDefinition]:
    """The two schedules; they run while `hub ui` or a Dagster daemon is up."""
    return [
        dg.ScheduleDefinition(
            name=f"{job.name}_schedule",
            job=job,
            cron_schedule=cron,
            execution_timezone="Europe/London",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description=why,
        )
        for job, cron, why in (
            (nightly, NIGHTLY_CRON, "Every night, after the agencies' systems have sent their files."),
            (weekly, WEEKLY_CRON, "Monday morning, from what was known at 02:00; before the hub's first meeting."),
        )
    ]
