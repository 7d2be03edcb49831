"""Two people whom practitioners are talking about this week do not become one overnight without anybody being asked.

A weekly list is a promise: these children, under these keys. If tonight's evidence would merge two persons who both
stand on a list that is still open, they are kept apart, and the pair goes to the head of the review queue. A
*must-link* lets the merge through; the hold ends by itself when one of the lists does.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np


def meeting(cluster: np.ndarray, held: np.ndarray) -> np.ndarray:
    """``held`` (code per node or record, -1 none), emptied wherever no two codes meet in one cluster.

    >>> meeting(np.array([0, 0, 0, 1, 1]), np.array([3, -1, 4, 5, 5])).tolist()
    [3, -1, 4, -1, -1]
    """
    k = int(cluster.max(initial=-1)) + 1
    known = held >= 0
    low, high = np.full(k, np.iinfo("int64").max), np.full(k, -1)
    np.minimum.at(low, cluster[known], held[known])
    np.maximum.at(high, cluster[known], held[known])
    return np.where((low < high)[cluster], held, -1)


def pairs(cluster: np.ndarray, held: np.ndarray, final: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of codes that would have met in a cluster and, in ``final``, did not.

    >>> pairs(np.array([0, 0, 0]), np.array([3, 4, 5]), np.array([0, 1, 0]))
    [(3, 4), (4, 5)]
    """
    known = held >= 0
    met = {(int(c), int(h)) for c, h in zip(cluster[known], held[known], strict=True)}
    where: dict[int, set[int]] = {}
    for c, h in zip(final[known].tolist(), held[known].tolist(), strict=True):
        where.setdefault(h, set()).add(c)
    groups: dict[int, set[int]] = {}
    for c, h in met:
        groups.setdefault(c, set()).add(h)
    found = {pair for group in groups.values() for pair in combinations(sorted(group), 2)}
    return sorted((a, b) for a, b in found if not where[a] & where[b])
