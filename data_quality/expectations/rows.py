"""Expectations about several columns of one row, whether the row's own or looked up in another feed."""

from __future__ import annotations

from typing import Literal

import pandas as pd
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)

from data_quality.expectations.metrics import flags, row_metric
from data_quality.sql import literal


def _are_in_order(earlier: pd.Series, later: pd.Series, least_days: int) -> pd.Series:
    between = pd.to_datetime(later).dt.normalize() - pd.to_datetime(earlier).dt.normalize()
    return between.dt.days >= least_days


def _have_one(columns: pd.DataFrame) -> pd.Series:
    return columns.notna().sum(axis=1) == 1


def _stand_alone(column: pd.Series, code: str) -> pd.Series:
    codes = "json_extract_string(r.value, '$[*]')"
    alone = f"len({codes}) < 2 or not list_contains({codes}, {literal(code)})"
    return flags(column.to_frame("value"), f"case when json_valid(r.value) then {alone} end")


class ExpectColumnPairDatesInOrder(ColumnPairMapExpectation):
    """The second date is not before the first; rows where one is empty do not count.

    Either may be a column of the record a reference points to (`cina_referral_id.cine_referral_date`), so the same
    expectation orders the dates of one row and of two feeds. A record not (yet) received is no error of this rule.

    Args:
        column_A: the earlier date. column_B: the later one.
        least_days: days that must lie between them; negative where the second may come that much sooner.
        mostly: share of rows that must be in order.
    """

    least_days: int = 0
    ignore_row_if: Literal["both_values_are_missing", "either_value_is_missing", "neither"] = "either_value_is_missing"

    map_metric = row_metric("pair", "dates_in_order", _are_in_order, "least_days")
    success_keys = ("column_A", "column_B", "mostly", "ignore_row_if", "least_days")


class ExpectExactlyOneFilled(MulticolumnMapExpectation):
    """Of several columns exactly one is filled: born or expected, never both and never neither (CIN rule 8525Q).

    Args:
        column_list: the columns.
        mostly: share of rows that must keep it.
    """

    ignore_row_if: Literal["all_values_are_missing", "any_value_is_missing", "never"] = "never"

    map_metric = row_metric("several", "one_filled", _have_one)


class ExpectCodeToStandAlone(ColumnMapExpectation):
    """In a column of JSON arrays, a code that means *none* stands with no other (CIN rule 8869: factor 21).

    Args:
        column: JSON arrays of codes; empty values do not count.
        code: the code that excludes all others.
        mostly: share of rows that must keep it.
    """

    code: str

    map_metric = row_metric("column", "code_alone", _stand_alone, "code")
    success_keys = ("column", "mostly", "code")
