"""Who is listed: within each team's capacity, by score, ties by a seeded draw that no key can influence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

SCORE_DECIMALS = 9


def draw(sort_no: np.ndarray, seed: int, day: np.ndarray | int) -> np.ndarray:
    """A uniform number in [0, 1) per row from its sort number, the seed and the day: the recorded lottery.

    The mixing function is splitmix64 (Steele, Lea and Flood 2014).
    """
    with np.errstate(over="ignore"):
        x = np.asarray(sort_no).astype(np.uint64) + np.asarray(day).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x = x + np.uint64(seed) * np.uint64(0xD1342543DE82EF95)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def ordered(score: np.ndarray, lot: np.ndarray) -> np.ndarray:
    """Positions from the highest score down; equal scores (9 decimals) by lot."""
    return np.lexsort((lot, -np.round(score, SCORE_DECIMALS)))


def within_capacity(order: np.ndarray, team: np.ndarray, capacity: Mapping[str, int]) -> np.ndarray:
    """The positions of `order` that fit: for each team its first `capacity` ones, in the order given."""
    left = {name: int(n or 0) for name, n in capacity.items()}
    taken = []
    open_places = sum(left.values())
    for position in order:
        if open_places <= 0:
            break
        name = team[position]
        if left.get(name, 0) > 0:
            left[name] -= 1
            open_places -= 1
            taken.append(position)
    return np.array(taken, dtype=np.int64)


def weekly_lists(
    rows: pd.DataFrame,
    score: np.ndarray,
    capacity: Mapping[str, int],
    *,
    seed: int,
    relist_after_weeks: int,
    eligible: np.ndarray | None = None,
) -> np.ndarray:
    """Which rows would have been listed, week after week, nobody again within `relist_after_weeks`.

    rows: as_of_date, person, area_team, sort_no; eligible: rows that may be listed at all. Boolean, shape (rows,).
    """
    listed = np.zeros(len(rows), dtype=bool)
    person = rows["person"].to_numpy()
    day = rows["as_of_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    team = rows["area_team"].astype(object).fillna("").to_numpy()
    lot = draw(rows["sort_no"].to_numpy(), seed, day)
    last = np.full(int(person.max(initial=0)) + 1, -(10**6), dtype=np.int64)
    for today in np.unique(day):
        here = np.flatnonzero(day == today)
        free = today - last[person[here]] >= 7 * relist_after_weeks
        if eligible is not None:
            free &= eligible[here]
        here = here[free]
        chosen = here[within_capacity(ordered(score[here], lot[here]), team[here], capacity)]
        listed[chosen] = True
        last[person[chosen]] = today
    return listed
