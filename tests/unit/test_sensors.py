"""What the daemon watches for: complete drops start one night, a night that never came is told, old targets go."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from pipelines.alerts import missed_night
from pipelines.housekeeping import keep_house
from pipelines.hub import Hub
from pipelines.sensors import completed_drops_sensor
from pipelines.settings import Settings

PACK = Path(__file__).parents[2] / "partnerships" / "northmere"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("HUB_VAR", str(tmp_path / "var"))
    return Settings()


def looks(names: list[str]) -> dg.SensorResult | dg.SkipReason:
    sensor = completed_drops_sensor(dg.define_asset_job("nightly"), names)
    found = sensor(dg.build_sensor_context())
    assert isinstance(found, dg.SensorResult | dg.SkipReason)
    return found


def test_complete_drops_ask_for_one_night_and_for_another_when_more_came(settings: Settings) -> None:
    feeds = ["csc__contacts", "police__ppn"]
    assert isinstance(looks(feeds), dg.SkipReason)
    folder = settings.landing / "csc" / "contacts"
    folder.mkdir(parents=True)
    (folder / "contacts_20261005_delta.csv").write_text("still being written")
    assert isinstance(looks(feeds), dg.SkipReason), "a file without its manifest is not complete"
    keys = []
    for name in ("contacts_20261005_delta", "contacts_20261006_delta"):
        (folder / f"{name}.manifest.json").write_text("{}")
        for _ in range(2):
            seen = looks(feeds)
            assert isinstance(seen, dg.SensorResult) and seen.run_requests is not None
            (request,) = seen.run_requests
            assert request.tags["hub/because"] == "completed drops"
            keys.append(request.run_key)
    assert keys[0] == keys[1] != keys[2] == keys[3]


def _hub(folder: Path, clock: str) -> Hub:
    text = (PACK / "partnership.yml").read_text(encoding="utf-8")
    (folder / "partnership.yml").write_text(text.replace("clock: drops", f"clock: {clock}"), encoding="utf-8")
    return Hub(Settings(partnership=str(folder), var=folder / "var"))


def test_a_night_that_never_came_is_told_where_nights_go_by_the_clock(tmp_path: Path) -> None:
    @dg.job
    def nightly() -> None:
        """Nothing."""

    hub, now = _hub(tmp_path, "wall"), datetime.now(UTC)
    with dg.DagsterInstance.ephemeral() as instance:
        (never,) = missed_night(hub, instance, now)
        assert "No night has ended well yet" in never.why
        assert nightly.execute_in_process(instance=instance).success
        assert missed_night(hub, instance, now + timedelta(hours=39)) == []
        (late,) = missed_night(hub, instance, now + timedelta(hours=41))
        assert f"since {now:%d %B %Y}" in late.why and late.cause == never.cause
        assert missed_night(_hub(tmp_path, "drops"), instance, now + timedelta(hours=41)) == []


def test_dbt_targets_that_nothing_wrote_to_for_long_go(settings: Settings) -> None:
    targets = settings.dbt_folder / "target"
    for name, days in (("old", 40), ("new", 0)):
        (targets / name).mkdir(parents=True)
        then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
        (targets / name / "manifest.json").write_text("{}")
        for path in (targets / name / "manifest.json", targets / name):
            os.utime(path, (then, then))
    with dg.DagsterInstance.ephemeral() as instance:
        assert keep_house(settings, instance).targets == 1
    assert [one.name for one in targets.iterdir()] == ["new"]
