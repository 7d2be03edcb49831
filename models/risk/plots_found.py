"""Pictures of what lists find: precision against recall, by team, against each comparator, split by split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.risk.plots_style import (
    COLOURS,
    MARKERS,
    NAMES,
    OURS,
    QUIET,
    figure,
    interval,
    legend,
    percent,
    rows_of,
    withheld,
)


def precision_recall(evaluation: Mapping[str, Any]):
    """Curves of the model and its comparators, where each stands at capacity, the base rate. None without a curve."""
    told = evaluation.get("curves") or {}
    curves = {name: told[name] for name in NAMES if told.get(name)}
    if not curves:
        return None
    drawn, axes = figure("Precision against recall: longer lists to the right, capacity marked")
    for name, points in curves.items():
        recall, precision = np.array(points).T
        axes.plot(recall, precision, label=f"{NAMES[name]}, lists of any length", color=COLOURS[name], lw=2)
    for name in curves:
        at = evaluation["at_capacity"][name]
        if at["precision"] and at["recall"]:
            label = f"{NAMES[name]}, weekly lists at capacity"
            look = {"fmt": MARKERS[name], "color": COLOURS[name], "label": label, "mec": "white", "ms": 8}
            interval(axes, at["recall"]["estimate"], at["precision"], upright=True, **look)
    if evaluation.get("base_rate") is not None:
        axes.axhline(evaluation["base_rate"], color=QUIET, ls="--", lw=1.2, label="Base rate (what a draw would find)")
    axes.set_xscale("log")
    percent(axes, "x")
    percent(axes, "y")
    axes.set_xlabel("Recall: of those with an outcome, the share listed (log scale)")
    axes.set_ylabel("Precision: of those listed, the share with an outcome")
    # Room above the curves for their names.
    axes.set_ylim(0, axes.get_ylim()[1] * 1.35)
    legend(axes, ncols=2, loc="upper right")
    return drawn


def precision_by_team(evaluation: Mapping[str, Any]):
    """Each team's precision and recall at its capacity, beside those of all teams. None without teams."""
    teams = sorted((evaluation.get("by_team") or {}).items())
    if not teams:
        return None
    drawn, panels = figure("At each team's capacity, 95 % intervals", 0.42 * len(teams) + 1.6, ncols=2, sharey=True)
    for axes, measure, words in zip(
        panels,
        ("precision", "recall"),
        ("Precision: right of those listed", "Recall: listed of those with an outcome"),
        strict=True,
    ):
        for place, (_, team) in zip(rows_of(axes, [name or "no team" for name, _ in teams]), teams, strict=True):
            if team[measure] is None:
                withheld(axes, place)
            else:
                interval(axes, place, team[measure])
        of_all = evaluation["at_capacity"]["model"][measure]
        if of_all is not None:
            axes.axvline(of_all["estimate"], color=QUIET, ls="--", lw=1.2)
        axes.set_xlim(0, None)
        axes.set_title(f"{words} (dashed: all teams)", fontsize=9.5, loc="left")
        percent(axes)
    return drawn


def differences(evaluation: Mapping[str, Any]):
    """The model's precision less each comparator's, with its interval against no difference. None without any."""
    told = evaluation.get("difference") or {}
    found = {name: told[name] for name in NAMES if name in told}
    if not any(found.values()):
        return None
    drawn, axes = figure(
        "Of a hundred the model lists, how many more have an outcome than of a hundred listed by ...",
        0.5 * len(found) + 1.5,
    )
    for place, (_, part) in zip(rows_of(axes, [NAMES[name] for name in found]), found.items(), strict=True):
        if part is None:
            withheld(axes, place)
        else:
            interval(axes, place, {k: 100 * part[k] for k in ("estimate", "low", "high")})
    axes.axvline(0, color=QUIET, lw=1.2)
    axes.set_xlabel(
        "More with an outcome, of a hundred listed (95 % interval; one that crosses the line may be chance)"
    )
    return drawn


def by_split(splits: Sequence[Mapping[str, Any]]):
    """Each split of a rolling back-test: precision at capacity, average precision, calibration. None for fewer than two
    splits with figures."""
    told = [one for one in splits if one.get("at_capacity")]
    if len(told) < 2:
        return None
    drawn, (top, middle, low) = figure("Month by month: a new model each time", 7.5, nrows=3, sharex=True)
    days = np.arange(len(told))
    for shift, name in zip((-0.12, 0.0, 0.12), ("model", "contact_count", "rules"), strict=True):
        look = {"fmt": MARKERS[name], "color": COLOURS[name]}
        label: str | None = NAMES[name]
        for day, one in zip(days, told, strict=True):
            part = (one["at_capacity"].get(name) or {}).get("precision")
            if part is not None:
                interval(top, float(day + shift), part, upright=True, label=label, **look)
                label = None
        values = [one["average_precision"].get(name) for one in told]
        known = [np.nan if v is None else v for v in values]
        middle.plot(days, known, color=COLOURS[name], marker=MARKERS[name], lw=1.5, label=NAMES[name])
    rates = [one.get("base_rate") for one in told]
    middle.plot(days, [np.nan if v is None else v for v in rates], color=QUIET, ls="--", lw=1.2, label="Base rate")
    slopes = [(day, one["calibration"]) for day, one in zip(days, told, strict=True) if one.get("calibration")]
    for day, part in slopes:
        slope = {"estimate": part["slope"], "low": part["slope_low"], "high": part["slope_high"]}
        interval(low, float(day), slope, upright=True, color=OURS)
    low.axhline(1, color=QUIET, ls="--", lw=1.2)
    for axes, words in (
        (top, "Precision at capacity"),
        (middle, "Average precision"),
        (low, "Calibration slope (1: honest)"),
    ):
        axes.set_title(words, fontsize=10, loc="left")
    percent(top, "y")
    percent(middle, "y")
    top.set_ylim(0, None)
    middle.set_ylim(0, None)
    legend(top, ncols=3)
    legend(middle, ncols=4)
    low.set_xticks(days, [str(one["from"]) for one in told], rotation=30, ha="right", fontsize=8)
    low.set_xlabel("First week judged")
    return drawn
