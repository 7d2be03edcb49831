"""What the daemon watches for: complete drops that nobody has taken in, runs that ended, runs that died."""

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime

import dagster as dg

from pipelines.alerts import Alert, alerts_of_run, announce, missed_night
from pipelines.hub import Hub
from pipelines.run_lock import bury_dead_runs
from pipelines.schedules import AssetJob
from pipelines.settings import Settings

_LOOK_EVERY_SECONDS = 300
_WATCH_EVERY_SECONDS = 60


def completed_drops_sensor(nightly: AssetJob, feeds: Collection[str]) -> dg.SensorDefinition:
    """Runs the night's work when complete drops wait: a manifest is written last, so its presence means completeness.

    The same set of waiting drops asks once (run key), whatever becomes of the run. Drops of a feed that is not among
    `feeds` (one that is off) start nothing: nobody would read them.
    """

    @dg.sensor(
        name="completed_drops",
        job=nightly,
        minimum_interval_seconds=_LOOK_EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Complete drops are waiting in landing.",
    )
    def completed_drops(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        landing = Settings().landing
        waiting = sorted(
            f"{path.relative_to(landing)}:{path.stat().st_mtime_ns}"
            for path in landing.glob("*/*/*.manifest.json")
            if "__".join(path.parts[-3:-1]) in feeds
        )
        if not waiting:
            return dg.SkipReason("No complete drop is waiting in landing.")
        key = hashlib.sha256("\n".join(waiting).encode()).hexdigest()[:16]
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key, tags={"hub/because": "completed drops"})])

    return completed_drops


def watching_sensors() -> list[dg.SensorDefinition]:
    """Tell people what a run leaves for them (`pipelines/alerts.py`), and notice runs that died and nights that missed.

    `hub run` tells the same by itself when it ends; both remember what was told.
    """

    @dg.run_failure_sensor(
        name="run_failed",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="A run failed: somebody is told which step, why, and what to do.",
    )
    def run_failed(context: dg.RunFailureSensorContext) -> None:
        hub = Hub.from_environment()
        _tell(context, hub, alerts_of_run(hub, context.instance, context.dagster_run))

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="run_ended",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="A run ended well: late feeds, refused files and failed checks are told, with whom to ring.",
    )
    def run_ended(context: dg.RunStatusSensorContext) -> None:
        hub = Hub.from_environment()
        _tell(context, hub, alerts_of_run(hub, context.instance, context.dagster_run))

    @dg.sensor(
        name="watch",
        minimum_interval_seconds=_WATCH_EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs whose process died are marked as failed; a night that never came is told.",
    )
    def watch(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        hub = Hub.from_environment()
        buried = bury_dead_runs(context.instance, hub.settings)
        _tell(context, hub, missed_night(hub, context.instance, datetime.now(UTC)))
        return dg.SkipReason(f"{len(buried)} dead runs marked as failed." if buried else "All is as it should be.")

    return [run_failed, run_ended, watch]


def _tell(context: dg.RunStatusSensorContext | dg.SensorEvaluationContext, hub: Hub, found: list[Alert]) -> None:
    announce(hub, found, context.log.warning, datetime.now(UTC))
