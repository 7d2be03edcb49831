"""What two records of any table are compared by, how finely, and what each outcome is worth before anything is learnt.

Every level carries a stated chance among matches (``m``) and among strangers (``u``). They are round figures of the
kind the literature reports for names and dates (Fellegi and Sunter 1969; Splink's topic guides), good enough to find
the first, obvious persons; :mod:`models.linkage.table.learn` then replaces them by what the table itself shows. A
column nobody fills keeps them and they never come to bear.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TF_COLUMNS = ("forename", "surname", "birth_date", "birth_year", "postcode")
# Levels that a value's rarity bears on, and the column whose value it is; ``same`` always.
_RARE = {"one letter out": None, "in the forename's place": "surname"}
Level = tuple[str, str, float, float]

# Swapped, and perhaps misspelt into the bargain; two people of one surname are not.
_SWAPPED = (
    "(forename_l <> surname_l and forename_r <> surname_r and surname_l <> surname_r "
    "and jaro_winkler_similarity(forename_l, surname_r) >= 0.9 "
    "and jaro_winkler_similarity(surname_l, forename_r) >= 0.9)"
)
# One name alone is often the surname, written where the forename belongs: it is compared as a surname.
_ALONE = (
    "(case when (surname_l is null and surname_r is not null and forename_l <> coalesce(forename_r, '') and "
    "(list_contains(surname_parts_r, forename_l) or jaro_winkler_similarity(forename_l, surname_r) >= 0.92)) or "
    "(surname_r is null and surname_l is not null and forename_r <> coalesce(forename_l, '') and "
    "(list_contains(surname_parts_l, forename_r) or jaro_winkler_similarity(forename_r, surname_l) >= 0.92)) "
    "then true else false end)"
)
_CROSSED = "surname_l <> surname_r and (forename_l = surname_r or surname_l = forename_r)"
_INITIAL = "least(length(forename_l), length(forename_r)) = 1 and forename_l[1:1] = forename_r[1:1]"
# Who has one forename nearly always has one sex too, strangers as well: that they agree then tells nothing more.
_SEX_IS_TOLD = "sex_l = sex_r and list_has_any(forename_forms_l, forename_forms_r)"
_DAY_AND_MONTH = (
    "birth_date_l[1:4] = birth_date_r[1:4] and birth_date_l[6:7] = birth_date_r[9:10] "
    "and birth_date_l[9:10] = birth_date_r[6:7]"
)
_TWO_OF_THREE = (
    "(birth_date_l[1:4] = birth_date_r[1:4])::int + (birth_date_l[6:7] = birth_date_r[6:7])::int "
    "+ (birth_date_l[9:10] = birth_date_r[9:10])::int >= 2"
)
# Both are ten characters, so one change or exchange leaves eight of them in place: that is asked first, being cheap.
_ONE_DIGIT = "hamming(birth_date_l, birth_date_r) <= 2 and damerau_levenshtein(birth_date_l, birth_date_r) <= 1"
# Often written for "some day of the year"; how often, the table tells.
_FIRST_JANUARY = (
    "birth_date_l[1:4] = birth_date_r[1:4] and (birth_date_l[6:10] = '01-01' or birth_date_r[6:10] = '01-01')"
)
# NULL, and so not true, of a date that cannot be.
_DAYS_APART = "abs(birth_day_l::int - birth_day_r::int) <= {}"
# In a short name one letter is most of what tells it from another.
_ONE_LETTER = (
    "length({0}_l) > 3 and length({0}_r) > 3 and abs(length({0}_l) - length({0}_r)) <= 1 "
    "and damerau_levenshtein({0}_l, {0}_r) <= 1"
)
# The last part of a British postcode tells neighbours apart; shorter codes have no such part.
_LONG = "least(length(postcode_l), length(postcode_r)) > 4"

FORENAME: tuple[Level, ...] = (
    ("forename_l = forename_r", "same", 0.55, 0.01),
    ("list_has_any(forename_forms_l, forename_forms_r)", "nickname or second name", 0.12, 0.008),
    (_SWAPPED, "names swapped", 0.005, 1e-6),
    (_ONE_LETTER.format("forename"), "one letter out", 0.07, 0.001),
    ("jaro_winkler_similarity(forename_l, forename_r) >= 0.9", "very alike", 0.03, 0.002),
    (_INITIAL, "initial", 0.02, 0.003),
    (_CROSSED, "the other's surname", 0.01, 1e-4),
    ("jaro_winkler_similarity(forename_l, forename_r) >= 0.8", "alike", 0.06, 0.005),
    ("else", "different", 0.125, 0.97),
)
SURNAME: tuple[Level, ...] = (
    ("surname_l = surname_r", "same", 0.71, 0.001),
    (_ALONE, "in the forename's place", 0.01, 2e-5),
    ("list_has_any(surname_parts_l, surname_parts_r)", "shares a part", 0.02, 2e-4),
    (_ONE_LETTER.format("surname"), "one letter out", 0.07, 2e-4),
    ("jaro_winkler_similarity(surname_l, surname_r) >= 0.92", "very alike", 0.03, 2e-4),
    ("jaro_winkler_similarity(surname_l, surname_r) >= 0.85", "alike", 0.05, 1e-3),
    ("jaro_winkler_similarity(surname_l, surname_r) >= 0.75", "a little alike", 0.02, 7e-3),
    ("else", "different", 0.09, 0.99),
)
BIRTH_DATE: tuple[Level, ...] = (
    ("birth_date_l = birth_date_r", "same", 0.68, 1e-4),
    (_DAY_AND_MONTH, "day and month swapped", 0.01, 3e-5),
    (_ONE_DIGIT, "one digit out", 0.12, 1e-3),
    (_FIRST_JANUARY, "one on 1 January", 0.02, 1e-4),
    (_TWO_OF_THREE, "two parts of three", 0.03, 3e-3),
    (_DAYS_APART.format(31), "a month apart", 0.02, 2e-3),
    ("birth_date_l[1:4] = birth_date_r[1:4]", "another day of the year", 0.06, 0.018),
    (_DAYS_APART.format(400), "a year apart", 0.02, 0.02),
    ("damerau_levenshtein(birth_year_l, birth_year_r) <= 1", "year one digit out", 0.04, 0.14),
    ("else", "different", 0.04, 0.815),
)
# Where one of the two is a year alone, or both are.
BIRTH_YEAR: tuple[Level, ...] = (
    ("birth_year_l = birth_year_r", "same", 0.85, 0.02),
    ("damerau_levenshtein(birth_year_l, birth_year_r) <= 1", "one digit out", 0.07, 0.14),
    ("else", "different", 0.08, 0.84),
)
SEX: tuple[Level, ...] = (("sex_l = sex_r", "same", 0.97, 0.5), ("else", "different", 0.03, 0.5))
POSTCODE: tuple[Level, ...] = (
    ("postcode_l = postcode_r", "same", 0.65, 2e-4),
    ("damerau_levenshtein(postcode_l, postcode_r) <= 1", "one character out", 0.06, 2e-4),
    (f"{_LONG} and damerau_levenshtein(postcode_l, postcode_r) <= 2", "two characters out", 0.02, 5e-4),
    (f"{_LONG} and postcode_l[:-3] = postcode_r[:-3]", "same sector", 0.03, 5e-4),
    (f"{_LONG} and postcode_l[:-4] = postcode_r[:-4]", "same district", 0.04, 3e-3),
    ("else", "different", 0.20, 0.996),
)


def identifier_levels(column: str) -> tuple[Level, ...]:
    """A near-unique number or address: equal, one character out, alike (long ones), different."""
    return (
        (f"{column}_l = {column}_r", "same", 0.92, 1e-6),
        (f"damerau_levenshtein({column}_l, {column}_r) <= 1", "one character out", 0.03, 1e-6),
        (
            f"least(length({column}_l), length({column}_r)) > 7 "
            f"and jaro_winkler_similarity({column}_l, {column}_r) >= 0.92",
            "alike",
            0.01,
            2e-6,
        ),
        ("else", "different", 0.04, 0.999996),
    )


def comparisons(identifiers: Sequence[str]) -> list[dict[str, Any]]:
    """Splink comparison dictionaries with the stated chances; the ``identifiers`` are column names."""
    parts = {"forename": FORENAME, "surname": SURNAME, "birth_date": BIRTH_DATE, "birth_year": BIRTH_YEAR}
    parts |= {"sex": SEX, "postcode": POSTCODE}
    parts |= {column: identifier_levels(column) for column in identifiers}
    return [_comparison(column, levels) for column, levels in parts.items()]


def settings(identifiers: Sequence[str]) -> dict[str, Any]:
    """Splink settings of a model that has learnt nothing yet. Candidate pairs are made elsewhere."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "node",
        "probability_two_random_records_match": 1e-4,
        "retain_intermediate_calculation_columns": True,
        "retain_matching_columns": False,
        "blocking_rules_to_generate_predictions": ["l.birth_date = r.birth_date"],
        "comparisons": comparisons(identifiers),
    }


