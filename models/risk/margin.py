"""The families on either side of where the places ended: the last that were listed, the first that were not.

Who was just missed is nowhere kept. It is made again from the registered model and the records as known then, used for
counting, and forgotten; a week counts only where those chosen again are exactly those that were chosen then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.risk import rules
from models.risk.declare import RiskConfig, RuleBook
from models.risk.panel import Panel
from models.risk.queue import MODEL_CHANNEL, Queue, queues


@dataclass(frozen=True)
class Near:
    """One family beside the margin of a team and channel, by the week it was beside it.

    members: keys of the cohort's people in the home; day: of the as-of date, days since 1970; by_lot: whether it stood
    equal with others between whom a draw was held; near: whether it is of the half of the list next to the margin, or
    of as many families after it.
    """

    channel: str
    team: str
    day: int
    members: tuple[str, ...]
    listed: bool
    near: bool
    by_lot: bool


def chosen_again(
    now: Panel,
    log_odds: np.ndarray | None,
    choice: Mapping[str, Any],
    config: RiskConfig,
    book: RuleBook,
    recently: Set[str],
) -> list[Queue]:
    """The queues of a past week by the terms its run recorded (`WeeklyRun.choice`)."""
    channels = config.channels.model_copy(update={"model_share": choice["model_share"]})
    training = config.training.model_copy(update={"seed": choice["lottery"]["seed"]})
    then = config.model_copy(update={"channels": channels, "training": training})
    return queues(now, rules.fired(now, book), log_odds, choice["capacity"], then, book, recently)


def same_as_then(now: Panel, held: Sequence[Queue], candidates: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the people chosen again are those the week's batch holds, channel by channel."""
    keys = now.rows["person_key"].astype(str).to_numpy()
    again = {(q.channel == MODEL_CHANNEL, keys[p]) for q in held for p in q.taken}
    return again == {(MODEL_CHANNEL in c["channel"], str(c["person_key"])) for c in candidates}


def families_near(now: Panel, held: Sequence[Queue]) -> list[Near]:
    """The families listed and just missed, a record each for every channel they stood beside the margin of.

    A family with somebody listed is never among the missed, whatever the channel.
    """
    rows = now.rows
    keys = rows["person_key"].astype(str).to_numpy()
    home = rows["household"].to_numpy().astype(np.int64)
    family = np.where(home >= 0, home, -1 - np.arange(len(rows)))
    taken = np.unique(np.concatenate([q.taken for q in held])) if held else np.empty(0, dtype=np.int64)
    without = np.flatnonzero(np.isin(family, family[taken]))
    day = int(rows["as_of_date"].to_numpy().astype("datetime64[D]").astype(np.int64)[0]) if len(rows) else 0
    out: list[Near] = []
    for queue in held:
        drawn = {one["team"] for one in queue.draws()}
        for team in sorted(queue.places):
            own = queue.order[queue.team[queue.order] == team]
            inside = own[np.isin(own, queue.taken)]
            missed = own[~np.isin(own, without)]
            width = -(-len(inside) // 2)
            equal = set(queue.at_margin(team).tolist()) if team in drawn else set()
            sides = ((inside[::-1], True), (missed, False))
            for positions, listed in sides:
                for place, position in enumerate(_one_a_family(positions, family)):
                    by_lot = int(position) in equal
                    if not (listed or by_lot or place < width):
                        break
                    members = tuple(keys[np.flatnonzero(family == family[position])])
                    out.append(Near(queue.channel, team, day, members, listed, place < width, by_lot))
    return out


def _one_a_family(positions: np.ndarray, family: np.ndarray) -> np.ndarray:
    """The first position of each family, in order."""
    _, first = np.unique(family[positions], return_index=True)
    return positions[np.sort(first)]
