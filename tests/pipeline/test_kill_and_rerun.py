"""A run killed at any moment and run again ends with the same content, and two machines with different keys agree."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import dagster as dg
import pytest

from data_quality.content_hash import content_hash
from tests.demo_hub import DemoHub
from tests.killing import histories, kill_in_a_step, span_of_steps
from tests.pipeline.conftest import copy_of
from tests.same_content import list_hashes, row_counts

KILLS = int(os.environ.get("HUB_TEST_KILLS", "10"))


def zone_hashes(hub: DemoHub) -> dict[str, object]:
    """Content of the zones, without keys, run ids or times."""
    found: dict[str, object] = {}
    for zone in ("identity", "warehouse"):
        with hub.zones.open(zone, read_only=True) as con:
            found[zone] = content_hash(con, zone)
    with hub.zones.open("identity", "warehouse", "quarantine", read_only=True) as con:
        found["persons"] = con.execute(
            "select count(*), count(distinct record_key), count(distinct person_id) from linkage.person_assignment"
        ).fetchall()
        found["events"] = con.execute(
            "select event_type, count(*), count(distinct person_key), sum(value) from warehouse.marts.event "
            "group by event_type order by event_type"
        ).fetchall()
        found["order"] = con.execute(
            "select count(*), bit_xor(sort_no), min(sort_no), max(sort_no) from warehouse.identity_export.person"
        ).fetchall()
        found["quarantine"] = con.execute(
            "select agency, feed, file_name, row_no, rule from quarantine.gate.quarantined_row order by all"
        ).fetchall()
    return found


def hashes(hub: DemoHub) -> dict[str, object]:
    """Content of the zones and of the newest lists."""
    return {**zone_hashes(hub), **list_hashes(hub)}


@pytest.fixture(scope="module")
def disturbed(waiting: DemoHub, finished: DemoHub, tmp_path_factory: pytest.TempPathFactory) -> DemoHub:
    """The first night and week on another machine, with keys of its own, each killed again and again on the way.

    The moments are spread evenly over the time the undisturbed run took.
    """
    hub = copy_of(waiting, tmp_path_factory.mktemp("disturbed"))
    night, week = sorted(span_of_steps(path) for path in histories(finished).values())[:2]
    draw = random.Random(20261005)
    for words, (begun, ended), kills in (
        (("run", "nightly"), night, KILLS * 4 // 10),
        (("run", "weekly"), week, KILLS - KILLS * 4 // 10),
    ):
        seconds = (ended - begun).total_seconds()
        for place in range(kills):
            moment = (place + draw.random()) / kills
            while not kill_in_a_step(hub, words, moment * seconds):
                moment = draw.random()  # it had ended, or a step had: somewhere else, then
        hub.run(*words)
    return hub


def test_killed_and_run_again_it_is_the_same_partnership(disturbed: DemoHub, finished: DemoHub) -> None:
    # A list of this small world may hold nobody, so what lists are made of is held equal too, the order included.
    assert zone_hashes(disturbed) == zone_hashes(finished)
    assert row_counts(disturbed) == row_counts(finished), "rows were lost or stand there twice"


def test_other_keys_and_another_machine_give_the_same_lists(disturbed: DemoHub, finished: DemoHub) -> None:
    assert disturbed.keys.pseudonym != finished.keys.pseudonym
    assert list_hashes(finished)
    assert list_hashes(disturbed) == list_hashes(finished)


def test_a_killed_run_does_not_look_as_if_it_were_going(disturbed: DemoHub) -> None:
    with dg.DagsterInstance.from_config(str(disturbed.root / "dagster_home")) as history:
        states = Counter(run.status for run in history.get_runs())
    assert states.keys() == {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}
    assert states[dg.DagsterRunStatus.FAILURE] >= KILLS


def test_the_same_night_twice_changes_nothing(finished: DemoHub) -> None:
    before = hashes(finished)
    finished.run("run", "nightly")
    finished.run("run", "weekly")
    assert hashes(finished) == before


def test_a_backup_put_back_is_the_same_partnership(finished: DemoHub, tmp_path: Path) -> None:
    before = hashes(finished)
    finished.execute("backup", "--to", str(tmp_path))
    archive = next(tmp_path.glob("*.hubbackup"))
    elsewhere = DemoHub(tmp_path, key_file=finished.folder / "keys.json")
    elsewhere.execute("restore", str(archive))
    assert hashes(elsewhere) == before
    assert "--force" in elsewhere.run("restore", str(archive), fails=True)
