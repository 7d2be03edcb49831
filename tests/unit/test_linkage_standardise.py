"""Standardising: what means nothing becomes NULL and is counted; nothing else is lost."""

from __future__ import annotations

import datetime as dt
import doctest
import importlib
import pkgutil

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import models.linkage
from models.linkage import identifiers, names
from models.linkage.edges import quarantine_shared
from models.linkage.features import family_features
from models.linkage.nodes import IDENTITY, contract
from models.linkage.settings import LinkageSettings
from models.linkage.standardise import standardise
from models.linkage.values import Values

COLUMNS = ["forename", "surname", "birth_date", "sex", "postcode", "uprn", "nhs_number", "upn"]


@pytest.mark.parametrize("module", [m.name for m in pkgutil.iter_modules(models.linkage.__path__)])
def test_the_worked_examples_hold(module: str) -> None:
    assert doctest.testmod(importlib.import_module(f"models.linkage.{module}")).failed == 0


def rows(**columns: list[object]) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    return pd.DataFrame({c: pd.Series(columns.get(c, [None] * n), dtype=object) for c in COLUMNS})


def test_placeholders_become_null_with_a_reason() -> None:
    sent = rows(
        forename=["UNKNOWN", "Baby of Ann", "Male 1", "Zoë"],
        surname=["Test", "O'Neil", "Ray-Low", "Ray"],
        birth_date=[dt.date(2010, 1, 1), dt.date(1900, 1, 1), dt.date(2012, 5, 6), None],
        postcode=["ZZ99 3VZ", "ZM1 1AA", "ZM1", "zm1 1aa"],
        nhs_number=["1234567890", "943 476 5919", None, ""],
    )
    good, counts = standardise(sent, LinkageSettings())
    assert good["forename"].tolist() == [None, None, None, "zoe"]
    assert good["surname"].tolist() == [None, "oneil", "raylow", "ray"]
    assert good["birth_date"].tolist() == ["2010-01-01", None, "2012-05-06", None]
    assert good["postcode"].tolist() == [None, "ZM11AA", None, "ZM11AA"]
    assert good["nhs_number"].tolist() == [None, "9434765919", None, None]
    assert dict(zip(counts["reason"], counts["records"], strict=True)) == {
        "birth_date_first_january": 1,
        "birth_date_placeholder": 1,
        "forename_baby_of": 1,
        "forename_placeholder": 2,
        "nhs_number_check_digit": 1,
        "postcode_malformed": 1,
        "postcode_placeholder": 1,
        "surname_placeholder": 1,
    }


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("Baby of Jane", "name_baby_of"),
        ("B/O Jane", "name_baby_of"),
        ("Twin 2", "name_placeholder"),
        ("TWIN II of Jane", "name_baby_of"),
        ("unborn child", "name_placeholder"),
        ("Mr", "name_placeholder"),
        ("--", "name_placeholder"),
        ("N/K", "name_placeholder"),
        ("Not Known", "name_placeholder"),
        ("TEST PATIENT", "name_placeholder"),
        ("Jo", None),
        ("I", None),
    ],
)
def test_what_is_no_forename(sent: str, reason: str | None) -> None:
    assert names.placeholder_reason(sent) == reason


@pytest.mark.parametrize("family", ["Child", "Boy", "Male", "Subject", "Baby-Jones"])
def test_families_may_be_called_what_children_may_not(family: str) -> None:
    assert (names.placeholder_reason(family, is_surname=True) is None) == (family != "Baby-Jones")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mohammed", "Muhammad"),
        ("Mohd", "MOHAMED"),
        ("Lizzie", "Elizabeth"),
        ("Zoë", "Zoe"),
        ("Anne-Marie", "Anne Marie"),
        ("Robert (Bobby)", "Bobby"),
        ("Robert aka Bobby", "Bobby"),
        ("Ray, Jo", "Jo"),
        ("Miss Jo", "jo"),
    ],
)
def test_forenames_meet_by_a_form(one: str, other: str) -> None:
    assert set(names.forename(one)[1]) & set(names.forename(other)[1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Smith-Jones", "Jones"),
        ("O'Neil", "ONEIL"),
        ("Ray (née Low)", "Low"),
        ("Ray formerly Low", "Low"),
        ("Ray Jnr", "Ray"),
        ("Łukasz", "Lukasz"),
        ("Mc Donald", "McDonald"),
        ("Ray, Jo", "Ray"),
    ],
)
def test_surnames_share_a_part(one: str, other: str) -> None:
    assert set(names.surname(one)[1]) & set(names.surname(other)[1])


def test_one_january_is_kept_as_a_year_and_counted() -> None:
    real, stock = dt.date(2009, 1, 1), dt.date(1970, 1, 1)
    good, counts = standardise(rows(birth_date=[real, stock], forename=["Jo", "Jo"]), LinkageSettings())
    assert good["birth_date"].tolist() == ["2009-01-01", None]
    assert counts["reason"].tolist() == ["birth_date_first_january", "birth_date_placeholder"]
    # Two records of one name, home and year are no more one record than two of one name and home.
    said = ["jo", "ray", "2009-01-01", "F", "ZM11AA", None, None]
    assert contract(pd.DataFrame([said, said], columns=IDENTITY), np.zeros(2, bool)).tolist() == [0, 1]


