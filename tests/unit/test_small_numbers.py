"""Counts for anybody: small ones are hidden, and none can be worked out from the rest of its row or column."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.small_numbers import HIDDEN, SMALLEST, protect, shown

TABLES = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 60), min_size=width, max_size=width), min_size=1, max_size=6)
)


@given(TABLES)
def test_no_small_count_is_shown_or_stands_hidden_alone(counts):
    told = protect(counts)
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            cell = told[row][column]
            assert cell == HIDDEN if 0 < count < SMALLEST else cell in (HIDDEN, shown(count))
            assert count or cell == "0"
    lines = [[(r, c) for c in range(len(counts[0]))] for r in range(len(counts))]
    lines += [[(r, c) for r in range(len(counts))] for c in range(len(counts[0]))]
    for line in lines:
        hidden = [cell for cell in line if told[cell[0]][cell[1]] == HIDDEN]
        others = [cell for cell in line if cell not in hidden and counts[cell[0]][cell[1]]]
        assert len(hidden) != 1 or not others


def test_what_is_shown_is_rounded_halves_up():
    assert [shown(count) for count in (0, 1, 5, 6, 14, 15, 1_996)] == ["0", "c", "c", "10", "10", "20", "2,000"]
    assert shown(7, smallest=5, nearest=1) == "7"
