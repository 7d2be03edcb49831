"""The rolling back-test at size: a model a month, each judged on the weeks until the next, beside others and an oracle.

    HUB_VAR=... HUB_DROPS=... HUB_KEY_FILE=... python -m benchmarks.backtest --splits 8 --step 4

Reads the warehouse of a demo state that `hub run weekly` has finished (nothing is written). Prints one JSON object: the
seconds of panel, back-test and assessment, the figures of every split, those of all weeks together, and how near the
score comes to the best possible chance from the true event histories (`oracle`, known in a synthetic world alone).
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from benchmarks.machine import machine
from governance.pseudonym import Pseudonym
from models.risk import labels, measures, splits
from models.risk.assess import assess
from models.risk.backtest import Judged
from models.risk.calibrate import chance
from models.risk.declare import RiskConfig, load_risk, load_rules
from models.risk.panel import build_panel
from models.risk.recorders import recorders_of
from models.risk.rolling import Rolled, roll
from models.risk.select import draw
from pipelines.hub import Hub
from pipelines.risk_pack import audit_attributes
from pipelines.weekly_lists import children_on

MARTS = "warehouse.marts"
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


def declared(hub: Hub, changes: dict[str, Any]) -> RiskConfig:
    """The pack's declarations with another back-test."""
    raw = hub.declaration("risk.yml")
    return load_risk(raw | {"evaluation": raw["evaluation"] | changes})


def run(hub: Hub, con: duckdb.DuckDBPyConnection, config: RiskConfig) -> tuple[dict[str, Any], Rolled]:
    """Panel, back-test and assessment, timed, on the newest Sunday of the state."""
    book = load_rules(hub.declaration("rules.yml"), config)
    times: dict[str, Any] = {}
    weeks = [d for (d,) in con.execute(f"select distinct as_of_date from {MARTS}.person_week order by 1").fetchall()]
    as_of, children = weeks[-1], children_on(con, weeks[-1])
    capacity = {team: int(places or 0) for team, places in hub.capacity(children).items()}
    settled = weeks[0] + timedelta(weeks=config.training.lookback_weeks)
    plan = [s for s in splits.plan_splits(config, weeks[0], as_of) if s.judged_on and s.test[0] >= settled]
    outcomes = labels.read_outcomes(con, config.target, MARTS)
    with timed(times, "panel"):
        dates = sorted({d for s in plan for d in (*s.train, *s.test)} & set(weeks))
        panel = build_panel(con, config, dates)
    with timed(times, "back_test"):
        rolled = roll(panel, outcomes, config, book, capacity, plan)
    if rolled.judged is None:
        raise SystemExit(f"No week can be judged: {rolled.because}.")
    with timed(times, "assessment"):
        newest = pd.Timestamp(rolled.judged.rows["as_of_date"].max()).date()
        recorded_by = recorders_of(con, config, MARTS, newest)
        figures = assess(panel, rolled, outcomes, config, book, capacity, as_of, audit_attributes(con), recorded_by)
    rows = len(panel.rows)
    told = {"children": children, "as_of": as_of.isoformat(), "splits": len(plan), "rows": rows, "times": times}
    told["evaluation"] = {k: v for k, v in figures.items() if k not in {"curves", "score_histogram"}}
    told["by_split"] = [_short(one) for one in rolled.evaluations] if len(plan) > 1 else []
    return told, rolled


def _short(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures of a split worth a line."""
    out = {k: figures[k] for k in SHOWN if k in figures}
    found = figures.get("at_capacity", {})
    return out | {f"precision_{n}": found[n]["precision"] for n in ("model", "contact_count", "rules") if n in found}


def oracle(hub: Hub, con: duckdb.DuckDBPyConnection, judged: Judged, seed: int) -> dict[str, Any]:
    """Average precision of the model and of the best possible chance, on the weeks for which both are known.

    The chance is of the true event history (synthetic/difficulty.py); people are matched through the records that name
    them, and whoever is matched to two true persons is left out.
    """
    truth = hub.settings.synthetic_suppliers / "truth"
    Pseudonym(hub.keys.pseudonym).install(con)
    con.execute(
        "create temp table truly as"
        " select m.person_key::varchar as person_key, any_value(t.true_person_id) as person_id"
        f" from read_parquet('{truth / 'record_identity.parquet'}') as t"
        " join warehouse.identity_export.record_person as m on m.record_key ="
        " pseudonym(t.agency || chr(31) || t.feed || chr(31) || t.source_key)"
        " where m.known_to > timestamp '9999-01-01' group by 1 having count(distinct t.true_person_id) = 1"
    )
    best = con.execute(
        "select t.person_key, c.as_of_date::timestamp as as_of_date, c.bayes from truly as t join"
        f" read_parquet('{truth / 'chance.parquet'}') as c using (person_id) where c.eligible"
    ).df()
    day = judged.rows["as_of_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    ours = pd.DataFrame(
        {
            "person_key": judged.rows["person_key"].astype(str),
            "as_of_date": judged.rows["as_of_date"].astype("datetime64[us]"),
            "y": judged.y,
            "score": chance(judged.log_odds) if judged.log_odds is not None else np.nan,
            "lot": draw(judged.rows["sort_no"].to_numpy(), seed, day),
        }
    )
    best["as_of_date"] = best["as_of_date"].astype("datetime64[us]")
    both = ours.merge(best, on=["person_key", "as_of_date"])
    y, lot = both["y"].to_numpy(), both["lot"].to_numpy()
    found = {name: measures.average_precision(y, both[name].to_numpy(), lot) for name in ("score", "bayes")}
    return {
        "weeks": int(both["as_of_date"].nunique()),
        "rows": len(both),
        "rows_with_outcome": int(y.sum()),
        "average_precision_model": round(found["score"], 5),
        "average_precision_oracle": round(found["bayes"], 5),
        "share_of_oracle": round(found["score"] / found["bayes"], 3) if found["bayes"] else None,
    }


def main() -> None:
    """Run the benchmark on the state that the environment names and print its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=8)
    parser.add_argument("--step", type=int, default=4, help="weeks between splits, and judged by each")
    parser.add_argument("--folds", type=int, default=2, help="parts into which families are dealt")
    parser.add_argument("--out", type=Path, help="also write the result to this file")
    given = parser.parse_args()
    hub = Hub.from_environment()
    changes = {"splits": given.splits, "split_step_weeks": given.step, "test_weeks": given.step}
    config = declared(hub, changes | {"family_folds": given.folds})
    with hub.zones.open("warehouse", read_only=True) as con:
        told, rolled = run(hub, con, config)
        if rolled.judged is not None and rolled.judged.log_odds is not None:
            told["oracle"] = oracle(hub, con, rolled.judged, config.training.seed)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    told |= {"peak_gigabytes": round(kilobytes / 1024**2, 2), "family_folds": given.folds, "machine": machine()}
    text = json.dumps(told, indent=1, default=str)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
