"""A week's run at size, stage by stage: what reasons for the listed and the watch over drift take of it; harm trace.

    HUB_VAR=... HUB_DROPS=... HUB_KEY_FILE=... python -m benchmarks.weekly_run --out benchmarks/results/weekly_run.json

Judges the newest week of a state that `hub run weekly` has finished, by the function that the weekly run itself calls,
and keeps nothing of it. Reasons cover everybody listed, and the children with a worker for whom a pattern holds on
something new. The baseline is the panel of the same run. Where a gate keeps the model silent (`channel` says so), there
are the patterns' reasons alone. Then the model that last spoke is traced as by `hub risk trace` (whom it listed, who
saw it, what followed), which is logged and leaves its files in the outbox.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.machine import machine, peak_gigabytes
from pipelines.hub import Hub
from pipelines.risk_backtest import newest_week
from pipelines.risk_registry import standing
from pipelines.risk_trace import trace
from pipelines.weekly_lists import children_on
from pipelines.weekly_risk import judge_week


class Stages:
    """Seconds from each stage's beginning to the next one's."""

    def __init__(self) -> None:
        self.began: list[tuple[str, float]] = []

    def __call__(self, stage: str) -> None:
        self.began.append((stage, time.perf_counter()))
        print(f"{stage} ...", file=sys.stderr, flush=True)

    def seconds(self) -> dict[str, float]:
        """By stage; the last one ends now."""
        ends = [at for _, at in self.began[1:]] + [time.perf_counter()]
        return {name: round(end - at, 2) for (name, at), end in zip(self.began, ends, strict=True)}


def main() -> None:
    """Judge the newest week of the state that the environment names and print its stages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="also write the result to this file")
    given = parser.parse_args()
    hub, stages = Hub.from_environment(), Stages()
    began = time.perf_counter()
    with hub.zones.open("warehouse", read_only=True) as con:
        as_of = newest_week(con)
        run, _ = judge_week(hub, con, as_of, stages)
        seconds = stages.seconds()
        children = children_on(con, as_of)
    whole = time.perf_counter() - began
    spoke = standing(hub).champion()
    began_trace = time.perf_counter()
    files = trace(Console(stderr=True), spoke.model, "benchmark", "how long a trace takes") if spoke else []
    told: dict[str, Any] = {
        "benchmark": "weekly_run",
        "measured_at": time.strftime("%Y-%m-%d"),
        "children": children,
        "as_of": as_of.isoformat(),
        "channel": run.channel,
        "statement": run.statement,
        "gates": {gate["id"]: gate["status"] for gate in run.gates},
        "candidates": len(run.candidates),
        "listed_by_model": sum("model" in one["channel"] for one in run.candidates),
        "notices": len(run.notices),
        "stage_seconds": seconds,
        "against_panel": {name: round(seconds[name] / seconds["panel"], 2) for name in ("reasons", "drift")},
        "trace": {"model": spoke.model, "seconds": round(time.perf_counter() - began_trace, 2), "files": len(files)}
        if spoke
        else None,
        "whole_seconds": round(whole, 1),
        "peak_gigabytes": peak_gigabytes(),
        "machine": machine(),
    }
    text = json.dumps(told, indent=1)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
