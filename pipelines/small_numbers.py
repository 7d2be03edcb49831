"""Counts that may be shown to anybody: none so small that it points at a child, and none that can be worked out.

The convention of published education and children's statistics: 1 to 5 is shown as `c`, what is shown is rounded to
10. A lone `c` in a row or a column would be the total less the rest, so the next smallest count of that line is hidden
with it; rounding makes what remains inexact besides.

>>> protect([[120, 3, 30], [86, 41, 12]])
[['120', 'c', 'c'], ['90', 'c', 'c']]
>>> protect([[120, 3, 0, 30]], smallest=5, nearest=1)
[['120', 'c', '0', 'c']]
>>> shown(4), shown(0), shown(1234)
('c', '0', '1,230')
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

HIDDEN = "c"
SMALLEST, NEAREST = 6, 10


def shown(count: int, smallest: int = SMALLEST, nearest: int = NEAREST) -> str:
    """One count as it may be shown: `c` from 1 to below `smallest`, else rounded (halves up) to `nearest`."""
    if 0 < count < smallest:
        return HIDDEN
    return f"{(2 * count + nearest) // (2 * nearest) * nearest:,}"


def protect(
    counts: Sequence[Sequence[int]], smallest: int = SMALLEST, nearest: int = NEAREST, rows_add_up: bool = True
) -> list[list[str]]:
    """A table of counts as it may be shown beside the totals of its columns and, with `rows_add_up`, of its rows.

    A column of one row is its own total: only rows are looked at then. Zeros stay: nobody is in them.
    """
    hidden = {
        (row, column) for row, line in enumerate(counts) for column, count in enumerate(line) if 0 < count < smallest
    }
    lines = list(_lines(counts, rows_add_up))
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


def _lines(counts: Sequence[Sequence[int]], rows_add_up: bool) -> Iterator[list[tuple[int, int]]]:
    """The cells of every row and of every column that has a total of its own."""
    width = len(counts[0]) if counts else 0
    if rows_add_up:
        yield from ([(row, column) for column in range(width)] for row in range(len(counts)))
    if len(counts) > 1:
        yield from ([(row, column) for row in range(len(counts))] for column in range(width))
