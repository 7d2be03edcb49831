"""The rolling back-test at size: a model a month, each judged on the weeks until the next, beside others and an oracle.

    HUB_VAR=... HUB_DROPS=... HUB_KEY_FILE=... python -m benchmarks.backtest --splits 8 --step 4

Reads the warehouse of a demo state that `hub run weekly` has finished (nothing is written). Prints one JSON object: the
seconds of panel, back-test and assessment, the figures of every split, those of all weeks together, and how near the
score comes to the best possible chance from the true event histories (`oracle`, known in a synthetic world alone).
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.machine import machine, peak_gigabytes
from models.risk.declare import RiskConfig, load_risk
from pipelines.best_possible import best_possible
from pipelines.hub import Hub
from pipelines.risk_backtest import BackTest, back_test, rolling
from pipelines.weekly_lists import children_on

SHOWN = (
    "split",
    "training_weeks",
    "embargo_days",
    "people_with_outcome",
    "base_rate",
    "average_precision",
    "candidates",
)


@contextmanager
def timed(into: dict[str, Any], name: str):
    """Put the seconds and processor seconds of a block into a dict."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    seconds, processor = time.perf_counter() - wall, time.process_time() - cpu
    into[name] = {"seconds": round(seconds, 1), "cpu_seconds": round(processor, 1)}


def run(hub: Hub, con: duckdb.DuckDBPyConnection, config: RiskConfig) -> tuple[dict[str, Any], BackTest]:
    """The back-test on the newest Sunday of the state, each stage timed."""
    times: dict[str, Any] = {}
    done = back_test(hub, con, config, lambda stage: timed(times, stage))
    told = {"children": children_on(con, done.as_of), "as_of": done.as_of.isoformat(), "splits": len(done.given.plan)}
    told |= {"rows": done.rows, "times": times}
    told["evaluation"] = {k: v for k, v in done.figures.items() if k not in {"curves", "score_histogram"}}
    told["by_split"] = [_short(one) for one in done.rolled.evaluations] if len(done.given.plan) > 1 else []
    return told, done


def _short(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures of a split worth a line."""
    out = {k: figures[k] for k in SHOWN if k in figures}
    found = figures.get("at_capacity", {})
    return out | {f"precision_{n}": found[n]["precision"] for n in ("model", "contact_count", "rules") if n in found}


def main() -> None:
    """Run the benchmark on the state that the environment names and print its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=8)
    parser.add_argument("--step", type=int, default=4, help="weeks between splits, and judged by each")
    parser.add_argument("--folds", type=int, help="parts into which families are dealt (default: the pack's)")
    parser.add_argument("--out", type=Path, help="also write the result to this file")
    given = parser.parse_args()
    hub = Hub.from_environment()
    config = rolling(load_risk(hub.declaration("risk.yml")), given.splits, given.step, given.folds)
    with hub.zones.open("warehouse", read_only=True) as con:
        told, done = run(hub, con, config)
        judged = done.rolled.judged
        if judged is not None and judged.log_odds is not None:
            told["oracle"] = best_possible(hub, con, judged, done.given.capacity, config)
    told |= {
        "peak_gigabytes": peak_gigabytes(),
        "family_folds": config.evaluation.family_folds,
        "machine": machine(),
    }
    text = json.dumps(told, indent=1, default=str)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
