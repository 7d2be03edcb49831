"""Expectations about the spells of one person: periods with a start and, once they are over, an end.

They look at all current rows, because the other spell of a child seldom comes with tonight's file.
"""

from __future__ import annotations

from typing import Literal

import pandas as pd
from great_expectations.expectations.expectation import MulticolumnMapExpectation

from data_quality.expectations.lookup import looked_up
from data_quality.expectations.metrics import flags, row_metric

_FOREVER = "timestamp '9999-12-31'"
_MEETS = (
    f"other.person = r.person and other.starts < coalesce(r.ends, {_FOREVER}) "
    f"and r.starts < coalesce(other.ends, {_FOREVER})"
)


def _have_one_open(columns: pd.DataFrame) -> pd.Series:
    person, starts, ends = (columns.iloc[:, place] for place in range(3))
    is_open = person.notna() & starts.notna() & ends.isna()
    return ~(is_open & (is_open.groupby(person).transform("sum") > 1))


def _are_apart(columns: pd.DataFrame, others: str | None) -> pd.Series:
    mine = columns.set_axis(["person", "starts", "ends"], axis=1).assign(row=range(len(columns)))
    if others is not None:
        return flags(mine, f"not exists (from other where {_MEETS})", other=looked_up(others))
    # Two open spells are another rule's; here one of the two has ended.
    both = "other.row <> r.row and (other.ends is not null or r.ends is not null)"
    return flags(mine, f"not exists (from other where {_MEETS} and {both})", other=mine)


class ExpectOneOpenSpell(MulticolumnMapExpectation):
    """A person has at most one spell without an end (CIN rule 8815); where there are two, both count.

    Args:
        column_list: person, start, end.
        mostly: share of spells that must keep it.
    """

    ignore_row_if: Literal["all_values_are_missing", "any_value_is_missing", "never"] = "never"

    map_metric = row_metric("several", "one_open_spell", _have_one_open)


class ExpectSpellsApart(MulticolumnMapExpectation):
    """No day lies inside two spells of a person; the day one ends and the next begins may be the same.

    CIN rule 8820 among the episodes of one feed (two open ones are rule 8815); with `others`, CIN rule 4016 between
    plans of two feeds.

    Args:
        column_list: person, start, end (empty while open).
        others: key of a lookup (columns person, starts, ends) with another feed's spells; in a contract its columns:
            `others: {feed: csc__cp_plans, column_list: [person, start, end]}`.
        mostly: share of spells that must keep it.
    """

    others: str | None = None
    ignore_row_if: Literal["all_values_are_missing", "any_value_is_missing", "never"] = "never"

    map_metric = row_metric("several", "spells_apart", _are_apart, "others")
    success_keys = ("column_list", "mostly", "ignore_row_if", "others")
