"""A run killed at any moment and run again ends with the same content, and two machines with different keys agree."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from data_quality.content_hash import content_hash
from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
from tests.demo_hub import DemoHub
from tests.pipeline.conftest import copy_of

KILLS = int(os.environ.get("HUB_TEST_KILLS", "3"))


_STATES = """
import dagster
with dagster.DagsterInstance.get() as instance:
    print(*[run.status.value.lower() for run in instance.get_runs()])
"""


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


def list_hashes(hub: DemoHub) -> dict[str, str]:
    keys = hub.keys
    store = HubStore(hub.root / "hub.sqlite", keys.hub, Pseudonym(keys.pseudonym).key_of)
    try:
        return {f"list {one.area_team}": one.content_hash for one in store.issued("weekly_list.v1")}
    finally:
        store.close()


def test_a_killed_night_run_again_gives_the_same_content(waiting: DemoHub, finished: DemoHub, tmp_path: Path) -> None:
    hub = copy_of(waiting, tmp_path)
    shutil.copy(finished.folder / "keys.json", tmp_path / "keys.json")
    moments = random.Random(20261005)
    for _ in range(KILLS):
        process = hub.start("run", "nightly")
        try:
            process.communicate(timeout=moments.uniform(4.0, 24.0))
        except Exception:  # still running: that is the moment
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            time.sleep(0.2)
    hub.run("run", "nightly")
    assert zone_hashes(hub) == zone_hashes(finished)
    assert "failure" in _run_states(hub)


def _run_states(hub: DemoHub) -> set[str]:
    """States of all runs in the partnership's history: a killed one may not look as if it were still going."""
    shown = subprocess.run(
        [sys.executable, "-c", _STATES], env={**hub.environ, "DAGSTER_HOME": str(hub.root / "dagster_home")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    states = set(shown.stdout.split())
    assert "started" not in states
    return states


def test_other_keys_and_another_machine_give_the_same_lists(
    waiting: DemoHub, finished: DemoHub, tmp_path: Path
) -> None:
    hub = copy_of(waiting, tmp_path)
    hub.run("run", "nightly")
    hub.run("run", "weekly")
    assert hub.keys.pseudonym != finished.keys.pseudonym
    # A list of this small world may hold nobody, so what lists are made of is held equal too, the order included.
    assert zone_hashes(hub) == zone_hashes(finished)
    assert list_hashes(finished)
    assert list_hashes(hub) == list_hashes(finished)


def test_the_same_night_twice_changes_nothing(finished: DemoHub) -> None:
    before = hashes(finished)
    finished.run("run", "nightly")
    finished.run("run", "weekly")
    assert hashes(finished) == before


def test_a_backup_put_back_is_the_same_partnership(finished: DemoHub, tmp_path: Path) -> None:
    before = hashes(finished)
    finished.run("backup", "--to", str(tmp_path))
    archive = next(tmp_path.glob("*.hubbackup"))
    elsewhere = DemoHub(tmp_path, key_file=finished.folder / "keys.json")
    elsewhere.run("restore", str(archive))
    assert hashes(elsewhere) == before
    assert "--force" in elsewhere.run("restore", str(archive), fails=True)
