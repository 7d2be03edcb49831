"""The suite a contract yields: what is asked, of which column, how strictly, and with which severity."""

from datetime import date

import duckdb
import pytest

from data_quality.expectations.suite import declared, suite_of
from tests.gate_support import CODES, column, make_contract

TODAY = date(2026, 10, 5)
COLUMNS = [
    column("id", "identity", key=1),
    column("nhs", "identity", check="nhs_number", severity="inform", completeness=0.9),
    column("upn", "identity", check="upn", severity="stop"),
    column("on_day", "warehouse", "date", occurredOn=True),
    column("source_code", "warehouse", codeSet="referral_source"),
    column("state", "drop", tombstone=True),
]
IN_ORDER = {
    "name": "standing_rule",
    "type": "custom",
    "engine": "greatExpectations",
    "severity": "inform",
    "implementation": "type: expect_one_open_spell\nkwargs: {column_list: [id, on_day, on_day]}",
}


def frame(rows):
    return duckdb.sql(
        "select 'A' || n as id, null::varchar as nhs, 'x' as upn, date '2026-01-01' as on_day, '1A' as source_code "
        f"from range({rows}) as r(n)"
    ).df()


def asked(contract, rows, lookups=()):
    suite = suite_of(contract, frame(rows), CODES, TODAY, lookups)
    return {(one.name.removeprefix("expect_"), one.column): one for one in suite}


def test_the_contract_yields_the_suite(tmp_path):
    suite = asked(make_contract(tmp_path, COLUMNS, quality=[IN_ORDER]), 30)
    assert {key: (one.severity, getattr(one.expectation, "mostly", None)) for key, one in suite.items()} == {
        ("table_columns_to_match_set", ""): ("stop", None),
        ("column_values_to_not_be_null", "id"): ("stop", 1),
        ("column_values_to_not_be_null", "nhs"): ("inform", 0.9),
        ("column_values_to_not_be_null", "on_day"): ("inform", 0.95),
        ("column_values_to_be_unique", "id"): ("stop", 1),
        # Nothing can be said of numbers in an empty column (nhs).
        ("column_values_to_be_upns", "upn"): ("stop", 0.95),
        ("column_dates_to_be_plausible", "on_day"): ("inform", 0.95),
        ("column_values_to_be_in_set", "source_code"): ("inform", 0.995),
    }
    assert suite["column_values_to_be_in_set", "source_code"].expectation.value_set == ["1A", "OLD"]


def test_of_a_batch_without_rows_only_columns_are_asked(tmp_path):
    assert list(asked(make_contract(tmp_path, COLUMNS), 0)) == [("table_columns_to_match_set", "")]


def test_a_key_of_two_columns_is_unique_as_a_pair(tmp_path):
    pair = [column("id", "identity", key=1), column("on_day", "warehouse", "date", key=2), *COLUMNS[4:5]]
    assert ("compound_columns_to_be_unique", "") in asked(make_contract(tmp_path, pair), 3)


def test_rules_about_groups_are_asked_where_there_is_something_to_compare_with(tmp_path):
    rule = {
        **IN_ORDER,
        "name": "silent",
        "implementation": {"type": "expect_column_groups_to_be_seen_again", "kwargs": {"column": "source_code"}},
    }
    contract = make_contract(tmp_path, COLUMNS, quality=[rule])
    assert ("silent", "") not in asked(contract, 30)
    assert asked(contract, 0, {"silent"})["silent", ""].expectation.groups == "silent"


@pytest.mark.parametrize(("value", "becomes"), [("extracted_on", "2026-10-05"), ("2020-01-01", "2020-01-01")])
def test_the_day_of_the_extract_can_be_named(tmp_path, value, becomes):
    kwargs = {"column": "on_day", "latest": value}
    rule = {**IN_ORDER, "implementation": {"type": "expect_column_dates_to_be_plausible", "kwargs": kwargs}}
    contract = make_contract(tmp_path, COLUMNS, quality=[rule])
    assert declared(contract.quality[0], TODAY).expectation.latest == becomes
