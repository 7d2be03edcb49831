"""dbt on a pair of encrypted zones: each target opens its own file alone, and nothing readable is left behind."""

from datetime import date, datetime

import pytest
from zonepair import key, raw

CANARY = "Quetzalcanary"


@pytest.fixture(scope="module")
def built(pair):
    at = datetime(2026, 10, 4, 19)
    person = {"person_id": CANARY, "forename": CANARY, "surname": CANARY, "birth_date": date(2015, 1, 1)}
    pair.load("identity", "raw.alpha__person", [raw("p", at, **person)])
    pair.load("warehouse", "audit.alpha__person", [raw("p", at, sex="F")])
    event = {"kind": "absence", "happened_on": date(2026, 10, 1), "person_id_key": key("record", "p")}
    pair.load("warehouse", "raw.alpha__event", [raw("e", at, detail_code="1", **event)])
    known = {"known_from": at, "known_to": datetime(9999, 12, 31)}
    person = {"person_key": key("person"), "birth_month": date(2015, 1, 1), "area_team": "North", "sort_no": 1}
    pair.load("warehouse", "identity_export.person", [person | known])
    owner = {"record_key": key("record", "p"), "person_key": key("person"), "link_basis": "single"}
    pair.load("warehouse", "identity_export.record_person", [owner | known])
    results = {
        "identity": pair.dbt("identity", "build", "--select", "tag:identity"),
        "warehouse": pair.dbt(
            "warehouse", "build", "--select", "tag:warehouse", "--exclude-resource-type", "unit_test"
        ),
    }
    for target, result in results.items():
        assert result.success, (target, result.exception)
    return results


def _databases(result):
    return {
        entry.node.database
        for entry in result.result
        if entry.node.resource_type == "model" and entry.node.config.materialized != "ephemeral"
    }


def test_each_target_builds_its_own_zone_alone(built):
    assert _databases(built["identity"]) == {"identity"}
    assert _databases(built["warehouse"]) == {"warehouse"}


def test_a_target_runs_while_the_other_zone_cannot_be_opened(built, pair):
    """Neither the other file nor its key is there: whatever touched them would fail."""
    hidden = pair.root / "hidden"
    for target, other in (("identity", "warehouse"), ("warehouse", "identity")):
        path = pair.zones.path(other)
        path.rename(hidden)
        try:
            assert pair.dbt(
                target, "build", "--select", f"tag:{target}", "--exclude-resource-type", "unit_test"
            ).success
            assert not path.exists()
        finally:
            hidden.rename(path)


def test_no_model_of_one_zone_reads_the_other(built, pair):
    result = pair.dbt("warehouse", "parse")
    manifest = result.result
    nodes = manifest.nodes | manifest.sources
    for node in manifest.nodes.values():
        if node.resource_type == "model" and node.config.materialized != "ephemeral":
            above = {nodes[name].database for name in node.depends_on.nodes if name in nodes and "code_" not in name}
            assert above <= {node.database}, node.name


def test_names_and_keys_are_nowhere_readable(built, pair):
    keys = [
        value
        for target in ("identity", "warehouse")
        for name, value in pair.zones.dbt_environment(target).items()
        if "SECRET" in name
    ]
    for path in pair.root.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert CANARY.encode() not in content, path
            assert not any(secret.encode() in content for secret in keys), path
    assert pair.read("identity", "select forename from canonical.person_record") == [(CANARY,)]


def test_marts_are_there_in_the_audit_schema_too(built, pair):
    assert pair.read("warehouse", "select sex from audit.person_attribute") == [("F",)]
    assert pair.read("warehouse", "select detail, value from marts.event") == [("need_found", 1.0)]


def test_unit_tests_of_the_models_hold(built, pair):
    result = pair.dbt("warehouse", "test", "--select", "test_type:unit")
    ran = {entry.node.name: str(entry.status) for entry in result.result}
    assert len(ran) >= 8
    assert set(ran.values()) == {"pass"}, ran


def test_every_mart_says_its_grain_and_has_a_contract(built, pair):
    manifest = pair.dbt("warehouse", "parse").result
    marts = [node for node in manifest.nodes.values() if node.resource_type == "model" and "marts" in node.fqn]
    assert len(marts) >= 9
    for node in marts:
        assert node.description.startswith("Grain:"), node.name
        assert node.contract.enforced and node.access == "public" and node.group, node.name
        assert node.config.meta["owner"] and node.config.meta["dagster"]["group"], node.name
        assert all(column.description for column in node.columns.values()), node.name
    assert all(exposure.owner.name for exposure in manifest.exposures.values())


def test_every_warehouse_model_is_nightly_or_weekly(built, pair):
    manifest = pair.dbt("warehouse", "parse").result
    for node in manifest.nodes.values():
        if node.resource_type == "model" and node.config.materialized != "ephemeral":
            wanted = {"identity", "nightly"} if node.database == "identity" else {"warehouse"}
            assert wanted <= set(node.tags) and len({"nightly", "weekly"} & set(node.tags)) == 1, node.name
