"""The hub's own expectations, asked through Great Expectations, against slow readings of the published definitions."""

import random
import string
from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_quality.expectations.identifiers import DEFAULT_DAYS
from data_quality.expectations.suite import OWN, UnknownExpectation, declared
from data_quality.expectations.validate import validate
from data_quality.quality_rule import QualityRule

UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
TODAY = date(2026, 10, 5)


def rule(expectation, name="r", severity="inform", **kwargs):
    return QualityRule(name, "", severity, expectation, kwargs)


def ask(frame, expectation, lookups=None, **kwargs):
    """(passed, checked, unexpected) of one expectation."""
    answer = validate([declared(rule(expectation, **kwargs), TODAY)], frame, lookups)[0]
    return answer.passed, answer.checked, answer.unexpected


def days(*values):
    return pd.Series(pd.to_datetime(list(values)).as_unit("us"))


def nhs_oracle(text):
    """NHS Data Dictionary, digit by digit."""
    digits = text.replace(" ", "").replace("-", "")
    if len(digits) != 10 or any(char not in string.digits for char in digits):
        return False
    total = sum((10 - place) * int(digit) for place, digit in enumerate(digits[:9]))
    check = 11 - total % 11
    return check != 10 and check % 11 == int(digits[9])


def upn_oracle(text, authorities=None):
    """DfE guide to unique pupil numbers, character by character."""
    upn = text.upper()
    if len(upn) != 13 or upn[0] not in UPN_LETTERS or any(char not in string.digits for char in upn[1:12]):
        return False
    if upn[12] not in string.digits + UPN_LETTERS:
        return False
    values = [int(char) for char in upn[1:12]]
    values.append(int(upn[12]) if upn[12] in string.digits else UPN_LETTERS.index(upn[12]))
    letter = UPN_LETTERS[sum(weight * value for weight, value in zip(range(2, 14), values, strict=True)) % 23]
    return letter == upn[0] and (authorities is None or upn[1:4] in authorities)


def postcode_oracle(text):
    """One or two letters, a digit, perhaps a digit or letter; perhaps a blank; a digit and two letters. Or GIR 0AA."""
    code = text.upper()
    if code in ("GIR 0AA", "GIR0AA"):
        return True
    outward, inward = code[:-3], code[-3:]
    if len(inward) < 3 or inward[0] not in string.digits or any(c not in string.ascii_uppercase for c in inward[1:]):
        return False
    outward = outward.removesuffix(" ")
    for letters in (1, 2):
        area, district = outward[:letters], outward[letters:]
        if len(area) == letters and all(c in string.ascii_uppercase for c in area) and 1 <= len(district) <= 2:
            more = string.digits + string.ascii_uppercase
            if district[0] in string.digits and all(c in more for c in district[1:]):
                return True
    return False


def nearly_nhs(rng):
    digits = "".join(rng.choice(string.digits) for _ in range(9))
    total = sum((10 - place) * int(digit) for place, digit in enumerate(digits))
    number = digits + str((11 - total % 11) % 11)[-1]
    return rng.choice(
        [number, number[:-1] + rng.choice(string.digits), f"{number[:3]} {number[3:6]} {number[6:]}", digits]
    )


def nearly_upn(rng):
    body = "".join(rng.choice(string.digits) for _ in range(11)) + rng.choice(string.digits + UPN_LETTERS + "IOS")
    values = [int(c) for c in body[:11]] + [UPN_LETTERS.find(body[11]) if not body[11].isdigit() else int(body[11])]
    letter = UPN_LETTERS[sum(w * v for w, v in zip(range(2, 14), values, strict=True)) % 23]
    return rng.choice([letter, letter, rng.choice(string.ascii_uppercase)]) + rng.choice([body, body, body[:-1]])


def nearly_postcode(rng):
    def part(pool, *lengths):
        return "".join(rng.choice(pool) for _ in range(rng.choice(lengths)))

    code = part(string.ascii_uppercase, 1, 2, 3) + part(string.digits, 0, 1, 2) + part(string.ascii_letters, 0, 0, 1)
    code += rng.choice(["", " ", "  "])
    return rng.choice([code + part(string.digits, 1) + part(string.ascii_letters, 2), "GIR 0AA", code])


@pytest.mark.parametrize(
    ("expectation", "oracle", "nearly"),
    [
        ("expect_column_values_to_be_nhs_numbers", nhs_oracle, nearly_nhs),
        ("expect_column_values_to_be_upns", upn_oracle, nearly_upn),
        ("expect_column_values_to_be_uk_postcodes", postcode_oracle, nearly_postcode),
    ],
)
@given(seed=st.integers(0, 10**9), texts=st.lists(st.text("ABZ019 -IOé", min_size=1, max_size=14), max_size=20))
@settings(max_examples=15, deadline=None)
def test_identifiers_are_judged_as_their_publishers_say(expectation, oracle, nearly, seed, texts):
    rng = random.Random(seed)
    values = [*(text for text in texts if text.strip() == text), *(nearly(rng) for _ in range(150)), None]
    wrong = sum(not oracle(value) for value in values if value is not None)
    passed, checked, unexpected = ask(pd.DataFrame({"v": pd.Series(values, dtype="str")}), expectation, column="v")
    assert (checked, unexpected, passed) == (len(values) - 1, wrong, wrong == 0)


