"""Why a score is what it is: contributions of the features that sum to it, asserted, and grouped by theme.

Logistic regression: `slope * coefficient * standardised value`. Boosting: Shapley values of the trees (Lundberg et al.
2020) times the calibration's slope. The base is the calibrated log-odds of someone about whom nothing is particular.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.risk.calibrate import Calibration
from models.risk.train import Fitted, model_inputs, one_thread

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Contributions:
    """values: shape (rows, features), in calibrated log-odds; base + values.sum(axis=1) is the score's log-odds."""

    base: float
    values: np.ndarray
    names: tuple[str, ...]
    themes: tuple[str, ...]

    def by_theme(self) -> dict[str, np.ndarray]:
        """Contribution of each theme, shape (rows,) each; they too sum to the log-odds less the base."""
        theme = np.array(self.themes)
        return {name: self.values[:, theme == name].sum(axis=1) for name in dict.fromkeys(self.themes)}


def contributions(fitted: Fitted, calibration: Calibration, X: np.ndarray) -> Contributions:
    """Contributions for the rows of X; raises ArithmeticError when they do not sum to the score."""
    inputs = model_inputs(fitted.name, X, fitted.features)
    with one_thread():
        if fitted.name == "logistic":
            scale, model = fitted.estimator.named_steps["scale"], fitted.estimator.named_steps["model"]
            raw = scale.transform(inputs) * model.coef_[0]
            base = float(model.intercept_[0])
        else:
            import shap

            explainer = shap.TreeExplainer(fitted.estimator)
            raw = np.asarray(explainer.shap_values(inputs), dtype=np.float64).reshape(len(inputs), -1)
            base = float(np.ravel(explainer.expected_value)[0])
    values = calibration.slope * raw
    base = calibration.intercept + calibration.slope * base
    score = calibration.log_odds(fitted.log_odds(X))
    worst = float(np.abs(base + values.sum(axis=1) - score).max(initial=0.0))
    if worst > TOLERANCE:
        raise ArithmeticError(f"contributions miss the score by {worst:.2e}")
    return Contributions(base, values, tuple(f.name for f in fitted.features), tuple(f.theme for f in fitted.features))
