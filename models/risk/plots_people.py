"""Pictures of whom lists miss, how early they point, why people come and go, and how late outcomes are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.risk.missed import EARLY_DAYS
from models.risk.plots_style import COLOURS, MARKERS, NAMES, OURS, QUIET, figure, interval, percent, rows_of, withheld


def missed(parts: Sequence[Mapping[str, Any]], title: str):
    """Of those with an outcome of whom something holds, the share that no list reached. None without any."""
    if not parts:
        return None
    drawn, axes = figure(title, 0.36 * len(parts) + 1.4)
    for place, one in zip(rows_of(axes, [one["name"] for one in parts]), parts, strict=True):
        if one["missed"] is None:
            withheld(axes, place, "nobody with an outcome" if one["in_need"] == 0 else "withheld: too few people")
        else:
            interval(axes, place, one["missed"])
    axes.set_xlim(0, 1.02)
    percent(axes)
    axes.set_xlabel("Missed, of those with an outcome (95 % interval)")
    return drawn


def lead_time(evaluation: Mapping[str, Any]):
    """Weeks from a person's first listing to their outcome, by way of choosing. None when nobody was listed before."""
    told = evaluation.get("lead_time") or {}
    parts = [(name, told[name]) for name in NAMES if name in told]
    if not any(part["median"] is not None for _, part in parts):
        return None
    drawn, axes = figure("Weeks from first listing to the outcome, of those listed before it", 0.5 * len(parts) + 1.4)
    for place, (name, part) in zip(rows_of(axes, [NAMES[name] for name, _ in parts]), parts, strict=True):
        if part["median"] is None:
            withheld(axes, place)
            continue
        axes.plot(
            [part["quarter"] / 7, part["three_quarters"] / 7], [place, place], color=COLOURS[name], lw=6, alpha=0.5
        )
        axes.plot([part["median"] / 7], [place], color=COLOURS[name], marker=MARKERS[name], ms=9, ls="")
    axes.axvline(EARLY_DAYS / 7, color=QUIET, ls="--", lw=1.2)
    axes.set_xlim(0, None)
    axes.set_xlabel(f"Weeks (mark: the middle one; bar: the middle half; dashed: {EARLY_DAYS // 7} weeks)")
    return drawn


def movements(evaluation: Mapping[str, Any]):
    """Why people enter and leave whom the model points to, week on week, the commonest first. None without any."""
    steady = evaluation.get("stability") or {}
    if not (steady.get("entry") or steady.get("exit")):
        return None
    longest = max(len(steady["entry"]), len(steady["exit"]))
    drawn, panels = figure("Why people come and go from one week to the next", 0.32 * longest + 1.5, width=11, ncols=2)
    for axes, way, words in zip(panels, ("entry", "exit"), ("Come because of", "Leave because of"), strict=True):
        parts = steady[way]
        for place, one in zip(rows_of(axes, [one["reason"] for one in parts]), parts, strict=True):
            if one["times"] is None:
                withheld(axes, place, "withheld: too few")
            else:
                axes.barh(place, one["times"], color=OURS, height=0.6)
        axes.set_title(words, fontsize=10, loc="left")
        axes.set_xlabel("times")
    return drawn


def maturation(evaluation: Mapping[str, Any]):
    """The share of outcomes known by so many days after the window. None without a curve."""
    part = evaluation.get("maturation") or {}
    if not part.get("curve"):
        return None
    drawn, axes = figure("How long outcomes take to be known", 3.6)
    days, shares = [c["days"] for c in part["curve"]], [c["share"] for c in part["curve"]]
    axes.plot(days, shares, color=OURS, marker="o", lw=2)
    axes.axvline(part["maturity_days"], color=QUIET, ls="--", lw=1.2)
    axes.text(part["maturity_days"], 0.02, " declared maturity", color=QUIET, fontsize=9)
    axes.set_ylim(0, 1.03)
    percent(axes, "y")
    axes.set_xlabel("Days after the end of the window in which an outcome counts")
    axes.set_ylabel("Known by then")
    return drawn
