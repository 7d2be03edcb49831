"""Five hundred damaged drops: each loaded, held, refused or waiting; no crash, no effect elsewhere, no value told."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.fuzz_batch import DROPS_PER_BATCH, Result, run_batch
from benchmarks.fuzz_sending import Fuzz
from data_quality.sweep import FeedSweep, sweep_landing
from tests.demo_hub import DemoHub
from tests.gate_support import CODES, START, make_contract, plain_archive, plain_zones, row, write_drop

DROPS = int(os.environ.get("HUB_TEST_FUZZED_DROPS", "500"))


@pytest.fixture(scope="module")
def results(waiting: DemoHub) -> list[Result]:
    fuzz = Fuzz.from_landing(waiting.root / "landing")
    return [run_batch(fuzz, seed) for seed in range(DROPS // DROPS_PER_BATCH)]


def test_every_drop_is_accounted_for_and_harms_nobody(results: list[Result]) -> None:
    assert not [finding for result in results for finding in result.findings]


def test_the_damage_reaches_every_outcome(results: list[Result]) -> None:
    seen = {outcome for result in results for outcome in result.outcomes}
    assert {"loaded", "refused", "waiting"} <= seen
    assert sum(result.rows["held"] for result in results) > 0


def _swept(folder: Path) -> FeedSweep:
    contract = make_contract(folder)
    landing = folder / "landing"
    with plain_zones() as con:
        report = sweep_landing(
            con,
            landing,
            {contract.name: contract},
            CODES,
            now=START + timedelta(days=30),
            archive=plain_archive(landing),
        )
    return report.feeds[contract.name]


def test_a_packed_file_is_no_riddle_to_the_gate(tmp_path: Path) -> None:
    write_drop(tmp_path / "landing", [row("1")], extracted=START, name="contacts.csv.gz")
    feed = _swept(tmp_path)
    assert feed.problem is None and len(feed.reports) + len(feed.refused_manifests) == 1


def test_a_drop_in_a_folder_of_its_own_is_mentioned(tmp_path: Path) -> None:
    drop = write_drop(tmp_path / "landing", [row("1")], extracted=START)
    new = drop.path.parent / "new"
    new.mkdir()
    drop.path.rename(new / drop.path.name)
    drop.manifest_path.rename(new / drop.manifest_path.name)
    assert all("lies in the folder new" in why for why in _swept(tmp_path).waiting)
    assert len(_swept(tmp_path).waiting) == 2


def test_two_manifests_of_one_refused_file_are_put_away_with_it(tmp_path: Path) -> None:
    drop = write_drop(tmp_path / "landing", [row("1")], extracted=START)
    drop.path.write_bytes(b"something else")
    os.utime(drop.path, (1, 1))
    again = drop.manifest_path.with_name("again.manifest.json")
    again.write_bytes(drop.manifest_path.read_bytes())
    feed = _swept(tmp_path)
    assert feed.problem is None and [one.outcome for one in feed.reports] == ["refused"]
    assert not [path for path in drop.path.parent.iterdir() if path.is_file()]
