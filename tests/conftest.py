"""What every test shares."""

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.demo_hub import DemoHub, copy_of

# Two shared cores make single examples slow now and then; what a property says does not depend on time. CI replays
# the same examples each time, so that a red run is about the change; a developer's runs go on searching.
settings.register_profile(
    "hub",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("hub")

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")


@pytest.fixture(scope="session")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> DemoHub:
    """400 children whose first drops wait in landing. Copy it, then run; tests may not change it."""
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
