"""The suite of a feed, made from its contract: what the gate promises, what the agreement promises, declared rules.

Row rules live in the gate. What is asked here are properties of the *batch* that no single row can break: its columns,
how full they are, whether codes and identifiers are known at all, and the rules of the contract's `quality`.

| from the contract | expectation | severity |
|---|---|---|
| columns, keys, `required` | the set of columns, unique keys, no empty value: proof that the gate did its work | stop |
| `completeness`, `occurredOn` | not empty, mostly (what the agreement promises; else 95 %) | inform |
| `codeSet` | values in the set, mostly 99.5 %: a batch full of unknown codes is a new code set | inform |
| `check` | NHS numbers, UPNs, postcodes, mostly 95 %: a column that was shifted or cut | as the column's |
| date columns | plausible dates, mostly 95 %: a system's default day instead of a date | inform |
| `quality` | as declared | as declared |
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.exceptions import ExpectationNotFoundError
from great_expectations.expectations.registry import get_expectation_impl

from data_quality.code_sets import CodeSets
from data_quality.contract import FeedContract
from data_quality.expectations import groups, identifiers, rows, spells
from data_quality.expectations.history import Severity
from data_quality.quality_rule import QualityRule

_CODES_KNOWN = 0.995
_LEAST_FILLED = 0.95
_MOSTLY_RIGHT = 0.95
# What contracts may name besides the library's own.
OWN = (
    identifiers.ExpectColumnValuesToBeNhsNumbers, identifiers.ExpectColumnValuesToBeUpns,
    identifiers.ExpectColumnValuesToBeUkPostcodes, identifiers.ExpectColumnDatesToBePlausible,
    rows.ExpectColumnPairDatesInOrder, rows.ExpectExactlyOneFilled, rows.ExpectCodeToStandAlone,
    spells.ExpectOneOpenSpell, spells.ExpectSpellsApart, groups.ExpectColumnGroupsToBeSeenAgain,
)  # fmt: skip
_CHECKS: Mapping[str, Any] = {
    "nhs_number": identifiers.ExpectColumnValuesToBeNhsNumbers,
    "upn": identifiers.ExpectColumnValuesToBeUpns,
    "postcode": identifiers.ExpectColumnValuesToBeUkPostcodes,
}


class UnknownExpectation(Exception):
    """A contract names an expectation that there is not, or arguments it does not take."""


@dataclass(frozen=True)
class Asked:
    """An expectation with the name and severity it has in the history."""

    name: str
    column: str
    severity: Severity
    expectation: Any


def suite_of(
    contract: FeedContract,
    frame: pd.DataFrame,
    code_sets: CodeSets | None,
    extracted_on: date,
    lookups: Collection[str] = (),
) -> list[Asked]:
    """What is asked of the accepted rows of a drop. Of a batch without rows only its columns and groups are asked.

    Args:
        lookups: names of the rules about groups for which there is something to compare with; others are not asked.

    Raises:
        UnknownExpectation: see the class.
    """
    kept = [column.name for column in contract.columns if column.zones]
    wanted = [_generated(gxe.ExpectTableColumnsToMatchSet(column_set=kept, exact_match=True), "", "stop")]
    if not frame.empty:
        wanted += _filled_and_unique(contract)
        wanted += _values(contract, frame, code_sets)
        wanted += [
            declared(rule, extracted_on) for rule in contract.quality if not (rule.is_standing or rule.is_of_groups)
        ]
    of_groups = [rule for rule in contract.quality if rule.is_of_groups and rule.name in lookups]
    return [*wanted, *(declared(rule, extracted_on, groups=rule.name) for rule in of_groups)]


def declared(rule: QualityRule, extracted_on: date, **more: Any) -> Asked:
    """The expectation of a declared rule; `extracted_on` among its arguments becomes the day of the extract.

    Raises:
        UnknownExpectation: see the class.
    """
    kwargs = {key: extracted_on.isoformat() if value == "extracted_on" else value for key, value in rule.kwargs.items()}
    try:
        expectation = get_expectation_impl(rule.expectation)(**{**kwargs, **more})
    except (ExpectationNotFoundError, ValueError, TypeError):
        raise UnknownExpectation(
            f"quality rule {rule.name}: there is no {rule.expectation} with the arguments {', '.join(sorted(kwargs))}."
        ) from None
    return Asked(rule.name, rule.column, rule.severity, expectation)  # type: ignore[arg-type]


def _filled_and_unique(contract: FeedContract) -> Iterator[Asked]:
    for column in contract.columns:
        share = column.completeness or (_LEAST_FILLED if column.occurred_on else None)
        if column.zones and column.required:
            yield _generated(gxe.ExpectColumnValuesToNotBeNull(column=column.name), column.name, "stop")
        elif column.zones and share:
            expectation = gxe.ExpectColumnValuesToNotBeNull(column=column.name, mostly=share)
            yield _generated(expectation, column.name, "inform")
    keys = [column.name for column in contract.keys if column.zones]
    if len(keys) == len(contract.keys):
        if len(keys) == 1:
            yield _generated(gxe.ExpectColumnValuesToBeUnique(column=keys[0]), keys[0], "stop")
        else:
            yield _generated(gxe.ExpectCompoundColumnsToBeUnique(column_list=keys), "", "stop")


def _values(contract: FeedContract, frame: pd.DataFrame, code_sets: CodeSets | None) -> Iterator[Asked]:
    for column in contract.columns:
        if not column.zones or not frame[column.name].notna().any():
            continue
        name = column.name
        severity: Severity = "stop" if column.severity == "stop" else "inform"
        if column.code_set and code_sets and not column.json_array and not column.separator:
            codes = sorted({code for code, _, _ in code_sets.get(column.code_set).codes})
            in_set = gxe.ExpectColumnValuesToBeInSet(column=name, value_set=codes, mostly=_CODES_KNOWN)
            yield _generated(in_set, name, severity)
        if column.check:
            yield _generated(_CHECKS[column.check](column=name, mostly=_MOSTLY_RIGHT), name, severity)
        if column.type == "date":
            plausible = identifiers.ExpectColumnDatesToBePlausible(column=name, mostly=_MOSTLY_RIGHT)
            yield _generated(plausible, name, severity)


def _generated(expectation: Any, column: str, severity: Severity) -> Asked:
    return Asked(expectation.expectation_type, column, severity, expectation)