def _comparison(column: str, levels: tuple[Level, ...]) -> dict[str, Any]:
    missing = f"{column}_l is null or {column}_r is null"
    if column == "birth_year":
        missing += " or (birth_date_l is not null and birth_date_r is not null)"
    if column == "surname":
        # Swapped names are evidence once, in the forename.
        missing = f"({missing} or {_SWAPPED}) and not {_ALONE}"
    if column == "forename":
        missing += f" or {_ALONE}"
    if column == "sex":
        missing += f" or ({_SEX_IS_TOLD})"
    made: list[dict[str, Any]] = [
        {
            "sql_condition": missing,
            "label_for_charts": "missing",
            "is_null_level": True,
        }
    ]
    for place, (condition, label, m, u) in enumerate(levels):
        level = {
            "sql_condition": "ELSE" if condition == "else" else condition,
            "label_for_charts": label,
            "m_probability": m,
            "u_probability": u,
        }
        if column in TF_COLUMNS and (place == 0 or label in _RARE):
            # Half a date's frequency: a birthday shared by many is often an invented one, but not always.
            rare = _RARE.get(label) or column
            level |= {"tf_adjustment_column": rare, "tf_adjustment_weight": 0.5 if rare == "birth_date" else 1.0}
        made.append(level)
    return {"output_column_name": column, "comparison_levels": made}
