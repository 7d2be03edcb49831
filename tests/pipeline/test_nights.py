"""A month of nights: every row accounted for, nothing left behind, and the same content when it is done again."""

from pathlib import Path

import pytest

from benchmarks.night_path import new_partnership
from benchmarks.nights import Simulation, summarise

CHILDREN, NIGHTS, AGAIN = 60, 30, 5
# Few feeds, and most of what goes wrong with files: renamed columns, a half-written file, an absent night, the clocks.
AGENCIES = ("police", "acute_trust")


@pytest.fixture(scope="module")
def month(tmp_path_factory) -> tuple[Path, list[dict]]:
    demo = new_partnership(tmp_path_factory.mktemp("month"))
    simulation = Simulation(demo, CHILDREN, AGENCIES)
    return demo.folder, [simulation.night(night) for night in range(NIGHTS + 1)]


def test_no_row_is_unaccounted_for(month):
    done = summarise(month[1])
    assert done["rows"] > 100
    assert done["unaccounted"] == [] and done["problems"] == []


def test_nothing_is_left_behind(month):
    _, nights = month
    first, last = nights[7], nights[28]
    assert last["stray_files"] <= first["stray_files"]
    assert last["open_files"] <= first["open_files"]
    assert last["temporary_tables"] <= first["temporary_tables"]
    assert last["memory_megabytes"] < first["memory_megabytes"] + 100
    assert list((month[0] / "var").rglob("*.wal")) == []


def test_the_same_nights_come_to_the_same_content(month, tmp_path):
    folder, nights = month
    again = Simulation(new_partnership(tmp_path / "again", folder / "keys.json"), CHILDREN, AGENCIES)
    wanted = [night["content"] for night in nights[: AGAIN + 1]]
    assert [again.night(night)["content"] for night in range(AGAIN + 1)] == wanted
