"""The rolling back-test: a model each month, judged on the weeks until the next one, as it would have gone in life."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.risk import evaluate, labels
from models.risk.backtest import Judged, Rotation, fit_rotation, judged_rows, positions_of, together
from models.risk.declare import RiskConfig, RuleBook
from models.risk.panel import Panel
from models.risk.splits import Split, own_weeks


@dataclass(frozen=True)
class Rolled:
    """judged: the rows of all weeks looked at, each week by the newest model there could have been (None: no week);
    rotations: the models by split, those that could be fitted; evaluations: each split, with the rows left out because
    families of two parts have since become one, and, of several, its figures;
    because: why the newest split has no model, None when it has one."""

    judged: Judged | None
    rotations: dict[int, Rotation]
    evaluations: list[dict[str, Any]]
    because: str | None

    @property
    def newest(self) -> Rotation | None:
        """The models of the newest split that has any."""
        return self.rotations[max(self.rotations)] if self.rotations else None


def roll(
    panel: Panel,
    outcomes: labels.Outcomes,
    config: RiskConfig,
    book: RuleBook,
    capacity: Mapping[str, int],
    plan: Sequence[Split],
    progress: Callable[[str], None] = lambda stage: None,
) -> Rolled:
    """Fit and look at every split of the plan, oldest first. Splits without a model drop out of what is judged when
    others have one, so that model and comparators are compared on the same weeks. progress: told of each split."""
    rotations: dict[int, Rotation] = {}
    weeks: list[Judged] = []
    evaluations = []
    because: str | None = "no past week has both a model that could have been fitted and known outcomes"
    for number, (split, own) in enumerate(zip(plan, own_weeks(list(plan)), strict=True)):
        progress(f"split {number + 1} of {len(plan)}: {split.name}")
        learnt, because = try_to_fit(panel, outcomes, config, split)
        if learnt is not None:
            rotations[number] = learnt
        judged = judged_rows(panel, outcomes, config, book, split, learnt, number)
        told = describe_split(split, learnt) | {"rows_left_out": len(positions_of(panel, split.test)) - len(judged.at)}
        # With one split its figures are those of the whole back-test.
        evaluations.append(told if len(plan) == 1 else figures_of(judged, capacity, config) | told)
        day = judged.rows["as_of_date"].to_numpy().astype("datetime64[D]")
        weeks.append(judged.where(np.isin(day, np.array(own, dtype="datetime64[D]"))))
    scored = [w for w in weeks if w.log_odds is not None] or weeks
    return Rolled(together(scored) if scored else None, rotations, evaluations, because)


def figures_of(judged: Judged, capacity: Mapping[str, int], config: RiskConfig) -> dict[str, Any]:
    """What lists would have found in the weeks judged (see evaluate.py)."""
    scores, listed = lists_of(judged, capacity, config)
    return evaluate.evaluate(judged.rows, judged.y, judged.log_odds, scores, listed, judged.family, capacity, config)


def lists_of(
    judged: Judged, capacity: Mapping[str, int], config: RiskConfig
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The scores of every way of choosing, and the rows each would have listed."""
    scores = evaluate.scores_of(
        judged.rows, judged.log_odds, judged.contact_count, judged.holds.sum(axis=1), config.training.seed
    )
    return scores, evaluate.lists_of(judged.rows, scores, capacity, config)


def describe_split(split: Split, learnt: Rotation | None) -> dict[str, Any]:
    """What a split was, beside its figures."""
    told: dict[str, Any] = {"split": split.name, "trained_on": split.trained_on.isoformat()}
    if learnt is None:
        return told
    return told | {
        "training_weeks": len(split.train),
        "embargo_days": (split.trained_on - split.train[-1]).days,
        "candidates": [p.fitted.name for p in learnt.parts],
        "candidates_compared": [p.average_precision for p in learnt.parts],
    }


def try_to_fit(
    panel: Panel, outcomes: labels.Outcomes, config: RiskConfig, split: Split
) -> tuple[Rotation | None, str | None]:
    """The split's models, or why there is nothing to learn from."""
    try:
        return fit_rotation(panel, outcomes, config, split), None
    except labels.NotEnoughEvidence as error:
        return None, str(error)
