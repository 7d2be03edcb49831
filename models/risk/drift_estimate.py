"""How good is this week's list, before anybody can know? Estimated from calibrated chances, and checked afterwards.

If chances are honest, those of the people listed average to the precision to expect, and those of everybody add up to
the people to expect in need (confidence-based estimation, as NannyML calls it). It needs no outcome, and it cannot see
what calibration does not know: a world in which the same signs have come to mean something else. So the same estimate
is made for the weeks that have matured, as it could have been made then, and set against what was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from models.risk.backtest import Judged
from models.risk.calibrate import chance
from models.risk.declare import RiskConfig
from models.risk.drift_measures import SEEN_AT
from models.risk.select import weekly_lists

WEEKS_TOGETHER = 4


def estimate(
    now: pd.DataFrame,
    scores: np.ndarray | None,
    judged: Judged | None,
    capacity: Mapping[str, int],
    config: RiskConfig,
) -> dict[str, Any] | None:
    """This week's expected precision at capacity and people expected in need, and how far such estimates were off.

    now: the cohort's rows; scores: their calibrated log-odds, None without a model; judged: matured weeks with the
    scores of the newest model there could have been on each.
    """
    if scores is None:
        return None
    listed = weekly_lists(now, chance(scores), capacity, seed=config.training.seed, relist_after_weeks=0)
    p = chance(scores)
    least = config.evaluation.smallest_cell
    out: dict[str, Any] = {
        "places": int(listed.sum()),
        "precision": round(float(p[listed].mean()), 6) if listed.any() else None,
        "in_need": round(float(p.sum()), 1) if p.sum() >= least else None,
        "checked": [],
        "off": None,
        "off_noise": None,
        "moved": None,
    }
    if judged is None or judged.log_odds is None:
        return out
    return out | check(judged, capacity, config)


def check(judged: Judged, capacity: Mapping[str, int], config: RiskConfig) -> dict[str, Any]:
    """What was expected of the matured weeks' lists against what was found, four weeks at a time and in all.

    `off` is expected less found precision over all weeks; `off_noise` its standard error if the chances were honest
    and each person counted once (a person listed again is the same outcome twice).
    """
    assert judged.log_odds is not None
    p = chance(judged.log_odds)
    settings = config.evaluation
    listed = weekly_lists(
        judged.rows, p, capacity, seed=config.training.seed, relist_after_weeks=config.channels.relist_after_weeks
    )
    day = judged.rows["as_of_date"].to_numpy().astype("datetime64[D]")
    days = np.unique(day)
    rows = []
    for start in range(0, len(days), WEEKS_TOGETHER):
        some = days[start : start + WEEKS_TOGETHER]
        here = np.isin(day, some)
        chosen = here & listed
        n, found = int(chosen.sum()), int(judged.y[chosen].sum())
        hidden = n < settings.smallest_cell or 0 < found < settings.smallest_cell
        in_need = int(judged.y[here].sum()) / len(some)
        rows.append(
            {
                "first": str(some[0]),
                "last": str(some[-1]),
                "listed": n if n >= settings.smallest_cell else None,
                "expected": round(float(p[chosen].mean()), 6) if n else None,
                "found": None if hidden else round(found / n, 6),
                "expected_in_need": round(float(p[here].sum()) / len(some), 1),
                "in_need": None if 0 < in_need < settings.smallest_cell else round(in_need, 1),
            }
        )
    n = int(listed.sum())
    if not n:
        return {"checked": rows}
    off = float(p[listed].mean() - judged.y[listed].mean())
    people = max(len(np.unique(judged.rows["person"].to_numpy()[listed])), 1)
    noise = float(np.sqrt((p[listed] * (1 - p[listed])).mean() / people))
    least = config.drift.least
    seen = people >= least and abs(off) > max(config.drift.estimate.most, SEEN_AT * noise)
    return {
        "checked": rows,
        "off": round(off, 6),
        "off_noise": round(noise, 6),
        "moved": ("high" if off > 0 else "low") if seen else None,
    }


def warnings_of(found: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """A warning when estimates of the matured weeks were off by more than agreed and beyond chance."""
    if not found or not found["moved"]:
        return []
    words = (
        f"Lists were expected to be right about {abs(found['off']):.2f} too"
        f" {'often' if found['moved'] == 'high' else 'seldom'} in the weeks that have matured."
    )
    do = "Do not rely on this week's estimate; look at calibration and base rate, and train again."
    return [{"kind": "estimate", "about": "expected precision", "words": words, "do": do}]
