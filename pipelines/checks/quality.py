"""What Great Expectations found in tonight's batch, as an asset check of the feed: counts, never values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from pipelines.metadata import numbers, table

if TYPE_CHECKING:
    from data_quality.gx import BatchReport

_CHECK = "contract_suite"
_SEVERITIES = {"critical": dg.AssetCheckSeverity.ERROR, "warning": dg.AssetCheckSeverity.WARN}


def batch_check_spec(asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check every feed has: its batch against the suite generated from its contract.

    It does not block: a bad batch of one agency may not stop the others. What must stop a list does so as a gate.
    """
    return dg.AssetCheckSpec(
        _CHECK, asset=asset, description="Tonight's batch against the expectations generated from the contract."
    )


def batch_check_result(asset: dg.AssetKey, reports: list[BatchReport], problems: list[str]) -> dg.AssetCheckResult:
    """One result for all batches of the night; a night without a batch passes and says that there was none.

    `problems` are batches that could not be checked at all: the check then fails, although the rows are in.
    """
    failed = [
        (check.name, check.column or "", check.severity)
        for report in reports
        for check in report.checks
        if not check.passed
    ]
    worst = dg.AssetCheckSeverity.WARN
    if any(_SEVERITIES.get(severity) is dg.AssetCheckSeverity.ERROR for _, _, severity in failed):
        worst = dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        check_name=_CHECK,
        asset_key=asset,
        passed=not failed and not problems,
        severity=worst,
        metadata={
            **numbers({"batches": len(reports), "expectations": sum(len(report.checks) for report in reports)}),
            **({"not_checked": table(["why"], [[problem] for problem in problems])} if problems else {}),
            **({"not_met": table(["expectation", "column", "severity"], failed)} if failed else {}),
        },
    )
