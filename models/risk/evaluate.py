"""What a list of this size would have found: the model beside counting contacts, the named rules, and a draw.

All figures come from weeks after the model was fitted, with outcomes that have matured, and from lists as they would
really have been issued: within each team's capacity, nobody again within the pack's number of weeks. Intervals are
bootstraps over families, because children of one family share their fate. Returned values are aggregates.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from models.risk.calibrate import chance, logistic_line
from models.risk.declare import RiskConfig
from models.risk.select import draw, ordered, weekly_lists

MODEL = "model"


def evaluate(
    rows: pd.DataFrame,
    y: np.ndarray,
    log_odds: np.ndarray | None,
    contact_count: np.ndarray,
    rules_fired: np.ndarray,
    family: np.ndarray,
    capacity: Mapping[str, int],
    config: RiskConfig,
) -> dict[str, Any]:
    """Figures of one split's test weeks.

    rows: as_of_date, person, area_team, sort_no per row; y: outcome; log_odds: calibrated, None when no model could be
    fitted; contact_count: the comparator's feature; rules_fired: number of rules that hold; family: number per row.
    """
    settings = config.evaluation
    seed = config.training.seed
    day = rows["as_of_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    lot = draw(rows["sort_no"].to_numpy(), seed, day)
    scores: dict[str, np.ndarray] = {} if log_odds is None else {MODEL: chance(log_odds)}
    scores |= {
        "contact_count": contact_count.astype(np.float64),
        "rules": rules_fired.astype(np.float64),
        "random": lot,
    }
    listed = {
        name: weekly_lists(
            rows,
            score,
            capacity,
            seed=seed,
            relist_after_weeks=config.channels.relist_after_weeks,
            eligible=rules_fired > 0 if name == "rules" else None,
        )
        for name, score in scores.items()
    }
    person = rows["person"].to_numpy()
    team = rows["area_team"].astype(object).fillna("").to_numpy()
    boot = _Bootstrap(family, y, person, settings.bootstrap, settings.level, seed)
    result: dict[str, Any] = {
        "from": _iso(rows["as_of_date"].min()),
        "to": _iso(rows["as_of_date"].max()),
        "weeks": int(np.unique(day).size),
        "rows": len(rows),
        "people": int(np.unique(person).size),
        "people_with_outcome": int(np.unique(person[y]).size),
        "base_rate": _round(y.mean()),
        "capacity": {str(k): int(v or 0) for k, v in capacity.items()},
        "at_capacity": {name: boot.at_capacity(mask) for name, mask in listed.items()},
        "average_precision": {name: _round(average_precision(y, s, lot)) for name, s in scores.items()},
    }
    if log_odds is None:
        return result
    ours = listed[MODEL]
    result["difference"] = {n: boot.difference(ours, m) for n, m in listed.items() if n != MODEL}
    result["by_team"] = {
        str(name): _team(y, person, ours, team == name, settings.smallest_cell) for name in sorted(set(team))
    }
    result["calibration"] = calibration(y, log_odds)
    result["curves"] = {n: precision_recall(y, s, lot) for n, s in scores.items() if n != "random"}
    result["score_histogram"] = _histogram(scores[MODEL])
    result["listed_again"] = _turnover(day, person, ours)
    missed = boot.at_capacity(ours)["recall"]["estimate"]
    result["words"] = (
        f"Of ten people who turned out to need more help, about {round(10 * (1 - missed))}"
        " would not have been on the list."
    )
    return result


class _Bootstrap:
    """Resamples families; every statistic is a ratio of sums over families, so a resample is a weighting of them."""

    def __init__(self, family: np.ndarray, y: np.ndarray, person: np.ndarray, times: int, level: float, seed: int):
        self.y, self.person = y, person
        _, self.family = np.unique(family, return_inverse=True)
        self.size = int(self.family.max(initial=-1)) + 1
        self.times, self.tail, self.seed = times, (1 - level) / 2, seed

    def at_capacity(self, listed: np.ndarray) -> dict[str, Any]:
        """How many were listed and found; precision and recall with intervals."""
        stats = self._stats(listed)
        total = stats.sum(axis=0)
        precision, recall = self._ratio(stats, 1, 0), self._ratio(stats, 3, 2)
        return {"listed": int(total[0]), "found": int(total[1]), "precision": precision, "recall": recall}

    def difference(self, ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
        """Precision of one list less that of another, resampled together; also their ratio."""
        a, b = self._stats(ours), self._stats(theirs)
        together = np.hstack([a[:, :2], b[:, :2]])
        sums = self._resample(together)
        drawn = _share(sums[:, 1], sums[:, 0]) - _share(sums[:, 3], sums[:, 2])
        total = together.sum(axis=0)
        low, high = np.quantile(drawn, [self.tail, 1 - self.tail])
        ours_share, theirs_share = _share(total[1], total[0]), _share(total[3], total[2])
        return {
            "estimate": _round(ours_share - theirs_share),
            "low": _round(low),
            "high": _round(high),
            "half_width": _round((high - low) / 2),
            "lift": _round(ours_share / theirs_share) if theirs_share > 0 else 0.0,
        }

    def _stats(self, listed: np.ndarray) -> np.ndarray:
        """Per family: rows listed, of them with an outcome, people with an outcome, of them ever listed in time."""
        out = np.zeros((self.size, 4))
        out[:, 0] = np.bincount(self.family[listed], minlength=self.size)
        out[:, 1] = np.bincount(self.family[listed & self.y], minlength=self.size)
        for column, mask in ((2, self.y), (3, self.y & listed)):
            _, first = np.unique(self.person[mask], return_index=True)
            out[:, column] = np.bincount(self.family[mask][first], minlength=self.size)
        return out

    def _resample(self, stats: np.ndarray) -> np.ndarray:
        """Sums over resampled families, shape (times, columns). Families without anything count through the total."""
        busy = stats[stats.any(axis=1)]
        rng = np.random.default_rng(self.seed)
        rest = self.size - len(busy)
        shares = np.append(np.full(len(busy), 1 / max(self.size, 1)), rest / max(self.size, 1))
        counts = rng.multinomial(self.size, shares / shares.sum(), size=self.times)[:, :-1]
        return counts.astype(np.float64) @ busy

    def _ratio(self, stats: np.ndarray, over: int, under: int) -> dict[str, float]:
        """One ratio with its interval."""
        sums = self._resample(stats)
        drawn = _share(sums[:, over], sums[:, under])
        low, high = np.quantile(drawn, [self.tail, 1 - self.tail])
        total = stats.sum(axis=0)
        return {"estimate": _round(_share(total[over], total[under])), "low": _round(low), "high": _round(high)}


def average_precision(y: np.ndarray, score: np.ndarray, lot: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Mean precision at the place of each outcome, ties by lot; 0 when there is no outcome. weight: how many rows each
    row stands for, where rows were sampled."""
    order = ordered(score, lot)
    w = np.ones(len(y)) if weight is None else weight[order]
    hit = y[order] * w
    if not hit.any():
        return 0.0
    return float(np.sum(hit * np.cumsum(hit) / np.cumsum(w)) / hit.sum())


