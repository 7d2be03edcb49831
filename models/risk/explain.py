"""Why a score is what it is: contributions of the features that sum to it, asserted, and grouped by theme.

Logistic regression: `slope * coefficient * standardised value`. Boosting: Shapley values of the trees (Lundberg et al.
2020) times the calibration's slope. Blend: the mean of both. The base is the calibrated log-odds of someone about whom
nothing is particular.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.risk.backtest import Rotation
from models.risk.calibrate import Calibration
from models.risk.declare import RiskConfig
from models.risk.panel import Panel
from models.risk.train import Fitted, model_inputs, one_thread

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Contributions:
    """base: shape (rows,); values: shape (rows, features), both in calibrated log-odds; base + values.sum(axis=1) is
    the score's log-odds."""

    base: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]
    themes: tuple[str, ...]

    def by_theme(self) -> dict[str, np.ndarray]:
        """Contribution of each theme, shape (rows,) each; they too sum to the log-odds less the base (asserted)."""
        theme = np.array(self.themes)
        parts = {name: self.values[:, theme == name].sum(axis=1) for name in dict.fromkeys(self.themes)}
        _assert_sum(sum(parts.values(), np.zeros(len(self.values))), self.values.sum(axis=1), "themes")
        return parts


def of_rotation(panel: Panel, positions: np.ndarray, learnt: Rotation, config: RiskConfig) -> Contributions:
    """Contributions for the panel's rows at the positions, each from the model that scores it; 0 for a feature that
    model left out. Columns are the declared model features."""
    declared = [config.feature(n) for n in config.model_features]
    place = {f.name: i for i, f in enumerate(declared)}
    base = np.zeros(len(positions))
    values = np.zeros((len(positions), len(declared)))
    for number, part in enumerate(learnt.parts):
        mine = np.flatnonzero(learnt.fold[positions] == number)
        if not len(mine):
            continue
        names = [f.name for f in part.fitted.features]
        one = contributions(part.fitted, part.calibration, panel.take(positions[mine], names))
        base[mine] = one.base
        values[np.ix_(mine, np.array([place[n] for n in names]))] = one.values
    return Contributions(base, values, tuple(place), tuple(f.theme for f in declared))


def contributions(fitted: Fitted, calibration: Calibration, X: np.ndarray) -> Contributions:
    """Contributions for the rows of X under one model; raises ArithmeticError when they do not sum to the score."""
    with one_thread():
        raw, base = (np.mean(part, axis=0) for part in zip(*[_raw(m, X) for m in fitted.members()], strict=True))
    values = calibration.slope * raw
    bases = np.full(len(X), calibration.intercept + calibration.slope * float(base))
    _assert_sum(bases + values.sum(axis=1), calibration.log_odds(fitted.log_odds(X)), "contributions")
    names, themes = tuple(f.name for f in fitted.features), tuple(f.theme for f in fitted.features)
    return Contributions(bases, values, names, themes)


def _raw(member: Fitted, X: np.ndarray) -> tuple[np.ndarray, float]:
    """Contributions to uncalibrated log-odds, shape (rows, features), and their base."""
    inputs = model_inputs(member.name, X, member.features)
    if member.name == "logistic":
        scale, model = member.estimator.named_steps["scale"], member.estimator.named_steps["model"]
        return scale.transform(inputs) * model.coef_[0], float(model.intercept_[0])
    import shap

    explainer = shap.TreeExplainer(member.estimator)
    raw = np.asarray(explainer.shap_values(inputs), dtype=np.float64).reshape(len(inputs), -1)
    return raw, float(np.ravel(explainer.expected_value)[0])


def _assert_sum(found: np.ndarray, wanted: np.ndarray, what: str) -> None:
    """ArithmeticError when parts miss the whole."""
    worst = float(np.abs(found - wanted).max(initial=0.0))
    if worst > TOLERANCE:
        raise ArithmeticError(f"{what} miss the score by {worst:.2e}")
