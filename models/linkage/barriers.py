"""Barriers: adoption, protected persons, court orders. Some links are unlawful to make, however true.

A barrier names two records, *before* and *after*. Everything that joins the one must never meet anything that joins
the other: not in a person, not in an edge, not in a review queue, not in an explanation. So a barrier is applied first
(its records are never contracted, and clustering refuses a union that would hold both sides) and last (every result
is filtered and then checked by :func:`verify`, which raises rather than lets one through).

Worked example: with a barrier between records 0 and 1, and a record 2 that looks like both, 2 joins whichever it is
closer to, and the edge from 2 to the other side disappears.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


class BarrierBroken(RuntimeError):
    """A result would have joined the two sides of a barrier. Nothing is published."""


def sides(barriers: pd.DataFrame, position: dict[str, int]) -> np.ndarray:
    """Positions ``(n, 2)`` of the before and after record of each barrier whose records are both present."""
    pairs = [
        (position[str(b)], position[str(a)])
        for b, a in zip(barriers["record_key_before"], barriers["record_key_after"], strict=True)
        if str(b) in position and str(a) in position
    ]
    return np.array(pairs, dtype="int64").reshape(-1, 2)


def forbidden_clusters(cluster: np.ndarray, pairs: np.ndarray) -> set[tuple[int, int]]:
    """Unordered pairs of clusters that a barrier keeps apart."""
    return {
        (min(a, b), max(a, b))
        for a, b in zip(cluster[pairs[:, 0]].tolist(), cluster[pairs[:, 1]].tolist(), strict=True)
    }


def spans(left: np.ndarray, right: np.ndarray, forbidden: set[tuple[int, int]]) -> np.ndarray:
    """Mask of the pairs of clusters ``left``-``right`` that a barrier keeps apart.

    >>> spans(np.array([3, 1]), np.array([1, 2]), {(1, 3)}).tolist()
    [True, False]
    """
    if not forbidden:
        return np.zeros(len(left), dtype=bool)
    touched = np.fromiter({c for pair in forbidden for c in pair}, dtype="int64")
    maybe = np.isin(left, touched) & np.isin(right, touched)
    out = np.zeros(len(left), dtype=bool)
    for i in np.flatnonzero(maybe):
        out[i] = (min(left[i], right[i]), max(left[i], right[i])) in forbidden
    return out


def verify(cluster: np.ndarray, pairs: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
    """Raise :class:`BarrierBroken` if a cluster or an edge (by position of its records) spans a barrier."""
    if len(pairs) and bool((cluster[pairs[:, 0]] == cluster[pairs[:, 1]]).any()):
        raise BarrierBroken("a person would span a linkage barrier; nothing is published")
    if spans(cluster[left], cluster[right], forbidden_clusters(cluster, pairs)).any():
        raise BarrierBroken("an edge would span a linkage barrier; nothing is published")
