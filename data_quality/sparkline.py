"""A row of small bars, drawn as inline SVG: the shape of a trend beside the numbers it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_STEP, _BAR, _HEIGHT = 8, 6, 22


def bars(values: Sequence[float | None], label: str, top: float | None = None) -> str:
    """An SVG of one bar a value, oldest first, the last one darker; a missing value is a gap, a zero a line.

    Args:
        label: what a screen reader says in place of the picture; it should name the newest values.
        top: value of the full height; the largest one if absent.
    """
    highest = top if top is not None else max((value for value in values if value is not None), default=0.0)
    shapes = []
    for place, value in enumerate(values):
        if value is None:
            continue
        height = 1.0 if highest <= 0 else max(1.0, _HEIGHT * min(1.0, value / highest))
        kind = "now" if place == len(values) - 1 else "then"
        shapes.append(
            f'<rect class="{kind}" x="{place * _STEP}" y="{_HEIGHT - height:.1f}" '
            f'width="{_BAR}" height="{height:.1f}"/>'
        )
    width = len(values) * _STEP
    return (
        f'<svg class="bars" role="img" aria-label="{escape(label, quote=True)}" viewBox="0 0 {width} {_HEIGHT}" '
        f'width="{width}" height="{_HEIGHT}">{"".join(shapes)}</svg>'
    )