def test_codes_of_sex_places_and_numbers() -> None:
    sent = rows(
        sex=["Female", "boy", "U"],
        postcode=["zm1 oab", "ZZ99 3VZ", "ZM1-1AA"],
        uprn=["0001", "999999999999", "x"],
        upn=["B823432103012", "A823432103012", None],
    )
    good, counts = standardise(sent, LinkageSettings())
    assert good["sex"].tolist() == ["F", "M", None]
    assert good["postcode"].tolist() == ["ZM10AB", None, "ZM11AA"]
    assert good["uprn"].tolist() == ["1", None, None]
    assert good["upn"].tolist() == ["B823432103012", None, None]
    assert set(counts["reason"]) == {
        "postcode_placeholder",
        "sex_not_stated",
        "upn_check_letter",
        "uprn_malformed",
        "uprn_placeholder",
    }


def test_all_null_and_empty_input_are_no_trouble() -> None:
    for n in (0, 3):
        good, counts = standardise(rows(forename=[None] * n), LinkageSettings())
        assert len(good) == n and counts.empty
        assert contract(good, np.zeros(n, bool)).tolist() == list(range(n))


def test_a_hub_is_no_address_evidence_but_a_family_home_is() -> None:
    n = 30
    hub = rows(
        surname=[f"Na{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(n)],
        uprn=["77"] * n,
        postcode=["ZM1 1AA"] * n,
    )
    home = rows(surname=["Ray"] * 4, uprn=["88"] * 4, postcode=["ZM1 1AB"] * 4)
    good, counts = standardise(pd.concat([hub, home], ignore_index=True), LinkageSettings())
    assert (good["hub"] == "uprn").sum() == n and good["postcode"].notna().sum() == 4
    assert counts.set_index("reason").loc["uprn_hub", "records"] == n


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_has_a_reason(text: str) -> None:
    if names.placeholder_reason(text) is None:
        first, forms = names.forename(text)
        assert first and first in forms and first == first.lower()
        assert names.surname(text)[0]


@given(st.text(alphabet="0123456789", min_size=9, max_size=9))
def test_at_most_one_last_digit_checks(nine: str) -> None:
    assert sum(identifiers.nhs_number(nine + d) is not None for d in "0123456789") <= 1


@given(st.lists(st.text(alphabet="0123456789 -aB", max_size=13), max_size=8), st.integers(0, 10**9 - 1))
def test_numbers_are_checked_all_at_once_as_one_by_one(values: list[str], stem: int) -> None:
    values = [*values, *(f"{stem:09}{last}" for last in range(10)), *(f"B{stem:09}{last}AB" for last in range(10))]
    assert identifiers.nhs_numbers(values) == [identifiers.nhs_number(v) for v in values]
    upns = [*values, *(f"{letter}{stem:09}01{last}" for letter in "ABCXYZ" for last in "0A9I")]
    assert identifiers.upns(upns) == [identifiers.upn(v) for v in upns]


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("2012-01-01", "2012-05-06", True),
        ("2012-01-01", "2012-01-01", True),
        ("2012-01-01", "2013-05-06", False),
        ("2012-04-03", "2012-03-04", True),
        ("2012-04-03", "2012-09-14", False),
    ],
)
def test_one_january_is_near_any_date_of_its_year(one: str, other: str, near: bool) -> None:
    node = {"birth_date": [one, other], "postcode": "P", "sex": "F", "surname": "ray", "forename": "jo"}
    forms = {"surname_parts": [("ray",)] * 2, "forename_forms": [("jo",)] * 2}
    with duckdb.connect() as con:
        pair = family_features(Values(con, pd.DataFrame(node | forms)), np.array([0]), np.array([1]))
    assert pair["near_birth"].tolist() == [near]


def test_a_listed_surgery_is_no_home() -> None:
    sent = rows(postcode=["ZM1 1AA", "ZM1 1AB"], uprn=["1", "2"])
    good, counts = standardise(sent, LinkageSettings(not_homes=("zm1 1aa",)))
    assert good["postcode"].tolist() == [None, "ZM11AB"] and good["home_uprn"].tolist() == [None, "2"]
    assert counts["reason"].tolist() == ["postcode_not_a_home"]


def test_a_number_that_many_people_carry_is_quarantined() -> None:
    n = 5000
    shared = pd.DataFrame(
        {
            "nhs_number": ["9434765919"] * n,
            "upn": [None] * n,
            "surname": [f"s{i}" for i in range(n)],
            "birth_date": ["2010-03-04"] * n,
        }
    )
    good, counts = quarantine_shared(shared, LinkageSettings())
    assert good["nhs_number"].isna().all() and counts["records"].tolist() == [n]


def test_equal_records_contract_and_bare_ones_do_not() -> None:
    said = ["jo", "ray", "2011-02-03", "F", "ZM11AA", None, None]
    bare = ["jo", "ray", None, None, None, None, None]
    table = pd.DataFrame([said, bare, said, bare], columns=IDENTITY)
    assert contract(table, np.zeros(4, bool)).tolist() == [0, 1, 0, 2]
    assert contract(table, np.array([True, False, True, False])).tolist() == [0, 1, 2, 3]
