"""The models of one split, a part for each fold of families: fitted, compared, calibrated on families not learnt from.

Worked example with four folds and two candidates. Each candidate is fitted four times, without fold 0, 1, 2 and 3, and
each time predicts the fold it left out: eight fits, and for every training row two predictions by models that never
saw its family. Part 2, which will score fold 2, is the model fitted without fold 2, of the candidate whose predictions
on the rows of folds 0, 1 and 3 were the better ones; the same predictions calibrate it. Nothing is fitted twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from models.risk import labels, measures, train
from models.risk.calibrate import Calibration, fit_calibration
from models.risk.declare import Feature, RiskConfig, Training
from models.risk.families import families, folds_of
from models.risk.panel import Panel
from models.risk.registry import data_hash
from models.risk.select import draw

CHUNK = 200_000
#: Fits side by side: each holds a copy of its rows.
AT_ONCE = 2


@dataclass(frozen=True)
class Part:
    """One model: the chosen candidate, its calibration, and what it was learnt from."""

    fitted: train.Fitted
    calibration: Calibration
    average_precision: dict[str, float]
    rows: int
    outcomes: int
    people_with_outcome: int
    left_out: tuple[str, ...]
    data_hash: str

    def log_odds(self, panel: Panel, positions: np.ndarray) -> np.ndarray:
        """Calibrated log-odds of the rows at the positions, float64."""
        names = [f.name for f in self.fitted.features]
        out = np.empty(len(positions))
        for start in range(0, len(positions), CHUNK):
            part = positions[start : start + CHUNK]
            out[start : start + CHUNK] = self.calibration.log_odds(self.fitted.log_odds(panel.take(part, names)))
        return out


def fit_parts(
    panel: Panel, teach: np.ndarray, y_all: np.ndarray, fold: np.ndarray, config: RiskConfig
) -> tuple[Part, ...]:
    """A model for each fold of families, learnt from the panel's rows `teach` with the outcomes and folds given.

    Every candidate is fitted once without each fold, and predicts it. Part k takes the candidate whose predictions were
    best on the families outside fold k, and is calibrated by the same predictions: no outcome of fold k is looked at
    for either. (The models that made those predictions have learnt from fold k; of it two numbers reach part k.)
    Without family folds the rows are dealt for the comparison alone and the best is fitted on all.
    Raises NotEnoughEvidence.
    """
    settings, folds = config.training, config.evaluation.family_folds
    person = panel.rows["person"].to_numpy()[teach]
    for number in range(folds):
        mine = taught(fold, number, folds)
        labels.require_positives(y_all[mine], person[mine], config.target.minimum_positives, "the training period")
    kept, weight = train.sample_rows(y_all, settings.negatives_per_positive, settings.seed)
    y, sampled = y_all[kept], teach[kept]
    named = [config.feature(n) for n in config.model_features]
    X = panel.take(sampled, [f.name for f in named])
    turn = fold[kept] if folds > 1 else folds_of(families(panel.rows.iloc[sampled]), settings.folds, settings.seed)
    turns = folds if folds > 1 else settings.folds
    lot = draw(panel.rows["sort_no"].to_numpy()[sampled], settings.seed, np.arange(len(sampled)))
    varying = [_varying(X, taught(fold[kept], number, folds)) for number in range(folds)]
    unseen: dict[str, np.ndarray] = {name: np.empty(len(y)) for name in settings.candidates}

    def fit_without(number: int) -> dict[str, train.Fitted]:
        learns, varies = turn != number, varying[number if folds > 1 else 0]
        labels.require_positives(y[learns], person[kept][learns], 2, "a fold of the training period")
        X_learns = _columns(X, learns, varies)
        models = train.fit_all(settings.candidates, X_learns, y[learns], weight[learns], _only(named, varies), settings)
        for name, model in models.items():
            unseen[name][~learns] = model.log_odds(_columns(X, ~learns, varies))
        return models

    # Each fit keeps to one thread of its own, so its numbers do not depend on how many run side by side.
    with train.one_thread(), ThreadPoolExecutor(AT_ONCE) as pool:
        fitted = list(pool.map(fit_without, range(turns)))
    parts = []
    for number in range(folds):
        mine, varies = taught(fold[kept], number, folds), varying[number]
        chosen, found = _best({n: u[mine] for n, u in unseen.items()}, y[mine], weight[mine], lot[mine], settings)
        if folds > 1:
            model = fitted[number][chosen]
        else:
            model = train.fit(chosen, _columns(X, mine, varies), y, weight, _only(named, varies), settings)
        everyone = taught(fold, number, folds)
        parts.append(
            Part(
                fitted=model,
                calibration=fit_calibration(unseen[chosen][mine], y[mine].astype(np.float64), weight[mine]),
                average_precision=found,
                rows=int(everyone.sum()),
                outcomes=int(y_all[everyone].sum()),
                people_with_outcome=len(np.unique(person[everyone][y_all[everyone]])),
                left_out=tuple(f.name for f, v in zip(named, varies, strict=True) if not v),
                data_hash=data_hash(_columns(X, mine, varies), y[mine], kept[mine]),
            )
        )
    return tuple(parts)


def taught(fold: np.ndarray, number: int, parts: int) -> np.ndarray:
    """Whether a part learns from each row: from all folds but its own, or, as the only one, from everything."""
    return np.ones(len(fold), dtype=bool) if parts == 1 else fold != number


def _varying(X: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """Which columns take more than one value among the rows; a feature that never varies is left out and named."""
    varies = X[mine].min(axis=0) < X[mine].max(axis=0)
    if not varies.any():
        raise labels.NotEnoughEvidence("no feature varies in the training period: there is nothing to learn by")
    return varies


def _columns(X: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Some rows and columns, column by column in memory."""
    return np.asfortranarray(X[rows][:, columns])


def _only(features: Sequence[Feature], wanted: np.ndarray) -> list[Feature]:
    """The features for which the mask holds."""
    return [f for f, w in zip(features, wanted, strict=True) if w]


def _best(
    unseen: Mapping[str, np.ndarray], y: np.ndarray, weight: np.ndarray, lot: np.ndarray, settings: Training
) -> tuple[str, dict[str, float]]:
    """The candidate to take, and the average precision of each on families it did not learn from."""
    found = {n: round(measures.average_precision(y, u, lot, weight), 6) for n, u in unseen.items()}
    best: str = settings.candidates[0]
    for name in settings.candidates[1:]:
        if found[name] > found[best] * (1 + settings.prefer_earlier_within):
            best = name
    return best, found
