"""What a list of this size would have found: the model beside counting contacts, the named rules, and a draw.

All figures come from weeks after the model was fitted, with outcomes that have matured, and from lists as they would
really have been issued: within each team's capacity, nobody again within the pack's number of weeks. Intervals are
bootstraps over families, because children of one family share their fate. Returned values are aggregates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from models.risk.bootstrap import FamilyBootstrap, ListStatistics
from models.risk.calibrate import chance
from models.risk.declare import RiskConfig
from models.risk.measures import average_precision, calibration, precision_recall, rounded, score_histogram
from models.risk.select import draw, weekly_lists

MODEL = "model"


def scores_of(
    rows: pd.DataFrame,
    log_odds: np.ndarray | None,
    contact_count: np.ndarray,
    rules_fired: np.ndarray,
    seed: int,
) -> dict[str, np.ndarray]:
    """The score of each row by each way of choosing: the model where there is one, then the comparators."""
    ours: dict[str, np.ndarray] = {} if log_odds is None else {MODEL: chance(log_odds)}
    return ours | {
        "contact_count": contact_count.astype(np.float64),
        "rules": rules_fired.astype(np.float64),
        "random": draw(rows["sort_no"].to_numpy(), seed, _day(rows)),
    }


def lists_of(
    rows: pd.DataFrame, scores: Mapping[str, np.ndarray], capacity: Mapping[str, int], config: RiskConfig
) -> dict[str, np.ndarray]:
    """Which rows each way of choosing would have listed, week after week; the rules list nobody for whom none holds."""
    return {
        name: weekly_lists(
            rows,
            score,
            capacity,
            seed=config.training.seed,
            relist_after_weeks=config.channels.relist_after_weeks,
            eligible=score > 0 if name == "rules" else None,
        )
        for name, score in scores.items()
    }


def evaluate(
    rows: pd.DataFrame,
    y: np.ndarray,
    log_odds: np.ndarray | None,
    scores: Mapping[str, np.ndarray],
    listed: Mapping[str, np.ndarray],
    family: np.ndarray,
    capacity: Mapping[str, int],
    config: RiskConfig,
) -> dict[str, Any]:
    """Figures of some test weeks.

    rows: as_of_date, person, area_team, sort_no per row; y: outcome; log_odds: calibrated, None when no model could be
    fitted; scores and listed as above; family: number per row.
    """
    settings = config.evaluation
    lot = draw(rows["sort_no"].to_numpy(), config.training.seed, _day(rows))
    person = rows["person"].to_numpy()
    team = rows["area_team"].astype(object).fillna("").to_numpy()
    found = ListStatistics(FamilyBootstrap(family, settings.bootstrap, settings.level, config.training.seed), y, person)
    result: dict[str, Any] = {
        "from": _iso(rows["as_of_date"].min()),
        "to": _iso(rows["as_of_date"].max()),
        "weeks": int(np.unique(_day(rows)).size),
        "rows": len(rows),
        "people": int(np.unique(person).size),
        "people_with_outcome": int(np.unique(person[y]).size),
        "base_rate": rounded(y.mean()),
        "capacity": {str(k): int(v or 0) for k, v in capacity.items()},
        "at_capacity": {name: found.at_capacity(mask) for name, mask in listed.items()},
        "average_precision": {name: rounded(average_precision(y, s, lot)) for name, s in scores.items()},
    }
    if log_odds is None:
        return result
    ours = listed[MODEL]
    mine = found.precision(ours)
    theirs = {n: found.precision(m) for n, m in listed.items() if n != MODEL}
    result["difference"] = {n: found.boot.difference(mine, it) | found.boot.lift(mine, it) for n, it in theirs.items()}
    ends = _cut_offs(_day(rows), team, scores[MODEL], ours, settings.smallest_cell)
    result["by_team"] = {
        str(name): _team(found, ours, team == name, settings.smallest_cell) | {"cut_off": ends.get(name)}
        for name in sorted(set(team))
    }
    result["calibration"] = calibration(y, log_odds, family)
    result["curves"] = {n: precision_recall(y, s, lot) for n, s in scores.items() if n != "random"}
    result["score_histogram"] = score_histogram(scores[MODEL], y)
    missed = result["at_capacity"][MODEL]["recall"]["estimate"]
    result["words"] = (
        f"Of ten people {config.outcome_words}, about {round(10 * (1 - missed))} would not have been on the list."
    )
    return result


def _team(found: ListStatistics, listed: np.ndarray, here: np.ndarray, smallest_cell: int) -> dict[str, Any]:
    """Precision and recall of one team with intervals; withheld where too few people stand behind them."""
    y, person = found.y, found.person
    shown, hits = int((listed & here).sum()), int((listed & here & y).sum())
    need = len(np.unique(person[here & y]))
    hidden = shown < smallest_cell or 0 < hits < smallest_cell
    return {
        "listed": shown,
        "precision": None if hidden else found.boot.share(*found.precision(listed & here)),
        "recall": None if hidden or need < smallest_cell else found.boot.share(*found.recall(listed & here, here)),
    }


def _cut_offs(
    day: np.ndarray, team: np.ndarray, score: np.ndarray, listed: np.ndarray, least: int
) -> dict[Any, dict[str, float]]:
    """By team the lowest score that got a place in a week: quartiles over weeks, none where there are too few."""
    shown = pd.DataFrame({"team": team[listed], "day": day[listed], "score": score[listed]})
    lowest = shown.groupby(["team", "day"])["score"].min().groupby("team")
    names = {"quarter": 0.25, "median": 0.5, "three_quarters": 0.75}
    return {
        name: {k: round(float(weeks.quantile(q)), 4) for k, q in names.items()}
        for name, weeks in lowest
        if len(weeks) >= least
    }


def _day(rows: pd.DataFrame) -> np.ndarray:
    """The as-of date of each row as days since 1970."""
    return rows["as_of_date"].to_numpy().astype("datetime64[D]").astype(np.int64)


def _iso(day) -> str:
    """A pandas date as ISO text."""
    return pd.Timestamp(day).date().isoformat()
