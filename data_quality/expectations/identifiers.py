"""Expectations about identifiers and dates of people in the United Kingdom.

A single wrong number is the gate's business (it holds or counts the row). A *batch* of them says that a column was
shifted, cut or filled by a machine, and that nobody can be matched by it tonight; `mostly` says how many may be wrong.
"""

from __future__ import annotations

import pandas as pd
from great_expectations.expectations.expectation import ColumnMapExpectation

from data_quality.expectations.metrics import flags, row_metric
from data_quality.row_checks import bad_nhs_number, bad_postcode, bad_upn

# Days that systems write where nobody entered one: epochs of spreadsheets, databases and Unix.
DEFAULT_DAYS = ("1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01", "1970-01-01", "9999-12-31")
_TEXT = "r.value::varchar"


def _are_nhs_numbers(column: pd.Series) -> pd.Series:
    return flags(column.to_frame("value"), f"not ({bad_nhs_number(_TEXT)})")


def _are_upns(column: pd.Series, authorities: list[str] | None) -> pd.Series:
    condition = f"not ({bad_upn(_TEXT)})"
    if authorities:
        codes = ", ".join(f"'{int(code):03d}'" for code in authorities)
        condition += f" and substr({_TEXT}, 2, 3) in ({codes})"
    return flags(column.to_frame("value"), condition)


def _are_postcodes(column: pd.Series) -> pd.Series:
    return flags(column.to_frame("value"), f"not ({bad_postcode(_TEXT)})")


def _are_plausible(column: pd.Series, earliest: str, latest: str | None) -> pd.Series:
    days = pd.to_datetime(column).dt.normalize()
    good = (days >= pd.Timestamp(earliest)) & ~days.isin(pd.to_datetime(list(DEFAULT_DAYS)))
    return good & (days <= pd.Timestamp(latest)) if latest else good


class ExpectColumnValuesToBeNhsNumbers(ColumnMapExpectation):
    """Ten digits, the last of which is the modulus 11 check digit of the NHS Data Dictionary; blanks and dashes pass.

    Args:
        column: text column; empty values do not count.
        mostly: share that must be NHS numbers.
    """

    map_metric = row_metric("column", "nhs_number", _are_nhs_numbers)


class ExpectColumnValuesToBeUpns(ColumnMapExpectation):
    """A unique pupil number: check letter first (DfE: weights 2 to 13, modulo 23), then an authority's code.

    CIN census rules 1510 to 1560 in one. Characters 2 to 4 are the code of the authority that gave the number out.

    Args:
        column: text column; empty values do not count.
        authorities: codes of three digits that may stand there (CIN rule 1530); any three digits if absent.
        mostly: share that must be UPNs.
    """

    authorities: list[str] | None = None

    map_metric = row_metric("column", "upn", _are_upns, "authorities")
    success_keys = ("column", "mostly", "authorities")


class ExpectColumnValuesToBeUkPostcodes(ColumnMapExpectation):
    """Shaped like a postcode of the United Kingdom (GOV.UK bulk transfer format), with or without its blank.

    Args:
        column: text column; empty values do not count.
        mostly: share that must be postcodes.
    """

    map_metric = row_metric("column", "postcode", _are_postcodes)


class ExpectColumnDatesToBePlausible(ColumnMapExpectation):
    """A day a living person's record can hold: in the range, and no day that a system writes for want of one.

    Args:
        column: date or timestamp column; empty values do not count.
        earliest, latest: first and last possible day, ISO; `latest` may be absent. In a contract `latest:
            extracted_on` is the day of the extract (CIN rule 8520 for a date of birth).
        mostly: share that must be plausible.
    """

    earliest: str = "1900-01-01"
    latest: str | None = None

    map_metric = row_metric("column", "plausible_date", _are_plausible, "earliest", "latest")
    success_keys = ("column", "mostly", "earliest", "latest")
