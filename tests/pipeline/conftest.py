"""One small partnership, taken through a night and a week once, looked at by many tests. They may not change it."""

from pathlib import Path

import pytest

from tests.demo_hub import DemoHub


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> DemoHub:
    """400 children after their first night and first week."""
    hub = DemoHub(tmp_path_factory.mktemp("finished")).create()
    hub.run("run", "nightly")
    hub.run("run", "weekly")
    return hub


@pytest.fixture
def fresh(tmp_path: Path) -> DemoHub:
    """400 children whose first drops wait in landing."""
    return DemoHub(tmp_path).create()