def precision_recall(y: np.ndarray, score: np.ndarray, lot: np.ndarray, points: int = 60) -> list[list[float]]:
    """Points (recall, precision) of the curve, spaced evenly on a logarithmic scale of list length."""
    hit = np.cumsum(y[ordered(score, lot)])
    if len(hit) == 0 or hit[-1] == 0:
        return []
    places = np.unique(np.geomspace(min(50, len(hit)), len(hit), points).astype(int))
    return [[_round(hit[n - 1] / hit[-1]), _round(hit[n - 1] / n)] for n in places]


def calibration(y: np.ndarray, log_odds: np.ndarray, bins: int = 10) -> dict[str, Any]:
    """Slope and intercept of the outcomes on the log-odds (1 and 0 are ideal), Brier score, expected calibration error
    over bins of equal size, and the curve; the top bin is split once more because the list is drawn from it."""
    p = chance(log_odds)
    intercept, slope = logistic_line(log_odds, y.astype(np.float64))
    order = np.argsort(p, kind="stable")
    edges = np.concatenate([np.linspace(0, 1, bins + 1)[:-1], [0.99, 1.0]])
    curve = []
    for low, high in pairwise(edges):
        part = order[int(low * len(p)) : int(high * len(p))]
        if len(part):
            curve.append({"mean": _round(p[part].mean()), "observed": _round(y[part].mean()), "n": len(part)})
    error = sum(c["n"] * abs(c["mean"] - c["observed"]) for c in curve) / max(len(p), 1)
    return {
        "slope": _round(slope),
        "intercept": _round(intercept),
        "brier": _round(np.mean((p - y) ** 2)),
        "ece": _round(error),
        "mean": _round(p.mean()),
        "observed": _round(y.mean()),
        "outcomes": int(y.sum()),
        "curve": curve,
    }


def _team(y, person, listed, here, smallest_cell: int) -> dict[str, Any]:
    """Precision and recall of one team; withheld where too few people stand behind them."""
    shown, found = int((listed & here).sum()), int((listed & here & y).sum())
    need = len(np.unique(person[here & y]))
    caught = len(np.unique(person[here & y & listed]))
    hidden = shown < smallest_cell or 0 < found < smallest_cell
    return {
        "listed": shown,
        "precision": None if hidden else _round(found / shown),
        "recall": None if hidden or need < smallest_cell else _round(caught / need),
    }


def _turnover(day, person, listed) -> float:
    """Mean share of a week's list that had been on a list of these weeks before."""
    seen: set[int] = set()
    shares = []
    for today in np.unique(day[listed]):
        names = set(person[listed & (day == today)].tolist())
        shares.append(len(names & seen) / len(names))
        seen |= names
    return _round(np.mean(shares)) if shares else 0.0


def _histogram(p: np.ndarray) -> dict[str, list[float]]:
    """Counts of scores in bins of equal width on a logarithmic scale."""
    edges = np.geomspace(1e-4, 1.0, 25)
    counts, _ = np.histogram(np.maximum(p, 1e-4), bins=edges)
    return {"edges": [_round(e) for e in edges], "counts": [int(c) for c in counts]}


def _share(over, under):
    """A ratio that is 0 where nothing lies under it."""
    return np.where(np.asarray(under) > 0, over / np.maximum(under, 1e-12), 0.0)


def _round(x) -> float:
    """Six decimals, as a plain float."""
    return round(float(x), 6)


def _iso(day) -> str:
    """A pandas date as ISO text."""
    return pd.Timestamp(day).date().isoformat()