def test_a_upn_names_an_authority_that_gives_numbers_out():
    frame = pd.DataFrame({"v": ["H801200001001", "A801200001001", "H801200001001"]})
    good = [value for value in frame["v"] if upn_oracle(value)]
    assert ask(frame, "expect_column_values_to_be_upns", column="v", authorities=["999"])[2] == 3
    assert ask(frame, "expect_column_values_to_be_upns", column="v", authorities=["801"])[2] == 3 - len(good)


def test_a_plausible_date_is_in_range_and_no_systems_default():
    frame = pd.DataFrame({"d": days("2010-05-01", DEFAULT_DAYS[4], "1850-01-01", "2026-10-06", None)})
    assert ask(frame, "expect_column_dates_to_be_plausible", column="d") == (False, 4, 2)
    assert ask(frame, "expect_column_dates_to_be_plausible", column="d", latest="extracted_on") == (False, 4, 3)
    assert ask(frame, "expect_column_dates_to_be_plausible", column="d", mostly=0.5)[0]


def test_dates_come_in_order_where_both_are_there():
    frame = pd.DataFrame(
        {"a": days("2026-01-02", "2026-01-01", None), "x.b": days("2026-01-01", "2026-01-01", "2026-01-01")}
    )
    assert ask(frame, "expect_column_pair_dates_in_order", column_A="a", column_B="x.b") == (False, 2, 1)
    assert ask(frame, "expect_column_pair_dates_in_order", column_A="a", column_B="x.b", least_days=-1)[0]


def test_of_two_dates_exactly_one_is_filled():
    frame = pd.DataFrame({"a": days("2026-01-02", None, "2026-01-01"), "b": days(None, None, "2026-01-01")})
    assert ask(frame, "expect_exactly_one_filled", column_list=["a", "b"]) == (False, 3, 2)


def test_the_code_for_none_stands_alone():
    frame = pd.DataFrame({"f": ['["21"]', '["21","3A"]', '["3A","3B"]', "[]", None, "no json"]})
    assert ask(frame, "expect_code_to_stand_alone", column="f", code="21") == (False, 5, 1)


SPELLS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 12), st.one_of(st.none(), st.integers(0, 12))), max_size=7
)


def spell_frame(spells):
    def day(number):
        return None if number is None else pd.Timestamp("2026-01-01") + pd.Timedelta(days=number)

    return pd.DataFrame(
        {
            "person": pd.Series([p for p, _, _ in spells], dtype="str"),
            "starts": days(*(day(s) for _, s, _ in spells)),
            "ends": days(*(day(e) for _, _, e in spells)),
        }
    )


def meet(one, other):
    (_, s, e), (_, t, f) = one, other
    return one[0] == other[0] and s < (99 if f is None else f) and t < (99 if e is None else e)


@given(spells=SPELLS, others=SPELLS)
@settings(max_examples=20, deadline=None)
def test_spells_of_a_child_against_every_pair_of_them(spells, others):
    frame, columns = spell_frame(spells), ["person", "starts", "ends"]
    if frame.empty:
        return
    is_open = [spell for spell in spells if spell[2] is None]
    twice = sum(sum(one[0] == other[0] for other in is_open) > 1 for one in is_open)
    assert ask(frame, "expect_one_open_spell", column_list=columns)[2] == twice
    overlap = sum(
        any(meet(one, other) and not (one[2] is None and other[2] is None) for m, other in enumerate(spells) if m != n)
        for n, one in enumerate(spells)
    )
    assert ask(frame, "expect_spells_apart", column_list=columns)[2] == overlap
    across = sum(any(meet(one, other) for other in others) for one in spells)
    lookups = {"plans": spell_frame(others)}
    assert ask(frame, "expect_spells_apart", lookups, column_list=columns, others="plans")[2] == across


def test_groups_are_seen_again_or_missed():
    frame = pd.DataFrame({"urn": ["1"]})
    seen = {"g": pd.DataFrame({"seen": [True] * 9 + [False]})}
    named = {"column": "urn", "groups": "g"}
    assert ask(frame, "expect_column_groups_to_be_seen_again", seen, **named) == (True, 10, 1)
    assert not ask(frame, "expect_column_groups_to_be_seen_again", seen, **named, mostly=0.95)[0]


def test_an_expectation_that_cannot_be_asked_costs_no_other():
    frame = pd.DataFrame({"v": ["SECRET"]})
    asked = [
        declared(rule("expect_column_values_to_be_upns", column="not_there"), TODAY),
        declared(rule("expect_column_values_to_be_upns", column="v"), TODAY),
    ]
    first, second = validate(asked, frame)
    assert (first.passed, first.checked, first.unexpected) == (False, None, None)
    assert (second.passed, second.checked, second.unexpected) == (False, 1, 1)
    assert "SECRET" not in repr([first, second])


def test_a_rule_nobody_knows_is_refused_by_name():
    with pytest.raises(UnknownExpectation, match="quality rule r: there is no expect_miracles"):
        declared(rule("expect_miracles"), TODAY)
    with pytest.raises(UnknownExpectation, match="with the arguments column"):
        declared(rule("expect_code_to_stand_alone", column="f"), TODAY)


def test_every_expectation_of_ours_says_what_it_means():
    assert all("mostly:" in str(one.__doc__) for one in OWN)
