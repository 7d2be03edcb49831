"""Does every agency still tell as much, and as soon? Rows by the week they happened in and when they became known.

Of a week that has just passed only the quick rows are there, so its lateness cannot be compared with an old week's as
they stand. Both are cut the same way: of the rows known within `complete_after_days` of the week's end, the share known
within `known_within_days` of happening. How many rows arrive in time is compared besides, and can be told three weeks
sooner: a feed that loses half of its rows and one that brings half of them a month late look alike at first.

The recent weeks are compared with the year before them and with the same weeks a year before; a holiday is in both.

Rows of before a feed's first drop came with its history, and mostly carry a declared delay instead of a real one. So
lateness is compared within the time of delivery alone, and is not told before there is half a year of it; amounts are
compared with history by weeks that are complete on either side, which is four weeks slower.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np

from models.risk.asof import knowledge_cutoff
from models.risk.drift_declare import Drift
from models.risk.drift_measures import NOTHING, Moved, ratio_of, scatter, step_of

YEAR = 52
SEASON_WEEKS = (51, 52, 53)


def arrivals(
    con: duckdb.DuckDBPyConnection,
    limits: Drift,
    as_of: date,
    least: int,
    marts: str,
    delivered_since: Mapping[str, date] | None = None,
) -> list[dict[str, Any]]:
    """By agency and feed, the last year's weeks (oldest first) with the two comparisons; counts under `least` None.

    A row counts from the first time it was known of anybody. Weeks are those that end on Sundays; `age` 0 is the
    newest, which ended on the as-of date. delivered_since: by `agency.feed`, the day its first drop came; a feed that
    is not named has always been delivered.
    """
    weeks = 2 * YEAR + limits.recent_weeks + 12
    table = con.execute(
        f"""with told as (
            select agency, feed, event_key as one, min(occurred_on) as day, min(known_from) as known
            from {marts}.event where known_from <= $cutoff and occurred_on <= $as_of and occurred_on > $since
            group by agency, feed, event_key
            union all
            select agency, feed, episode_key as one, min(started_on) as day, min(known_from) as known
            from {marts}.episode where known_from <= $cutoff and started_on <= $as_of and started_on > $since
            group by agency, feed, episode_key)
        select agency, feed, (date_diff('day', day, $as_of) // 7)::integer as age,
            count(*) filter (where known::date <= day + $within) as in_time,
            count(*) filter (
                where known::date <= $as_of - 7 * (date_diff('day', day, $as_of) // 7)::integer + $complete) as complete
        from told group by all order by all""",
        {
            "cutoff": knowledge_cutoff(as_of),
            "as_of": as_of,
            "since": as_of - timedelta(weeks=weeks),
            "within": limits.known_within_days,
            "complete": limits.complete_after_days,
        },
    ).fetchall()
    grids: dict[tuple[str, str], np.ndarray] = {}
    for agency, feed, age, in_time, complete in table:
        grids.setdefault((agency, feed), np.zeros((weeks, 2), dtype=np.int64))[age] = in_time, complete
    since = delivered_since or {}
    return [
        _feed(agency, feed, grid, limits, as_of, least, since.get(f"{agency}.{feed}"))
        for (agency, feed), grid in grids.items()
    ]


def _feed(
    agency: str, feed: str, grid: np.ndarray, limits: Drift, as_of: date, least: int, since: date | None
) -> dict[str, Any]:
    """One feed's weeks and comparisons; grid: by age in weeks, rows in time and rows by then complete."""
    oldest = int(np.flatnonzero(grid[:, 1]).max(initial=-1))
    # The oldest week that lies whole in the time of delivery.
    live = oldest if since is None else min(oldest, (as_of - since).days // 7 - 1)
    # Rows of the newest weeks have not had the time yet to be called in time, or complete.
    first = -(-limits.known_within_days // 7)
    ready = -(-limits.complete_after_days // 7)
    n = limits.recent_weeks
    start, counts = (first, grid[:, 0]) if live >= min(oldest, first + n + YEAR) else (ready, grid[:, 1])
    amount, *amounts = (_compare_counts(counts, start, n, old, oldest, limits) for old in _references(start, n))
    share, *shares = (_compare_shares(grid, ready, n, old, live, limits) for old in _references(ready, n))
    sign = _agreed(amount, amounts, "beyond_factor", limits.arrivals.most)
    lateness = _agreed(share, shares, "beyond_step", limits.lateness.most)
    amount_season = _nearest(amounts, lambda m: abs(np.log(m.by)))
    share_season = _nearest(shares, lambda m: abs(m.by))
    trend = [
        {
            "week": (as_of - timedelta(weeks=age)).isoformat(),
            "rows": None if 0 < counts[age] < least else int(counts[age]),
            "share": _share(grid[age], least) if ready <= age <= live else None,
        }
        for age in reversed(range(start, min(YEAR + 1, oldest + 1)))
    ]
    return {
        "agency": agency,
        "delivered_since": None if since is None else since.isoformat(),
        "feed": feed,
        "weekly_rows": _figure(amount.now, n, least),
        "weekly_rows_usual": _figure(amount.then, n, least),
        "ratio_usual": amount.by,
        "ratio_season": amount_season.by,
        "in_time": share.now,
        "in_time_usual": share.then,
        "in_time_season": share_season.then,
        "amount_moved": {1: "more", -1: "less"}.get(sign),
        "lateness_moved": {1: "earlier", -1: "later"}.get(lateness),
        "weeks": trend,
    }


def _references(start: int, n: int) -> list[range]:
    """Ages of the weeks to compare with: the year before the recent ones, then the same weeks a year before, and those
    a week to either side (holidays move)."""
    season = [range(start + weeks, start + weeks + n) for weeks in SEASON_WEEKS]
    return [range(start + n, start + n + YEAR), *season]


def _compare_counts(
    counts: np.ndarray, start: int, n: int, reference: Sequence[int], oldest: int, limits: Drift
) -> Moved:
    """Rows a week in the recent weeks against the reference, as far as the feed goes back."""
    old = [age for age in reference if age <= oldest]
    if len(old) < len(reference) // 2:
        return NOTHING
    spread = scatter(counts[start + n : min(start + n + YEAR, oldest + 1)])
    return ratio_of(counts[start : start + n].sum(), n, counts[old].sum(), len(old), limits.least, spread)


def _compare_shares(
    grid: np.ndarray, start: int, n: int, reference: Sequence[int], oldest: int, limits: Drift
) -> Moved:
    """The share in time of the recent complete weeks against the reference."""
    old = [age for age in reference if age <= oldest]
    if len(old) < len(reference) // 2:
        return NOTHING
    now, then = grid[start : start + n].sum(axis=0), grid[old].sum(axis=0)
    return step_of(now[0], now[1], then[0], then[1], limits.least)


def _agreed(usual: Moved, season: Sequence[Moved], how: str, most: float) -> int:
    """The sign of a movement on which all comparisons agree; of the one there is where a year before is missing."""
    sign: int = getattr(usual, how)(most)
    there = [one for one in season if one is not NOTHING]
    return sign if all(getattr(one, how)(most) == sign for one in there) else 0


def _nearest(season: Sequence[Moved], far: Callable[[Any], float]) -> Moved:
    """The comparison with the season in which least moved, for the table."""
    return min((one for one in season if one.by is not None), key=far, default=NOTHING)


def _share(row: np.ndarray, least: int) -> float | None:
    """Share in time of one week; None of few."""
    return round(float(row[0] / row[1]), 6) if row[1] >= least else None


def _figure(per_week: float | None, weeks: int, least: int) -> float | None:
    """Rows a week, None where so few that they could be of one person."""
    return None if per_week is None or 0 < per_week * weeks < least else round(per_week, 1)


def warnings_of(found: Sequence[Mapping[str, Any]], limits: Drift) -> list[dict[str, str]]:
    """A warning for each feed that tells more, less, later or earlier than usual."""
    out = []
    for one in found:
        name = f"{one['agency']}.{one['feed']}"
        if one["amount_moved"]:
            words = (
                f"{name} tells {one['amount_moved']} than usual: in the last {limits.recent_weeks} weeks"
                f" that can be compared {one['ratio_usual']:.2f} times as many rows a week came as in the year before."
            )
            out.append({"kind": "amount", "about": name, "words": words, "do": _DO_AMOUNT})
        if one["lateness_moved"]:
            words = (
                f"{name} tells {one['lateness_moved']} than usual: {one['in_time']:.0%} of its rows are known within"
                f" {limits.known_within_days} days, {one['in_time_usual']:.0%} in the year before."
            )
            do = _DO_LATER if one["lateness_moved"] == "later" else _DO_EARLIER
            out.append({"kind": "lateness", "about": name, "words": words, "do": do})
    return out


_DO_AMOUNT = (
    "Ask the agency whether an extract, a filter or a system changed, and whether rows are still to come; until it is"
    " known, read what the lists say of it, and what they do not, with that in mind."
)
_DO_LATER = (
    "Ask the agency what delays it: what it tells is missing from the weeks it belongs to, and the model learnt from"
    " weeks in which it was there."
)
_DO_EARLIER = "Good news that the model has not learnt from yet: the next training takes it in."
