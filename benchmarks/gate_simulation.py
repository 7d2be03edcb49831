"""The gates themselves, tested: how often does a useless model speak, a useful one stay silent, an unfair one pass?

Families of runs (`gate_simulation_runs.py` makes one, `gate_simulation_ranges.py` says of what worlds):

    nothing    nobody can know anything; need is as likely for everybody                       must stay silent
    noise      contacts and rules tell something, the model's score is noise                   must stay silent
    no_better  the model is about as good as the better comparator and no better               must stay silent
    useful     the model's true precision is 1.5 to 3 times that of the better comparator      must speak
    fair, gap_precision, gap_missed                       fairness in worlds of the usual size
    fair_large, gap_precision_large, gap_missed_large     and in worlds with enough people for every group

At the usual size a fair world does not pass either, so that a gap which does not pass there shows little: the bar on
gaps is asked of the large worlds, with how many fair ones pass beside it.

*Published* is when every gate on the evidence passes or, of fairness, when it is unproven and accepted as in the demo
pack; how often all pass without that acceptance is told beside it. A gap is *caught* when the fairness gate does not
pass. Thresholds may be tuned on the tuning half of the ranges alone; both halves are reported.

Example: python -m benchmarks.gate_simulation --runs 200 --tuning-runs 60
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gate_simulation_ranges import Half, halves
from benchmarks.gate_simulation_runs import FAMILIES, GAP, LARGE, SILENT, USUAL, configuration, run
from benchmarks.resume import PROGRESS, Progress, keep_result
from models.risk.declare import RiskConfig
from models.risk.gates import FAILED, PASSED, UNPROVEN
from models.risk.measures import wilson
from models.risk.registry import digest, to_json

LEAST_LIFT = 1.5
BARS: dict[str, dict[str, Any]] = {
    "published_without_signal": {"families": ["nothing", "noise"], "at_most": 0.05},
    "published_when_useful": {"families": ["useful"], "at_least": 0.8},
    "gaps_caught": {"families": [f for f in LARGE if f.startswith("gap")], "at_least": 0.9},
    "gaps_caught_usual_size": {"families": [f for f in USUAL if f.startswith("gap")], "at_least": 0.9},
    "fair_passed_where_enough": {"families": ["fair_large"]},
}


def gates_hash(config: RiskConfig) -> str:
    """A hash of what decides a verdict: the gates, the intervals, the attributes, the channels."""
    said = config.model_dump(mode="json", include={"gates", "fairness", "channels"})
    said |= config.evaluation.model_dump(include={"bootstrap", "level", "smallest_cell"})
    return digest([to_json(said)])[:16]


def code_hash() -> str:
    """A hash over what makes and judges the worlds: runs of other code are not taken up again."""
    here = Path(__file__).parent
    files = [*(here.parent / "models" / "risk").rglob("*.py"), *here.glob("gate_simulation*.py")]
    return digest(path.read_bytes() for path in sorted(files))[:16]


def share(hits: int, n: int) -> dict[str, Any]:
    """A share with its Wilson interval."""
    low, high = wilson(hits, n)
    return {"n": n, "share": round(hits / n, 4) if n else None, "low": round(low, 4), "high": round(high, 4)}


def summary(family: str, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What came of the runs of one family."""
    if family in USUAL or family in LARGE:
        says = Counter(status for r in records for status in r["verdicts"].values())
        said: dict[str, Any] = {"runs": len(records)} | {
            name: share(says[status], len(records))
            for name, status in (("passed", PASSED), ("failed", FAILED), ("unproven", UNPROVEN))
        }
        if family.startswith("gap"):
            said["caught"] = share(len(records) - says[PASSED], len(records))
        return said
    if family == "useful":
        records = [r for r in records if r["true_lift"] >= LEAST_LIFT]
    if family == "no_better":
        records = [r for r in records if r["true_lift"] <= 1]
    n = len(records)
    refused: Counter[str] = Counter()
    for r in records:
        refused.update(f"{gate}: {status}" for gate, status in r["verdicts"].items() if status != PASSED)
    told: dict[str, Any] = {
        "runs": n,
        "published": share(sum(r["published"] for r in records), n),
        "published_without_acceptance": share(sum(r["published_without_acceptance"] for r in records), n),
        "benefit_gates_passed": share(
            sum(all(v == PASSED for g, v in r["verdicts"].items() if g.startswith("beats")) for r in records), n
        ),
        "did_not_pass": dict(sorted(refused.items())),
        "true_lift": _quarters([r["true_lift"] for r in records]) if family != "nothing" else None,
        "listed": _quarters([r["listed"] for r in records]),
        "found": _quarters([r["found"] for r in records]),
        "intervals": _coverage(records),
    }
    if family == "useful":
        told["by_lift"] = _by(records, "true_lift", (1.5, 1.75, 2.0, 2.5, 10.0))
        told["by_found"] = _by(records, "found", (0, 50, 80, 120, 10_000))
        rates = [r | {"base_rate": r["parameters"]["base_rate"]} for r in records]
        told["by_base_rate"] = _by(rates, "base_rate", (0.02, 0.03, 0.045, 0.07))
    return told


