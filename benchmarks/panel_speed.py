"""How fast the panel is made over a whole history, and how that compares with one SQL aggregate a window.

    HUB_VAR=... HUB_KEY_FILE=... python -m benchmarks.panel_speed --weeks 260 --sampled 13

Reads the warehouse of a state that `hub run weekly` has finished (nothing is written). Prints one JSON object: seconds,
processor seconds and peak memory for every Sunday and for one more, and for the SQL that the same declarations
generate (an aggregate join a window, as peers do it), a feature at a time on Sundays spread over the history, with the
ratio of seconds per cell and whether every cell was equal. At 60,000 people the SQL takes long: it is asked for as many
features as there is time for, in an order that mixes their kinds, on as many Sundays as `--sampled` says. A feature
whose SQL is not done within `--each` minutes is stopped and told; its time counts for nothing, in the SQL's favour.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import threading
import time
from contextlib import contextmanager
from datetime import date
from typing import Any

import duckdb
import numpy as np
import yaml
from rich.console import Console
from rich.progress import track

from benchmarks.machine import machine, peak_gigabytes
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
    rows, features = panel.X.shape
    return {"rows": rows, "features": features, "peak_gigabytes": peak_gigabytes()}


@contextmanager
def stopped_after(con: duckdb.DuckDBPyConnection, minutes: float):
    """Interrupt a query of the block that takes longer."""
    timer = threading.Timer(60 * minutes, con.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def measure(con, config, sundays: list[date], sampled: int, minutes: float, each: float) -> dict[str, Any]:
    """All figures for the given Sundays."""
    names = list(config.model_features)
    out: dict[str, Any] = {"weeks": len(sundays), "all_weeks": {}, "one_more_week": {}}
    with timed(out["all_weeks"]):
        panel = build_panel(con, config, sundays, features=names)
    out["all_weeks"] |= sizes(panel)
    sample = sundays[len(sundays) // (2 * sampled) :: len(sundays) // sampled][:sampled]
    on_sample = np.isin(panel.rows["as_of_date"].to_numpy().astype("datetime64[D]"), np.array(sample, "datetime64[D]"))
    expected = panel.where(on_sample)
    del panel
    with timed(out["one_more_week"]):
        out["one_more_week"]["rows"] = len(build_panel(con, config, sundays[-1:], features=names).rows)
    order = np.lexsort((expected.rows["person_key"].astype(str), expected.rows["as_of_date"]))
    sql = out["sql"] = {"weeks": len(sample), "rows": len(order), "features": 0, "equal": True, "not_done": []}
    sql |= {"seconds": 0.0, "cpu_seconds": 0.0}
    ends = time.monotonic() + 60 * minutes
    for name in track(_mixed(names), description="SQL", console=Console(stderr=True)):
        if time.monotonic() > ends:
            break
        query, took = panel_sql(config, sample, features=[name]), dict[str, float]()
        try:
            with timed(took), stopped_after(con, each):
                got = con.execute(f"select {name} from ({query}) order by as_of_date, person_key").fetchnumpy()[name]
        except duckdb.InterruptException:
            sql["not_done"].append(name)
            continue
        sql["equal"] &= np.array_equal(np.asarray(got).astype(np.float32), expected.column(name)[order])
        sql["features"] += 1
        for clock, seconds in took.items():
            sql[clock] = round(sql[clock] + seconds, 2)
    out["sql"]["cells"] = len(order) * out["sql"]["features"]
    cells = [out["sql"]["cells"], out["all_weeks"]["rows"] * len(names)]
    for clock in ("seconds", "cpu_seconds"):
        per_cell = [part[clock] / n for part, n in zip((out["sql"], out["all_weeks"]), cells, strict=True)]
        out[f"sql_{clock}_per_cell_over_panel"] = round(per_cell[0] / per_cell[1], 1)
    return out


def _mixed(names: list[str]) -> list[str]:
    """The features in an order that mixes kinds and windows, should there be no time for all."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())


def main() -> None:
    """Run the benchmark on the state that the environment names and print its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=260)
    parser.add_argument("--sampled", type=int, default=1, help="Sundays that the SQL is run on")
    parser.add_argument("--minutes", type=float, default=10, help="after which no further feature is asked of the SQL")
    parser.add_argument("--each", type=float, default=2, help="minutes after which the SQL of one feature is stopped")
    arguments = parser.parse_args()
    settings = Settings()
    config = load_risk(yaml.safe_load((settings.pack / "risk.yml").read_text(encoding="utf-8")))
    zones = Zones(settings.root, load_keys(settings.name), threads=settings.duckdb_threads)
    with zones.open("warehouse", read_only=True) as con:
        found = con.execute("select distinct as_of_date from warehouse.marts.person_week order by 1").fetchall()
        sundays = [d for (d,) in found][-arguments.weeks :]
        figures = measure(con, config, sundays, min(arguments.sampled, len(sundays)), arguments.minutes, arguments.each)
    print(json.dumps({"machine": machine()} | figures, indent=1))


if __name__ == "__main__":
    main()
