"""What is watched every week, as asset checks: nothing looks ahead, nothing has moved without somebody being told.

A leak is an error. Drift is a warning: it stops nothing, it says what moved, since what, and whom to ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from pipelines.metadata import numbers, table

LEAK = "nothing_looks_ahead"
# By asset: check, what it is about, and the kinds of warning that fail it.
FEATURE_CHECKS = {
    "features_as_learnt": (
        "Features are spread as in the training weeks, or as in this season a year ago.",
        ("feature",),
    ),
    "agencies_as_usual": ("Every feed tells as much, and as soon, as usual.", ("amount", "lateness")),
}
SCORE_CHECKS = {
    "scores_as_learnt": ("Scores are spread as in the training weeks, or as in this season a year ago.", ("score",)),
    "base_rate_as_before": ("As many people come to have an outcome as a year before.", ("base_rate",)),
    "estimates_held": ("Lists of matured weeks found what was expected of them.", ("estimate",)),
}


def watching_specs(features: dg.AssetKey, evaluation: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks on the panel and on the evaluation; none blocks."""
    leak = "Rows of the future and rows known too late, added to a sample of people, change no feature."
    return [
        dg.AssetCheckSpec(LEAK, asset=features, description=leak),
        *(dg.AssetCheckSpec(name, asset=features, description=words) for name, (words, _) in FEATURE_CHECKS.items()),
        *(dg.AssetCheckSpec(name, asset=evaluation, description=words) for name, (words, _) in SCORE_CHECKS.items()),
    ]


def leak_result(asset: dg.AssetKey, leak: Any) -> dg.AssetCheckResult:
    """The leak check's verdict; features that moved are named."""
    return dg.AssetCheckResult(
        check_name=LEAK,
        asset_key=asset,
        passed=leak.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "what": leak.words,
            "moved": ", ".join(leak.moved),
            **numbers({"people": leak.people, "rows_added": leak.rows, "features_that_would_move": leak.control}),
        },
    )


def drift_results(
    asset: dg.AssetKey,
    checks: Mapping[str, tuple[str, Sequence[str]]],
    warnings: Sequence[Mapping[str, str]],
    compared: Mapping[str, int],
) -> list[dg.AssetCheckResult]:
    """A result a check, with the warnings that fail it. compared: by check, how much there was to compare: of nothing
    nothing has moved, and that is said."""
    out = []
    for name, (_, kinds) in checks.items():
        mine = [one for one in warnings if one["kind"] in kinds]
        out.append(
            dg.AssetCheckResult(
                check_name=name,
                asset_key=asset,
                passed=not mine,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    **numbers({"compared": compared[name], "warnings": len(mine)}),
                    "what": table(["what moved", "what to do"], [[one["words"], one["do"]] for one in mine])
                    if mine
                    else ("Nothing moved beyond its limit." if compared[name] else "There was nothing to compare yet."),
                },
            )
        )
    return out
