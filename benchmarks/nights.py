"""A year of nights in one process: time, size and residue of every night, and the same content when done again.

    python -m benchmarks.nights --nights 365 --children 400            # stop it and start it again at will
    python -m benchmarks.nights --nights 40 --replay 20 --fresh

Every night's files go through the gate and its expectations; every 30th night, and the Sunday night after it with the
week's lists, through `hub run` as its users start it (`--no-dagster` leaves that out). Files go wrong as
`synthetic.agencies.incidents` has it, and the September code list is taken in on night 22. Told of each night:

    seconds, rows, unaccounted   the gate's seconds (all agencies), rows received, drops whose rows went astray
    residue                      files in var that are no data, open files, temporary tables, memory of this process
    bytes, rows_held             size of the zones, and rows in all their tables
    content                      a hash over every table of every zone and every frozen list

`--replay N` afterwards does the first N nights again in a new place with the same keys and compares `content`.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.night_path import (
    date_of,
    deliver,
    instant_of_night,
    new_partnership,
    open_hub,
    take_in,
    unlogged,
)
from benchmarks.resume import PROGRESS, Progress, keep_result
from pipelines.clock import SUNDAY, weekly_cutoff
from pipelines.hub import Hub
from pipelines.list_stops import stops_at
from synthetic.agencies.code_change import update_codes
from tests.demo_hub import DemoHub
from tests.same_content import list_hashes, table_hashes

CODES_KNOWN, WHOLE_RUN_EVERY = 22, 30
_DATA = ("landing", "outbox", "assurance", "models", "dbt", "dagster_home", "alerts")
_RESIDUE = ("stray_files", "open_files", "temporary_tables", "memory_megabytes")


class Simulation:
    """One partnership, night after night.

    Args:
        agencies: only these are taken in (for a short simulation); all if empty.
        whole_runs: whether every 30th night goes through `hub run`.
    """

    def __init__(self, demo: DemoHub, children: int, agencies: tuple[str, ...] = (), whole_runs: bool = False) -> None:
        self._demo, self._children, self._agencies, self._whole_runs = demo, children, agencies, whole_runs
        self._hub: Hub | None = None

    def night(self, night: int) -> dict[str, Any]:
        """Deliver a night, take it in, and say what it came to; a night that was broken off is done again."""
        deliver(self._demo, night, self._children, weeks_ahead=54)
        if night >= CODES_KNOWN and update_codes(Path(self._demo.partnership) / "codes"):
            self._hub = None
        is_whole = self._whole_runs and _is_whole(night)
        stopped = self._run_whole(night) if is_whole else 0
        hub = self._hub = self._hub or open_hub(self._demo)
        started = time.monotonic()
        done = take_in(hub, instant_of_night(night), agencies=self._agencies)
        seconds = time.monotonic() - started
        # Dear, and a leak that counts is still there after a week.
        if night % 7 == 0:
            gc.collect()
        tables = dict(table_hashes(self._demo))
        return {
            "night": night,
            "whole_run": is_whole,
            "stopped_lists": stopped,
            "seconds": round(seconds, 3),
            "rows": done.rows,
            "unaccounted": done.unaccounted + unlogged(self._demo, hub, night, self._agencies),
            "problems": done.problems,
            "stray_files": sum(1 for _ in _stray(self._demo.root)),
            "open_files": len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0,
            "temporary_tables": done.temporary,
            "memory_megabytes": _memory(),
            "bytes": sum(path.stat().st_size for path in self._demo.root.glob("*.duckdb")),
            "rows_held": sum(rows for rows, _ in tables.values()),
            "content": content_of({**tables, **(list_hashes(self._demo) if self._whole_runs else {})}),
        }

    def _run_whole(self, night: int) -> int:
        """The night, and on a Sunday the week's lists, by `hub run`; 1 where a rule about the data stopped the lists.

        A weekly run has to fail then and only then: few children make a feed jump about, and a stop is no fault.
        """
        self._demo.run("run", "nightly", timeout=3_000)
        if date_of(night).weekday() != SUNDAY:
            return 0
        stops = stops_at(open_hub(self._demo), weekly_cutoff(date_of(night)))
        stopped = any(stop.override is None for stop in stops)
        self._demo.run("run", "weekly", timeout=3_000, fails=stopped)
        return int(stopped)


def content_of(tables: Mapping[str, object]) -> str:
    """One hash over named hashes."""
    return hashlib.sha256(repr(sorted(tables.items())).encode()).hexdigest()


def summarise(nights: list[dict[str, Any]]) -> dict[str, Any]:
    """Growth of time against growth of data, what is left behind, and what went wrong.

    The slopes are of least squares over the ordinary nights after the first week, each as a share of its own mean a
    night: a night's time that grows no faster than the data it stands on has a ratio of at most one.
    """
    ordinary = [one for one in nights if one["night"] > 7 and not one["whole_run"]]
    summary = {
        "nights": len(nights),
        "rows": sum(one["rows"] for one in nights),
        "unaccounted": [line for one in nights for line in one["unaccounted"]],
        "problems": [line for one in nights for line in one["problems"]],
        "stopped_lists": [one["night"] for one in nights if one.get("stopped_lists")],
        "seconds": round(sum(one["seconds"] for one in nights), 1),
        "bytes_a_row": [round(one["bytes"] / max(1, one["rows_held"])) for one in (nights[0], nights[-1])],
        "rows_held": [nights[0]["rows_held"], nights[-1]["rows_held"]],
        "residue": {name: [ordinary[0][name], ordinary[-1][name]] for name in _RESIDUE} if ordinary else {},
    }
    if len(ordinary) > 2:
        growth = {name: _growth(ordinary, name) for name in ("seconds", "rows_held", "memory_megabytes", "bytes")}
        summary |= {
            "seconds_median": round(float(np.median([one["seconds"] for one in ordinary])), 2),
            "growth_a_night": {name: round(value, 6) for name, value in growth.items()},
            "seconds_over_data": round(growth["seconds"] / growth["rows_held"], 2) if growth["rows_held"] else None,
        }
    return summary


def _growth(nights: list[dict[str, Any]], name: str) -> float:
    values = [float(one[name]) for one in nights]
    slope = np.polyfit([one["night"] for one in nights], values, 1)[0]
    return float(slope / np.mean(values))


def _is_whole(night: int) -> bool:
    """Every 30th night, and the Sunday night that follows it."""
    since = night % WHOLE_RUN_EVERY
    return night >= WHOLE_RUN_EVERY and (since == 0 or (since <= SUNDAY and date_of(night).weekday() == SUNDAY))


def _stray(root: Path) -> list[Path]:
    known = {f"{zone}.duckdb" for zone in ("identity", "warehouse", "quarantine")} | {"hub.sqlite", "run.lock"}
    # dbt installs DuckDB's cipher from its wheel into tmp/extensions.
    paths = (path for path in root.rglob("*") if path.is_file() and "extensions" not in path.parts)
    return [path for path in paths if path.relative_to(root).parts[0] not in _DATA and path.name not in known]


def _memory() -> float:
    """Resident memory of this process in megabytes; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    pages = int(statm.read_text(encoding="ascii").split()[1]) if statm.exists() else 0
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1024**2, 1)


