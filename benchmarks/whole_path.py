"""The whole path at one or more sizes: world, first night, week, and the next night.

Every stage is a process of its own, timed from start to end with its peak memory; inside a run the steps' own times
come from Dagster's history. The baseline is a bare DuckDB read of the same files, measured in the same run: it says
how much of a stage is the machine and how much is ours.

Example: python -m benchmarks.whole_path --children 20000 60000
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine, measure

RESULTS = Path(__file__).parent / "results"
HUB = str(Path(sys.executable).with_name("hub"))
STAGES = {
    "world and first drops": ["demo", "create"],
    "first night": ["run", "nightly"],
    "week": ["run", "weekly"],
    "next night's drops": ["demo", "advance"],
    "next night": ["run", "nightly"],
}


def bare_read(landing: Path) -> dict[str, float]:
    """Rows a second of DuckDB reading the landed UTF-8 files as text into memory, with nothing else done."""
    import duckdb

    rows, started = 0, time.monotonic()
    with duckdb.connect() as con:
        con.execute("set threads = 2")
        for file in sorted(landing.glob("*/*/*.csv")):
            if "police" in file.parts:  # not UTF-8
                continue
            con.execute("create or replace table bare as from read_csv(?, all_varchar = true)", [str(file)])
            rows += con.execute("select count(*) from bare").fetchall()[0][0]
    seconds = time.monotonic() - started
    return {"rows": rows, "seconds": round(seconds, 2), "rows_per_second": round(rows / max(seconds, 1e-9))}


def steps_of_last_run(state: Path) -> dict[str, float]:
    """Seconds of each step of the newest run in a partnership's Dagster history."""
    import dagster as dg

    os.environ["DAGSTER_HOME"] = str(state / "dagster_home")
    with dg.DagsterInstance.get() as instance:
        run = instance.get_runs(limit=1)[0]
        stats = instance.get_run_step_stats(run.run_id)
    return {one.step_key: round(one.end_time - one.start_time, 2) for one in stats if one.end_time and one.start_time}


def one_size(children: int, folder: Path, console: Console) -> dict[str, Any]:
    """All stages at one size in an empty folder."""
    environ = {
        **os.environ,
        "HUB_VAR": str(folder / "var"),
        "HUB_DROPS": str(folder / "drops"),
        "HUB_KEY_FILE": str(folder / "keys.json"),
        "COLUMNS": "120",
    }
    state = folder / "var" / "northmere"
    report: dict[str, Any] = {"children": children, "stages": {}}
    for stage, words in STAGES.items():
        extra = ["--children", str(children)] if stage == "world and first drops" else []
        console.print(f"[bold]{children:,} children: {stage}[/bold]")
        measured = measure([HUB, *words, *extra], environ)
        report["stages"][stage] = {**measured.as_dict()}
        if measured.exit_code:
            raise SystemExit(f"{stage} failed at {children:,} children; see the messages above.")
        if stage == "world and first drops":
            report["bare_read"] = bare_read(state / "landing")
        if words[0] == "run":
            report["stages"][stage]["steps"] = steps_of_last_run(state)
    gate = sum(
        seconds for step, seconds in report["stages"]["first night"]["steps"].items() if step.startswith("gate_")
    )
    report["gate_rows_per_second"] = round(report["bare_read"]["rows"] / max(gate, 1e-9))
    report["gate_over_bare_read"] = round(gate / max(report["bare_read"]["seconds"], 1e-9), 2)
    return report


def show(report: dict[str, Any], console: Console) -> None:
    """A table of one size."""
    table = Table(title=f"{report['children']:,} children x 5 years (synthetic)")
    for column in ("stage", "seconds", "cpu seconds", "peak GB", "of the bare read"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    bare = max(report["bare_read"]["seconds"], 1e-9)
    for stage, one in report["stages"].items():
        table.add_row(
            stage,
            f"{one['wall_seconds']:.1f}",
            f"{one['cpu_seconds']:.1f}",
            f"{one['peak_gigabytes']:.2f}",
            f"{one['wall_seconds'] / bare:.1f} x",
        )
    console.print(table)
    console.print(
        f"bare read: {report['bare_read']['rows']:,} rows, {report['bare_read']['rows_per_second']:,} rows/s; "
        f"gate with rules, keys, versions, GX and encryption: {report['gate_rows_per_second']:,} rows/s"
    )


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, nargs="+", default=[20_000, 60_000])
    arguments = parser.parse_args()
    console = Console(stderr=True)
    reports = []
    for children in arguments.children:
        with tempfile.TemporaryDirectory(prefix="hub_bench_") as folder:
            reports.append(one_size(children, Path(folder), console))
        show(reports[-1], console)
    RESULTS.mkdir(exist_ok=True)
    measured_at = datetime.now(UTC)
    result = {"measured_at": measured_at.isoformat(timespec="seconds"), "machine": machine(), "sizes": reports}
    target = RESULTS / f"whole_path_{measured_at:%Y%m%d}.json"
    target.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(json.dumps(result, indent=1))
    console.print(f"kept in {target.name}")


if __name__ == "__main__":
    main()
