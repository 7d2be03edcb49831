"""From edges to persons: join what fits together, refuse what may not be one person.

Connected components would do for most children, and does: a component with nothing odd in it is one person. A
component with anything odd (a vetoed edge, a low mean weight, two checked NHS numbers, a barrier, too many members) is
solved by average linkage: the two groups with the best *mean* weight over all their pairs are joined, until no allowed
union reaches the threshold. A pair that blocking never compared counts as a fixed low weight, so that a chain a-b-c-d
does not become a person merely because each link holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from models.linkage.settings import LinkageSettings

_DENSE = 400


@dataclass(frozen=True)
class Constraints:
    """What no union may break. ``nhs``: code of a node's checked NHS number, -1 none. ``apart``: ``(n, 2)`` nodes.

    ``held``: code of yesterday's person of a node, -1 none, where two such persons may not become one. ``others``
    ``(k, n)``: codes of any other kind that no two of one person may differ in.
    """

    nhs: np.ndarray
    apart: np.ndarray
    held: np.ndarray | None = None
    others: np.ndarray | None = None

    @property
    def codes(self) -> np.ndarray:
        """``(k, n)``: two nodes with different codes (-1 = none) in any row may not be one."""
        return np.vstack([code for code in (self.nhs, self.held, self.others) if code is not None])


def components(n: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Component label of each of ``n`` nodes, numbered by first node.

    >>> components(4, np.array([0, 2]), np.array([3, 2])).tolist()
    [0, 1, 2, 0]
    """
    graph = coo_matrix((np.ones(len(left), dtype="int8"), (left, right)), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    first = np.full(labels.max(initial=-1) + 1, n, dtype="int64")
    np.minimum.at(first, labels, np.arange(n))
    rank = np.empty(len(first), dtype="int64")
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[labels]


def cluster(
    n: int,
    left: np.ndarray,
    right: np.ndarray,
    weight: np.ndarray,
    constraints: Constraints,
    settings: LinkageSettings,
    before: np.ndarray | None = None,
    steady: np.ndarray | None = None,
) -> np.ndarray:
    """Cluster label of each of ``n`` nodes, numbered by first node; ``weight`` is the adjusted weight of each edge.

    ``before``: number of the person each node was yesterday, -1 = nobody. Those who were one person start as one and
    part only when their mean weight falls below ``stay_weight``; the same evidence twice thus gives the same persons.
    ``steady``: mask of nodes that say what they said yesterday, all if not given. Where a person may not stay one as it
    is, those of it start as one: whoever changed may leave, and takes nobody along.

    >>> free = Constraints(nhs=np.full(3, -1), apart=np.zeros((0, 2), int))
    >>> a, b, w = np.array([0, 1, 0]), np.array([1, 2, 2]), np.array([20.0, 20.0, -10.0])
    >>> cluster(3, a, b, w, free, LinkageSettings()).tolist()
    [0, 0, 1]
    """
    before = np.full(n, -1) if before is None else before
    steady = np.ones(n, dtype=bool) if steady is None else steady
    stay = (before[left] >= 0) & (before[left] == before[right]) & (weight >= settings.stay_weight)
    join = (weight >= settings.join_weight) | stay
    labels = components(n, left[join], right[join])
    odd = _odd(labels, left, right, weight, constraints, settings)
    if not odd.any():
        return labels
    node_odd = odd[labels]
    members = np.flatnonzero(node_odd)
    order = members[np.argsort(labels[members], kind="stable")]
    starts = np.flatnonzero(np.r_[True, labels[order][1:] != labels[order][:-1]])
    inside = (labels[left] == labels[right]) & node_odd[left]
    edge_order = np.flatnonzero(inside)[np.argsort(labels[left[inside]], kind="stable")]
    edge_label = labels[left[edge_order]]
    apart_of: dict[int, list[tuple[int, int]]] = {}
    for a, b in constraints.apart.tolist():
        if labels[a] == labels[b]:
            apart_of.setdefault(int(labels[a]), []).append((a, b))
    codes = constraints.codes
    out = labels.astype("int64") * (n + 1)
    for group in np.split(order, starts[1:]):
        label = int(labels[group[0]])
        rows = edge_order[np.searchsorted(edge_label, label) : np.searchsorted(edge_label, label, side="right")]
        fixed = _Group(codes, before, steady, apart_of.get(label, []))
        part = _average_linkage(group, left[rows], right[rows], weight[rows], fixed, settings)
        out[group] = label * (n + 1) + part
    return renumber(out)


def renumber(labels: np.ndarray) -> np.ndarray:
    """Labels renumbered by first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype="int64")
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _odd(
    labels: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    weight: np.ndarray,
    constraints: Constraints,
    settings: LinkageSettings,
) -> np.ndarray:
    """Which components need more than being connected."""
    k = labels.max(initial=-1) + 1
    size = np.bincount(labels, minlength=k)
    odd = size > settings.max_cluster_nodes
    inside = labels[left] == labels[right]
    odd[labels[left[inside & (weight < 0)]]] = True
    # Mean over *all* pairs, compared or not: below the threshold the component may be a chain.
    pairs = size * (size - 1) / 2
    scored = np.bincount(labels[left[inside]], minlength=k)
    total = np.bincount(labels[left[inside]], weights=weight[inside], minlength=k)
    odd |= total + (pairs - scored) * settings.unscored_weight < pairs * settings.join_weight
    for code in constraints.codes:
        known = code >= 0
        low, high = np.full(k, np.iinfo("int64").max), np.full(k, -1)
        np.minimum.at(low, labels[known], code[known])
        np.maximum.at(high, labels[known], code[known])
        odd |= (high >= 0) & (low != high)
    if len(constraints.apart):
        same = labels[constraints.apart[:, 0]] == labels[constraints.apart[:, 1]]
        odd[labels[constraints.apart[same, 0]]] = True
    return odd


@dataclass(frozen=True)
class _Group:
    """What holds for nodes: codes, yesterday's persons and who is steady, by node; barred pairs of a component."""

    codes: np.ndarray
    before: np.ndarray
    steady: np.ndarray
    apart: list[tuple[int, int]]


def _average_linkage(
    group: np.ndarray, left: np.ndarray, right: np.ndarray, weight: np.ndarray, fixed: _Group, settings: LinkageSettings
) -> np.ndarray:
    """Part number of each node of ``group`` (sorted): agglomeration by mean weight under the constraints."""
    n = len(group)
    a, b = np.searchsorted(group, left), np.searchsorted(group, right)
    if n > _DENSE:
        return _split_large(group, a, b, weight, fixed, settings)
    total = np.full((n, n), settings.unscored_weight)
    total[a, b] = total[b, a] = weight
    barred = np.zeros((n, n), dtype=bool)
    for pair in fixed.apart:
        x, y = np.searchsorted(group, pair)
        barred[x, y] = barred[y, x] = True
    code = fixed.codes[:, group]
    size = np.ones(n)
    part = np.arange(n)
    alive = np.ones(n, dtype=bool)
    mean = total.copy()
    mean[barred | _clash(code[:, :, None], code[:, None, :])] = -np.inf
    np.fill_diagonal(mean, -np.inf)

    def unite(x: int, y: int) -> None:
        total[x] += total[y]
        total[:, x] += total[:, y]
        barred[x] |= barred[y]
        barred[:, x] |= barred[:, y]
        size[x] += size[y]
        code[:, x] = np.maximum(code[:, x], code[:, y])
        alive[y] = False
        part[part == y] = x
        row = total[x] / (size[x] * size)
        clash = barred[x] | _clash(code[:, [x]], code) | (size[x] + size > settings.max_cluster_nodes)
        row[clash | ~alive] = -np.inf
        row[x] = -np.inf
        mean[x], mean[:, x] = row, row
        mean[y], mean[:, y] = -np.inf, -np.inf

    steady = fixed.steady[group]
    for stayed in _yesterday(fixed.before[group]):
        whole = _still_one(stayed, total, barred, code, settings)
        start = stayed if whole else stayed[steady[stayed]]
        if whole or (len(start) > 1 and _still_one(start, total, barred, code, settings)):
            for y in start[1:]:
                unite(int(start[0]), int(y))
        if whole:
            continue
        # What is left of a person falls apart at the lower threshold too.
        while True:
            inside = mean[np.ix_(stayed, stayed)]
            x, y = divmod(int(inside.argmax()), len(stayed))
            if inside[x, y] < settings.stay_weight:
                break
            unite(int(stayed[min(x, y)]), int(stayed[max(x, y)]))
    while True:
        x, y = divmod(int(mean.argmax()), n)
        if mean[x, y] < settings.join_weight:
            return np.unique(part, return_inverse=True)[1]
        unite(min(x, y), max(x, y))


def _clash(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where two nodes carry different codes of one kind (first axis)."""
    return ((one >= 0) & (other >= 0) & (one != other)).any(axis=0)


def _yesterday(before: np.ndarray) -> list[np.ndarray]:
    """The nodes of each of yesterday's persons that has more than one."""
    groups = [np.flatnonzero(before == person) for person in np.unique(before[before >= 0])]
    return [here for here in groups if len(here) > 1]


def _still_one(
    here: np.ndarray, total: np.ndarray, barred: np.ndarray, code: np.ndarray, settings: LinkageSettings
) -> bool:
    """Whether one of yesterday's persons may start as one: nothing forbids it, and the mean weight will do."""
    if len(here) > settings.max_cluster_nodes:
        return False
    block = np.ix_(here, here)
    mean = total[block][np.triu_indices(len(here), 1)].mean()
    known = code[:, here]
    clash = _clash(known, known.max(axis=1, keepdims=True)).any()
    return bool(mean >= settings.stay_weight and not barred[block].any() and not clash)


def _split_large(
    group: np.ndarray, a: np.ndarray, b: np.ndarray, weight: np.ndarray, fixed: _Group, settings: LinkageSettings
) -> np.ndarray:
    """Raise the bar until a giant falls into pieces small enough to solve; pieces are never joined again."""
    bar = settings.join_weight
    labels = np.zeros(len(group), dtype="int64")
    while np.bincount(labels).max() > _DENSE and bar < 64:
        bar += 2
        keep = weight >= bar
        labels = components(len(group), a[keep], b[keep])
    out = np.zeros(len(group), dtype="int64")
    for label in range(labels.max() + 1):
        here = np.flatnonzero(labels == label)
        if len(here) > _DENSE:
            # Nothing tells its members apart by weight: alone is safer than a person of hundreds.
            out[here] = len(group) * (label + 1) + np.arange(len(here))
            continue
        rows = (labels[a] == label) & (labels[b] == label)
        inside = set(group[here].tolist())
        local = _Group(
            fixed.codes, fixed.before, fixed.steady, [p for p in fixed.apart if p[0] in inside and p[1] in inside]
        )
        part = _average_linkage(group[here], group[a[rows]], group[b[rows]], weight[rows], local, settings)
        out[here] = len(group) * (label + 1) + part
    return np.unique(out, return_inverse=True)[1]
