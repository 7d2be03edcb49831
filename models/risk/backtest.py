"""Learn on one split and look at its weeks: the single code path of the back-test and of the weekly list.

The list is the last split, with one week to look at and no outcome. In both, every family is scored by the model that
did not learn from it (families.py), so that what the back-test reports is how the list itself is made, and nobody is
pointed to because a model remembers their own family.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from models.risk import labels, rules, train
from models.risk.declare import RiskConfig, RuleBook
from models.risk.families import deal, families
from models.risk.panel import Panel
from models.risk.parts import Part, fit_parts, taught
from models.risk.splits import Split


@dataclass(frozen=True)
class Rotation:
    """The models of one split. `fold` (a row of the panel each, -1 outside the split) says which of the parts scores a
    row: part k has learnt from no family of fold k. `apart`: rows whose family lies in one fold, the only ones judged.
    """

    split: Split
    parts: tuple[Part, ...]
    fold: np.ndarray
    apart: np.ndarray

    def log_odds(self, panel: Panel, positions: np.ndarray) -> np.ndarray:
        """Calibrated log-odds of the panel's rows at the positions, each by the part whose turn it is."""
        out = np.full(len(positions), np.nan)
        for number, part in enumerate(self.parts):
            mine = np.flatnonzero(self.fold[positions] == number)
            out[mine] = part.log_odds(panel, positions[mine])
        if np.isnan(out).any():
            raise ValueError("a row outside the split was to be scored")
        return out


@dataclass(frozen=True)
class Judged:
    """Rows of test weeks with what is needed to judge lists of them, all of one length.

    rows: as of the panel; at: their positions in it; y: outcome; days: days from the as-of date to the outcome (0 where
    there is none within the horizon); log_odds: None when there was no model; contact_count: the comparator's value;
    holds: whether each rule holds, (rows, rules); part: which model scored the row; split: number of the split.
    """

    rows: pd.DataFrame
    at: np.ndarray
    y: np.ndarray
    days: np.ndarray
    log_odds: np.ndarray | None
    contact_count: np.ndarray
    holds: np.ndarray
    part: np.ndarray
    split: np.ndarray

    def where(self, mask: np.ndarray) -> Judged:
        """The rows for which the mask holds."""
        kept: dict[str, Any] = {k: None if v is None else v[mask] for k, v in vars(self).items() if k != "rows"}
        return Judged(rows=self.rows[mask].reset_index(drop=True), **kept)

    @property
    def family(self) -> np.ndarray:
        """A family number per row."""
        return families(self.rows)


def together(parts: Sequence[Judged]) -> Judged:
    """Several weeks' rows as one, in the order given; without a score when one of them has none."""
    scored = all(p.log_odds is not None for p in parts)
    names = [k for k in vars(parts[0]) if k not in {"rows", "log_odds"}]
    return Judged(
        rows=pd.concat([p.rows for p in parts], ignore_index=True),
        log_odds=np.concatenate([p.log_odds for p in parts if p.log_odds is not None]) if scored else None,
        **{k: np.concatenate([getattr(p, k) for p in parts]) for k in names},
    )


def fit_rotation(panel: Panel, outcomes: labels.Outcomes, config: RiskConfig, split: Split) -> Rotation:
    """Learn on the split's training weeks with the outcomes known on its day, once for each fold of families.

    The panel must hold the training weeks and the weeks to look at. Raises NotEnoughEvidence when there is too little,
    or nothing, to learn from, ImmatureLabels when a training week's outcomes could not be known.
    """
    if not split.train:
        raise labels.NotEnoughEvidence("no week is old enough for its outcomes to be known")
    at = positions_of(panel, (*split.train, *split.test))
    rows = panel.rows.iloc[at]
    day = rows["as_of_date"].to_numpy().astype("datetime64[D]")
    known = day <= np.datetime64(split.trained_on, "D")
    folds = config.evaluation.family_folds
    dealt, alone = deal(rows, known, folds, config.training.seed)
    fold = np.full(len(panel.rows), -1, dtype=np.int8)
    apart = np.zeros(len(panel.rows), dtype=bool)
    fold[at], apart[at] = dealt, alone
    teach = positions_of(panel, split.train)
    y = labels.outcomes_of(outcomes, panel.rows.iloc[teach], config.target, split.trained_on)
    return Rotation(split, fit_parts(panel, teach, y, fold[teach], config), fold, apart)


def refit_rotation(
    panel: Panel, outcomes: labels.Outcomes, config: RiskConfig, learnt: Rotation, seed: int
) -> Rotation:
    """The same candidates on the same lessons with other draws of rows and of the fit; calibration as it was."""
    settings = config.training.model_copy(update={"seed": seed})
    teach = positions_of(panel, learnt.split.train)
    y = labels.outcomes_of(outcomes, panel.rows.iloc[teach], config.target, learnt.split.trained_on)
    kept, weight = train.sample_rows(y, settings.negatives_per_positive, seed)
    fold = learnt.fold[teach[kept]]
    parts = []
    for number, part in enumerate(learnt.parts):
        mine = taught(fold, number, len(learnt.parts))
        features, rows = part.fitted.features, kept[mine]
        X = panel.take(teach[rows], [f.name for f in features])
        parts.append(replace(part, fitted=train.fit(part.fitted.name, X, y[rows], weight[mine], features, settings)))
    return replace(learnt, parts=tuple(parts))


def judged_rows(
    panel: Panel,
    outcomes: labels.Outcomes,
    config: RiskConfig,
    book: RuleBook,
    split: Split,
    learnt: Rotation | None,
    number: int = 0,
) -> Judged:
    """The rows of the split's test weeks with scores, comparators and outcomes.

    learnt: None when no model could be fitted; the comparators and rules are judged all the same. Families that touch
    two folds are left out.
    """
    assert split.judged_on is not None
    at = positions_of(panel, split.test)
    if learnt is not None:
        at = at[learnt.apart[at]]
    rows = panel.rows.iloc[at].reset_index(drop=True)
    days = labels.days_to_outcome(outcomes, rows, config.target, split.judged_on)
    needed = sorted({c.feature for r in book.rules for c in r.conditions} | {config.comparators.contact_count})
    part = Panel(rows, panel.take(at, needed), tuple(needed))
    return Judged(
        rows=rows,
        at=at,
        y=days > 0,
        days=days,
        log_odds=None if learnt is None else learnt.log_odds(panel, at),
        contact_count=part.column(config.comparators.contact_count),
        holds=rules.fired(part, book),
        part=np.zeros(len(at), dtype=np.int8) if learnt is None else learnt.fold[at],
        split=np.full(len(at), number, dtype=np.int16),
    )


def positions_of(panel: Panel, dates: Iterable[date]) -> np.ndarray:
    """Positions of the panel's rows on the dates, in panel order."""
    wanted = np.array(list(dates), dtype="datetime64[D]")
    return np.flatnonzero(np.isin(panel.rows["as_of_date"].to_numpy().astype("datetime64[D]"), wanted))
