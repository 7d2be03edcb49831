"""Pictures for the run page: precision against recall, calibration, and what moves the score. PNG bytes.

Drawn with matplotlib's object interface: no global state, no display.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

NAMES = {"model": "Model", "contact_count": "Counting contacts", "rules": "Named patterns"}
# Colours that stay apart for colour-blind readers and in grey (Okabe and Ito).
COLOURS = {"model": "#0072b2", "contact_count": "#e69f00", "rules": "#009e73"}


def precision_recall_plot(evaluation: Mapping[str, Any]) -> bytes:
    """Curves of the model and its comparators, where each stands at capacity, and the base rate."""
    figure, axes = _figure("Found among those listed, against found of all who needed help")
    for name, points in evaluation["curves"].items():
        if points:
            recall, precision = np.array(points).T
            axes.plot(recall, precision, label=f"{NAMES[name]} (longer lists to the right)", color=COLOURS[name], lw=2)
    for name, at in evaluation["at_capacity"].items():
        if name in NAMES:
            share, low, high = (at["precision"][k] for k in ("estimate", "low", "high"))
            axes.errorbar(
                [at["recall"]["estimate"]],
                [share],
                yerr=[[max(share - low, 0)], [max(high - share, 0)]],
                fmt="o",
                color=COLOURS[name],
                capsize=4,
                label=f"{NAMES[name]}: weekly lists at capacity, 95 % interval",
            )
    axes.axhline(evaluation["base_rate"], color="0.4", ls="--", lw=1.2, label="Base rate (a draw)")
    axes.set_xscale("log")
    axes.set_xlabel("Recall (share of those who needed help)")
    axes.set_ylabel("Precision (share of those listed)")
    axes.set_ylim(0, None)
    return _png(figure, axes)


def calibration_plot(evaluation: Mapping[str, Any]) -> bytes:
    """What the model expected against what happened, in bins of people, with intervals."""
    figure, axes = _figure("Expected and observed share with an outcome")
    curve = evaluation["calibration"]["curve"]
    mean, observed, n = (np.array([c[k] for c in curve]) for k in ("mean", "observed", "n"))
    half = 1.96 * np.sqrt(np.maximum(observed * (1 - observed), 1e-9) / n)
    top = max(mean.max(), (observed + half).max()) * 1.1
    axes.plot([0, top], [0, top], color="0.4", ls="--", lw=1.2, label="Perfectly honest")
    axes.errorbar(
        mean,
        observed,
        yerr=half,
        fmt="o-",
        color=COLOURS["model"],
        capsize=3,
        lw=1.5,
        label="Model (bins of person-weeks)",
    )
    axes.set_xlabel("Expected")
    axes.set_ylabel("Observed")
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    axes.text(
        0.98,
        0.04,
        f"slope {evaluation['calibration']['slope']:.2f},"
        f" expected calibration error {evaluation['calibration']['ece']:.4f}",
        transform=axes.transAxes,
        ha="right",
    )
    return _png(figure, axes)


def contributions_plot(values: np.ndarray, X: np.ndarray, labels: Sequence[str], most: int = 18) -> bytes:
    """Contributions of the heaviest features over a sample of rows, coloured by the feature's value."""
    weight = np.abs(values).mean(axis=0)
    chosen = np.argsort(weight)[::-1][:most][::-1]
    figure, axes = _figure("What moves the score: a dot a person, in a sample", 0.36 * len(chosen) + 1.6, width=11)
    rng = np.random.default_rng(0)
    dots = None
    for place, column in enumerate(chosen):
        x = X[:, column].astype(np.float64)
        low, high = np.quantile(x, [0.02, 0.98])
        shade = np.clip((x - low) / (high - low if high > low else 1.0), 0, 1)
        heights = place + rng.uniform(-0.3, 0.3, size=len(x))
        dots = axes.scatter(values[:, column], heights, c=shade, cmap="cividis", s=6, vmin=0, vmax=1, rasterized=True)
    axes.axvline(0, color="0.4", lw=1)
    axes.set_yticks(range(len(chosen)), [_short(labels[c]) for c in chosen], fontsize=9)
    axes.set_xlabel("Contribution (log-odds; to the right raises the score)")
    if dots is not None:
        bar = figure.colorbar(dots, ax=axes, ticks=[0, 1], fraction=0.03, pad=0.02)
        bar.ax.set_yticklabels(["low value", "high value"], fontsize=8)
    return _png(figure, axes, legend=False)


def _figure(title: str, height: float = 5.4, width: float = 9):
    """A figure with one set of axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=12, loc="left")
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _png(figure, axes, legend: bool = True) -> bytes:
    """The figure as PNG bytes, without a date in them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if legend:
        axes.legend(frameon=False, fontsize=9)
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out, metadata={"Software": None})
    return out.getvalue()


def _short(label: str, most: int = 80) -> str:
    """A label that fits beside its axis."""
    return label if len(label) <= most else label[: most - 1].rstrip() + "…"
