"""What starts a run besides the clock: complete drops that nobody has taken in yet."""

import hashlib
from collections.abc import Collection

import dagster as dg

from pipelines.schedules import AssetJob
from pipelines.settings import Settings

_LOOK_EVERY_SECONDS = 300


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
