"""The sharing agreements of the demo partnership are complete, and fit one another, its code sets and its staging."""

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from data_quality.contract import load_pack_contracts

PACK = Path(__file__).parents[2] / "partnerships" / "northmere"
FILES = sorted((PACK / "feeds").glob("*.odcs.yaml"))
CONTRACTS = load_pack_contracts(PACK / "feeds")
EVENT_RETENTION_MONTHS = 72


def columns_of(document):
    return {item.name: {p.property: p.value for p in item.customProperties} for item in document.schema_[0].properties}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".odcs.yaml"))
def test_contract_is_complete(path):
    document = OpenDataContractStandard.from_file(str(path))
    custom = {item.property: item.value for item in document.customProperties}
    assert document.name == path.name.removesuffix(".odcs.yaml") == f"{custom['agency']}__{custom['feed']}"
    assert document.description.purpose and document.description.usage and document.description.limitations
    assert document.schema_[0].description.startswith("One row per ")
    agreement = custom["agreement"]
    assert agreement["id"] and agreement["signed"] < agreement["expires"]
    assert agreement["lawfulBasis"] and agreement["purpose"]
    assert "consent" not in agreement["lawfulBasis"].lower(), "consent is not the basis for safeguarding sharing"
    assert {item.property for item in document.slaProperties} == {"frequency", "latency", "retention"}
    assert "owner" in {member.role for member in document.team.members}
    assert document.roles
    assert custom["landingRetentionDays"] == 35
    assert custom["releaseDefault"] in ("sealed", "ask_owner", "shareable")
    assert isinstance(custom["requiredForList"], bool)
    assert custom["delivery"]["mode"] in ("full", "delta")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".odcs.yaml"))
def test_contract_is_valid_odcs(path):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(OpenDataContractStandard.json_schema())
    document = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
    errors = [error.message for error in jsonschema.Draft201909Validator(schema).iter_errors(document)]
    assert not errors


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".odcs.yaml"))
def test_every_column_says_where_it_lives_and_why(path):
    document = OpenDataContractStandard.from_file(str(path))
    for name, custom in columns_of(document).items():
        assert custom["zone"] in ("identity", "warehouse", "audit", "drop"), name
        necessity = custom["necessity"]
        assert len(necessity.split()) >= 5 and necessity.endswith("."), f"{name}: {necessity}"
    for column in document.schema_[0].properties:
        assert column.description.endswith("."), column.name


def test_necessity_is_argued_and_not_copied():
    said = Counter(
        column.necessity for contract in CONTRACTS.values() for column in contract.columns if not column.tombstone
    )
    # Names and birth dates are needed for the same reason everywhere; nothing else may lean on a formula.
    assert len(said) >= 0.75 * sum(said.values())


def test_references_lead_to_a_feed_of_the_pack():
    for contract in CONTRACTS.values():
        for column in contract.references:
            target = CONTRACTS[column.references]
            assert len(target.keys) == 1 and target.agency == contract.agency
            # The key of a referenced row is an identifier: it must not be copied into the warehouse.
            assert column.zone == "identity", f"{contract.name}.{column.name}"


def test_code_sets_exist():
    for contract in CONTRACTS.values():
        for column in contract.columns:
            if column.code_set:
                assert (PACK / "codes" / f"{column.code_set}.csv").is_file(), f"{contract.name}.{column.name}"


def test_one_day_of_occurrence_and_one_tombstone_at_most():
    for contract in CONTRACTS.values():
        assert sum(column.occurred_on for column in contract.columns) <= 1
        assert sum(column.recorded_at for column in contract.columns) <= 1
        assert sum(column.tombstone for column in contract.columns) <= 1
        if contract.delivery.mode == "full" and contract.tombstone:
            assert contract.name == "csc__professionals", "a full copy says what is gone by leaving it out"


def test_facts_about_people_are_kept_for_the_agreed_time():
    for contract in CONTRACTS.values():
        if contract.occurred_on and contract.occurred_on.zone == "warehouse":
            assert contract.retention_months == EVENT_RETENTION_MONTHS, contract.name


