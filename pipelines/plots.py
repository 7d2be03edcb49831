"""Pictures of the night for the run page: how much came from whom, and who is known to whom. Counts only; PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

_INK = "#0b0c0c"
_BLUE = "#1d70b8"


def volumes_plot(feeds: Sequence[tuple[str, int, bool]]) -> bytes:
    """Rows of each feed's last good load, on a log scale; late feeds are hatched.

    Args:
        feeds: (feed, rows, whether it is late).
    """
    figure, axes = _figure(9, 0.26 * len(feeds) + 1.6)
    names, rows, late = zip(*reversed(feeds), strict=True) if feeds else ((), (), ())
    bars = axes.barh(names, [max(count, 0.8) for count in rows], color=_BLUE, edgecolor=_INK, linewidth=0.4)
    for bar, is_late, count in zip(bars, late, rows, strict=True):
        bar.set_hatch("///" if is_late else "")
        axes.annotate(
            f"{count:,}" + (" late" if is_late else ""),
            (bar.get_width(), bar.get_y() + bar.get_height() / 2),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.set_xscale("log")
    axes.margins(x=0.15, y=0.01)
    axes.set_xlabel("rows in the last good load (log scale)")
    axes.tick_params(labelsize=8)
    return _png(figure)


def link_rates_plot(rates: pd.DataFrame) -> bytes:
    """Of the persons one agency knows (row), the share another agency knows too (column).

    Args:
        rates: agency, other_agency, rate.
    """
    grid = rates.pivot(index="agency", columns="other_agency", values="rate")
    figure, axes = _figure(1.1 * len(grid.columns) + 2.5, 0.62 * len(grid) + 1.8)
    shares = grid.to_numpy(dtype=float)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(grid.columns)), grid.columns, rotation=30, ha="right", fontsize=8)
    axes.set_yticks(range(len(grid)), grid.index, fontsize=8)
    for row, column in np.argwhere(~np.isnan(shares)):
        value = shares[row, column]
        axes.text(
            column, row, f"{value:.0%}", ha="center", va="center", fontsize=8, color="white" if value > 0.6 else _INK
        )
    axes.set_title("persons of the agency on the left whom the other knows too", fontsize=9)
    return _png(figure)


def persons_plot(sizes: pd.DataFrame, edges: pd.DataFrame) -> bytes:
    """Persons by their number of records (the tail is what to watch), and links by kind and adjusted weight.

    Args:
        sizes: scope (a band), value; in order.
        edges: scope (`kind band`, the band's lower end in bits), value.
    """
    figure, (left, right) = _figure(11, 3.4, columns=2)
    bars = left.bar(sizes["scope"], sizes["value"], color=_BLUE)
    left.bar_label(bars, [f"{count:,.0f}" for count in sizes["value"]], fontsize=8)
    left.set_yscale("log")
    left.margins(y=0.15)
    left.set_title("persons by number of records (log scale)", fontsize=9)
    kinds, bands = edges["scope"].str.rsplit(" ", n=1).str[0], edges["scope"].str.rsplit(" ", n=1).str[1].astype(int)
    # Where no name is shared there may be no link at all.
    grid = edges.assign(kind=kinds, band=bands).pivot(index="band", columns="kind", values="value")
    names = [
        f"under {low + 8}" if low == -16 else f"{low} up" if low == 32 else f"{low} to {low + 8}" for low in grid.index
    ]
    bottom = np.zeros(len(grid))
    for kind, colour in zip(grid.columns, (_BLUE, "#f47738", "#00703c", "#505a5f"), strict=False):
        heights = grid[kind].fillna(0).to_numpy()
        right.bar(names, heights, bottom=bottom, color=colour, label=str(kind).replace("_", " "))
        bottom += heights
    if len(grid):
        right.legend(fontsize=8)
    right.set_title("links kept, by adjusted weight in bits", fontsize=9)
    for axes in (left, right):
        axes.tick_params(labelsize=8)
    return _png(figure)


def hidden_plot(recall: pd.DataFrame, precision: pd.DataFrame) -> bytes:
    """What is found, and what found is right, when the number is hidden: shares with 95 % intervals, by group.

    Args:
        recall, precision: scope, value, low, high; groups too small to tell have no value.
    """
    figure, both = _figure(11, 0.24 * len(recall) + 1.2, columns=2)
    for axes, rows, title in zip(both, (recall, precision), ("found without a number", "of those, right"), strict=True):
        names = [scope.replace(": ", " ") for scope in rows["scope"]][::-1]
        told = rows.iloc[::-1].reset_index(drop=True)
        width = np.stack([told["value"] - told["low"], told["high"] - told["value"]]).clip(0)
        places = np.arange(len(told))
        overall = told.loc[told["scope"] == "all", "value"].max()
        behind = (told["high"] < overall).to_numpy()
        for mask, colour in ((~behind, _BLUE), (behind, "#d4351c")):
            axes.errorbar(told["value"][mask], places[mask], xerr=width[:, mask], fmt="o", ms=4, lw=1.2, color=colour)
        for place in places[told["value"].isna()]:
            axes.text(overall, place, "too few to tell", ha="right", va="center", fontsize=7, color="#505a5f")
        axes.axvline(overall, color=_INK, lw=0.7, ls=":")
        axes.set_yticks(places, names, fontsize=8)
        axes.set_ylim(-0.7, len(told) - 0.3)
        axes.set_xlim(right=1.002)
        axes.set_title(f"{title} (dotted: all; red: below it)", fontsize=9)
        axes.tick_params(axis="x", labelsize=8)
    return _png(figure)


def trend_plot(trend: pd.DataFrame) -> bytes:
    """Each measure night by night, one small picture each.

    Args:
        trend: night, measure, value.
    """
    grid = trend.pivot(index="night", columns="measure", values="value")
    figure, panels = _figure(11, 1.9 * -(-len(grid.columns) // 3) + 0.4, rows=-(-len(grid.columns) // 3), columns=3)
    flat = np.ravel(panels)
    for axes, measure in zip(flat, grid.columns, strict=False):
        axes.plot(grid.index, grid[measure], color=_BLUE, marker="o", ms=2.5, lw=1)
        axes.set_title(str(measure).replace("_", " "), fontsize=9)
        axes.tick_params(labelsize=7)
        axes.tick_params(axis="x", rotation=30)
    for axes in flat[len(grid.columns) :]:
        axes.remove()
    return _png(figure)


def _figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns)


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
