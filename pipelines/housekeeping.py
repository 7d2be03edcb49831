"""What piles up by itself and has an end: Dagster's old runs, left-over files of killed runs, logs.

Dagster Open Source purges ticks of schedules and sensors (dagster.yaml) and no runs. `hub keep` and the weekly job
remove runs that are old enough, with their events and logs, but never the run that last made an asset: the UI would
forget when that was, and a feed that has gone quiet would look as if it had never come.
"""

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from rich.console import Console

from pipelines.clock import LONDON
from pipelines.progress import tell
from pipelines.risk_trace import remove_expired_traces
from pipelines.run import prepare_dagster_home
from pipelines.run_lock import only_run, remove_old_marks
from pipelines.settings import Settings

_DAY_SECONDS = 24 * 3600
# Every dbt step has a target folder of its own; one that nothing wrote to for so long belongs to no step any more.
_TARGET_SECONDS = 30 * _DAY_SECONDS
_BATCH = 500
_NOT_LEFT_OVER = {"extensions"}
_OVER = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dataclass(frozen=True)
class Kept:
    """How much one housekeeping removed: counts of runs and of files or folders."""

    runs: int = 0
    left_over: int = 0
    targets: int = 0
    marks: int = 0

    def sentence(self) -> str:
        """One line for people."""
        return (
            f"{self.runs} old runs, {self.left_over} left-over files, {self.targets} old dbt targets and "
            f"{self.marks} marks of runs removed"
        )


def housekeeping_job() -> dg.JobDefinition:
    """The weekly job; it holds the run lock like every other run."""

    @dg.op(required_resource_keys={"hub"}, pool="databases", description="Remove what is old enough.")
    def keep(context: dg.OpExecutionContext) -> None:
        kept = keep_house(context.resources.hub.settings, context.instance)
        context.log.info(kept.sentence())
        tell(f"housekeeping: {kept.sentence()}")

    @dg.job(description="Old runs, left-over files, old dbt targets. Every Sunday, or `hub keep`.")
    def housekeeping() -> None:
        keep()

    return housekeeping


def keep_now(console: Console, days: int | None) -> None:
    """`hub keep`: the same at once; waits for a run that is under way."""
    settings = Settings()
    prepare_dagster_home(settings)
    with only_run(settings, console.print), dg.DagsterInstance.get() as instance:
        kept = keep_house(settings, instance, days)
    console.print(f"{kept.sentence()[0].upper()}{kept.sentence()[1:]}.")


def keep_house(settings: Settings, instance: dg.DagsterInstance, days: int | None = None) -> Kept:
    """Remove runs older than `days` (HUB_KEEP_RUNS_DAYS), and what killed runs left behind a day ago or longer.

    The caller holds the run lock.
    """
    before = datetime.now(UTC) - timedelta(days=settings.keep_runs_days if days is None else days)
    runs = _remove_runs(instance, before)
    home = settings.dagster_home
    present = {run.run_id for run in instance.get_runs()}
    orphans = [*(home / "history" / "runs").glob("*.db*"), *(home / "storage").glob("*")]
    # A run's own files: named after it. Whatever else lies there belongs to the instance.
    left = [one for one in orphans if len(name := one.name.split(".")[0]) == 36 and name not in present]
    left += [one for one in (settings.root / "tmp").glob("*") if one.name not in _NOT_LEFT_OVER]
    remove_expired_traces(settings.outbox, datetime.now(LONDON).date())
    targets = [one for one in (settings.dbt_folder / "target").glob("*") if one.is_dir()]
    return Kept(
        runs=runs,
        left_over=_remove_old(left, _DAY_SECONDS),
        targets=_remove_old(targets, _TARGET_SECONDS),
        marks=remove_old_marks(settings),
    )


def _remove_runs(instance: dg.DagsterInstance, before: datetime) -> int:
    last_made = _runs_that_last_made_something(instance)
    removed = 0
    for run_id in _old_runs(instance, before):
        if run_id not in last_made:
            instance.delete_run(run_id)
            removed += 1
    return removed


def _old_runs(instance: dg.DagsterInstance, before: datetime) -> Iterator[str]:
    records = instance.get_run_records(dg.RunsFilter(statuses=_OVER, created_before=before))
    yield from (record.dagster_run.run_id for record in records)


def _runs_that_last_made_something(instance: dg.DagsterInstance) -> set[str]:
    keys = list(instance.get_asset_keys())
    made: set[str] = set()
    for start in range(0, len(keys), _BATCH):
        for record in instance.get_asset_records(keys[start : start + _BATCH]):
            last = record.asset_entry.last_materialization
            if last is not None:
                made.add(last.run_id)
    return made


def _remove_old(paths: Iterable[Path], seconds: float) -> int:
    """Remove files and folders nobody has touched for so long; returns how many."""
    gone = 0
    for path in paths:
        touched = max((one.stat().st_mtime for one in (path, *path.rglob("*")) if one.exists()), default=time.time())
        if time.time() - touched > seconds:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            gone += 1
    return gone
