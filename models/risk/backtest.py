"""Fit one split and look at its test weeks: the single code path of the back-test and of the weekly list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.risk import evaluate, labels, rules, splits, train
from models.risk.calibrate import Calibration, fit_calibration
from models.risk.declare import RiskConfig, RuleBook
from models.risk.panel import Panel
from models.risk.registry import data_hash
from models.risk.select import draw
from models.risk.splits import Split

CHUNK = 200_000


@dataclass(frozen=True)
class FittedSplit:
    """What was learnt on a split: the chosen candidate, its calibration, and what it was learnt from."""

    split: Split
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


def fit_split(panel: Panel, outcomes: labels.Outcomes, config: RiskConfig, split: Split) -> FittedSplit:
    """Learn on the split's training weeks with the outcomes known on its day.

    Candidates are compared on predictions for families they did not learn from, inside the training weeks; those
    predictions also calibrate. Raises NotEnoughEvidence when there is too little, or nothing, to learn from.
    """
    if not split.train:
        raise labels.NotEnoughEvidence("no week is old enough for its outcomes to be known")
    at = positions_of(panel, split.train)
    rows = panel.rows.iloc[at]
    y_all = labels.outcomes_of(outcomes, rows, config.target, split.trained_on)
    labels.require_positives(y_all, rows["person"].to_numpy(), config.target.minimum_positives, "the training period")
    settings = config.training
    kept, weight = train.sample_rows(y_all, settings.negatives_per_positive, settings.seed)
    y = y_all[kept]
    sampled = at[kept]
    person = rows["person"].to_numpy()[kept]
    features = [config.feature(n) for n in config.model_features]
    X = panel.take(sampled, [f.name for f in features])
    varies = X.min(axis=0) < X.max(axis=0)
    features = [f for f, v in zip(features, varies, strict=True) if v]
    left_out = tuple(n for n, v in zip(config.model_features, varies, strict=True) if not v)
    X = np.asfortranarray(X[:, varies])
    fold = splits.folds_of(splits.families(panel.rows.iloc[sampled]), settings.folds, settings.seed)
    lot = draw(panel.rows["sort_no"].to_numpy()[sampled], settings.seed, np.arange(len(sampled)))
    best: tuple[str, np.ndarray] | None = None
    found: dict[str, float] = {}
    for name in settings.candidates:
        unseen = np.empty(len(y))
        for number in range(settings.folds):
            test = fold == number
            labels.require_positives(y[~test], person[~test], 2, "a fold of the training period")
            model = train.fit(name, X[~test], y[~test], weight[~test], features, settings)
            unseen[test] = model.log_odds(X[test])
        found[name] = round(evaluate.average_precision(y, unseen, lot, weight), 6)
        if best is None or found[name] > found[best[0]] * (1 + settings.prefer_earlier_within):
            best = (name, unseen)
    assert best is not None
    fitted = train.fit(best[0], X, y, weight, features, settings)
    return FittedSplit(
        split=split,
        fitted=fitted,
        calibration=fit_calibration(best[1], y.astype(np.float64), weight),
        average_precision=found,
        rows=len(y_all),
        outcomes=int(y_all.sum()),
        people_with_outcome=len(np.unique(rows["person"].to_numpy()[y_all])),
        left_out=left_out,
        data_hash=data_hash(X, y, kept),
    )


def judge_split(
    panel: Panel,
    outcomes: labels.Outcomes,
    config: RiskConfig,
    book: RuleBook,
    capacity: Mapping[str, int],
    split: Split,
    learnt: FittedSplit | None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Figures of the split's test weeks (see evaluate.py), and the yield of each rule in them.

    learnt: None when no model could be fitted; the comparators and rules are judged all the same.
    """
    assert split.judged_on is not None
    at = positions_of(panel, split.test)
    rows = panel.rows.iloc[at].reset_index(drop=True)
    y = labels.outcomes_of(outcomes, rows, config.target, split.judged_on)
    needed = sorted({c.feature for r in book.rules for c in (*r.all, *r.any)} | {config.comparators.contact_count})
    part = Panel(rows, panel.take(at, needed), tuple(needed))
    holds = rules.fired(part, book)
    figures = evaluate.evaluate(
        rows,
        y,
        None if learnt is None else learnt.log_odds(panel, at),
        part.column(config.comparators.contact_count),
        holds.sum(axis=1),
        splits.families(rows),
        capacity,
        config,
    )
    return figures | {"split": split.name}, rules.yields(part, holds, y, book, config.evaluation.smallest_cell)


def positions_of(panel: Panel, dates) -> np.ndarray:
    """Positions of the panel's rows on the dates, in panel order."""
    wanted = np.array(list(dates), dtype="datetime64[D]")
    return np.flatnonzero(np.isin(panel.rows["as_of_date"].to_numpy().astype("datetime64[D]"), wanted))
