"""What the expectations found in an agency's batches, in words for the agency: rules that stop the list, and doubts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import duckdb

from data_quality.contract import FeedContract
from data_quality.expectations.history import CheckRow, newest
from data_quality.expectations.stops import Stop, stops

# Generated rules that a supplier should hear of. Emptiness and agreed size are told among the promises, another order
# of columns does no harm, and the rest only proves that the gate did its work.
_WORDS = {
    "expect_column_values_to_be_nhs_numbers": "These should be NHS numbers whose check digit fits.",
    "expect_column_values_to_be_upns": "These should be pupil numbers whose check letter fits.",
    "expect_column_values_to_be_uk_postcodes": "These should look like postcodes.",
    "expect_column_dates_to_be_plausible": "These should be days on which it can have been.",
    "expect_column_values_to_be_in_set": "These should be codes of the agreed list.",
    "dropped_column": "The file has columns that are not in the agreement; we left them unread.",
    "volume_collapse": "The file is far smaller than such a file usually is.",
    "volume_surge": "The file is far larger than such a file usually is.",
}


def broken_stops(
    con: duckdb.DuckDBPyConnection, contracts: Mapping[str, FeedContract], now: datetime
) -> Iterator[tuple[Stop, str]]:
    """Rules of these feeds that keep the weekly list from being issued, with what is wrong, in words."""
    for stop in stops(con, contracts, (), now):
        yield stop, f"{stop.why[:1].upper()}{stop.why[1:].rstrip('.')}: {stop.counts()}."


def doubts(
    con: duckdb.DuckDBPyConnection, contracts: Mapping[str, FeedContract], now: datetime
) -> Iterator[tuple[CheckRow, str]]:
    """Rules that the newest rows broke although they were loaded, with what is wrong, in words."""
    for check in newest(con, until=now):
        contract = contracts.get(check.name)
        if contract is None or check.passed or check.severity != "inform":
            continue
        told = next((rule.description for rule in contract.quality if rule.name == check.expectation), "")
        words = told or _WORDS.get(check.expectation)
        if words:
            yield check, f"{words} {_extent(check)}".strip()


def _extent(check: CheckRow) -> str:
    if check.unexpected is None or check.checked is None:
        return ""
    if check.scope == "volume":
        return f"{check.checked:,} rows came, where about {check.promised or 0:,.0f} are usual."
    if check.scope == "schema":
        return f"{check.unexpected:,} of {check.checked:,} columns."
    return f"Not so in {check.unexpected:,} of {check.checked:,}."
