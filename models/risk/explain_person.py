"""One person's score of one week, taken apart: for analysts, made again from the registered model and kept nowhere."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.risk import rules
from models.risk.calibrate import chance
from models.risk.declare import RuleBook
from models.risk.explain import TOLERANCE, of_rotation
from models.risk.rescore import CannotRescore, Rescored
from models.risk.select import draw, ordered


@dataclass(frozen=True)
class Explained:
    """chance: the calibrated score; log_odds: the same in log-odds, which contributions sum to with `base`.

    place, of: (within the team, in all) from the highest score down, equal scores by lot. cut_off: the least chance the
    model listed in this team that week, None when it listed nobody there. contributions: (feature, label, theme, value,
    contribution), heaviest first; themes: (title, sum); patterns: titles of the named patterns that hold. part: which
    of `parts` scored the family, the one that had not learnt from it.
    """

    team: str
    chance: float
    log_odds: float
    base: float
    place: tuple[int, int]
    of: tuple[int, int]
    cut_off: float | None
    part: int
    parts: int
    contributions: list[tuple[str, str, str, float, float]]
    themes: list[tuple[str, float]]
    patterns: list[str]


def explain_person(week: Rescored, book: RuleBook, key: str, listed_by_model: Set[str]) -> Explained:
    """Take the score of one person of a week apart.

    key: whose; listed_by_model: keys of everybody the model listed that week. Raises CannotRescore when the week's
    cohort does not hold the key, ArithmeticError when contributions do not sum to the score.
    """
    rows, config = week.panel.rows, week.config
    keys = rows["person_key"].astype(str).to_numpy()
    found = np.flatnonzero(keys == key)
    if len(found) != 1:
        raise CannotRescore("Nobody of that week's cohort goes by this key, so nobody was scored under it.")
    at = int(found[0])
    score = chance(week.log_odds)
    team = rows["area_team"].astype(object).fillna("").to_numpy()
    day = rows["as_of_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    order = ordered(score, draw(rows["sort_no"].to_numpy(), config.training.seed, day))
    own = order[team[order] == team[at]]
    mine = np.isin(keys, list(listed_by_model)) & (team == team[at])
    parts = of_rotation(week.panel, np.array([at]), week.rotation, config)
    themes = parts.by_theme()
    values = parts.values[0]
    if abs(float(parts.base[0] + values.sum() - week.log_odds[at])) > TOLERANCE:
        raise ArithmeticError("contributions do not sum to the score")
    heavy = sorted(range(len(values)), key=lambda i: (-abs(round(float(values[i]), 9)), i))
    holds = rules.fired(week.panel.where(np.arange(len(rows)) == at), book)[0]
    return Explained(
        team=str(team[at]),
        chance=float(score[at]),
        log_odds=float(week.log_odds[at]),
        base=float(parts.base[0]),
        place=(int(np.flatnonzero(own == at)[0]) + 1, int(np.flatnonzero(order == at)[0]) + 1),
        of=(len(own), len(order)),
        cut_off=float(score[mine].min()) if mine.any() else None,
        part=int(week.rotation.fold[at]) + 1,
        parts=len(week.rotation.parts),
        contributions=[_told(week, parts, i, at) for i in heavy],
        themes=sorted(
            ((config.themes.get(t, t), float(v[0])) for t, v in themes.items()), key=lambda one: (-abs(one[1]), one[0])
        ),
        patterns=[r.title for r, held in zip(book.rules, holds, strict=True) if held],
    )


def _told(week: Rescored, parts: Any, column: int, at: int) -> tuple[str, str, str, float, float]:
    name = parts.names[column]
    feature = week.config.feature(name)
    value = float(week.panel.column(name)[at])
    return (
        name,
        feature.label,
        week.config.themes.get(feature.theme, feature.theme),
        value,
        float(parts.values[0, column]),
    )
