"""The look of every picture: colours that stay apart for colour-blind readers and in grey, and two forms of output.

PNG goes to the run page, SVG into a page of one file: its text stays text, and its ids carry the picture's name, so
that several fit into one page. Drawn with matplotlib's object interface: no display, no date, the same bytes each time.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {"model": "Model", "contact_count": "Counting contacts", "rules": "Named patterns", "random": "A draw"}
# Okabe and Ito.
COLOURS = {"model": "#0072b2", "contact_count": "#e69f00", "rules": "#009e73", "random": "#555555"}
MARKERS = {"model": "o", "contact_count": "s", "rules": "^", "random": "D"}
OURS, INK, QUIET, WARN = COLOURS["model"], "#1a1a1a", "#555555", "#d55e00"


def figure(title: str, height: float = 4.6, width: float = 9.0, **panels: Any) -> tuple[Figure, Any]:
    """A figure with its axes (several for `nrows`, `ncols`), a title above and a quiet grid."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(width, height), layout="constrained")
    axes = drawn.subplots(**panels)
    for one in np.ravel(np.array(axes, dtype=object)):
        one.grid(alpha=0.25)
        one.set_axisbelow(True)
        for side in ("top", "right"):
            one.spines[side].set_visible(False)
    drawn.suptitle(title, fontsize=12, x=0.01, ha="left")
    return drawn, axes


def rows_of(axes: Any, labels: Sequence[str], most: int = 60) -> np.ndarray:
    """One row a label, the first on top. Returns the rows' heights on the axes."""
    places = np.arange(len(labels))[::-1]
    axes.set_yticks(places, [short(one, most) for one in labels], fontsize=9)
    axes.set_ylim(-0.7, len(labels) - 0.3)
    axes.grid(axis="y", alpha=0)
    return places


def interval(axes: Any, at: float, part: Mapping[str, float], *, upright: bool = False, **look: Any) -> None:
    """An estimate with its interval at a place, lying or upright."""
    value = part["estimate"]
    spread = [[max(value - part["low"], 0)], [max(part["high"] - value, 0)]]
    look = {"fmt": "o", "ms": 6, "lw": 1.6, "capsize": 3, "color": OURS} | look
    if upright:
        axes.errorbar([at], [value], yerr=spread, **look)
    else:
        axes.errorbar([value], [at], xerr=spread, **look)


def withheld(axes: Any, at: float, words: str = "withheld: too few people") -> None:
    """Says on a row that its figure is not shown."""
    from matplotlib.transforms import blended_transform_factory

    here = blended_transform_factory(axes.transAxes, axes.transData)
    look = {"fontsize": 8, "color": QUIET, "style": "italic", "bbox": {"fc": "white", "ec": "none", "pad": 1}}
    axes.text(0.02, at, words, transform=here, va="center", zorder=3, **look)


def percent(axes: Any, which: str = "x") -> None:
    """Ticks of an axis of shares as per cent."""
    from matplotlib.ticker import FuncFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:g} %"))


def legend(axes: Any, **where: Any) -> None:
    """A legend without a frame; none where everything is withheld."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9, **where)


def png(drawn: Figure) -> bytes:
    """The figure as PNG bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    out = io.BytesIO()
    FigureCanvasAgg(drawn).print_png(out, metadata={"Software": None})
    return out.getvalue()


def svg(drawn: Figure, name: str) -> str:
    """The figure as an `svg` element without a size of its own: it is as wide as the place it stands in. name: letters,
    digits and underscores, one a picture of the page."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        FigureCanvasSVG(drawn).print_svg(out, metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    head, body = text.split(">", 1)
    return re.sub(r'\s(width|height|version)="[^"]*"', "", head) + ">" + body.strip()


def short(label: str, most: int) -> str:
    """A label that fits beside its axis."""
    return label if len(label) <= most else label[: most - 1].rstrip() + "…"
