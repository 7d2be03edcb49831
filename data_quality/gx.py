"""Great Expectations on tonight's batch: a suite generated from the feed's contract.

Row rules live in the gate; what is asked here are properties of the *batch* that no single row can break: its columns,
its size, how full its columns are, whether its dates reach where they should. Only counts and shares leave this
module. The context is ephemeral, sends nothing, and stores nothing; the library is imported when first used, because
its import alone takes seconds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from data_quality.code_sets import CodeSets
from data_quality.contract import FeedContract

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["critical", "warning", "info"]
# Codes that are not known any more are held by the gate; a batch full of them means the code set itself changed.
_CODES_KNOWN = 0.995
_LEAST_FILLED = 0.95
_EARLIEST = datetime(1900, 1, 1)


@dataclass(frozen=True)
class BatchCheck:
    """One expectation and how it went. Counts and shares only."""

    name: str
    column: str | None
    passed: bool
    severity: Severity
    promised: float | None = None
    checked: int | None = None
    unexpected: int | None = None


@dataclass(frozen=True)
class BatchReport:
    """The suite's verdict on one batch."""

    feed: str
    rows: int
    checks: tuple[BatchCheck, ...]

    @property
    def passed(self) -> bool:
        """No expectation failed."""
        return all(check.passed for check in self.checks)

    @property
    def severity(self) -> Severity | None:
        """The worst severity that failed, None if none did."""
        failed = {check.severity for check in self.checks if not check.passed}
        order: tuple[Severity, ...] = ("critical", "warning", "info")
        return next((severity for severity in order if severity in failed), None)

    @property
    def failed(self) -> tuple[BatchCheck, ...]:
        """The expectations that failed."""
        return tuple(check for check in self.checks if not check.passed)


def validate_batch(
    contract: FeedContract, frame: pd.DataFrame, code_sets: CodeSets | None = None, rows: int | None = None
) -> BatchReport:
    """Validate the accepted rows of one batch by the suite made from its contract.

    Args:
        frame: the rows (or an even sample of them) with the contract's kept columns.
        rows: size of the whole batch when `frame` is a sample.
    """
    import great_expectations as gx

    total = len(frame) if rows is None else rows
    _context()
    suite = gx.ExpectationSuite(name=contract.name)
    for expectation in expectations_of(contract, frame, code_sets):
        suite.add_expectation(expectation)
    batch = _batch_definition().get_batch(batch_parameters={"dataframe": frame})
    result = batch.validate(suite, result_format={"result_format": "BASIC", "partial_unexpected_count": 0})
    checks = [_check(item) for item in result.results]
    checks += _volume(contract, total)
    return BatchReport(contract.name, total, tuple(checks))


def expectations_of(contract: FeedContract, frame: pd.DataFrame, code_sets: CodeSets | None) -> list[Any]:
    """The suite of a feed: columns, completeness, uniqueness, code shares, plausible dates."""
    import great_expectations.expectations as gxe
    from great_expectations.expectations.metadata_types import FailureSeverity

    critical, warning = FailureSeverity.CRITICAL, FailureSeverity.WARNING
    kept = [column for column in contract.columns if column.zones]
    wanted: list[Any] = [
        gxe.ExpectTableColumnsToMatchSet(
            column_set=[column.name for column in kept], exact_match=True, severity=critical
        )
    ]
    if frame.empty:
        return wanted
    for column in kept:
        if column.required:
            wanted.append(gxe.ExpectColumnValuesToNotBeNull(column=column.name, severity=critical))
        elif column.completeness is not None:
            wanted.append(
                gxe.ExpectColumnValuesToNotBeNull(column=column.name, mostly=column.completeness, severity=warning)
            )
        elif column.occurred_on:
            wanted.append(gxe.ExpectColumnValuesToNotBeNull(column=column.name, mostly=_LEAST_FILLED, severity=warning))
        if column.code_set and code_sets and not column.json_array and not column.separator:
            codes = sorted({code for code, _, _ in code_sets.get(column.code_set).codes})
            wanted.append(
                gxe.ExpectColumnValuesToBeInSet(
                    column=column.name, value_set=codes, mostly=_CODES_KNOWN, severity=warning
                )
            )
        if column.type == "date" and frame[column.name].notna().any():
            wanted.append(gxe.ExpectColumnMinToBeBetween(column=column.name, min_value=_EARLIEST, severity=warning))
    keys = [column.name for column in contract.keys if column.zones]
    if len(keys) == len(contract.keys):
        unique = (
            gxe.ExpectColumnValuesToBeUnique(column=keys[0], severity=critical)
            if len(keys) == 1
            else gxe.ExpectCompoundColumnsToBeUnique(column_list=keys, severity=critical)
        )
        wanted.append(unique)
    return wanted


def _volume(contract: FeedContract, rows: int) -> list[BatchCheck]:
    """The volume band, judged on the whole batch even when only a sample of it was handed in."""
    least, most = contract.volume
    if least is None and most is None:
        return []
    passed = (least is None or rows >= least) and (most is None or rows <= most)
    return [BatchCheck("expect_table_row_count_to_be_between", None, passed, "warning", checked=rows)]


def _check(item: Any) -> BatchCheck:
    config, outcome = item.expectation_config, item.result or {}
    severity = str(getattr(config.severity, "value", config.severity) or "critical")
    return BatchCheck(
        name=config.type,
        column=config.kwargs.get("column"),
        passed=bool(item.success),
        severity=severity,  # type: ignore[arg-type]
        promised=config.kwargs.get("mostly"),
        checked=outcome.get("element_count"),
        unexpected=outcome.get("unexpected_count"),
    )


@cache
def _context() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context


@cache
def _batch_definition() -> Any:
    source = _context().data_sources.add_pandas("tonight")
    return source.add_dataframe_asset("batch").add_batch_definition_whole_dataframe("whole")
