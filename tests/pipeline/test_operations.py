"""How runs behave when something goes wrong around them: tried again, carried, waiting, dead, old."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from data_quality.content_hash import content_hash
from pipelines.assets.identity import identity_assets
from pipelines.assets.landing import feed_key, gate_assets
from pipelines.assets.review import review_assets
from pipelines.assets.risk import risk_assets
from pipelines.housekeeping import keep_house
from pipelines.hub import Hub
from pipelines.run_lock import COMMAND, COMMAND_TAG, bury_dead_runs, mark_of, marked_alive
from pipelines.settings import Settings
from tests.demo_hub import DemoHub
from tests.pipeline.conftest import copy_of

AGENCY = "housing"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "dagster_home"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as made:
        yield made


# -- a step that fails once ------------------------------------------------------------------------------------------


def _opened(demo: DemoHub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    for name, value in {**demo.environ, "HUB_RETRY_SECONDS": "0.01"}.items():
        monkeypatch.setenv(name, value)
    hub = Hub.from_environment(create_keys=True)
    hub.zones.migrate()
    return hub


def _gate(hub: Hub, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    contracts = {name: one for name, one in hub.contracts.items() if one.agency == AGENCY}
    steps = gate_assets(contracts, {AGENCY: "Housing"})

    @dg.asset(deps=[feed_key(one) for one in contracts.values()])
    def after() -> None:
        """What stands on every feed of the agency."""

    return dg.materialize([*steps, after], instance=instance, resources={"hub": hub}, raise_on_error=False)


def _hashes(hub: Hub) -> list[str]:
    found = []
    for zone in ("identity", "warehouse"):
        with hub.zones.open(zone, read_only=True) as con:
            found.append(content_hash(con, zone))
    return found


def test_a_gate_that_fails_once_is_tried_again_and_ends_the_same(
    waiting: DemoHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import data_quality.sweep as sweep

    calm = _opened(copy_of(waiting, tmp_path / "calm"), monkeypatch)
    assert _gate(calm, dg.DagsterInstance.ephemeral()).success
    instance = dg.DagsterInstance.ephemeral()
    hub = _opened(copy_of(waiting, tmp_path / "troubled"), monkeypatch)
    real, calls = sweep.sweep_landing, []

    def fails_once(*args: object, **words: object) -> object:
        calls.append(1)
        done = real(*args, **words)  # type: ignore[arg-type]
        if len(calls) == 1:
            raise OSError("no space left on device")  # everything is loaded, and nobody was told
        return done

    monkeypatch.setattr(sweep, "sweep_landing", fails_once)
    result = _gate(hub, instance)
    assert result.success and len(calls) == 2
    assert [event.step_key for event in result.all_events if event.is_step_up_for_retry] == [f"gate_{AGENCY}"]
    assert _hashes(hub) == _hashes(calm)
    # What the first attempt loaded and could not tell of is told by the second.
    keys = [feed_key(one) for one in hub.contracts.values() if one.agency == AGENCY]
    assert all(instance.get_latest_materialization_event(key) for key in keys)

    again = _gate(hub, instance)
    assert again.success
    made = {event.asset_key for event in again.get_asset_materialization_events()}
    observed = {event.asset_key for event in again.get_asset_observation_events()}
    assert not made & set(keys), "a feed that brought nothing may not look fresh"
    assert observed == set(keys)
    assert dg.AssetKey("after") in made, "what stands on a carried feed is made all the same"


def test_what_may_be_repeated_is_tried_again_and_a_release_is_not() -> None:
    steps = [*identity_assets([]), *risk_assets([], []), *review_assets()]
    again = {step.op.name: step.op.retry_policy is not None for step in steps}
    assert again == {"who_is_who": True, "weekly_risk": True, "weekly_list": True, "release": False}


# -- runs that died ----------------------------------------------------------------------------------------------------


@dg.op
def nothing() -> None:
    """Does nothing."""


@dg.job
def some_job() -> None:
    nothing()


def _unfinished(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    run = instance.create_run_for_job(some_job, run_id=str(uuid4()), tags=tags, status=dg.DagsterRunStatus.STARTED)
    return run.run_id


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_living_run_is_left_alone_and_a_dead_one_is_buried(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_VAR", str(tmp_path / "var"))
    settings = Settings()
    run_id = _unfinished(instance, {})
    with marked_alive(settings, run_id):
        assert bury_dead_runs(instance, settings) == []
    mark_of(settings, run_id).touch()  # as a killed process leaves it: there, and held by nobody
    assert bury_dead_runs(instance, settings) == [run_id]
    assert _status(instance, run_id) is dg.DagsterRunStatus.FAILURE
    assert not mark_of(settings, run_id).exists()


def test_a_run_that_has_just_been_launched_is_given_time_and_one_of_hub_run_is_not(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_VAR", str(tmp_path / "var"))
    launched, commanded = _unfinished(instance, {}), _unfinished(instance, {COMMAND_TAG: COMMAND})
    assert bury_dead_runs(instance, Settings()) == [commanded]
    assert _status(instance, launched) is dg.DagsterRunStatus.STARTED


# -- old runs ----------------------------------------------------------------------------------------------------------


def test_old_runs_go_but_not_the_one_that_last_made_an_asset(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_VAR", str(tmp_path / "var"))

    @dg.asset
    def quiet() -> None: ...

    @dg.asset
    def busy() -> None: ...

    runs = [dg.materialize([chosen], instance=instance).run_id for chosen in (quiet, busy, busy)]
    assert keep_house(Settings(), instance, days=1).runs == 0
    assert keep_house(Settings(), instance, days=-1).runs == 1
    assert {run.run_id for run in instance.get_runs()} == {runs[0], runs[2]}
    assert instance.get_latest_materialization_event(dg.AssetKey("quiet")) is not None


def test_left_over_files_go_after_a_day(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    monkeypatch.setenv("HUB_VAR", str(tmp_path / "var"))
    settings = Settings()
    tmp = settings.root / "tmp"
    for name, days in (("spilled.tmp", 2), ("fresh.tmp", 0), ("extensions", 9)):
        (tmp / name).mkdir(parents=True)
        os.utime(tmp / name, (0, 0) if days else None)
    assert keep_house(settings, instance).left_over == 1
    assert {one.name for one in tmp.iterdir()} == {"fresh.tmp", "extensions"}


# -- what the run page says --------------------------------------------------------------------------------------------


def test_a_run_says_what_it_knew_why_it_ran_and_with_what(finished: DemoHub) -> None:
    instance_ref = dg.DagsterInstance.from_config(str(finished.root / "dagster_home"))
    with instance_ref as history:
        tags = [run.tags for run in history.get_runs() if run.status is dg.DagsterRunStatus.SUCCESS]
    assert tags
    for one in tags:
        assert {"hub/known_until", "hub/as_of_date", "hub/because", "hub/pack", "hub/code"} <= set(one)
        assert one["hub/because"] == "hub run"
    assert json.loads((finished.root / "assurance" / "feed_status.json").read_text(encoding="utf-8"))
