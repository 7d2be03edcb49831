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


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
