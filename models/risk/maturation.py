"""How long outcomes take to be known, and what hindsight would have added to the training.

Worked example: an as-of date whose window of 182 days ended on 5 July. Of the people who in the end had an outcome in
it, the curve says which share was known on 5 July (0 days), four weeks later, and so on; at the declared maturity it
should be near 1, or the training learns from people who only seem to have needed nothing.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from models.risk.asof import knowledge_cutoff, microseconds
from models.risk.declare import Target
from models.risk.labels import Outcomes, as_known, next_within
from models.risk.measures import rounded

DAY = 86_400_000_000  # microseconds
AFTER_DAYS = (0, 14, 28, 42, 56, 90, 120, 180)


def maturation_curve(outcomes: Outcomes, rows: pd.DataFrame, target: Target, known_on: date) -> dict[str, Any]:
    """Share of eventual outcomes known by so many days after the window.

    rows: person_key, as_of_date; only those are used whose window has had twice its maturity to be filled by
    `known_on`, or outcomes still unknown would be missing below as well as above the line.
    """
    settled = known_on - timedelta(days=target.horizon_days + 2 * target.maturity_days)
    rows = rows[rows["as_of_date"] <= pd.Timestamp(settled)]
    known = as_known(outcomes, known_on)
    out: dict[str, Any] = {"maturity_days": target.maturity_days, "outcomes": 0, "curve": [], "at_maturity": None}
    if rows.empty or known.empty:
        return out
    wait, which = next_within(known, rows, target.horizon_days)
    hit = wait > 0
    if not hit.any():
        return out
    # A correction of an outcome is a later version of it: what counts is when its first version came.
    first = outcomes.frame.groupby(["person_key", "day"])["known_from"].min()
    keys = pd.MultiIndex.from_frame(known[["person_key", "day"]])
    came = first.reindex(keys).to_numpy()[which[hit]]
    weeks = [pd.Timestamp(d).date() + timedelta(days=target.horizon_days) for d in rows["as_of_date"].unique()]
    ends = dict(zip(rows["as_of_date"].unique(), microseconds(knowledge_cutoff(w) for w in weeks), strict=True))
    late = (came - rows["as_of_date"].map(ends).to_numpy()[hit]) / DAY
    out["outcomes"] = int(np.unique(rows["person_key"].astype(str).to_numpy()[hit]).size)
    days = sorted({*AFTER_DAYS, target.maturity_days})
    out["curve"] = [{"days": d, "share": rounded((late <= d).mean())} for d in days]
    out["at_maturity"] = rounded((late <= target.maturity_days).mean())
    return out


def hindsight_gap(
    outcomes: Outcomes, rows: pd.DataFrame, target: Target, trained_on: date, judged_on: date
) -> dict[str, Any]:
    """What was known of the training weeks' outcomes on the day of training, against what is known since.

    rows: person_key, as_of_date of the training weeks. `not_yet_known` is the share of outcomes that a model fitted
    then could not have learnt from and one fitted with hindsight would; `not_yet_known_without_embargo` the same for
    the newest week whose window alone had ended, which is where others begin to learn (Triage: 11 to 13 %).
    """
    then = next_within(as_known(outcomes, trained_on), rows, target.horizon_days)[0] > 0
    since = next_within(as_known(outcomes, judged_on), rows, target.horizon_days)[0] > 0
    ended = trained_on - timedelta(days=target.horizon_days)
    newest = rows[rows["as_of_date"] == rows["as_of_date"].max()].assign(as_of_date=pd.Timestamp(ended))
    raw = next_within(as_known(outcomes, trained_on), newest, target.horizon_days)[0] > 0
    real = next_within(as_known(outcomes, judged_on), newest, target.horizon_days)[0] > 0
    return {
        "known_then": int(then.sum()),
        "known_since": int(since.sum()),
        "not_yet_known": _share(since & ~then, since),
        "withdrawn": _share(then & ~since, then),
        "not_yet_known_without_embargo": _share(real & ~raw, real),
    }


def _share(part: np.ndarray, whole: np.ndarray) -> float | None:
    """A share, None of nothing."""
    return rounded(part.sum() / whole.sum()) if whole.any() else None
