"""The demo partnership's staging and marts build on empty zones made from its contracts, and its unit tests hold."""

import os
from dataclasses import fields

import pytest
from zonepair import REPOSITORY, ZonePair

from data_quality.raw_tables import ensure_raw_tables
from governance.keys import Keys
from governance.zones import Zones
from pipelines.dbt_assembly import assemble
from pipelines.hub import Hub
from pipelines.settings import Settings

PACK = REPOSITORY / "partnerships" / "northmere"


@pytest.fixture(scope="module")
def northmere(tmp_path_factory):
    root = tmp_path_factory.mktemp("northmere")
    hub = Hub(Settings(partnership=str(PACK), var=root))
    contracts = hub.declared_contracts.values()
    zones = Zones(root, Keys(**{item.name: os.urandom(32) for item in fields(Keys)}), memory_limit="2GB")
    zones.migrate()
    with zones.open("identity", "warehouse") as con:
        ensure_raw_tables(con, contracts)
    project = assemble(PACK, REPOSITORY / "dbt_project", root / "dbt", contracts, subjects=hub.subjects)
    return ZonePair(root, zones, project)


@pytest.mark.parametrize("zone", ["identity", "warehouse"])
def test_staging_and_marts_build_and_their_unit_tests_hold(northmere, zone):
    chosen = [f"+path:models/staging/{zone}", *(["+path:models/pack_marts"] if zone == "warehouse" else [])]
    outcome = northmere.dbt(zone, "build", "--indirect-selection", "cautious", "--select", *chosen)
    assert outcome.success, [
        f"{result.node.name}: {result.message}" for result in outcome.result or () if result.status in ("error", "fail")
    ]
    ran = [result for result in outcome.result if result.node.resource_type == "unit_test"]
    assert len(ran) >= {"identity": 1, "warehouse": 12}[zone]
    assert all(result.status == "pass" for result in ran)


def test_the_pack_is_not_written_to(northmere):
    assert not list(PACK.rglob("target")) and not list(PACK.rglob("logs"))
    assert set(northmere.project.staging.values()) == {"identity", "warehouse"}
