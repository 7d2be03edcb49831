"""What the history of a feed says of its newest data, as asset checks of the feed: counts, never values.

None of them blocks: a bad batch of one agency may not stop the others. What must stop a list does so when the list is
made (`pipelines/list_stops.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.metadata import numbers, table

if TYPE_CHECKING:
    from data_quality.expectations.history import CheckRow
    from data_quality.feed_status import FeedStatus

_ON_TIME = "on_time"
# Check -> scopes of the history it shows.
_CHECKS = {
    "contract_suite": (
        ("row", "standing"),
        "The newest rows against the expectations generated from the contract, and all current rows against the rules "
        "that need them.",
    ),
    "volume": (("volume",), "The newest drop has about as many rows as this feed usually brings on such a day."),
    "schema": (("schema",), "The newest drop has the agreed columns, no others, in the agreed order."),
}


def batch_check_specs(asset: dg.AssetKey) -> Iterator[dg.AssetCheckSpec]:
    """The checks every feed has: its newest data against its contract, its usual volume and its agreed columns."""
    for name, (_, description) in _CHECKS.items():
        yield dg.AssetCheckSpec(name, asset=asset, description=description)


def batch_check_results(
    asset: dg.AssetKey, newest: Iterable[CheckRow], problems: list[str], contact: str
) -> Iterator[dg.AssetCheckResult]:
    """How the last answers to every rule stand, whether they came tonight or before: a bad batch stays bad until a
    better one comes. A failed rule of severity `stop` is an error, any other a warning.

    Args:
        newest: `history.newest` of this feed.
        problems: why batches of tonight could not be checked at all: the check then fails, although the rows are in.
        contact: whom to ring.
    """
    rows = list(newest)
    for name, (scopes, _) in _CHECKS.items():
        mine = [row for row in rows if row.scope in scopes]
        failed = [row for row in mine if not row.passed]
        not_checked = problems if name == "contract_suite" else []
        is_error = any(row.severity == "stop" for row in failed)
        yield dg.AssetCheckResult(
            check_name=name,
            asset_key=asset,
            passed=not failed and not not_checked,
            severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
            metadata={
                **numbers({"rules": len(mine), "not_met": len(failed)}),
                **({"stops_the_list": True} if is_error else {}),
                **({"whom_to_ring": contact} if failed or not_checked else {}),
                **({"not_checked": table(["why"], [[problem] for problem in not_checked])} if not_checked else {}),
                **({"rules_not_met": _rules(failed)} if failed else {}),
            },
        )


def _rules(failed: list[CheckRow]) -> dg.MetadataValue:
    head = ["rule", "column", "severity", "rows that break it", "rows judged", "since drop received (UTC)"]
    return table(
        head,
        [
            [
                row.expectation,
                row.column_name,
                row.severity,
                "" if row.unexpected is None else row.unexpected,
                "" if row.checked is None else row.checked,
                f"{row.received_at:%Y-%m-%d %H:%M}",
            ]
            for row in failed
        ],
    )


def on_time_spec(asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """Whether a feed's newest good load is as recent as its contract promises.

    It goes by the run's own clock and by when the drop was received, where the freshness policy of the asset goes by
    the wall clock and by when the drop was taken in; and it knows of refusals and agreements.
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