def test_no_protected_attribute_reaches_the_features():
    protected = re.compile(r"(?i)ethnic|disab|fsm|senprovision|send_flag|religio|national|orientation|benefit")
    for contract in CONTRACTS.values():
        for column in contract.columns:
            if protected.search(column.name):
                assert column.zone in ("audit", "identity"), f"{contract.name}.{column.name}"


def test_no_name_identifier_or_address_is_meant_for_the_warehouse():
    personal = re.compile(r"name$|dob|birth|postcode|uprn|nhs|upn|address|worker_id|person_id|nominal", re.IGNORECASE)
    for contract in CONTRACTS.values():
        for column in contract.zone_columns("warehouse"):
            assert not personal.search(column.name) or column.name == "SchoolName", f"{contract.name}.{column.name}"


def test_agreements_decide_what_is_refused_and_sealed():
    assert CONTRACTS["police__ppn"].column("handling_code").reject_values == ("C",)
    assert "PERPETRATOR" in CONTRACTS["police__ppn"].column("subject_role").reject_values
    assert CONTRACTS["da_service__flag"].release_default == "sealed"
    required = {name for name, contract in CONTRACTS.items() if contract.required_for_list}
    assert {"police__ppn", "csc__cin_episodes", "education__attendance"} <= required


def test_staging_reads_nothing_that_no_contract_allows():
    source = re.compile(r"source\('(\w+)', '(\w+)'\)")
    for path in sorted((PACK / "staging").rglob("*.sql")):
        reads = source.findall(path.read_text(encoding="utf-8"))
        for zone, feed in reads:
            assert zone in CONTRACTS[feed].zones, f"{path.name} reads {feed} in {zone}"
            assert CONTRACTS[feed].agency == path.parent.name


def test_every_feed_is_used():
    staging = "".join(path.read_text(encoding="utf-8") for path in (PACK / "staging").rglob("*.sql"))
    read = set(re.findall(r"source\('\w+', '(\w+)'\)", staging))
    assert read == set(CONTRACTS), "a feed nobody reads has no necessity"


def test_every_declared_rule_is_an_expectation_there_is():
    from data_quality.expectations.suite import declared

    rules = [(feed, rule) for feed, contract in CONTRACTS.items() for rule in contract.quality]
    for _, rule in rules:
        declared(
            rule, date(2026, 10, 5), **({"others": "lookup"} if isinstance(rule.kwargs.get("others"), dict) else {})
        )
    # The rules of the children in need census that can change a list (docs/decisions).
    assert {rule.name for _, rule in rules if re.fullmatch(r"cin_\d{4}Q?", rule.name)} == {
        f"cin_{number}"
        for number in ("1103", "1104", "1105", "4016", "8520", "8525Q", "8565", "8606", "8630", "8815", "8820", "8869")
    }


def test_what_the_pack_asks_about_is_what_staging_makes():
    staging = "".join(path.read_text(encoding="utf-8") for path in (PACK / "staging").rglob("*.sql"))
    made = set(re.findall(r"'([a-z][a-z0-9_]+)'", staging))
    # Made by the hub itself or by an agency that may join, not by the feeds of today.
    elsewhere = {"hub_decision", "objection_upheld", "care_leaver"}
    asked = set()
    for name in ("risk.yml", "cohort.yml"):
        asked |= _named(yaml.safe_load((PACK / name).read_text(encoding="utf-8")), {"events", "episodes"})
    assert asked
    assert asked - made <= elsewhere


def _named(value, keys):
    """Texts in the lists under any of the keys, however deep."""
    if isinstance(value, dict):
        found = set()
        for key, item in value.items():
            if key in keys:
                found |= {item} if isinstance(item, str) else {text for text in item if isinstance(text, str)}
            else:
                found |= _named(item, keys)
        return found
    if isinstance(value, list):
        return set().union(*(_named(item, keys) for item in value))
    return set()
