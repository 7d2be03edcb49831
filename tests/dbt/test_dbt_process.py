"""dbt in the hub's own process: what it tells, what it leaves behind, and how it is stopped."""

import os
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import pytest
import zonepair

from pipelines import dbt_process
from pipelines.dbt_process import DbtProblem


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Zones of its own: others count on theirs."""
    made = zonepair.make(tmp_path_factory.mktemp("zones"))
    person = {"person_id": "a", "forename": "Ada", "surname": "Ray"}
    made.load("identity", "raw.alpha__person", [zonepair.raw("p", datetime(2026, 10, 4, 19), **person)])
    return made


@pytest.fixture
def run(pair):
    """One dbt command on a zone, by the environment of that zone alone; its events as they come."""
    folder = Path(pair.project.project_dir)

    def events(zone, *words):
        with patch.dict(os.environ, pair.zones.dbt_environment(zone) | {"HUB_RUN_AT": "2026-10-04 19:00:00"}):
            yield from dbt_process.run([*words, "--target", zone], folder, pair.root / "target")

    return events


def held_open(pair):
    """Files of the zones that this process has open."""
    of = {os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()}
    return {name for name in of if name.startswith(str(pair.root)) and ".duckdb" in name}


def test_what_was_built_is_told_and_no_file_stays_open(pair, run):
    told = list(run("identity", "build", "--select", "tag:identity"))
    built = [one["data"]["node_info"]["node_name"] for one in told if one["info"]["name"] == "LogModelResult"]
    assert "canonical_person_record" in built
    assert not held_open(pair)
    assert pair.read("identity", "select count(*) from canonical.person_record") == [(1,)]


def test_a_failure_ends_in_the_words_of_dbt_and_no_file_stays_open(pair, run):
    with pair.zones.open("identity") as con:
        con.execute("alter table raw.alpha__person rename to hidden")
    try:
        with pytest.raises(DbtProblem, match="Table with name alpha__person does not exist"):
            list(run("identity", "build", "--select", "tag:identity"))
    finally:
        with pair.zones.open("identity") as con:
            con.execute("alter table raw.hidden rename to alpha__person")
    assert not held_open(pair)


def test_a_command_dbt_does_not_know_is_told(run):
    with pytest.raises(DbtProblem, match="no-such-option"):
        list(run("identity", "build", "--no-such-option"))


def test_one_command_after_another_opens_each_zone_afresh(pair, run):
    for _ in range(2):
        assert list(run("identity", "run", "--select", "tag:identity"))
        assert not held_open(pair)


def test_a_run_that_is_stopped_ends_and_lets_go(pair, run):
    events = run("identity", "build", "--select", "tag:identity")
    next(events)
    events.close()
    assert not held_open(pair)
    assert list(run("identity", "build", "--select", "tag:identity"))


def test_what_goes_wrong_in_dbts_own_thread_ends_the_run_instead_of_keeping_it_waiting(run, monkeypatch):
    def broken():
        raise RuntimeError

    monkeypatch.setattr(dbt_process, "_let_go", broken)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    list(run("identity", "parse"))
    monkeypatch.setattr("dbt.cli.main.dbtRunner.invoke", lambda *_: broken())
    with pytest.raises(DbtProblem, match="ended without a result"):
        list(run("identity", "parse"))


def test_dbt_gives_the_process_no_log_of_its_own():
    """In a process that has not read dbt yet: what another library logs would stand among the lines of a run."""
    said = "import logging; from pipelines import dbt_process as p; p._import_quietly(); print(logging.root.handlers)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
