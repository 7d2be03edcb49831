"""What the night says of who is who, as asset checks of `identity/persons`: counts and shares of groups alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.identity_kept import why_kept
from pipelines.metadata import numbers

if TYPE_CHECKING:
    from pipelines.linkage_night import LinkageNight

_CHECKS = {
    "identity_is_stable": "Tonight's persons are those of yesterday and what came in. If not, yesterday's are kept.",
    "found_without_a_number": "No group's records are found less often than all when their number is hidden.",
    "no_contradictions": "Few persons hold two NHS numbers, two sexes or birth dates more than a year apart.",
    "review_in_time": "Nothing has waited in the review queue of identities for longer than four weeks.",
}
# Of 10,000 persons, how many may hold records that contradict each other in one way: twice what a demo world has.
_CONFLICTS = {"two_nhs_numbers": 5.0, "two_sexes": 100.0, "birth_dates_apart": 50.0}
_OLDEST_DAYS = 28


def linkage_check_specs(asset: dg.AssetKey) -> Iterator[dg.AssetCheckSpec]:
    """None blocks: what must not be written is not written (models/linkage/guard.py)."""
    for name, description in _CHECKS.items():
        yield dg.AssetCheckSpec(name, asset=asset, description=description)


def linkage_check_results(asset: dg.AssetKey, night: LinkageNight) -> Iterator[dg.AssetCheckResult]:
    """A stopped night is an error, and so reaches people the same morning; the others are warnings."""
    verdict = night.verdict
    yield dg.AssetCheckResult(
        check_name="identity_is_stable",
        asset_key=asset,
        passed=not verdict.kept,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            **({"why": why_kept(" ".join(verdict.why), verdict.model_digest)} if verdict.kept else {}),
            **numbers(verdict.figures),
        },
    )
    values = night.figures.set_index(["measure", "scope"])["value"]
    yield _warning(asset, "found_without_a_number", night.lagging)
    odd = [
        f"{kind.replace('_', ' ')}: {values['conflicts_per_10000', kind]:g} of 10,000 persons, at most {limit:g}."
        for kind, limit in _CONFLICTS.items()
        if values["conflicts_per_10000", kind] > limit
    ]
    yield _warning(asset, "no_contradictions", odd)
    waiting = values.get("queue_oldest_days")
    late = [
        f"{kind.replace('_', ' ')}: the oldest has waited {days:.0f} days. `hub identity queue` shows it."
        for kind, days in ({} if waiting is None else waiting).items()
        if days > _OLDEST_DAYS
    ]
    yield _warning(asset, "review_in_time", late)


def _warning(asset: dg.AssetKey, name: str, found: list[str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset,
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"why": " ".join(found)} if found else {},
    )
