"""Make log-odds honest without changing their order: two numbers, fitted on predictions for families not learnt from.

Platt scaling, `calibrated = intercept + slope * log_odds`, fitted by Newton's method on out-of-fold predictions
(Platt 1999). Being linear in the log-odds it keeps contributions additive: each is multiplied by the slope.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Calibration:
    """`intercept + slope * log_odds` are calibrated log-odds."""

    intercept: float
    slope: float

    def log_odds(self, raw: np.ndarray) -> np.ndarray:
        """Calibrated log-odds of uncalibrated ones."""
        return self.intercept + self.slope * raw


def chance(log_odds: np.ndarray) -> np.ndarray:
    """Log-odds as probabilities."""
    return 1.0 / (1.0 + np.exp(-np.clip(log_odds, -40, 40)))


def fit_calibration(raw: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Calibration:
    """Fit the two numbers; a slope that is not positive would turn the order round and is replaced by 1."""
    intercept, slope = logistic_line(raw, y, weight)
    if not slope > 0:
        rate = float(np.average(y, weights=weight))
        centre = float(np.average(raw, weights=weight))
        return Calibration(float(np.log(rate / (1 - rate)) - centre), 1.0)
    return Calibration(intercept, slope)


def logistic_line(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None, steps: int = 50
) -> tuple[float, float]:
    """Maximum-likelihood intercept and slope of a logistic regression on one variable, by Newton's method.

    A light ridge keeps separable data finite. Returns (intercept, slope).
    """
    w = np.ones(len(x)) if weight is None else weight / weight.mean()
    beta = np.zeros(2)
    for _ in range(steps):
        p = chance(beta[0] + beta[1] * x)
        gradient = np.array([np.sum(w * (y - p)), np.sum(w * (y - p) * x)]) - 1e-6 * beta
        s = w * p * (1 - p)
        a, b, c = np.sum(s) + 1e-6, np.sum(s * x), np.sum(s * x * x) + 1e-6
        step = np.array([c * gradient[0] - b * gradient[1], a * gradient[1] - b * gradient[0]]) / max(
            a * c - b * b, 1e-12
        )
        # A long Newton step overshoots where the curve is flat.
        step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    return float(beta[0]), float(beta[1])
