"""The registered gates of risk.yml as asset checks: seen in the graph, and in their own history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from pipelines.metadata import numbers


def gate_check_specs(asset: dg.AssetKey, gates: Iterable[Mapping[str, Any]]) -> list[dg.AssetCheckSpec]:
    """One check a gate. None blocks: without a model list the named patterns' list is still issued."""
    return [dg.AssetCheckSpec(gate["id"], asset=asset, description=gate["title"]) for gate in gates]


def gate_check_results(asset: dg.AssetKey, judged: Iterable[Mapping[str, Any]]) -> list[dg.AssetCheckResult]:
    """*failed* is an error, *not enough evidence* a warning; the words and numbers stand beside it.

    Shadow running is a decision and no fault: a warning, so that nobody is rung for it every Monday.
    """
    return [
        dg.AssetCheckResult(
            check_name=gate["id"],
            asset_key=asset,
            passed=gate["status"] == "passed",
            severity=dg.AssetCheckSeverity.ERROR
            if gate["status"] == "failed" and gate.get("numbers", {}).get("mode") != "shadow"
            else dg.AssetCheckSeverity.WARN,
            metadata={
                "status": gate["status"],
                "why": gate["words"],
                **numbers(
                    {
                        name: value
                        for name, value in gate.get("numbers", {}).items()
                        if isinstance(value, int | float) and not isinstance(value, bool)
                    }
                ),
            },
        )
        for gate in judged
    ]
