"""Contracts: what is read from them and what refuses them."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from gate_support import column, contacts_columns, make_contract

from data_quality.code_sets import CodeSetProblem, CodeSets
from data_quality.contract import ContractRefused, agreement_state, load_contract, load_pack_contracts


def test_what_a_contract_says(tmp_path):
    contract = make_contract(tmp_path, requiredForList=True, volume={"min": 5})
    assert [key.name for key in contract.keys] == ["contact_id"]
    assert contract.zones == ("identity", "warehouse") and contract.home_zone == "identity"
    assert contract.occurred_on.name == "contact_date" and contract.tombstone.name == "row_state"
    assert contract.latency_days == 2 and contract.volume == (5, None) and contract.required_for_list


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda item: item["customProperties"].pop(0), "column contact_id has no zone"),
        (lambda item: item["customProperties"].pop(1), "column contact_id has no necessity"),
        (lambda item: item.update(logicalType="colour"), "type 'colour'"),
        (lambda item: item.update(primaryKey=False), "no column is a primary key"),
        (lambda item: item.update(name="record_key"), "a name the gate uses itself"),
        (lambda item: item.update(primaryKeyPosition=2), "must count 1, 2, 3"),
        (
            lambda item: item["customProperties"].append({"property": "codeset", "value": "x"}),
            "column contact_id: nobody reads the property 'codeset'; write one of alsoZone",
        ),
        (lambda item: item.update(logicalTypeOptions={"pattern": "("}), "not a regular expression"),
    ],
)
def test_refused_with_the_column_and_what_to_write(tmp_path, change, message):
    columns = contacts_columns()
    change(columns[0])
    with pytest.raises(ContractRefused, match=r"csc__contacts.odcs.yaml") as refused:
        make_contract(tmp_path, columns)
    assert message in str(refused.value)


def test_a_property_of_the_feed_that_nobody_reads_is_refused_by_name(tmp_path):
    with pytest.raises(ContractRefused, match="nobody reads the property 'landingRetentionDay'; write one of agency"):
        make_contract(tmp_path, landingRetentionDay=14)


def test_not_odcs(tmp_path):
    path = tmp_path / "x.odcs.yaml"
    path.write_text("- 1", encoding="utf-8")
    with pytest.raises(ContractRefused, match="not an ODCS v3 contract"):
        load_contract(path)


def test_references_must_exist_and_have_one_key(tmp_path):
    make_contract(tmp_path)
    with pytest.raises(ContractRefused, match="references csc__person, which has no contract"):
        load_pack_contracts(tmp_path)
    make_contract(tmp_path, [column("a", "identity", key=1), column("b", "identity", key=2)], feed="person")
    with pytest.raises(ContractRefused, match="whose key has 2 columns"):
        load_pack_contracts(tmp_path)
    make_contract(tmp_path, [column("a", "identity", key=1)], feed="person")
    assert list(load_pack_contracts(tmp_path)) == ["csc__contacts", "csc__person"]


@pytest.mark.parametrize(
    ("agreement", "on", "state"),
    [
        ({"id": "A", "signed": date(2026, 4, 1), "expires": date(2027, 3, 31)}, date(2027, 3, 31), "valid"),
        ({"id": "A", "signed": date(2026, 4, 1), "expires": date(2027, 3, 31)}, date(2027, 4, 1), "expired"),
        ({"id": "A", "signed": date(2026, 4, 1), "expires": date(2027, 3, 31)}, date(2026, 3, 31), "missing"),
        ({"id": "A", "signed": date(2026, 4, 1)}, date(2026, 5, 1), "expired"),
        ({"id": "A", "expires": date(2027, 3, 31)}, date(2026, 5, 1), "missing"),
        (None, date(2026, 5, 1), "missing"),
    ],
)
def test_agreement_states(tmp_path, agreement, on, state):
    assert agreement_state(make_contract(tmp_path, agreement=agreement), on) == state


def test_code_sets_are_dated(tmp_path):
    (tmp_path / "mark.csv").write_text("code,valid_from,valid_to\nA,,2026-08-31\nB,2026-09-01,\n", encoding="utf-8")
    (tmp_path / "calendar.csv").write_text("date,name\n2026-01-01,x\n", encoding="utf-8")
    sets = CodeSets.from_folder(tmp_path)
    mark = sets.get("mark")
    assert mark.is_valid("A", date(2026, 8, 31)) and not mark.is_valid("A", date(2026, 9, 1))
    assert mark.is_valid("B", date(2026, 9, 1)) and not mark.is_valid("B", date(2026, 8, 31))
    with pytest.raises(CodeSetProblem, match=r"add codes/calendar.csv"):
        sets.get("calendar")
    (tmp_path / "mark.csv").write_text("code,valid_from,valid_to\nA,31/08/2026,\n", encoding="utf-8")
    with pytest.raises(CodeSetProblem, match="is not a date such as"):
        CodeSets.from_folder(tmp_path)
