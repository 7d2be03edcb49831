"""Measures of a score against outcomes: average precision, the curve behind it, calibration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from models.risk.calibrate import chance, logistic_line
from models.risk.select import ordered

# Standard errors by which a true difference must lie off for four in five tests at 95 % to find it.
NOTICED = 1.959964 + 0.841621


def average_precision(y: np.ndarray, score: np.ndarray, lot: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Mean precision at the place of each outcome, ties by lot; 0 when there is no outcome. weight: how many rows each
    row stands for, where rows were sampled."""
    return next(average_precisions(y, score, lot, [np.ones(len(y)) if weight is None else weight]))


def average_precisions(
    y: np.ndarray, score: np.ndarray, lot: np.ndarray, weights: Iterable[np.ndarray]
) -> Iterator[float]:
    """The average precision for each of many weightings of the rows, which are put in order once."""
    order = ordered(score, lot)
    y = y[order]
    for weight in weights:
        w = weight[order]
        hit = y * w
        # Before the first row that counts there is nothing to divide by, and nothing found.
        yield float(np.sum(hit * np.cumsum(hit) / np.maximum(np.cumsum(w), 1e-12)) / hit.sum()) if hit.any() else 0.0


def precision_recall(y: np.ndarray, score: np.ndarray, lot: np.ndarray, points: int = 60) -> list[list[float]]:
    """Points (recall, precision) of the curve, spaced evenly on a logarithmic scale of list length."""
    hit = np.cumsum(y[ordered(score, lot)])
    if len(hit) == 0 or hit[-1] == 0:
        return []
    places = np.unique(np.geomspace(min(50, len(hit)), len(hit), points).astype(int))
    return [[rounded(hit[n - 1] / hit[-1]), rounded(hit[n - 1] / n)] for n in places]


def calibration(
    y: np.ndarray, log_odds: np.ndarray, family: np.ndarray | None = None, bins: int = 10
) -> dict[str, Any]:
    """Slope and intercept of the outcomes on the log-odds (1 and 0 are ideal), Brier score, expected calibration error
    over bins of equal size, and the curve; the top bin is split once more because the list is drawn from it.

    family: a number per row; with it the slope has an interval whose unit is the family, and `beyond_chance` is the
    calibration error less what chance gives an honest model of as many families.
    """
    p = chance(log_odds)
    intercept, slope = logistic_line(log_odds, y.astype(np.float64))
    order = np.argsort(p, kind="stable")
    edges = np.concatenate([np.linspace(0, 1, bins + 1)[:-1], [0.99, 1.0]])
    parts = [order[int(low * len(p)) : int(high * len(p))] for low, high in pairwise(edges)]
    parts = [part for part in parts if len(part)]
    curve = [{"mean": rounded(p[one].mean()), "observed": rounded(y[one].mean()), "n": len(one)} for one in parts]
    error = sum(c["n"] * abs(c["mean"] - c["observed"]) for c in curve) / max(len(p), 1)
    out = {
        "slope": rounded(slope),
        "intercept": rounded(intercept),
        "brier": rounded(np.mean((p - y) ** 2)),
        "ece": rounded(error),
        "mean": rounded(p.mean()),
        "observed": rounded(y.mean()),
        "outcomes": int(y.sum()),
        "curve": curve,
    }
    if family is not None:
        spread = _slope_error(y, log_odds, intercept, slope, family)
        out |= {"slope_low": rounded(slope - 1.959964 * spread), "slope_high": rounded(slope + 1.959964 * spread)}
        out["detectable"] = rounded(NOTICED * spread)
        beyond = sum(len(one) * _gap_beyond_chance(y[one] - p[one], family[one]) for one in parts)
        out["beyond_chance"] = rounded(beyond / max(len(p), 1))
    return out


def _gap_beyond_chance(residual: np.ndarray, family: np.ndarray) -> float:
    """How far the mean of residuals lies from 0, its variance with families as units taken off: the distance squared is
    on average too large by just that (as in the unbiased estimate of a squared mean).

    >>> family = np.array([1, 2])
    >>> _gap_beyond_chance(np.array([0.1, 0.1]), family), _gap_beyond_chance(np.array([1.0, -1.0]), family)
    (0.1, 0.0)
    """
    mean = residual.mean()
    _, unit = np.unique(family, return_inverse=True)
    variance = np.sum(np.bincount(unit, weights=residual - mean) ** 2) / len(residual) ** 2
    return float(np.sqrt(max(mean**2 - variance, 0.0)))


def _slope_error(y, log_odds, intercept: float, slope: float, family: np.ndarray) -> float:
    """Standard error of the calibration slope with families as units (the sandwich of Huber 1967)."""
    q = chance(intercept + slope * log_odds)
    s, r = q * (1 - q), y - q
    bread = np.array([[s.sum(), (s * log_odds).sum()], [(s * log_odds).sum(), (s * log_odds**2).sum()]])
    _, unit = np.unique(family, return_inverse=True)
    pull = np.column_stack([np.bincount(unit, weights=r), np.bincount(unit, weights=r * log_odds)])
    inverse = np.linalg.pinv(bread)
    return float(np.sqrt((inverse @ (pull.T @ pull) @ inverse)[1, 1]))


def score_histogram(p: np.ndarray, y: np.ndarray) -> dict[str, list[float]]:
    """Counts of scores in bins of equal width on a logarithmic scale, and of those with an outcome (y) among them."""
    edges = np.geomspace(1e-4, 1.0, 25)
    held = np.clip(p, 1e-4, 1.0)
    counts = {"counts": np.histogram(held, bins=edges)[0], "with_outcome": np.histogram(held[y], bins=edges)[0]}
    return {"edges": [rounded(e) for e in edges]} | {k: [int(c) for c in v] for k, v in counts.items()}


def wilson(found: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson score interval of a share (Wilson 1927)."""
    if n == 0:
        return 0.0, 1.0
    p = found / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def linear_ratio(over: np.ndarray, under: np.ndarray) -> dict[str, float]:
    """The ratio of two sums with a 95 % interval from its linearisation (Taylor; unit: what each entry stands for).

    Quicker than resampling where every family takes part, as in observed over expected.
    """
    total = float(under.sum())
    estimate = float(ratio(over.sum(), total))
    error = float(np.sqrt(np.sum((over - estimate * under) ** 2))) / max(total, 1e-12)
    return {
        "estimate": rounded(estimate),
        "low": rounded(max(0.0, estimate - 1.959964 * error)),
        "high": rounded(estimate + 1.959964 * error),
    }


def ratio(over, under):
    """A ratio that is 0 where nothing lies under it."""
    return np.where(np.asarray(under) > 0, over / np.maximum(under, 1e-12), 0.0)


def rounded(x) -> float:
    """Six decimals, as a plain float."""
    return round(float(x), 6)
