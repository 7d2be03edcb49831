"""The demo partnership's staging and marts build on empty zones made from its contracts, and its unit tests hold."""

import pytest
from zonepair import NORTHMERE, of_northmere

from data_quality.contract import load_pack_contracts
from data_quality.raw_tables import ensure_raw_tables


@pytest.fixture(scope="module")
def northmere(tmp_path_factory):
    pair = of_northmere(tmp_path_factory.mktemp("northmere"))
    contracts = load_pack_contracts(NORTHMERE / "feeds").values()
    with pair.zones.open("identity", "warehouse") as con:
        ensure_raw_tables(con, contracts)
    return pair


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
    assert not list(NORTHMERE.rglob("target")) and not list(NORTHMERE.rglob("logs"))
    assert set(northmere.project.staging.values()) == {"identity", "warehouse"}
