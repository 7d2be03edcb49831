"""What the Dagster UI shows of a step: numbers that plot themselves over time, short tables, pictures.

Everything that becomes metadata passes through here, and nothing here accepts a row about a person: the inputs are
counts, names of feeds and columns, and finished plots.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence

import dagster as dg


def numbers(values: Mapping[str, int | float | None]) -> dict[str, dg.MetadataValue]:
    """Numeric metadata: the UI draws its trend over runs by itself. Unknown values are left out."""
    return {
        name: dg.MetadataValue.int(value) if isinstance(value, int) else dg.MetadataValue.float(float(value))
        for name, value in values.items()
        if value is not None
    }


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> dg.MetadataValue:
    """A short table, rendered in the run page."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def picture(png: bytes, title: str) -> dg.MetadataValue:
    """A plot, opened by a click in the UI."""
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value if value is not None else "").replace("|", "/")
