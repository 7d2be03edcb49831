"""Which nodes are compared at all: those that share a key.

What too many nodes share says nothing, and would cost a square of them: one placeholder that slipped through would make
a block of 10^4 nodes and 10^8 pairs. Such a key is cut, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

Counts = tuple[int, int, int]


def block(keys: Mapping[str, np.ndarray], use: list[str], cap: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Pairs ``(n, 2)`` of nodes, the lower first and each once, that share one of the keys in ``use``; and counts.

    ``keys``: by rule the key of each node (by its number), -1 where it has none. Counts: ``rule, pairs, cut_keys,
    cut_pairs`` of every rule; what more than ``cap`` nodes share is cut.

    >>> pairs, counts = block({"name": np.array([5, 7, 5, -1])}, ["name"], 2)
    >>> pairs.tolist(), counts.to_numpy().tolist()
    ([[0, 2]], [['name', 1, 0, 0]])
    """
    found, counts = [np.zeros(0, dtype="int64")], []
    for rule, key in keys.items():
        left, right, (made, cut_keys, cut_pairs) = _pairs(key, cap)
        counts.append((rule, made, cut_keys, cut_pairs))
        if rule in use:
            found.append(left * len(key) + right)
    codes = np.sort(np.concatenate(found))
    codes = codes[np.diff(codes, prepend=-1) > 0]
    width = max((len(key) for key in keys.values()), default=1) or 1
    return np.stack([codes // width, codes % width], axis=1), pd.DataFrame(
        counts, columns=["rule", "pairs", "cut_keys", "cut_pairs"]
    )


def _pairs(key: np.ndarray, cap: int) -> tuple[np.ndarray, np.ndarray, Counts]:
    """Both sides of all pairs that share a key, and what was made and cut."""
    node = np.flatnonzero(key >= 0)
    known = key[node]
    order = np.argsort(known)
    node, known = node[order], known[order]
    start = np.flatnonzero(np.append(True, known[1:] != known[:-1])[: len(known)])
    size = np.diff(start, append=len(known))
    sizes, many = np.unique(size, return_counts=True)
    pairs, cut = many * (sizes * (sizes - 1) // 2), sizes > cap
    left, right = [np.zeros(0, dtype="int64")], [np.zeros(0, dtype="int64")]
    for members in sizes[(sizes > 1) & ~cut].tolist():
        blocks = np.sort(node[start[size == members][:, None] + np.arange(members)], axis=1)
        one, other = np.triu_indices(members, 1)
        left.append(blocks[:, one].ravel())
        right.append(blocks[:, other].ravel())
    made = (int(pairs[~cut].sum()), int(many[cut].sum()), int(pairs[cut].sum()))
    return np.concatenate(left), np.concatenate(right), made
