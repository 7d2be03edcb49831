"""What we would have known when: the past of a cluster, replayed in the order its records arrived.

Two records joined only through a third were two people until the third arrived, however clear it is today. So a
record's assignment starts when the latest record that justifies it was known; before that it stood alone, under a
provisional person who was then merged.

Worked example: records a (known 2021) and c (known 2022) meet only through b (known 2023). a is person P from 2021; c
is a provisional person Q from 2022 to 2023, then P; b is P from 2023; Q redirects to P from 2023.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Stay:
    """A node was provisional person ``token`` (unique number) from ``start`` until ``end`` (microseconds)."""

    node: int
    token: int
    start: int
    end: int


@dataclass(frozen=True)
class Replay:
    """``joined_at``: when a node reached its final person. ``stays``: provisional past. ``merged``: token -> when."""

    joined_at: np.ndarray
    stays: list[Stay]
    merged: dict[int, int]


def replay(
    first_known: np.ndarray,
    size: np.ndarray,
    cluster: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    settled: np.ndarray,
) -> Replay:
    """Replay clusters of nodes.

    ``first_known``: microseconds, per node. ``size``: records per node. ``left``, ``right``: joining edges inside
    clusters. ``settled``: mask of nodes that already had the cluster's person (they are its past, whatever arrives).

    >>> at = np.array([2021, 2023, 2022])
    >>> r = replay(at, np.ones(3, int), np.zeros(3, int), np.array([0, 1]), np.array([1, 2]), np.zeros(3, bool))
    >>> r.joined_at.tolist(), r.stays
    ([2021, 2023, 2023], [Stay(node=2, token=0, start=2022, end=2023)])
    """
    n = len(first_known)
    birth = np.where(settled, np.iinfo("int64").min, first_known)
    joined_at = first_known.copy()
    rank = np.empty(n, dtype="int64")
    rank[np.lexsort((np.arange(n), birth))] = np.arange(n)
    attached = np.zeros(n, dtype=bool)
    attached[np.where(rank[left] > rank[right], left, right)] = True
    roots = np.full(cluster.max(initial=-1) + 1, n, dtype="int64")
    np.minimum.at(roots, cluster, rank)
    attached |= roots[cluster] == rank
    late = np.zeros(len(roots), dtype=bool)
    late[cluster[~attached & ~settled]] = True
    stays: list[Stay] = []
    merged: dict[int, int] = {}
    if late.any():
        rows = np.flatnonzero(late[cluster[left]])
        time = np.maximum(birth[left[rows]], birth[right[rows]])
        rows = rows[np.lexsort((right[rows], left[rows], time, cluster[left[rows]]))]
        _kruskal(birth, size, settled, left[rows], right[rows], joined_at, stays, merged)
    return Replay(joined_at, stays, merged)


def _kruskal(
    birth: np.ndarray,
    size: np.ndarray,
    settled: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    joined_at: np.ndarray,
    stays: list[Stay],
    merged: dict[int, int],
) -> None:
    """Join groups in the order of time; the group with settled nodes, else more records, else the older, lives on."""
    group: dict[int, list[int]] = {}
    head: dict[int, int] = {}
    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        for node in (a, b):
            if node not in head:
                head[node], group[node] = node, [node]
        x, y = head[a], head[b]
        if x == y:
            continue
        time = int(max(birth[a], birth[b]))
        # A head keeps its own birth: a group is as old as the node that founded it.
        x, y = sorted((x, y), key=lambda h: (not any(settled[group[h]]), -int(size[group[h]].sum()), int(birth[h]), h))
        lost = group.pop(y)
        token = len(merged) if any(joined_at[v] < time and not settled[v] for v in lost) else None
        for v in lost:
            if token is not None and joined_at[v] < time:
                stays.append(Stay(v, token, int(joined_at[v]), time))
            joined_at[v] = max(int(joined_at[v]), time)
            head[v] = x
        if token is not None:
            merged[token] = time
        group[x] += lost
