"""Row rules against plain Python on drawn values."""

from __future__ import annotations

import re
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import nhs_number
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1]))

from gate_support import CODES, column, make_contract

from data_quality.row_rules import rules_of, text_of, typed, utc

TODAY = date(2026, 10, 5)
LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


@pytest.fixture(scope="module")
def judge():
    """judge(column, text) -> names of the rules the text breaks."""
    con = duckdb.connect()
    con.execute("set threads = 1")

    def verdict(item: dict, text: str | None) -> set[str]:
        with tempfile.TemporaryDirectory() as folder:
            contract = make_contract(Path(folder), [column("id", "identity", key=1), item])
        it = contract.columns[1]
        broken = set()
        for rule in rules_of(contract, CODES, TODAY):
            if rule.column == it.name:
                value = "" if it.type == "string" else f', {typed(it, contract, text_of(it))} as "{it.name}"'
                sent = f"select ?::varchar as {text_of(it)}"
                sql = f"select {rule.bad} from (select *{value} from ({sent}))"
                if con.execute(sql, [text]).fetchall()[0][0]:
                    broken.add(rule.rule)
        return broken

    return verdict


numbers = st.one_of(
    st.from_regex(r"[0-9]{10}", fullmatch=True), st.from_regex(r"[0-9 \-]{9,13}", fullmatch=True), st.text(max_size=12)
)


@given(numbers)
def test_nhs_number(judge, text):
    plain = text.replace(" ", "").replace("-", "")
    passes = judge(column("n", "identity", check="nhs_number"), text) == set()
    # The package also knows which ranges were ever issued, which the gate leaves to linkage.
    if nhs_number.is_valid(plain) and re.fullmatch("[0-9]{10}", plain, re.ASCII):
        assert passes
    if not re.fullmatch("[0-9]{10}", plain, re.ASCII):
        assert not passes


@given(st.from_regex(r"[0-9]{9}", fullmatch=True))
def test_nhs_numbers_with_a_right_check_digit_pass(judge, nine):
    digit = (11 - sum(int(n) * (10 - place) for place, n in enumerate(nine)) % 11) % 11
    assert (judge(column("n", "identity", check="nhs_number"), f"{nine}{digit}") == set()) == (digit != 10)


@given(st.from_regex(r"[0-9]{12}", fullmatch=True), st.sampled_from(LETTERS), st.none() | st.sampled_from(LETTERS))
def test_upn(judge, digits, letter, temporary):
    last = temporary or digits[-1]
    values = [int(digit) for digit in digits[:-1]] + [LETTERS.index(last) if temporary else int(last)]
    right = LETTERS[sum(weight * value for weight, value in zip(range(2, 14), values, strict=True)) % 23]
    item = column("upn", "identity", check="upn")
    assert judge(item, right + digits[:-1] + last) == set()
    assert (judge(item, letter + digits[:-1] + last) == set()) == (letter == right)


def test_a_upn_known_from_public_documents(judge):
    assert judge(column("upn", "identity", check="upn"), "H801200001001") == set()


@pytest.mark.parametrize(
    ("item", "text", "broken"),
    [
        (column("d", "warehouse", "date"), "2026-02-29", {"date"}),
        (column("d", "warehouse", "date"), "2024-02-29", set()),
        (column("d", "warehouse", "date", format="%d/%m/%Y"), "29/02/2024", set()),
        (column("d", "warehouse", "date", format="%d/%m/%Y"), "2024-02-29", {"date"}),
        (column("d", "warehouse", "date"), "0206-02-01", {"plausible_date"}),
        (column("d", "warehouse", "date"), "2029-01-01", {"plausible_date"}),
        (column("d", "warehouse", "date"), "2027-01-01", set()),
        (column("d", "warehouse", "date", occurredOn=True), "2026-10-07", {"plausible_date"}),
        (column("d", "warehouse", "date", occurredOn=True), "2026-10-06", set()),
        (column("d", "warehouse", "date", required=True), None, {"required"}),
        (column("i", "warehouse", "integer", minimum=0, maximum=9), "10", {"range"}),
        (column("i", "warehouse", "integer"), "1.5", {"integer"}),
        (column("i", "warehouse", "integer"), "-7", set()),
        (column("x", "warehouse", "number"), "nan", {"number"}),
        (column("x", "warehouse", "number"), "1e3", set()),
        (column("b", "warehouse", "boolean"), "Y", set()),
        (column("b", "warehouse", "boolean"), "maybe", {"boolean"}),
        (column("t", "warehouse", pattern="[A-Z]+"), "ABc", {"pattern"}),
        (column("t", "warehouse", maxLength=2), "abc", {"length"}),
        (column("c", "warehouse", codeSet="referral_source"), "OLD", {"code_set"}),
        (column("c", "warehouse", codeSet="referral_source"), "1A", set()),
        (column("c", "warehouse", codeSet="referral_source", separator=";"), "1A; 1A", set()),
        (column("c", "warehouse", codeSet="referral_source", separator=";"), "1A;ZZ", {"code_set"}),
        (column("c", "warehouse", codeSet="referral_source", jsonArray=True), '["1A"]', set()),
        (column("c", "warehouse", codeSet="referral_source", jsonArray=True), '["1A","ZZ"]', {"code_set"}),
        (column("c", "warehouse", codeSet="referral_source", jsonArray=True), '{"a":1}', {"json"}),
        (column("c", "warehouse", json=True), '{"a":', {"json"}),
        (column("p", "identity", check="postcode"), "nm1 1ab", set()),
        (column("p", "identity", check="postcode"), "12345", {"postcode"}),
        (column("r", "identity", references="csc__person"), "a\x1fb", {"control_character"}),
    ],
)
def test_rules_one_by_one(judge, item, text, broken):
    assert judge(item, text) == broken


@given(st.datetimes(datetime(1950, 1, 1), datetime(2040, 1, 1)))
def test_london_wall_clock_to_utc(local):
    con = duckdb.connect()
    got = con.execute(f"select {utc('?::timestamp', 'Europe/London').replace('?', '$1')}", [local]).fetchall()[0][0]
    both = {
        local.replace(tzinfo=ZoneInfo("Europe/London"), fold=fold).astimezone(UTC).replace(tzinfo=None)
        for fold in (0, 1)
    }
    assert got in both
