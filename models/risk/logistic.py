"""Logistic regression with an elastic-net penalty in which a feature may only push the way it was declared to.

A fitted weight that contradicts what practitioners agreed ("kept appointments raise the score") would make a reason
nobody can stand behind. Scikit-learn cannot bound the signs, so the fit is here, and its result is put into
scikit-learn's own LogisticRegression, which stores, loads and predicts it.

Method: iteratively reweighted least squares, each step solved by coordinate descent on the Gram matrix (Friedman,
Hastie and Tibshirani 2010), with the soft-thresholded coordinate clipped to its allowed side. The objective is
`mean weighted log-loss + penalty * (l1_ratio * |b|_1 + (1 - l1_ratio) / 2 * |b|_2^2)`; it is convex, and so are the
bounds, so the answer does not depend on where the search begins.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.risk.calibrate import chance

STEPS, SWEEPS, TOLERANCE = 60, 5_000, 1e-9


def signed_logistic(
    Z: np.ndarray, y: np.ndarray, weight: np.ndarray, sign: np.ndarray, penalty: float, l1_ratio: float
) -> Any:
    """A fitted sklearn LogisticRegression.

    Z: standardised inputs, shape (rows, features); y boolean; weight per row; sign: +1, -1 or 0 (free) per feature.
    """
    from sklearn.linear_model import LogisticRegression

    beta = solve(Z, y.astype(np.float64), weight, sign, penalty, l1_ratio)
    model = LogisticRegression()
    model.classes_ = np.array([0, 1])
    model.coef_ = beta[1:].reshape(1, -1)
    model.intercept_ = beta[:1].copy()
    model.n_features_in_ = Z.shape[1]
    model.n_iter_ = np.array([STEPS], dtype=np.int32)
    return model


def solve(
    Z: np.ndarray, y: np.ndarray, weight: np.ndarray, sign: np.ndarray, penalty: float, l1_ratio: float
) -> np.ndarray:
    """Intercept and weights, shape (1 + features,)."""
    share = weight / weight.sum()
    design = np.column_stack([np.ones(len(Z)), Z])
    low = np.where(np.append(0, sign) > 0, 0.0, -np.inf)
    high = np.where(np.append(0, sign) < 0, 0.0, np.inf)
    lasso = np.append(0.0, np.full(Z.shape[1], penalty * l1_ratio))
    ridge = np.append(0.0, np.full(Z.shape[1], penalty * (1 - l1_ratio)))
    rate = float(share @ y)
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(rate / (1 - rate))
    now = _objective(design, y, share, beta, lasso, ridge)
    for _ in range(STEPS):
        p = chance(design @ beta)
        curve = share * np.maximum(p * (1 - p), 1e-10)
        gram = design.T @ (design * curve[:, None])
        target = gram @ beta + design.T @ (share * (y - p))
        step = _descend(gram, target, beta, low, high, lasso, ridge) - beta
        # Newton steps may overshoot; halving keeps the objective falling.
        for _ in range(30):
            new = _objective(design, y, share, beta + step, lasso, ridge)
            if new <= now + 1e-15:
                break
            step = step / 2
        beta, now = beta + step, new
        if np.abs(step).max() < TOLERANCE:
            break
    return beta


def _descend(gram, target, beta, low, high, lasso, ridge) -> np.ndarray:
    """Minimise the penalised quadratic within the bounds, one coordinate at a time."""
    beta = beta.copy()
    scale = np.diag(gram) + ridge
    for _ in range(SWEEPS):
        moved = 0.0
        for j in range(len(beta)):
            rest = target[j] - gram[j] @ beta + gram[j, j] * beta[j]
            shrunk = np.sign(rest) * max(abs(rest) - lasso[j], 0.0) / max(scale[j], 1e-12)
            value = min(max(shrunk, low[j]), high[j])
            moved = max(moved, abs(value - beta[j]))
            beta[j] = value
        if moved < TOLERANCE:
            break
    return beta


def _objective(design, y, share, beta, lasso, ridge) -> float:
    """Mean weighted log-loss with the penalty."""
    x = design @ beta
    loss = share @ (np.logaddexp(0.0, x) - y * x)
    return float(loss + lasso @ np.abs(beta) + 0.5 * ridge @ (beta * beta))
