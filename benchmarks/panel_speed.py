"""How fast the panel is made over a whole history, and how that compares with one SQL aggregate a window.

    HUB_VAR=... HUB_KEY_FILE=... python -m benchmarks.panel_speed --weeks 260 --sampled 13

Reads the warehouse of a state that `hub run weekly` has finished (nothing is written). Prints one JSON object: seconds,
processor seconds and peak memory for every Sunday and for one more, and for the SQL that the same declarations
generate (an aggregate join a window, as peers do it), a Sunday at a time on Sundays spread over the history, with the
ratio of seconds per row and whether every cell was equal. `--sampled 260` asks the SQL for all the same cells; a
smaller number takes its cost for that of the other Sundays, which the middle of the history overstates no more than
its ends understate.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from contextlib import contextmanager
from datetime import date
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rich.progress import track

from benchmarks.machine import machine
from governance.keys import load_keys
from governance.zones import Zones
from models.risk.declare import load_risk
from models.risk.panel import Panel, build_panel
from models.risk.panel_sql import panel_sql
from pipelines.settings import Settings


@contextmanager
def timed(into: dict[str, Any]):
    """Put the seconds and processor seconds of a block into a dict."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    into["seconds"] = round(time.perf_counter() - wall, 2)
    into["cpu_seconds"] = round(time.process_time() - cpu, 2)


def sizes(panel: Panel) -> dict[str, Any]:
    """Rows and features of a panel, and the peak memory of this process so far."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    rows, features = panel.X.shape
    return {"rows": rows, "features": features, "peak_gigabytes": round(kilobytes / 1024**2, 2)}


def measure(con, config, sundays: list[date], sampled: int) -> dict[str, Any]:
    """All figures for the given Sundays."""
    names = list(config.model_features)
    out: dict[str, Any] = {"weeks": len(sundays), "all_weeks": {}, "one_more_week": {}, "sql": {}}
    with timed(out["all_weeks"]):
        panel = build_panel(con, config, sundays, features=names)
    out["all_weeks"] |= sizes(panel)
    sample = sundays[len(sundays) // (2 * sampled) :: len(sundays) // sampled][:sampled]
    on_sample = np.isin(panel.rows["as_of_date"].to_numpy().astype("datetime64[D]"), np.array(sample, "datetime64[D]"))
    expected = panel.where(on_sample)
    del panel
    with timed(out["one_more_week"]):
        out["one_more_week"]["rows"] = len(build_panel(con, config, sundays[-1:], features=names).rows)
    con.execute(f"create temp table by_sql as {panel_sql(config, sample[:1], features=names)} limit 0")
    with timed(out["sql"]):
        for sunday in track(sample, description="SQL", console=Console(stderr=True)):
            con.execute(f"insert into by_sql {panel_sql(config, [sunday], features=names)}")
    got = con.execute("from by_sql order by as_of_date, person_key").fetchnumpy()
    order = np.lexsort((expected.rows["person_key"].astype(str), expected.rows["as_of_date"]))
    equal = len(order) == len(got["person_key"]) and all(
        np.array_equal(np.asarray(got[n]).astype(np.float32), expected.column(n)[order]) for n in names
    )
    out["sql"] |= {"weeks": len(sample), "rows": len(order), "cells": len(order) * len(names), "equal": bool(equal)}
    per_row = [part["seconds"] / part["rows"] for part in (out["sql"], out["all_weeks"])]
    out["sql_seconds_per_row_over_panel"] = round(per_row[0] / per_row[1], 1)
    return out


def main() -> None:
    """Run the benchmark on the state that the environment names and print its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=260)
    parser.add_argument("--sampled", type=int, default=1, help="Sundays that the SQL is run on")
    arguments = parser.parse_args()
    settings = Settings()
    config = load_risk(yaml.safe_load((settings.pack / "risk.yml").read_text(encoding="utf-8")))
    zones = Zones(settings.root, load_keys(settings.name), threads=settings.duckdb_threads)
    with zones.open("warehouse", read_only=True) as con:
        found = con.execute("select distinct as_of_date from warehouse.marts.person_week order by 1").fetchall()
        sundays = [d for (d,) in found][-arguments.weeks :]
        figures = measure(con, config, sundays, min(arguments.sampled, len(sundays)))
    print(json.dumps({"machine": machine()} | figures, indent=1))


if __name__ == "__main__":
    main()
