"""The asset graph: complete, told as one story, and changed only on purpose."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo_hub import DemoHub

SNAPSHOT = Path(__file__).parent / "asset_graph.json"
STORY = ["landing", "gate", "identity", "marts", "panel", "risk", "list", "release", "review"]
_DUMP = """
import json
from pipelines.definitions import defs
graph = defs.resolve_asset_graph()
print(json.dumps({
    key.to_user_string(): {
        "group": graph.get(key).group_name,
        "owners": sorted(graph.get(key).owners),
        "parents": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
        "described": bool(graph.get(key).description),
    }
    for key in sorted(graph.get_all_asset_keys())
}))
"""


@pytest.fixture(scope="module")
def graph(finished: DemoHub) -> dict[str, dict]:
    done = subprocess.run(
        [sys.executable, "-c", _DUMP], env=finished.environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_graph_is_the_one_that_was_agreed(graph: dict[str, dict]) -> None:
    """Run with UPDATE_SNAPSHOT=1 after a change that is meant."""
    seen = {key: {"group": one["group"], "parents": one["parents"]} for key, one in graph.items()}
    if os.environ.get("UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(json.dumps(seen, indent=1) + "\n", encoding="utf-8")
    assert seen == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_the_groups_tell_the_story(graph: dict[str, dict]) -> None:
    groups = {one["group"] for one in graph.values()}
    assert groups == {*STORY, "assurance"}


def test_nothing_reaches_back_up(graph: dict[str, dict]) -> None:
    place = {group: number for number, group in enumerate([*STORY, "assurance"])}
    for key, one in graph.items():
        for parent in one["parents"]:
            assert place[graph[parent]["group"]] <= place[one["group"]], f"{parent} -> {key}"


def test_every_asset_says_what_it_is_and_who_owns_it(graph: dict[str, dict]) -> None:
    assert not [key for key, one in graph.items() if not one["described"]]
    assert not [key for key, one in graph.items() if not one["owners"]]
