"""Nights and weeks start by themselves when the pack says, and know what was known at their own cut-off."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from pipelines.clock import LONDON
from pipelines.partnership import Schedule
from pipelines.schedules import hub_schedules

PACKS = Path(__file__).parents[2] / "partnerships"


@dg.job
def nightly() -> None:
    """Nothing."""


@dg.job
def weekly() -> None:
    """Nothing."""


@dg.job
def housekeeping() -> None:
    """Nothing."""


def made(**hours: str) -> dict[str, dg.ScheduleDefinition]:
    schedules = hub_schedules(Schedule(**hours), nightly, weekly, housekeeping)
    return {one.name: one for one in schedules}


def tags(schedule: dg.ScheduleDefinition, at: datetime) -> dict[str, str]:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=at)
        (request,) = schedule.evaluate_tick(context).run_requests or []
    return {name: value for name, value in request.tags.items() if name.startswith("hub/")}


def test_the_hours_are_the_packs() -> None:
    found = made(nightly="03:15", weekly="Monday 07:30")
    assert found["nightly_schedule"].cron_schedule == "15 3 * * *"
    assert found["weekly_schedule"].cron_schedule == "30 7 * * 1"
    assert {one.execution_timezone for one in found.values()} == {"Europe/London"}
    assert {one.default_status for one in found.values()} == {dg.DefaultScheduleStatus.RUNNING}


@pytest.mark.parametrize("clock", ["wall", "drops"])
def test_a_late_start_knows_no_more_than_a_punctual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    text = (PACKS / "northmere" / "partnership.yml").read_text(encoding="utf-8")
    (tmp_path / "partnership.yml").write_text(text.replace("clock: drops", f"clock: {clock}"), encoding="utf-8")
    monkeypatch.setenv("HUB_PARTNERSHIP", str(tmp_path))
    found = made(nightly="03:15")
    monday = datetime(2026, 10, 5, 7, 30, tzinfo=LONDON)
    night, week = (
        tags(found["nightly_schedule"], monday.replace(hour=3, minute=15)),
        tags(found["weekly_schedule"], monday),
    )
    known = {"hub/known_until": "2026-10-05T01:00:00"}
    # In the demo the run itself finds out how far the drops go.
    assert (night, week) == ((known, {**known, "hub/as_of_date": "2026-10-04"}) if clock == "wall" else ({}, {}))
