"""In what order people were chosen, who stood equal where the places ended, and who came next.

Each way of choosing is a queue: the model's first, then the named patterns' for the places that are left. Where the
places of a team end among people who stand equal, the draw (select.py) says who enters. That is a lottery, and it is
recorded: how many stood equal, how many places were drawn. Nobody below the margin is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.risk.calibrate import chance
from models.risk.declare import RiskConfig, RuleBook
from models.risk.panel import Panel
from models.risk.select import SCORE_DECIMALS, draw, ordered, within_capacity

MODEL_CHANNEL = "model"
RULES_CHANNEL = "rules"
DRAW_RULE = (
    "Who stands equal where a team's places end enters by lot: a number from the person's sort number, the seed and the"
    " day (splitmix64), least first. The sort number owes nothing to what is recorded about anybody."
)


@dataclass(frozen=True)
class Queue:
    """One way of choosing on one day.

    order: positions of all who could have been chosen, best first; team: of every position; standing: of every
    position a number, equal for people between whom only the lot decides; places: by team; taken: positions chosen.
    """

    channel: str
    order: np.ndarray
    team: np.ndarray
    standing: np.ndarray
    places: Mapping[str, int]
    taken: np.ndarray

    def draws(self) -> list[dict[str, Any]]:
        """The lotteries held: by team how many stood equal at its margin and how many of the places they shared."""
        out = []
        for name, places in sorted(self.places.items()):
            equal = self.at_margin(name)
            drawn = int(np.isin(equal, self.taken).sum())
            if 0 < drawn < len(equal):
                told = {"team": name, "channel": self.channel, "places": int(places)}
                out.append(told | {"stood_equal": len(equal), "places_drawn": drawn})
        return out

    def at_margin(self, name: str) -> np.ndarray:
        """Positions of a team that stand equal with the last one taken; empty when none was."""
        own = self.order[self.team[self.order] == name]
        mine = own[np.isin(own, self.taken)]
        if not len(mine):
            return own[:0]
        return own[self.standing[own] == self.standing[mine[-1]]]


def queues(
    now: Panel,
    holds: np.ndarray,
    log_odds: np.ndarray | None,
    capacity: Mapping[str, int],
    config: RiskConfig,
    book: RuleBook,
    recently: Set[str],
) -> list[Queue]:
    """The queues of a week, in the order in which they fill the places.

    now: the cohort on the as-of date; holds: which patterns hold, (rows, rules); log_odds: None when the model may not
    speak; recently: keys of people who may not be listed again yet. Within each team's capacity the model fills its
    share first; the patterns take what is left: most patterns first, then the nearest deadline, then by lot.
    """
    rows = now.rows
    team = rows["area_team"].astype(object).fillna("").to_numpy()
    day = rows["as_of_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    lot = draw(rows["sort_no"].to_numpy(), config.training.seed, day)
    free = ~rows["person_key"].isin(recently).to_numpy()
    left = {name: int(n or 0) for name, n in capacity.items()}
    out: list[Queue] = []
    spoken = np.zeros(len(rows), dtype=bool)
    if log_odds is not None:
        share = {n: min(c, max(1, round(c * config.channels.model_share))) if c else 0 for n, c in left.items()}
        score = np.round(chance(log_odds), SCORE_DECIMALS)
        order = ordered(score, lot)
        order = order[free[order]]
        taken = within_capacity(order, team, share)
        spoken[taken] = True
        for position in taken:
            left[team[position]] -= 1
        out.append(Queue(MODEL_CHANNEL, order, team, score, share, taken))
    deadline = np.array([r.deadline_working_days for r in book.rules], dtype=float)
    nearest = np.where(holds, deadline, np.inf).min(axis=1, initial=np.inf)
    count = holds.sum(axis=1)
    order = np.lexsort((lot, nearest, -count))
    order = order[free[order] & (count[order] > 0) & ~spoken[order]].astype(np.int64)
    # A deadline is some working days, far fewer than the factor: equal numbers mean equal in both.
    standing = count * 1e6 - np.where(np.isfinite(nearest), nearest, 0.0)
    out.append(Queue(RULES_CHANNEL, order, team, standing, left, within_capacity(order, team, left)))
    return out


def lottery(held: Sequence[Queue], seed: int) -> dict[str, Any]:
    """What is recorded of a week's draws: the seed, the rule, and each draw that was held."""
    return {"seed": seed, "rule": DRAW_RULE, "draws": [one for queue in held for one in queue.draws()]}
