"""What Great Expectations found in tonight's batch, as an asset check of the feed: counts, never values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from pipelines.metadata import numbers, table

if TYPE_CHECKING:
    from data_quality.feed_status import FeedStatus
    from data_quality.gx import BatchReport

_CHECK = "contract_suite"
_ON_TIME = "on_time"
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


def on_time_spec(asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """Whether a feed's newest good load is as recent as its contract promises.

    A check and not a freshness policy: a feed that brought nothing is made every night all the same (it carries its
    last good load), so the time of making says nothing about the age of the data.
    """
    return dg.AssetCheckSpec(_ON_TIME, asset=asset, description="The newest good load is as recent as promised.")


def on_time_result(asset: dg.AssetKey, status: FeedStatus) -> dg.AssetCheckResult:
    """A warning when late, refused or without an agreement; says since when the marts carry older data."""
    return dg.AssetCheckResult(
        check_name=_ON_TIME,
        asset_key=asset,
        passed=not status.is_stale,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "last_good_load": f"{status.last_good_load:%Y-%m-%d %H:%M} UTC" if status.last_good_load else "never",
            "agreement": status.agreement,
            **({"last_refusal": status.last_refusal} if status.last_refusal else {}),
            **numbers({"age_days": status.age_days, "in_quarantine": status.held_now}),
        },
    )
