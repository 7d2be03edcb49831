"""How near the model comes to the best there could be: known in a synthetic world alone, whose truth is read here.

The best possible chance is of the true event history (synthetic/difficulty.py), every fourth week, for whoever could be
listed. People are matched through the records that name them; whoever is matched to two true persons is left out. Only
`hub demo oracle` and the benchmarks call this: no night and no week reads truth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from rich.console import Console

from governance.pseudonym import Pseudonym
from models.risk import measures
from models.risk.backtest import Judged
from models.risk.bootstrap import FamilyBootstrap, ListStatistics
from models.risk.calibrate import chance
from models.risk.declare import RiskConfig
from models.risk.families import families
from models.risk.select import draw, weekly_lists
from pipelines.hub import Hub, HubProblem
from pipelines.progress import tell
from pipelines.risk_backtest import planned

Share = dict[str, float | None]


def best_possible(
    hub: Hub, con: duckdb.DuckDBPyConnection, judged: Judged, capacity: Mapping[str, int], config: RiskConfig
) -> dict[str, Any]:
    """Average precision, and precision at capacity, of the model and of the best possible chance, with the share of the
    best that the model reaches and its interval by family. On the weeks for which both are known; aggregates alone."""
    assert judged.log_odds is not None
    both = _matched(hub, con, judged)
    y, settings = both["y"].to_numpy(), config.evaluation
    boot = FamilyBootstrap(families(both), settings.bootstrap, settings.level, config.training.seed)
    day = both["as_of_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    lot = draw(both["sort_no"].to_numpy(), config.training.seed, day)
    scores = {"model": both["score"].to_numpy(), "oracle": both["bayes"].to_numpy()}
    drawn = {name: list(measures.average_precisions(y, s, lot, boot.draws())) for name, s in scores.items()}
    reached = np.array(drawn["model"]) / np.maximum(np.array(drawn["oracle"]), 1e-12)
    found = {name: measures.average_precision(y, s, lot) for name, s in scores.items()}
    low, high = np.quantile(reached, [boot.tail, 1 - boot.tail])
    average = {name: measures.rounded(value) for name, value in found.items()}
    whole = measures.rounded(measures.ratio(found["model"], found["oracle"]))
    of_best = {"estimate": whole, "low": measures.rounded(low), "high": measures.rounded(high)}
    return {
        "weeks": int(both["as_of_date"].nunique()),
        "rows": len(both),
        "rows_with_outcome": int(y.sum()),
        "average_precision": average | {"share": of_best},
        "precision": _at_capacity(both, y, scores, boot, capacity, config),
    }


def _at_capacity(
    both: pd.DataFrame,
    y: np.ndarray,
    scores: Mapping[str, np.ndarray],
    boot: FamilyBootstrap,
    capacity: Mapping[str, int],
    config: RiskConfig,
) -> dict[str, Any]:
    """Precision of those each score points to in these weeks, whoever was listed before."""
    stats = ListStatistics(boot, y, both["person"].to_numpy())
    seed = config.training.seed
    parts = {
        name: stats.precision(weekly_lists(both, score, capacity, seed=seed, relist_after_weeks=0))
        for name, score in scores.items()
    }
    ours, best = parts["model"], parts["oracle"]
    bounds = boot.lift(ours, best)
    reached: Share = {"estimate": boot.difference(ours, best)["lift"]}
    return {
        "model": measures.rounded(measures.ratio(ours[0].sum(), ours[1].sum())),
        "oracle": measures.rounded(measures.ratio(best[0].sum(), best[1].sum())),
        "found": {name: int(part[0].sum()) for name, part in parts.items()},
        "share": reached | {"low": bounds["lift_low"], "high": bounds["lift_high"]},
    }


def _matched(hub: Hub, con: duckdb.DuckDBPyConnection, judged: Judged) -> pd.DataFrame:
    """The rows judged for which the best possible chance (`bayes`) is known, with `score` and `y`, in their order."""
    truth = hub.settings.synthetic_suppliers / "truth"
    Pseudonym(hub.keys.pseudonym).install(con)
    con.execute(
        "create or replace temp table truly as"
        " select m.person_key::varchar as person_key, any_value(t.true_person_id) as person_id"
        f" from read_parquet('{truth / 'record_identity.parquet'}') as t"
        " join warehouse.identity_export.record_person as m on m.record_key ="
        " pseudonym(t.agency || chr(31) || t.feed || chr(31) || t.source_key)"
        " where m.known_to > timestamp '9999-01-01' group by 1 having count(distinct t.true_person_id) = 1"
    )
    best = con.execute(
        "select t.person_key, c.as_of_date::timestamp as as_of_date, c.bayes::double as bayes from truly as t join"
        f" read_parquet('{truth / 'chance.parquet'}') as c using (person_id) where c.eligible"
    ).df()
    best["as_of_date"] = best["as_of_date"].astype("datetime64[us]")
    assert judged.log_odds is not None
    ours = judged.rows.assign(
        person_key=judged.rows["person_key"].astype(str),
        as_of_date=judged.rows["as_of_date"].astype("datetime64[us]"),
        y=judged.y,
        score=chance(judged.log_odds),
    )
    return ours.merge(best, on=["person_key", "as_of_date"], how="inner")


def ask(console: Console) -> Path:
    """Judge the newest weekly run's weeks again, beside the best there could be; keep the aggregates in assurance/ and
    draw the evaluation page anew. Returns the page's path.

    Raises:
        HubProblem: there is no truth, no weekly run, or no model in the weeks it judged.
    """
    from models.risk.panel import build_panel
    from models.risk.rolling import roll
    from pipelines.assurance_pages import write_private
    from pipelines.evaluation.page import ORACLE, read, write_page
    from pipelines.risk_pack import load_declarations

    hub = Hub.from_environment()
    if not (hub.settings.synthetic_suppliers / "truth" / "chance.parquet").is_file():
        raise HubProblem("There is no truth to ask: only a made world has one (`hub demo create`).")
    told = read(hub)
    if told is None:
        raise HubProblem("No week was evaluated by this version yet. Run one first: `hub run weekly`.")
    if "calibration" not in told["evaluation"]:
        raise HubProblem(
            f"The newest weekly run, of {told['as_of_date']}, had no model in the weeks it could judge, so nothing can"
            " be set beside the best. The evaluation page says why."
        )
    as_of = date.fromisoformat(told["as_of_date"])
    config, _ = load_declarations(hub)
    with hub.zones.open("warehouse", read_only=True) as con:
        plan = planned(hub, con, config, as_of)
        tell(f"oracle: {len(plan.dates)} weeks of the panel")
        panel = build_panel(con, config, plan.dates)
        tell("oracle: learning and judging again, because no score is kept")
        rolled = roll(panel, plan.outcomes, config, plan.book, plan.capacity, plan.plan)
        if rolled.judged is None or rolled.judged.log_odds is None:
            raise HubProblem(f"There is no model now: {rolled.because}.")
        tell("oracle: beside the best possible chance")
        part = best_possible(hub, con, rolled.judged, plan.capacity, config)
    part = shown(part, config.evaluation.smallest_cell) | {"as_of_date": told["as_of_date"]}
    write_private(hub.settings.root / "assurance" / ORACLE, json.dumps(part, indent=1, sort_keys=True) + "\n")
    page = write_page(hub, told | {"oracle": part})
    for name, words in (("average_precision", "average precision"), ("precision", "precision at capacity")):
        one = part[name]
        said = "withheld: too few people found" if one is None else _in_words(one)
        console.print(f"{words}: {said}", soft_wrap=True)
    console.print(f"Known in a made world alone. It stands on {page}.", soft_wrap=True)
    return page


def _in_words(one: Mapping[str, Any]) -> str:
    return f"{one['model']:.4f}, at best {one['oracle']:.4f}: {100 * one['share']['estimate']:.0f} % of it"


def shown(part: Mapping[str, Any], least: int) -> dict[str, Any]:
    """The aggregates without shares that rest on too few found."""
    from pipelines.evaluation.withheld import small

    out = json.loads(json.dumps(part))
    if any(small(n, least) for n in out["precision"]["found"].values()):
        out["precision"] = None
    if small(out["rows_with_outcome"], least):
        out |= {"rows_with_outcome": None, "average_precision": None, "precision": None}
    return out
