"""How steady: from one week to the next, from one draw of the fit to another, and of reasons under small changes.

All of it looks at whom the model points to, within each team's capacity, before the rule that nobody is listed again
within some weeks: with that rule every list changes altogether, and nothing could be seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from models.risk.measures import NOTICED, rounded
from models.risk.select import weekly_lists

LEFT, OVERTAKEN, CAME = "no longer in the cohort", "others came before", "new in the cohort"


def pointed_to(rows: pd.DataFrame, score: np.ndarray, capacity: Mapping[str, int], seed: int) -> np.ndarray:
    """Whom a score points to each week, whoever was listed before. Boolean, shape (rows,)."""
    return weekly_lists(rows, score, capacity, seed=seed, relist_after_weeks=0)


def turnover(
    rows: pd.DataFrame,
    pointed: np.ndarray,
    stretch: np.ndarray,
    themes_of: Callable[[np.ndarray], pd.DataFrame],
    least: int,
) -> dict[str, Any]:
    """What share of those pointed to was not pointed to the week before, and why people enter and leave.

    stretch: number of the model that scored each row; weeks of two models are compared for `at_new_model` alone.
    themes_of: positions of rows -> contribution of each theme to the score, a column each. Somebody enters for the
    theme that rose most, and leaves for the one that fell most, unless they left the cohort or were only overtaken.
    """
    day = rows["as_of_date"].to_numpy().astype("datetime64[D]")
    person = rows["person"].to_numpy()
    weeks = [np.flatnonzero(day == d) for d in np.unique(day)]
    shares: list[float] = []
    new_model: list[float] = []
    entered: list[tuple[int, int]] = []
    left: list[tuple[int, int]] = []
    counts = {"entry": Counter[str](), "exit": Counter[str]()}
    for before, now in pairwise(weeks):
        was = dict(zip(person[before].tolist(), before.tolist(), strict=True))
        is_ = dict(zip(person[now].tolist(), now.tolist(), strict=True))
        old, new = set(person[before[pointed[before]]].tolist()), set(person[now[pointed[now]]].tolist())
        if not new:
            continue
        (shares if stretch[before[0]] == stretch[now[0]] else new_model).append(len(new - old) / len(new))
        if stretch[before[0]] != stretch[now[0]]:
            continue
        for one in sorted(new - old):
            if one in was:
                entered.append((was[one], is_[one]))
            else:
                counts["entry"][CAME] += 1
        for one in sorted(old - new):
            if one in is_:
                left.append((was[one], is_[one]))
            else:
                counts["exit"][LEFT] += 1
    counts["entry"].update(_moved(entered, themes_of, +1))
    counts["exit"].update(_moved(left, themes_of, -1))
    return {
        "turnover": rounded(np.mean(shares)) if shares else None,
        "detectable": _detectable(shares),
        "at_new_model": rounded(np.mean(new_model)) if new_model else None,
        "entry": _told(counts["entry"], least),
        "exit": _told(counts["exit"], least),
    }


def _detectable(shares: list[float]) -> float | None:
    """The least true difference from a limit that four in five means of as many weeks would show; None for one week.

    Weeks are taken for independent. They are not quite, so it is a little more in truth.
    """
    if len(shares) < 2:
        return None
    return rounded(NOTICED * float(np.std(shares, ddof=1)) / len(shares) ** 0.5)


def _moved(pairs: list[tuple[int, int]], themes_of: Callable[[np.ndarray], pd.DataFrame], sign: int) -> list[str]:
    """For each pair of rows (before, now) the theme that moved most the way of the sign, or that none did."""
    if not pairs:
        return []
    positions = np.unique(np.array(pairs))
    themes = themes_of(positions)
    place = np.searchsorted(positions, np.array(pairs))
    moved = sign * (themes.to_numpy()[place[:, 1]] - themes.to_numpy()[place[:, 0]])
    names = np.array(themes.columns, dtype=object)[moved.argmax(axis=1)]
    return [str(n) if m > 1e-9 else OVERTAKEN for n, m in zip(names, moved.max(axis=1), strict=True)]


def _told(counts: Counter[str], least: int) -> list[dict[str, Any]]:
    """Reasons with how often, the commonest first; rare ones without their number."""
    ordered = sorted(counts.items(), key=lambda c: (-c[1], c[0]))
    return [{"reason": name, "times": n if n >= least else None} for name, n in ordered]


def overlap(rows: pd.DataFrame, one: np.ndarray, other: np.ndarray) -> float | None:
    """Mean over the weeks of the share of those pointed to that another list of the same size points to as well."""
    day = rows["as_of_date"].to_numpy()
    shares = []
    for d in np.unique(day):
        here = day == d
        size = max(int((one & here).sum()), int((other & here).sum()))
        if size:
            shares.append(int((one & other & here).sum()) / size)
    return rounded(np.mean(shares)) if shares else None


def shaken(X: np.ndarray, kinds: Sequence[str], seed: int, share: float = 0.1) -> np.ndarray:
    """Values with small changes: a tenth of them moved by one event, a week or half a unit, none below zero."""
    rng = np.random.default_rng(seed)
    out = X.astype(np.float64)
    for column, kind in enumerate(kinds):
        step = {"days_since": 7.0, "episode_days": 7.0, "relative_to_peers": 0.5, "change": 0.5}.get(kind, 1.0)
        if kind in {"age", "age_band", "open_episode", "household_size"}:
            continue
        moves = rng.random(len(out)) < share
        out[moves, column] += step * rng.choice([-1.0, 1.0], size=int(moves.sum()))
        if kind not in {"relative_to_peers", "change"}:
            out[:, column] = np.maximum(out[:, column], 0.0)
    return out.astype(np.float32)


def kept_reasons(before: np.ndarray, after: np.ndarray, most: int = 3) -> dict[str, float | None]:
    """How far the heaviest themes stay the same: mean share of the first `most` kept, and of rows whose first stays.

    before, after: contribution of each theme, shape (rows, themes); only themes that raise the score count.
    """
    kept, first = [], []
    for a, b in zip(before, after, strict=True):
        old = [t for t in np.argsort(-a, kind="stable")[:most] if a[t] > 0]
        new = [t for t in np.argsort(-b, kind="stable")[:most] if b[t] > 0]
        if old:
            kept.append(len(set(old) & set(new)) / len(old))
            first.append(bool(new) and old[0] == new[0])
    return {
        "kept": rounded(np.mean(kept)) if kept else None,
        "first_kept": rounded(np.mean(first)) if first else None,
    }
