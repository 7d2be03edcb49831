"""When to learn and when to look: the dates of every split, the weekly list being the last of them.

Worked example (horizon + maturity 272 days, 26 test weeks). As-of 2026-10-04: the newest mature Sunday is 2026-01-04,
so the back-test looks at the 26 Sundays up to it, the first being 2025-07-13. On that day a model could have learnt
from Sundays up to 2024-10-13 only, with the outcomes known on that day. The list itself is the same thing with one
date to look at, 2026-10-04, learnt from Sundays up to 2026-01-04, and no outcome.

With several splits each begins `split_step_weeks` after the one before. A week that lies in several is judged by the
newest model there could have been (`own_weeks`), as it would have been in life.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from models.risk.declare import RiskConfig
from models.risk.labels import latest_mature


@dataclass(frozen=True)
class Split:
    """Learn on `train` as known on `trained_on`; look at `test`, whose outcomes are taken as known on `judged_on`."""

    name: str
    trained_on: date
    train: tuple[date, ...]
    test: tuple[date, ...]
    judged_on: date | None


def plan_splits(config: RiskConfig, first: date, as_of: date) -> list[Split]:
    """The back-test splits, oldest first, then the list's own; `first` is the first Sunday of history.

    A split whose `train` is empty has no history to learn from; it is planned all the same so that it can be named.
    """
    newest = latest_mature(config.target, as_of)
    splits = []
    for number in reversed(range(config.evaluation.splits)):
        last = newest - timedelta(weeks=number * config.evaluation.split_step_weeks)
        test = tuple(last - timedelta(weeks=w) for w in reversed(range(config.evaluation.test_weeks)))
        splits.append(_split(config, first, f"test from {test[0].isoformat()}", test, as_of))
    splits.append(_split(config, first, "list", (as_of,), None))
    return splits


def _split(config: RiskConfig, first: date, name: str, test: tuple[date, ...], judged_on: date | None) -> Split:
    """One split: training ends where outcomes are known on the first day of the test."""
    trained_on = test[0]
    oldest = max(
        first + timedelta(weeks=config.training.lookback_weeks),
        trained_on
        - timedelta(weeks=config.training.window_weeks)
        - (trained_on - latest_mature(config.target, trained_on)),
    )
    train = []
    day = latest_mature(config.target, trained_on)
    while day >= oldest:
        train.append(day)
        day -= timedelta(weeks=config.training.step_weeks)
    return Split(name, trained_on, tuple(reversed(train)), test, judged_on)


def own_weeks(plan: list[Split]) -> list[tuple[date, ...]]:
    """For each split of a plan the test weeks that no later split's model could have judged."""
    starts = [*(s.test[0] for s in plan[1:]), date.max][: len(plan)]
    return [tuple(w for w in split.test if w < until) for split, until in zip(plan, starts, strict=True)]
