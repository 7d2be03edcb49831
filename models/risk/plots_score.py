"""Pictures of the score itself: is it honest, how is it spread and where do lists end, what moves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.risk.plots_style import OURS, QUIET, WARN, figure, legend, percent, rows_of, withheld


def calibration(evaluation: Mapping[str, Any]):
    """What the model expected against what happened, in bins of person-weeks. None without a curve."""
    part = evaluation.get("calibration")
    known = [c for c in (part or {}).get("curve", []) if c["observed"] is not None]
    if not known or part is None:
        return None
    drawn, axes = figure("Does what the model expects happen as often as it says?", 5.4)
    mean, observed, n = (np.array([c[k] for c in known], dtype=float) for k in ("mean", "observed", "n"))
    half = 1.96 * np.sqrt(np.maximum(observed * (1 - observed), 1e-9) / n)
    top = max(float(mean.max()), float((observed + half).max())) * 1.1
    axes.plot([0, top], [0, top], color=QUIET, ls="--", lw=1.2, label="Perfectly honest")
    look = {"fmt": "o-", "color": OURS, "capsize": 3, "lw": 1.5}
    axes.errorbar(mean, observed, yerr=half, label="Model (tenths of all person-weeks, the top one split)", **look)
    axes.set_xlabel("Expected share with an outcome")
    axes.set_ylabel("Observed share with an outcome")
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    percent(axes, "x")
    percent(axes, "y")
    words = f"slope {part['slope']:.2f} (1: honest), expected calibration error {part['ece']:.4f}"
    axes.text(0.98, 0.04, words, transform=axes.transAxes, ha="right", fontsize=9)
    legend(axes, loc="upper left")
    return drawn


def score_distribution(evaluation: Mapping[str, Any]):
    """How many person-weeks have which chance, those with an outcome among them, and where each team's list ends. None
    without scores."""
    spread = evaluation.get("score_histogram")
    if not spread:
        return None
    teams = [(name or "no team", t["cut_off"]) for name, t in sorted((evaluation.get("by_team") or {}).items())]
    heights = [3.2, 0.32 * len(teams) + 0.7]
    drawn, (top, low) = figure(
        "How the scores are spread, and where each team's list ends",
        sum(heights) + 0.6,
        nrows=2,
        sharex=True,
        height_ratios=heights,
    )
    edges = np.array(spread["edges"])
    for name, colour, words in (
        ("counts", "#9ecae1", "all person-weeks"),
        ("with_outcome", WARN, "with an outcome (gaps: withheld)"),
    ):
        counts = [0 if c is None else c for c in spread.get(name) or []]
        if any(counts):
            top.bar(edges[:-1], counts, np.diff(edges), align="edge", color=colour, ec="white", lw=0.4, label=words)
    if top.patches:
        top.set_yscale("log")
        legend(top)
    top.set_ylabel("person-weeks (log scale)")
    places = rows_of(low, [name for name, _ in teams])
    for place, (_, cut) in zip(places, teams, strict=True):
        if cut is None:
            withheld(low, place)
            continue
        low.plot([cut["quarter"], cut["three_quarters"]], [place, place], color=OURS, lw=5, alpha=0.5)
        low.plot([cut["median"]], [place], color=OURS, marker="o", ms=6, ls="")
    low.set_title(
        "Lowest chance that got a place (mark: the middle week; bar: the middle half of weeks)",
        fontsize=9.5,
        loc="left",
    )
    low.set_xscale("log")
    low.set_xlim(edges[0], edges[-1])
    percent(low)
    low.set_xlabel("Chance of an outcome by the model (log scale)")
    return drawn


def contributions(values: np.ndarray, X: np.ndarray, labels: Sequence[str], most: int = 18):
    """A beeswarm of the heaviest features over a sample of rows: a dot a person-week, as wide as they are many,
    coloured by the feature's value. values: contributions in log-odds (explain.py), X: the values, one shape."""
    weight = np.abs(values).mean(axis=0)
    chosen = np.argsort(-weight, kind="stable")[:most]
    chosen = chosen[weight[chosen] > 0]
    drawn, axes = figure(
        "What moves the score: a dot a person-week of a sample", 0.36 * max(len(chosen), 1) + 1.8, width=11
    )
    dots = None
    for place, column in zip(rows_of(axes, [labels[c] for c in chosen], most=90), chosen, strict=True):
        x = X[:, column].astype(np.float64)
        low, high = np.quantile(x, [0.02, 0.98])
        shade = np.clip((x - low) / (high - low if high > low else 1.0), 0, 1)
        at = values[:, column]
        # The rarest values lie on top, or the many ordinary ones would hide them.
        order = np.argsort(np.abs(at - np.median(at)), kind="stable")
        y = place + swarm(at)
        dots = axes.scatter(at[order], y[order], c=shade[order], cmap="cividis", s=6, vmin=0, vmax=1, rasterized=True)
    axes.axvline(0, color=QUIET, lw=1)
    axes.set_xlabel("Contribution in log-odds (Shapley values; to the right raises the score)")
    if dots is not None:
        bar = drawn.colorbar(dots, ax=axes, ticks=[0, 1], fraction=0.03, pad=0.02)
        bar.ax.set_yticklabels(["low value", "high value"], fontsize=8)
    return drawn


def influence(evaluation: Mapping[str, Any], most: int = 20):
    """Mean size of the contributions of themes, and of the heaviest features. None without a model."""
    part = evaluation.get("influence")
    if not part or not part["features"]:
        return None
    features = part["features"][:most]
    height = 0.27 * (len(part["themes"]) + len(features)) + 2.0
    ratios = [len(part["themes"]) + 1, len(features) + 1]
    drawn, (top, low) = figure("What moves the score", height, nrows=2, height_ratios=ratios)
    for axes, rows, name, words in (
        (top, part["themes"], "theme", "Themes (what pulls both ways within one cancels out)"),
        (low, features, "label", "The heaviest features"),
    ):
        for place, one in zip(rows_of(axes, [one[name] for one in rows], most=90), rows, strict=True):
            axes.barh(place, one["size"], color=OURS, height=0.6)
        axes.set_title(words, fontsize=10, loc="left")
        axes.set_xlabel("Mean size of the contribution, in log-odds")
    return drawn


def swarm(values: np.ndarray, bins: int = 80, half: float = 0.38) -> np.ndarray:
    """How far each dot lies above or below its line, so that dots of about one value lie side by side: alternately up
    and down, the fullest bin reaching `half`."""
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    cell = np.zeros(len(values), dtype=int) if high <= low else ((values - low) / (high - low) * (bins - 1)).astype(int)
    order = np.argsort(cell, kind="stable")
    start = np.searchsorted(cell[order], np.arange(bins))
    place = np.empty(len(values), dtype=int)
    place[order] = np.arange(len(values)) - start[cell[order]]
    step = (place + 1) // 2 * np.where(place % 2 == 0, 1, -1)
    return step * half / max(int(np.abs(step).max(initial=1)), 1)
