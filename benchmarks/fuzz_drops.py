"""Thousands of damaged drops through the gate: each loaded, held, refused or waiting, and nothing else happens.

    python -m benchmarks.fuzz_drops --batches 500            # 20 drops a batch; stop it and start it again at will
    python -m benchmarks.fuzz_drops --only 137               # one batch again, findings in full

A batch is one night's agency: real drops of its feeds, shortened to a few rows, damaged in one to three ways, four of
them a sweep. Half of the feeds come in the agreed format, the others as Parquet, XLSX or XML. Beside them, in the same
sweep, another agency sends a good drop. Afterwards is asked, of every drop:

    crash         something stopped the gate, for this drop or for the sweep
    effect        a raw table or a held row of another agency changed, or its good drop did not load
    unaccounted   rows in <> loaded + unchanged + held, in the report, the three drop logs, or the tables themselves;
                  a count that plain Python does not share; a drop that nobody mentions
    wordless      a refusal that does not name the file, or a held row without a rule
    leak          a value of the file in a message, a report or a log line

A finding is told with its seed and what had been done to the drop.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.fuzz_batch import DROPS_PER_BATCH, run_batch
from benchmarks.fuzz_sending import Fuzz, demo_landing
from benchmarks.resume import PROGRESS, Progress, keep_result


def main() -> int:
    """Run, print a summary, keep it; 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=500, help=f"{DROPS_PER_BATCH} drops each")
    parser.add_argument("--first", type=int, default=0, help="seed of the first batch")
    parser.add_argument("--only", type=int, help="run one batch and print its findings")
    parser.add_argument("--progress", type=Path, default=PROGRESS / "fuzz_drops.jsonl")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier start has done")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hub_fuzz_demo_") as folder:
        fuzz = Fuzz.from_landing(demo_landing(Path(folder)))
    if arguments.only is not None:
        for finding in run_batch(fuzz, arguments.only).findings:
            print(finding)
        return 0
    if arguments.fresh:
        arguments.progress.unlink(missing_ok=True)
    progress = Progress(arguments.progress)
    pieces = [str(seed) for seed in range(arguments.first, arguments.first + arguments.batches)]
    for piece in progress.remaining(pieces):
        started = time.monotonic()
        result = run_batch(fuzz, int(piece))
        progress.add(piece, {**result.as_dict(), "seconds": round(time.monotonic() - started, 3)})
        if result.findings:
            print(f"batch {piece}: {result.findings[0]}", flush=True)
    summary = summarise([progress.done[piece] for piece in pieces])
    keep_result("fuzz_drops", {"first_batch": arguments.first, **summary})
    for name in ("drops", "seconds", "drops_per_second", "outcomes", "rows", "findings_by_kind"):
        print(f"{name}: {summary[name]}")
    return 1 if summary["findings"] else 0


def summarise(batches: list[dict[str, Any]]) -> dict[str, Any]:
    """All batches in one."""
    totals: dict[str, Counter[str]] = {name: Counter() for name in ("outcomes", "by_mutation", "rows")}
    for batch in batches:
        for name, total in totals.items():
            total.update(batch[name])
    findings = [finding for batch in batches for finding in batch["findings"]]
    drops = sum(totals["outcomes"].values())
    seconds = sum(batch["seconds"] for batch in batches)
    return {
        "batches": len(batches),
        "drops": drops,
        "seconds": round(seconds, 1),
        "drops_per_second": round(drops / max(seconds, 1e-9), 1),
        **{name: dict(sorted(total.items())) for name, total in totals.items()},
        "findings_by_kind": dict(Counter(finding["kind"] for finding in findings)),
        "findings": findings,
    }


if __name__ == "__main__":
    sys.exit(main())
