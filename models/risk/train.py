"""The candidate models, fitted so that the same rows give the same numbers on any machine.

Rows arrive ordered by as-of date and `sort_no`; draws are seeded; linear algebra and histogram building run on one
thread, so no sum is split differently elsewhere. Both models yield log-odds that are sums over features (exactly for
the logistic regression, by Shapley values for the trees), which is what makes a reason more than a story. So does the
third candidate, the mean of the two: where outcomes are few each of them is mostly wrong in its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.risk.declare import Feature, Training
from models.risk.logistic import signed_logistic

SIGNED = frozenset({"change", "relative_to_peers"})
LOGGED = frozenset(
    {"count", "sum", "distinct_agencies", "distinct_types", "count_since_end", "episodes_started", "episodes_ended"}
)


#: What the mean of log-odds is made of.
BLENDED = ("logistic", "boosting")


@dataclass(frozen=True)
class Fitted:
    """A fitted candidate: sklearn estimator (of a blend: its members' by name), the declarations it reads, in column
    order."""

    name: str
    estimator: Any
    features: tuple[Feature, ...]

    def members(self) -> tuple[Fitted, ...]:
        """The fitted models whose log-odds are averaged: of all but a blend the one itself."""
        if self.name != "blend":
            return (self,)
        return tuple(Fitted(name, self.estimator[name], self.features) for name in BLENDED)

    def log_odds(self, X: np.ndarray) -> np.ndarray:
        """Uncalibrated log-odds, shape (rows,), float64."""
        if self.name == "blend":
            return np.mean([member.log_odds(X) for member in self.members()], axis=0)
        with one_thread():
            return np.asarray(
                self.estimator.decision_function(model_inputs(self.name, X, self.features)), dtype=np.float64
            )


@contextmanager
def one_thread():
    """Run linear algebra and OpenMP on a single thread, so that sums have one order."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def model_inputs(name: str, X: np.ndarray, features: Sequence[Feature]) -> np.ndarray:
    """What a candidate sees: the values themselves for trees, tamed ones for the logistic regression.

    Counts and sums become log(1 + x), differences sign(x) log(1 + |x|), days since their share of the window.
    """
    if name == "boosting":
        return np.asarray(X, dtype=np.float64)
    out = np.empty(X.shape, dtype=np.float64)
    for column, feature in enumerate(features):
        x = X[:, column].astype(np.float64)
        if feature.kind in LOGGED:
            x = np.log1p(x)
        elif feature.kind in SIGNED:
            x = np.sign(x) * np.log1p(np.abs(x))
        elif feature.kind in {"days_since", "episode_days"}:
            x = np.sqrt(x / (7.0 * (feature.window_weeks or 1)))
        elif feature.kind == "household_size":
            x = np.log1p(x)
        out[:, column] = x
    return out


def sample_rows(y: np.ndarray, per_positive: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """All positives and a seeded share of the negatives: positions (sorted) and the weight of each.

    A kept negative stands for as many as were drawn from, so the base rate is that of all rows.
    """
    positive, negative = np.flatnonzero(y), np.flatnonzero(~y)
    keep = min(len(negative), per_positive * len(positive))
    drawn = np.random.default_rng(seed).choice(negative, size=keep, replace=False)
    positions = np.sort(np.concatenate([positive, drawn]))
    return positions, np.where(y[positions], 1.0, len(negative) / max(keep, 1))


def fit_all(
    names: Sequence[str],
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    features: Sequence[Feature],
    training: Training,
) -> dict[str, Fitted]:
    """The named candidates fitted on the same rows (see `fit`), none twice: a blend is made of the others."""
    single = [name for name in BLENDED if name in names or "blend" in names]
    made = {name: fit(name, X, y, weight, features, training) for name in single}
    if "blend" in names:
        made["blend"] = Fitted("blend", {name: made[name].estimator for name in BLENDED}, tuple(features))
    return {name: made[name] for name in names}


def fit(
    name: str, X: np.ndarray, y: np.ndarray, weight: np.ndarray, features: Sequence[Feature], training: Training
) -> Fitted:
    """Fit one candidate on rows in the order given; X float32 (rows, features), y boolean, weight per row.

    The log-odds of boosting are those of the sample, not of the population: they need the calibration to be chances.
    """
    if name == "blend":
        return fit_all([name], X, y, weight, features, training)[name]
    estimator: Any
    if name == "logistic":
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        settings = {"penalty": 0.0005, "l1_ratio": 0.5} | training.logistic
        scale = StandardScaler().fit(model_inputs(name, X, features))
        with one_thread():
            inputs = scale.transform(model_inputs(name, X, features))
            sign = np.array([f.monotone for f in features])
            model = signed_logistic(inputs, y, weight, sign, settings["penalty"], settings["l1_ratio"])
        return Fitted(name, Pipeline([("scale", scale), ("model", model)]), tuple(features))
    from sklearn.ensemble import HistGradientBoostingClassifier

    settings = {
        "max_iter": 150,
        "learning_rate": 0.06,
        "max_leaf_nodes": 12,
        "min_samples_leaf": 200,
    } | training.boosting
    estimator = HistGradientBoostingClassifier(
        max_iter=int(settings["max_iter"]),
        learning_rate=settings["learning_rate"],
        max_leaf_nodes=int(settings["max_leaf_nodes"]),
        # Small worlds have fewer rows than the pack's leaf size supposes.
        min_samples_leaf=int(min(settings["min_samples_leaf"], max(20, len(y) // 50))),
        l2_regularization=settings.get("l2_regularization", 0.0),
        max_features=settings.get("max_features", 1.0),
        monotonic_cst=[f.monotone for f in features],
        early_stopping=False,
        random_state=training.seed,
    )
    with one_thread():
        # Weights on negatives drawn at random move every log-odds by one constant (Prentice and Pyke 1979), which the
        # weighted calibration puts back; leaving them out spares the weighted quantiles, two fifths of the time.
        estimator.fit(model_inputs(name, X, features), y.astype(np.int64))
    return Fitted(name, estimator, tuple(features))
