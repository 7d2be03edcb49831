"""What two records of any table are compared by, how finely, and what each outcome is worth before anything is learnt.

Every level carries a stated chance among matches (``m``) and among strangers (``u``). They are round figures of the
kind the literature reports for names and dates (Fellegi and Sunter 1969; Splink's topic guides), good enough to find
the first, obvious persons; :mod:`models.linkage.table.learn` then replaces them by what the table itself shows. A
column nobody fills keeps them and they never come to bear.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TF_COLUMNS = ("forename", "surname", "birth_date", "postcode")
Level = tuple[str, str, float, float]

_SWAPPED = "forename_l = surname_r and surname_l = forename_r and forename_l <> surname_l"
# One name alone is often the surname, written where the forename belongs.
_CROSSED = (
    "(surname_l is null and list_contains(surname_parts_r, forename_l)) "
    "or (surname_r is null and list_contains(surname_parts_l, forename_r))"
)
_INITIAL = "least(length(forename_l), length(forename_r)) = 1 and forename_l[1:1] = forename_r[1:1]"
_DAY_AND_MONTH = (
    "birth_date_l[1:4] = birth_date_r[1:4] and birth_date_l[6:7] = birth_date_r[9:10] "
    "and birth_date_l[9:10] = birth_date_r[6:7]"
)
_TWO_OF_THREE = (
    "(birth_date_l[1:4] = birth_date_r[1:4])::int + (birth_date_l[6:7] = birth_date_r[6:7])::int "
    "+ (birth_date_l[9:10] = birth_date_r[9:10])::int >= 2"
)
# The last part of a British postcode tells neighbours apart; shorter codes have no such part.
_LONG = "least(length(postcode_l), length(postcode_r)) > 4"

FORENAME: tuple[Level, ...] = (
    ("forename_l = forename_r", "same", 0.55, 0.01),
    ("list_has_any(forename_forms_l, forename_forms_r)", "nickname or second name", 0.12, 0.008),
    (_SWAPPED, "names swapped", 0.005, 1e-6),
    ("jaro_winkler_similarity(forename_l, forename_r) >= 0.9", "very alike", 0.10, 0.003),
    (_INITIAL, "initial", 0.02, 0.003),
    (_CROSSED, "the other's surname", 0.02, 1e-4),
    ("jaro_winkler_similarity(forename_l, forename_r) >= 0.8", "alike", 0.06, 0.005),
    ("else", "different", 0.125, 0.97),
)
SURNAME: tuple[Level, ...] = (
    ("surname_l = surname_r", "same", 0.72, 0.001),
    ("list_has_any(surname_parts_l, surname_parts_r)", "shares a part", 0.02, 2e-4),
    ("jaro_winkler_similarity(surname_l, surname_r) >= 0.92", "very alike", 0.10, 4e-4),
    ("jaro_winkler_similarity(surname_l, surname_r) >= 0.85", "alike", 0.05, 1e-3),
    ("jaro_winkler_similarity(surname_l, surname_r) >= 0.75", "a little alike", 0.02, 7e-3),
    ("else", "different", 0.09, 0.99),
)
BIRTH_DATE: tuple[Level, ...] = (
    ("birth_date_l = birth_date_r", "same", 0.68, 1e-4),
    (_DAY_AND_MONTH, "day and month swapped", 0.01, 3e-5),
    ("damerau_levenshtein(birth_date_l, birth_date_r) <= 1", "one digit out", 0.12, 1e-3),
    (_TWO_OF_THREE, "two parts of three", 0.03, 3e-3),
    ("birth_year_l = birth_year_r", "same year", 0.08, 0.02),
    ("damerau_levenshtein(birth_year_l, birth_year_r) <= 1", "year one digit out", 0.04, 0.15),
    ("else", "different", 0.04, 0.825),
)
SEX: tuple[Level, ...] = (("sex_l = sex_r", "same", 0.97, 0.5), ("else", "different", 0.03, 0.5))
POSTCODE: tuple[Level, ...] = (
    ("postcode_l = postcode_r", "same", 0.65, 2e-4),
    ("levenshtein(postcode_l, postcode_r) <= 1", "one character out", 0.06, 2e-4),
    (f"{_LONG} and levenshtein(postcode_l, postcode_r) <= 2", "two characters out", 0.02, 5e-4),
    (f"{_LONG} and postcode_l[:-3] = postcode_r[:-3]", "same sector", 0.03, 5e-4),
    (f"{_LONG} and postcode_l[:-4] = postcode_r[:-4]", "same district", 0.04, 3e-3),
    ("else", "different", 0.20, 0.996),
)


def identifier_levels(column: str) -> tuple[Level, ...]:
    """A near-unique number: equal, one character out, different."""
    return (
        (f"{column}_l = {column}_r", "same", 0.93, 1e-6),
        (f"damerau_levenshtein({column}_l, {column}_r) <= 1", "one character out", 0.03, 1e-6),
        ("else", "different", 0.04, 0.999998),
    )


def comparisons(identifiers: Sequence[str]) -> list[dict[str, Any]]:
    """Splink comparison dictionaries with the stated chances; the ``identifiers`` are column names."""
    parts = {"forename": FORENAME, "surname": SURNAME, "birth_date": BIRTH_DATE, "sex": SEX, "postcode": POSTCODE}
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
    # A date of which only the year is known is still a date.
    known = "birth_year" if column == "birth_date" else column
    missing = f"{known}_l is null or {known}_r is null"
    if column == "surname":
        # Swapped names are evidence once, in the forename.
        missing += f" or ({_SWAPPED})"
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
        if place == 0 and column in TF_COLUMNS:
            # Half a date's frequency: a birthday shared by many is often an invented one, but not always.
            weight = 0.5 if column == "birth_date" else 1.0
            level |= {"tf_adjustment_column": column, "tf_adjustment_weight": weight}
        made.append(level)
    return {"output_column_name": column, "comparison_levels": made}
