"""What a run tells Dagster's history, and that nothing is left behind when it is over."""

from __future__ import annotations

import sqlite3

import dagster as dg
from dagster._core.storage.event_log.sqlite import sqlite_event_log

from pipelines.dagster_history import quick_history


@dg.asset
def told():
    return dg.MaterializeResult(metadata={"rows": 3})


def events(instance: dg.DagsterInstance) -> list[str]:
    """What the history holds of a run of `told`, read after it is over."""
    run = dg.materialize([told], instance=instance)
    return [str(event.dagster_event_type) for event in instance.all_logs(run.run_id) if event.dagster_event_type]


def test_the_history_is_what_dagster_writes_by_itself(tmp_path):
    for folder in ("plain", "quick"):
        (tmp_path / folder).mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "plain")) as instance:
        expected = events(instance)
    with quick_history(tmp_path / "quick"), dg.DagsterInstance.local_temp(str(tmp_path / "quick")) as instance:
        assert events(instance) == expected
    with dg.DagsterInstance.local_temp(str(tmp_path / "quick")) as instance:
        found = instance.get_latest_materialization_event(dg.AssetKey("told"))
        assert found and found.asset_materialization.metadata["rows"].value == 3


def test_a_file_has_one_engine_and_files_elsewhere_are_none_of_its_business(tmp_path):
    before = sqlite_event_log.create_engine
    with quick_history(tmp_path / "home"):
        (tmp_path / "home").mkdir()
        address = f"sqlite:///{tmp_path}/home/a.db"
        engine = sqlite_event_log.create_engine(address)
        assert sqlite_event_log.create_engine(address) is engine
        elsewhere = f"sqlite:///{tmp_path}/b.db"
        assert sqlite_event_log.create_engine(elsewhere) is not sqlite_event_log.create_engine(elsewhere)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("pragma synchronous").scalar() == 1
        with sqlite_event_log.create_engine(elsewhere).connect() as connection:
            assert connection.exec_driver_sql("pragma synchronous").scalar() == 2
        engine.dispose()
        assert engine.pool.checkedin() == 1
    assert engine.pool.checkedin() == 0
    assert sqlite_event_log.create_engine is before


def test_a_run_inside_a_run_keeps_its_connections_apart(tmp_path):
    with quick_history(tmp_path), quick_history(tmp_path):
        assert sqlite_event_log.create_engine(f"sqlite:///{tmp_path}/a.db")
    with sqlite3.connect(tmp_path / "a.db") as connection:
        assert connection.execute("select 1").fetchone() == (1,)
