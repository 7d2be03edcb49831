"""Pictures of the fairness audit: each group's difference against the margin written down beforehand, and over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.risk.plots_style import OURS, QUIET, WARN, figure, interval, legend, percent, rows_of, withheld

MEASURES = {
    "precision": "Right of those listed, less the others'",
    "missed": "Missed of those with an outcome, less the others'",
}
LOOKS: dict[str, dict[str, Any]] = {
    "inside": {"color": OURS, "fmt": "o"},
    "beyond": {"color": WARN, "fmt": "s"},
    "not proven": {"color": QUIET, "fmt": "D"},
}
# Okabe and Ito, with marks of their own, so that groups stay apart in grey.
LINES = (
    ("#0072b2", "o"),
    ("#e69f00", "s"),
    ("#009e73", "^"),
    ("#cc79a7", "D"),
    ("#d55e00", "v"),
    ("#56b4e9", "P"),
    ("#000000", "X"),
    ("#999999", "*"),
)


def margins(audit: Mapping[str, Any], limits: Mapping[str, Any]):
    """Every group's difference from everybody else with its interval, and the side of the margin that it may not reach.

    limits: of the fairness gate: `margins` by measure, how much less well a group may be served, and `minimum_found`,
    the people a figure must rest on. None without groups.
    """
    groups = [(f"{a['title']}: {g['group']}", g) for a in audit.get("attributes", []) for g in a["groups"]]
    if not groups:
        return None
    title = "Served as well as everybody else? Each interval against the margin agreed beforehand"
    drawn, panels = figure(title, 0.3 * len(groups) + 1.8, width=11, ncols=2, sharey=True)
    for axes, (measure, words) in zip(panels, MEASURES.items(), strict=True):
        margin = limits["margins"].get(measure)
        for place, (_, group) in zip(rows_of(axes, [name for name, _ in groups]), groups, strict=True):
            part = group["difference"][measure]
            if part is None:
                withheld(axes, place, "cannot be told")
            else:
                interval(axes, place, part, ms=5, **LOOKS[_verdict(part, measure, margin, limits["minimum_found"])])
        axes.axvline(0, color=QUIET, lw=1)
        if margin is not None:
            edge = -margin if measure == "precision" else margin
            axes.axvline(edge, color=WARN, ls="--", lw=1.4)
            reach = max(abs(x) for x in (*axes.get_xlim(), edge)) * 1.1
            beyond = (-reach, edge) if measure == "precision" else (edge, reach)
            axes.axvspan(*beyond, color=WARN, alpha=0.08, lw=0)
            axes.set_xlim(-reach, reach)
        axes.set_title(words, fontsize=9.5, loc="left")
        percent(axes)
    words = "95 % intervals; shaded: beyond the margin. Circle: inside it; square: beyond it; grey diamond: not proven"
    drawn.supxlabel(f"{words} (fewer than {limits['minimum_found']} behind it, or across it)", fontsize=9)
    return drawn


def _verdict(part: Mapping[str, float], measure: str, margin: float | None, least: int) -> str:
    """What the gate (gate_evidence.py) says of one difference."""
    if margin is None or part["events"] < least:
        return "not proven"
    low, high = (-part["high"], -part["low"]) if measure == "precision" else (part["low"], part["high"])
    return "inside" if high <= margin else "beyond" if low > margin else "not proven"


def over_time(audit: Mapping[str, Any]):
    """Each group's share missed, quarter by quarter, one panel an attribute. None for a single stretch of time."""
    told = [a for a in audit.get("attributes", []) if any(len(g["over_time"]) > 1 for g in a["groups"])]
    if not told:
        return None
    rows = -(-len(told) // 2)
    title = "Missed of those with an outcome, quarter by quarter (gaps: withheld, too few people)"
    drawn, panels = figure(title, 2.8 * rows + 0.6, width=11, nrows=rows, ncols=2, squeeze=False, sharey=True)
    flat = np.ravel(panels)
    for axes, attribute in zip(flat, told, strict=False):
        periods = [t["period"] for t in attribute["groups"][0]["over_time"]]
        shift = np.linspace(-0.2, 0.2, len(attribute["groups"]))
        for place, group in enumerate(attribute["groups"]):
            colour, mark = LINES[place % len(LINES)]
            values = [t["missed"]["estimate"] if t["missed"] else np.nan for t in group["over_time"]]
            axes.plot(np.arange(len(periods)) + shift[place], values, color=colour, lw=1, alpha=0.6)
            label: str | None = str(group["group"])
            for number, t in enumerate(group["over_time"]):
                if t["missed"]:
                    look = {"color": colour, "fmt": mark, "ms": 5, "lw": 1}
                    interval(axes, number + shift[place], t["missed"], upright=True, label=label, **look)
                    label = None
        axes.set_xticks(range(len(periods)), periods, fontsize=8)
        axes.set_title(attribute["title"], fontsize=10, loc="left")
        # Room below zero for the legend.
        axes.set_ylim(-0.13 * (1 + -(-len(attribute["groups"]) // 4)), 1.02)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
        percent(axes, "y")
        if axes.get_legend_handles_labels()[0]:
            legend(axes, ncols=4, loc="lower left")
        else:
            axes.text(0.5, 0.5, "withheld: too few people", transform=axes.transAxes, ha="center", color=QUIET)
    for axes in flat[len(told) :]:
        axes.remove()
    return drawn
