"""Whatever one agency sends, the others go on, and the message says what to do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.demo_hub import DemoHub
from tests.pipeline.conftest import copy_of


@pytest.fixture(scope="module")
def damaged(waiting: DemoHub, tmp_path_factory: pytest.TempPathFactory) -> DemoHub:
    """A first night with a truncated police file, a wrong encoding at school, and a file without its manifest."""
    hub = copy_of(waiting, tmp_path_factory.mktemp("damaged"))
    landing = hub.root / "landing"
    police = next((landing / "police" / "ppn").glob("*.csv"))
    police.write_bytes(police.read_bytes()[:-200])
    # It was cut before the manifest was written: a file that is still changing after its manifest waits instead.
    os.utime(police, ns=(0, 0))
    pupil = next((landing / "education" / "pupil").glob("*.csv"))
    _rewrite(pupil, pupil.read_bytes().replace(b"a", b"\xff", 1))
    next((landing / "housing" / "application").glob("*.manifest.json")).rename(landing / "kept_back.json")
    hub.run("run", "nightly")
    return hub


def _rewrite(file: Path, content: bytes) -> None:
    """Change a file and its manifest's checksum with it, so that only the content is wrong."""
    import hashlib

    file.write_bytes(content)
    manifest = file.with_suffix("").with_suffix(".manifest.json")
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["sha256"] = hashlib.sha256(content).hexdigest()
    manifest.write_text(json.dumps(told), encoding="utf-8")


def _log(hub: DemoHub) -> dict[str, tuple[str, str]]:
    with hub.zones.open("quarantine", read_only=True) as con:
        rows = con.execute("select agency || '__' || feed, status, coalesce(reason, '') from gate.drop_log").fetchall()
    return {feed: (status, reason) for feed, status, reason in rows}


def test_the_damaged_files_are_refused_with_a_reason(damaged: DemoHub) -> None:
    log = _log(damaged)
    assert log["police__ppn"][0] == "refused"
    assert log["education__pupil"][0] == "refused"
    for feed in ("police__ppn", "education__pupil"):
        agency, name = feed.split("__")
        assert agency in log[feed][1] and name in log[feed][1]


def test_a_file_without_its_manifest_waits(damaged: DemoHub) -> None:
    assert "housing__application" not in _log(damaged)
    assert list((damaged.root / "landing" / "housing" / "application").glob("*.csv"))


def test_every_other_feed_is_loaded(damaged: DemoHub) -> None:
    untouched = {"police__ppn", "education__pupil"}
    assert all(status == "loaded" for feed, (status, _) in _log(damaged).items() if feed not in untouched)
    assert len(_log(damaged)) > 30


def test_status_names_the_feed_and_whom_to_ring(damaged: DemoHub) -> None:
    told = damaged.execute("status")
    assert "ppn" in told and "01632 960104" in told


def test_sent_again_it_is_taken_in(damaged: DemoHub) -> None:
    landing = damaged.root / "landing"
    (landing / "kept_back.json").rename(
        next((landing / "housing" / "application").glob("*.csv")).with_suffix("").with_suffix(".manifest.json")
    )
    damaged.run("run", "nightly")
    assert _log(damaged)["housing__application"][0] == "loaded"
