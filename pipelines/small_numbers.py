"""Counts that may be shown to anybody: none so small that it points at a child, and none that can be worked out.

The convention of published education and children's statistics: 1 to 5 is shown as `c`, what is shown is rounded to
10. A lone `c` in a row or a column would be the total less the rest, so the next smallest count of that line is hidden
with it; rounding makes what remains inexact besides.

>>> protect([[120, 3, 30], [86, 41, 12]])
[['120', 'c', 'c'], ['90', 'c', 'c']]
>>> protect([[120, 3, 0, 30]], smallest=5, nearest=1, columns_add_up=False)
[['120', 'c', '0', 'c']]
>>> shown(4), shown(0), shown(1234)
('c', '0', '1,230')
"""

from __future__ import annotations

from collections.abc import Sequence

HIDDEN = "c"
SMALLEST, NEAREST = 6, 10


def shown(count: int, smallest: int = SMALLEST, nearest: int = NEAREST) -> str:
    """One count as it may be shown: `c` from 1 to below `smallest`, else rounded (halves up) to `nearest`."""
    if 0 < count < smallest:
        return HIDDEN
    return f"{(2 * count + nearest) // (2 * nearest) * nearest:,}"


def protect(
    counts: Sequence[Sequence[int]],
    smallest: int = SMALLEST,
    nearest: int = NEAREST,
    *,
    rows_add_up: bool = True,
    columns_add_up: bool = True,
) -> list[list[str]]:
    """A table of counts as it may be shown, totals among its cells where there are some.

    `rows_add_up`, `columns_add_up`: a cell could be worked out from the rest of its row, or of its column. Zeros stay:
    nobody is in them.
    """
    hidden = {
        (row, column) for row, line in enumerate(counts) for column, count in enumerate(line) if 0 < count < smallest
    }
    lines = [*(_rows(counts) if rows_add_up else ()), *(_columns(counts) if columns_add_up else ())]
    changed = True
    while changed:
        changed = False
        for line in lines:
            if len(hidden.intersection(line)) != 1:
                continue
            others = [cell for cell in line if cell not in hidden and counts[cell[0]][cell[1]] > 0]
            if others:
                hidden.add(min(others, key=lambda cell: (counts[cell[0]][cell[1]], cell)))
                changed = True
    return [
        [HIDDEN if (row, column) in hidden else shown(count, smallest, nearest) for column, count in enumerate(line)]
        for row, line in enumerate(counts)
    ]


def _rows(counts: Sequence[Sequence[int]]) -> list[list[tuple[int, int]]]:
    return [[(row, column) for column in range(len(line))] for row, line in enumerate(counts)]


def _columns(counts: Sequence[Sequence[int]]) -> list[list[tuple[int, int]]]:
    return [list(column) for column in zip(*_rows(counts), strict=True)]
