"""Who is missed, and how long before need those who were not missed had been pointed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.risk.bootstrap import ListStatistics
from models.risk.measures import rounded

EARLY_DAYS = 56


def missed_by(masks: Mapping[str, np.ndarray], stats: ListStatistics, listed: np.ndarray, least: int) -> list[dict]:
    """Of the people in need for whom something held, how many no list reached in time.

    masks: by what is said of a row, whether it holds; it is asked of each person's first row with an outcome, which is
    when a list could first have helped. Aggregates; small numbers withheld.
    """
    first = stats.once(stats.y)
    reached_people = np.unique(stats.person[stats.y & listed])
    reached = np.isin(stats.person, reached_people)
    out = []
    for name, mask in masks.items():
        need, missed = first & mask, first & mask & ~reached
        n, m = int(need.sum()), int(missed.sum())
        small = n < least or 0 < m < least or 0 < n - m < least
        share = None if small else stats.boot.share(*stats.boot.totals(missed, need).T)
        out.append({"name": name, "in_need": None if 0 < n < least else n, "missed": share})
    return out


def lead_times(listed: np.ndarray, days: np.ndarray, person: np.ndarray, least: int) -> dict[str, Any]:
    """Days from a person's first listing to their outcome, among people listed before one.

    days: to the outcome, 0 without one. Rows are in order of date. Quartiles, and the share at least 8 weeks before.
    """
    places = np.flatnonzero(listed & (days > 0))
    _, first = np.unique(person[places], return_index=True)
    waits = days[places[first]]
    if len(waits) < least:
        return {
            "people": None if len(waits) else 0,
            "quarter": None,
            "median": None,
            "three_quarters": None,
            "early": None,
        }
    low, middle, high = np.quantile(waits, [0.25, 0.5, 0.75])
    return {
        "people": len(waits),
        "quarter": rounded(low),
        "median": rounded(middle),
        "three_quarters": rounded(high),
        "early": rounded((waits >= EARLY_DAYS).mean()),
    }
