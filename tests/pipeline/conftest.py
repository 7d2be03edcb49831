"""One small partnership, taken through a night and a week once, looked at by many tests. They may not change it."""

import shutil
from pathlib import Path

import pytest

from tests.demo_hub import DemoHub


@pytest.fixture(scope="session")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> DemoHub:
    """400 children whose first drops wait in landing. Copy it, then run."""
    hub = DemoHub(tmp_path_factory.mktemp("waiting")).create()
    hub.run("dbt", "parse")
    return hub


@pytest.fixture(scope="session")
def finished(waiting: DemoHub, tmp_path_factory: pytest.TempPathFactory) -> DemoHub:
    """The same after their first night and first week."""
    hub = copy_of(waiting, tmp_path_factory.mktemp("finished"))
    hub.run("run", "nightly")
    hub.run("run", "weekly")
    return hub


def copy_of(source: DemoHub, folder: Path) -> DemoHub:
    """The same waiting drops in another folder, with keys of its own yet to be made."""
    shutil.copytree(source.folder / "var", folder / "var", ignore=shutil.ignore_patterns("dagster_home"))
    shutil.copytree(source.folder / "drops", folder / "drops")
    return DemoHub(folder)
