"""Does it matter who writes things down? How much of the score is explained by the recorder and not by the family.

Two families with as many recorded contacts should not differ because one is known to a team that records more. The
score's log-odds are first compared among people with about as many contacts; `beyond_amount` is the share of what is
left that lies between recorders (epsilon squared: Kelley 1935, which is 0 on average when recorders do not matter).
A large share is a warning, not a verdict: an agency may record more because it meets more need.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import numpy as np

from models.risk.asof import knowledge_cutoff
from models.risk.declare import RiskConfig
from models.risk.measures import rounded

AMOUNT_EDGES = np.array([1, 2, 3, 5, 8, 12, 20])
NOBODY, OTHERS = "nobody", "others"


def recorders_of(
    con: duckdb.DuckDBPyConnection, config: RiskConfig, marts: str, day: date
) -> dict[str, dict[str, str]]:
    """By way of grouping, the recorder of each person on a Sunday (a date): the agency that recorded most of the
    counted contacts in the 52 weeks before, and the team or organisation of the newest episode."""
    values = {"day": day, "cutoff": knowledge_cutoff(day)}
    known = "known_from <= $cutoff and $cutoff < known_to and person_key is not null"
    events = list(config.feature(config.comparators.contact_count).events)
    agency = (
        []
        if not events
        else con.execute(
            f"select person_key::varchar, arg_max(agency, (n, agency)) from (select person_key, agency, count(*) as n"
            f" from {marts}.event where {known} and occurred_on <= $day and occurred_on > $day - interval 364 day"
            " and event_type in (select unnest($events)) group by all) group by person_key",
            values | {"events": events},
        ).fetchall()
    )
    team = con.execute(
        "select person_key::varchar, arg_max(coalesce(team, organisation), (started_on, coalesce(team, organisation)))"
        f" from {marts}.episode where {known} and started_on <= $day and coalesce(team, organisation) is not null"
        " group by person_key",
        values,
    ).fetchall()
    return {"agency": dict(agency), "team": dict(team)}


def recorder_effect(
    log_odds: np.ndarray, contacts: np.ndarray, recorder: np.ndarray, least: int, most: float
) -> dict[str, Any]:
    """Share of the score between recorders, as it is and beyond the amount recorded.

    recorder: text per row, NOBODY where nothing is recorded; recorders with fewer than `least` rows are taken together.
    most: the share beyond which the page warns. Rows of nobody are left out: there is nothing to compare.
    """
    here = recorder != NOBODY
    x, who = log_odds[here], recorder[here].astype(object)
    names, unit, count = np.unique(who, return_inverse=True, return_counts=True)
    who = np.where(count[unit] < least, OTHERS, who)
    names, unit = np.unique(who, return_inverse=True)
    empty = {"recorders": len(names), "raw": None, "beyond_amount": None, "warning": False}
    if len(names) < 2 or len(x) < 10 * len(names):
        return empty
    _, band = np.unique(np.digitize(contacts[here], AMOUNT_EDGES), return_inverse=True)
    means = np.bincount(band, weights=x) / np.bincount(band)
    beyond = _between(x - means[band], unit)
    return {
        "recorders": len(names),
        "raw": _between(x, unit),
        "beyond_amount": beyond,
        "warning": beyond is not None and beyond > most,
    }


def _between(x: np.ndarray, unit: np.ndarray) -> float | None:
    """Epsilon squared: the share of variance between units, corrected for their number; None without variance."""
    n = np.bincount(unit)
    middle = x - x.mean()
    means = np.bincount(unit, weights=middle) / n
    total, between = float(middle @ middle), float(n @ means**2)
    if total <= 0:
        return None
    k = len(n)
    return rounded(max(0.0, (between - (k - 1) * (total - between) / max(len(x) - k, 1)) / total))
