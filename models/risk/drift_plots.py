"""Pictures of what is watched: feeds by week, features by how far they moved, what was expected and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from models.risk import plots_style as style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4
MOST_FEATURES = 25


def feeds(arrivals: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> Figure:
    """The year of each feed that has rows enough, a small picture each: rows a week that came in time, on a scale of
    its own, from nothing up; those that moved have their title in another colour and the word. titles: of agencies."""
    arrivals = [one for one in arrivals if drawn_apart(one)]
    lines = -(-max(len(arrivals), 1) // COLUMNS)
    drawn, axes = style.figure(
        "Rows of each week that were known in time, the last year", 1.25 * lines + 0.7, 11, nrows=lines, ncols=COLUMNS
    )
    flat = np.ravel(np.array(axes, dtype=object))
    for place, one in zip(flat, arrivals, strict=False):
        days = [date.fromisoformat(w["week"]) for w in one["weeks"]]
        place.plot(days, [np.nan if w["rows"] is None else w["rows"] for w in one["weeks"]], color=style.OURS, lw=1.1)
        moved = ", ".join(filter(None, [one["amount_moved"], one["lateness_moved"]]))
        name = f"{titles.get(one['agency'], one['agency'])}: {one['feed'].replace('_', ' ')}"
        name = style.short(name + (f" ({moved})" if moved else ""), 44)
        place.set_title(name, fontsize=7, loc="left", color=style.WARN if moved else style.INK)
        place.set_ylim(0, None)
        place.tick_params(labelsize=6)
        place.set_xticks(days[:: max(len(days) // 3, 1)], [f"{d:%b %y}" for d in days[:: max(len(days) // 3, 1)]])
    for place in flat[len(arrivals) :]:
        place.remove()
    return drawn


def drawn_apart(feed: Mapping[str, Any]) -> bool:
    """Whether a feed has a picture: it moved, or half of its weeks have rows enough to be shown."""
    shown = sum(bool(week["rows"]) for week in feed["weeks"])
    return bool(feed["amount_moved"] or feed["lateness_moved"]) or 2 * shown >= max(len(feed["weeks"]), 1)


def features(rows: Sequence[Mapping[str, Any]], limit: float) -> Figure:
    """The features that moved most, by their index against the training weeks and against the season a year before."""
    shown = sorted(rows, key=lambda r: -max(r["index_training"] or 0, r["index_season"] or 0))[:MOST_FEATURES]
    drawn, axes = style.figure("How far features lie from before (stability index)", 0.27 * len(shown) + 1.4, 9.5)
    places = style.rows_of(axes, [r["label"] for r in shown])
    for key, label, marker, colour in (
        ("index_training", "against the training weeks", "o", style.OURS),
        ("index_season", "against the same season a year before", "s", style.COLOURS["contact_count"]),
    ):
        told = [(r[key], at) for r, at in zip(shown, places, strict=True) if r[key] is not None]
        if told:
            axes.plot(*zip(*told, strict=True), marker, color=colour, label=label, ms=5)
    axes.axvline(limit, color=style.QUIET, ls="--", lw=1.2, label="limit of the pack")
    axes.set_xlim(0, None)
    axes.set_xlabel("Index (0: spread as before)")
    style.legend(axes, loc="lower right")
    return drawn


def checked(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Expected and found precision of the matured weeks' lists, four weeks at a time."""
    drawn, axes = style.figure("What lists were expected to find, and what they found", 3.4)
    at = np.arange(len(rows))
    for key, label, marker, colour in (
        ("expected", "expected from calibrated chances", "o-", style.OURS),
        ("found", "found", "s--", style.COLOURS["contact_count"]),
    ):
        axes.plot(at, [np.nan if r[key] is None else r[key] for r in rows], marker, color=colour, label=label)
    axes.set_xticks(at, [f"{date.fromisoformat(r['first']):%d %b %y}" for r in rows], fontsize=8)
    axes.set_ylim(0, None)
    style.percent(axes, "y")
    axes.set_xlabel("Four weeks from")
    axes.set_ylabel("Share of listings that were right")
    style.legend(axes)
    return drawn
