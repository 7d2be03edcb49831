"""Named patterns: which rows each one points to, and what came of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from models.risk.declare import Condition, Rule, RuleBook
from models.risk.measures import wilson
from models.risk.panel import Panel


def fired(panel: Panel, book: RuleBook) -> np.ndarray:
    """Whether each rule holds on each row of the panel: boolean, shape (rows, rules)."""
    out = np.zeros((len(panel.rows), len(book.rules)), dtype=bool)
    for column, rule in enumerate(book.rules):
        out[:, column] = _holds(panel, rule)
    return out


def _holds(panel: Panel, rule: Rule) -> np.ndarray:
    """Whether all conditions of the rule hold, one of its alternatives and as many of its several where it has some."""
    holds = np.ones(len(panel.rows), dtype=bool)
    for condition in rule.all:
        holds &= _meets(panel, condition)
    if rule.any:
        holds &= np.logical_or.reduce([_meets(panel, c) for c in rule.any])
    if rule.several:
        holds &= np.sum([_meets(panel, c) for c in rule.several.of], axis=0) >= rule.several.at_least
    return holds


def _meets(panel: Panel, condition: Condition) -> np.ndarray:
    """Whether the feature's value lies within the condition's bounds."""
    value = panel.column(condition.feature)
    meets = np.ones(len(value), dtype=bool)
    if condition.at_least is not None:
        meets &= value >= condition.at_least
    if condition.at_most is not None:
        meets &= value <= condition.at_most
    return meets


FOUND = "found to need more help"


def yields(
    rows: pd.DataFrame, holds: np.ndarray, y: np.ndarray, book: RuleBook, smallest_cell: int, came_to: str = FOUND
) -> list[dict[str, Any]]:
    """What came of each rule on matured weeks: people it pointed to (each once, at the first time), and of them those
    with an outcome. rows: person per row, ordered by date; holds: (rows, rules); y: outcome; came_to: as for
    `natural_frequency`. Aggregates only; counts below the smallest cell are withheld."""
    person = rows["person"].to_numpy()
    out = []
    for column, rule in enumerate(book.rules):
        positions = np.flatnonzero(holds[:, column])
        # Rows are ordered by date, so the first position of a person is the first time the rule pointed to them.
        _, first = np.unique(person[positions], return_index=True)
        shown, found = len(first), int(y[positions[first]].sum())
        out.append({"id": rule.id, "title": rule.title} | natural_frequency(found, shown, smallest_cell, came_to))
    return out


def no_yields(book: RuleBook) -> list[dict[str, Any]]:
    """The yields when no week has matured: none can be given."""
    return [{"id": r.id, "title": r.title} | natural_frequency(0, 0, 1) for r in book.rules]


def natural_frequency(found: int, shown: int, smallest_cell: int, came_to: str = FOUND) -> dict[str, Any]:
    """A share in words people can picture, with its interval (Wilson score, 95 %), or why none is given.

    came_to: what came to those found, after "was" or "were" (`outcome_words` of risk.yml).
    """
    if shown < max(10, smallest_cell):
        return {"shown": None, "found": None, "low": None, "high": None, "words": "too few so far to say"}
    low, high = wilson(found, shown)
    tenths = round(10 * found / shown)
    about = "fewer than one" if tenths == 0 else ("about one" if tenths == 1 else f"about {_number(tenths)}")
    between = f"between {_number(int(np.floor(10 * low)))} and {_number(int(np.ceil(10 * high)))}"
    words = f"of ten people shown for this, {about} {'was' if tenths <= 1 else 'were'} {came_to} ({between})"
    hidden = 0 < found < smallest_cell
    return {
        "shown": shown,
        "found": None if hidden else found,
        "low": round(low, 4),
        "high": round(high, 4),
        "words": words,
    }


def _number(n: int) -> str:
    """A number up to ten as a word."""
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[max(0, min(10, n))]
