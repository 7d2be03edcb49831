"""When things run by themselves, Europe/London: the night and the week as `schedule` of partnership.yml says (02:00,
Monday 06:00), Sunday's housekeeping at 05:00. On by default.

The instant a scheduled run knows the world up to is that of its schedule, not of the moment it got its turn: run again
later with `hub run nightly --as-of`, it is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from pipelines.clock import LONDON, as_of_known_at, nightly_cutoff, weekly_cutoff
from pipelines.hub import Hub
from pipelines.partnership import Schedule
from pipelines.run import AS_OF_TAG, INSTANT_TAG

# What `dg.define_asset_job` returns has no public name.
AssetJob = Any

HOUSEKEEPING_CRON = "0 5 * * 0"


def night_tags(scheduled: datetime) -> dict[str, str]:
    """The cut-off of the night of a scheduled moment (with a time zone).

    >>> night_tags(datetime(2026, 10, 5, 2, 0, tzinfo=LONDON))
    {'hub/known_until': '2026-10-05T01:00:00'}
    """
    return {INSTANT_TAG: nightly_cutoff(scheduled.astimezone(LONDON).date()).isoformat()}


def week_tags(scheduled: datetime) -> dict[str, str]:
    """The last Sunday that is over at a scheduled moment (with a time zone), and its cut-off.

    >>> week_tags(datetime(2026, 10, 5, 6, 0, tzinfo=LONDON))
    {'hub/as_of_date': '2026-10-04', 'hub/known_until': '2026-10-05T01:00:00'}
    """
    sunday: date = as_of_known_at(scheduled.astimezone(UTC).replace(tzinfo=None))
    return {AS_OF_TAG: sunday.isoformat(), INSTANT_TAG: weekly_cutoff(sunday).isoformat()}


def hub_schedules(
    hours: Schedule, nightly: AssetJob, weekly: AssetJob, housekeeping: dg.JobDefinition
) -> list[dg.ScheduleDefinition]:
    """The schedules; they run while `hub ui` or a Dagster daemon is up."""
    night, week = hours.crons
    return [
        _schedule(nightly, night, night_tags, "Every night, after the agencies' systems have sent their files."),
        _schedule(weekly, week, week_tags, "Monday morning, from what was known at 02:00."),
        _schedule(housekeeping, HOUSEKEEPING_CRON, lambda _: {}, "Sunday: old runs, old files, what is left over."),
    ]


def _schedule(
    job: AssetJob, cron: str, tags_at: Callable[[datetime], dict[str, str]], why: str
) -> dg.ScheduleDefinition:
    def tags(context: dg.ScheduleEvaluationContext) -> dict[str, str]:
        # In the demo time is where the drops have got to, which the run itself finds out.
        follows_the_wall = Hub.from_environment().partnership.clock == "wall"
        return tags_at(context.scheduled_execution_time) if follows_the_wall else {}

    return dg.ScheduleDefinition(
        name=f"{job.name}_schedule",
        job=job,
        cron_schedule=cron,
        execution_timezone="Europe/London",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=why,
        tags_fn=tags,
    )