def main() -> int:
    """Simulate, replay, print a summary, keep it; 1 if a row is unaccounted for or a night differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--children", type=int, default=400)
    parser.add_argument("--replay", type=int, default=0, help="so many first nights again, from nothing")
    parser.add_argument("--no-dagster", action="store_true", help="no night through `hub run`")
    parser.add_argument("--folder", type=Path, default=PROGRESS / "nights", help="where the partnership is kept")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier start has done")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.absolute()
    if arguments.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    progress = Progress(folder / "nights.jsonl")
    is_new = not (folder / "pack").exists()
    demo = new_partnership(folder) if is_new else DemoHub(folder, str(next((folder / "pack").iterdir())))
    simulation = Simulation(demo, arguments.children, whole_runs=not arguments.no_dagster)
    for piece in progress.remaining(str(night) for night in range(arguments.nights + 1)):
        progress.add(piece, simulation.night(int(piece)))
        one = progress.done[piece]
        print(
            f"night {piece}: {one['seconds']} s, {one['rows']} rows, {one['memory_megabytes']} MB; "
            f"{one['unaccounted'] or one['problems'] or 'well'}",
            flush=True,
        )
    nights = [progress.done[str(night)] for night in range(arguments.nights + 1)]
    result = summarise(nights)
    result["replay_differs"] = _replay(demo, arguments, nights) if arguments.replay else None
    keep_result("nights", {"children": arguments.children, **result, "by_night": nights})
    print(result)
    return 1 if result["unaccounted"] or result["problems"] or result["replay_differs"] else 0


def _replay(demo: DemoHub, arguments: argparse.Namespace, nights: list[dict[str, Any]]) -> list[int]:
    """The first nights again with the same keys; those that come to something else."""
    with tempfile.TemporaryDirectory(prefix="hub_replay_") as folder:
        again = new_partnership(Path(folder), demo.folder / "keys.json")
        simulation = Simulation(again, arguments.children, whole_runs=not arguments.no_dagster)
        return [
            night
            for night in range(arguments.replay + 1)
            if simulation.night(night)["content"] != nights[night]["content"]
        ]


if __name__ == "__main__":
    sys.exit(main())
