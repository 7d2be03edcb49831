"""The zones are made once for all dbt tests: starting dbt is what costs time."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import zonepair


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    return zonepair.make(tmp_path_factory.mktemp("zones"))