def _quarters(values: Sequence[float]) -> list[float]:
    """Lower quartile, median, upper quartile."""
    return [round(float(q), 3) for q in np.quantile(values, (0.25, 0.5, 0.75))] if values else []


def _coverage(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How often the 95 % interval of the difference lay wholly above or below the true difference."""
    out = {}
    for against in ("contact_count", "rules"):
        lows = [r["intervals"][against] for r in records]
        out[against] = {
            "above_the_truth": share(sum(low > true for low, true, _ in lows), len(lows)),
            "below_the_truth": share(sum(high < true for _, true, high in lows), len(lows)),
        }
    return out


def _by(records: Sequence[Mapping[str, Any]], name: str, edges: Sequence[float]) -> list[dict[str, Any]]:
    """Published by bands of something true of the run."""
    out = []
    for low, high in pairwise(edges):
        mine = [r for r in records if low <= r[name] < high]
        out.append({"from": low, "below": high} | share(sum(r["published"] for r in mine), len(mine)))
    return out


def report(done: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All families by half, and the bars on the held-out half and on both."""
    by_half: dict[str, Any] = {}
    for half in ("tuning", "held_out"):
        kept = [r for r in done.values() if r["half"] == half]
        by_half[half] = {f: summary(f, [r for r in kept if r["family"] == f]) for f in FAMILIES}
    bars: dict[str, Any] = {name: dict(bar) for name, bar in BARS.items()}
    for name, bar in BARS.items():
        for half in ("tuning", "held_out"):
            mine = [r for r in done.values() if r["half"] == half and r["family"] in bar["families"]]
            if name == "published_when_useful":
                mine = [r for r in mine if r["true_lift"] >= LEAST_LIFT]
            bars[name][half] = share(sum(_hit(name, r) for r in mine), len(mine))
    return {"bars": bars, "families": by_half}


def _hit(bar: str, record: Mapping[str, Any]) -> bool:
    """Whether a run counts towards what a bar asks how often happens."""
    if bar.startswith("published"):
        return record["published"]
    (verdict,) = record["verdicts"].values()
    return (verdict == PASSED) == bar.startswith("fair")


def main() -> None:
    """Run what has not been run, then report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="runs a family on the held-out half")
    parser.add_argument("--tuning-runs", type=int, default=60, help="runs a family on the tuning half")
    parser.add_argument("--large-runs", type=int, default=40, help="runs a family and half in large worlds")
    parser.add_argument("--first", type=int, default=0, help="number of the first run: others than those seen before")
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--report", action="store_true", help="run nothing, report all that has been run")
    parser.add_argument("--keep", action="store_true", help="write the result among the benchmarks' results")
    given = parser.parse_args()
    config = configuration()
    # Other gates or other code are another simulation; a new version with the same gates is not.
    hash_ = gates_hash(config)
    progress = Progress(PROGRESS / f"gate_simulation_{hash_}_{code_hash()}.jsonl")
    pieces: dict[str, tuple[str, Half, int]] = {}
    wanted: dict[Half, int] = {"tuning": given.tuning_runs, "held_out": given.runs}
    most = max(given.runs, given.tuning_runs, given.large_runs)
    for place in range(most):
        number = given.first + place
        for family in given.families:
            for half, runs in wanted.items():
                if place < (min(runs, given.large_runs) if family in LARGE else runs):
                    pieces[f"{family}/{half}/{number}"] = (family, half, number)
    todo = [] if given.report else list(progress.remaining(pieces))
    with ProcessPoolExecutor(given.workers) as pool:
        waiting = {pool.submit(run, *pieces[p], config): p for p in todo}
        for count, one in enumerate(as_completed(waiting), 1):
            try:
                progress.add(waiting[one], one.result())
            except RuntimeError as none:
                # Some draws of the ranges leave no world such as is wanted; the others are not to wait for them.
                print(none, flush=True)
            if count % 20 == 0:
                print(f"{count} of {len(todo)} runs", flush=True)
    told = report({p: r for p, r in progress.done.items() if given.report or p in pieces})
    whole = {
        "gates_version": config.version,
        "first_run": given.first,
        "gates": hash_,
        "code": code_hash(),
        "planted_gap": GAP,
        "silent": list(SILENT),
        "ranges": halves(),
        **told,
    }
    for name, bar in told["bars"].items():
        print(name, bar)
    for half, families in told["families"].items():
        for family, figures in families.items():
            print(half, family, figures)
    if given.keep:
        keep_result("gate_simulation", whole)


if __name__ == "__main__":
    main()
