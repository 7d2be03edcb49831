"""Linkage against slow, plain versions of the same ideas."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.linkage.backlog import replay
from models.linkage.cluster import Constraints, cluster, components
from models.linkage.settings import LinkageSettings

N = 8
EDGES = st.lists(
    st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)).filter(lambda e: e[0] < e[1]), unique=True, max_size=20
)


def connected(nodes: list[int], edges: list[tuple[int, int]]) -> list[set[int]]:
    parts = [{v} for v in nodes]
    for a, b in edges:
        if a in nodes and b in nodes:
            x, y = (next(p for p in parts if v in p) for v in (a, b))
            if x is not y:
                parts.remove(y)
                x |= y
    return parts


@given(EDGES)
def test_components_are_the_plain_ones(edges) -> None:
    table = np.array(edges, dtype=int).reshape(-1, 2)
    found = components(N, table[:, 0], table[:, 1])
    plain = connected(list(range(N)), edges)
    assert {frozenset(np.flatnonzero(found == c).tolist()) for c in set(found.tolist())} == {
        frozenset(p) for p in plain
    }


@settings(deadline=None)
@given(EDGES, st.lists(st.integers(1, 5), min_size=N, max_size=N))
def test_at_every_instant_the_replayed_past_is_what_was_connected_then(edges, known) -> None:
    """Two records have one (provisional or final) person at T exactly when the records known at T connect them."""
    table = np.array(edges, dtype=int).reshape(-1, 2)
    at = np.array(known)
    group = components(N, table[:, 0], table[:, 1])
    r = replay(at, np.ones(N, int), group, table[:, 0], table[:, 1], np.zeros(N, bool))
    for t in range(1, 6):
        who: dict[int, object] = {v: ("final", int(group[v])) for v in range(N) if r.joined_at[v] <= t}
        for stay in r.stays:
            if stay.start <= t < stay.end:
                assert stay.node not in who
                who[stay.node] = ("provisional", stay.token)
        present = [v for v in range(N) if at[v] <= t]
        assert sorted(who) == present
        for part in connected(present, edges):
            assert len({who[v] for v in part}) == 1
        assert len(set(who.values())) == len(connected(present, edges))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([-8.0, -3.0, 3.0, 8.0, 12.0, 30.0]), min_size=15, max_size=15), st.integers(0, 10**6))
def test_a_solved_component_has_no_union_left_that_would_pay(weights, shift) -> None:
    """Average linkage ends only when every two groups have a mean weight below the threshold."""
    s = LinkageSettings()
    left, right = np.triu_indices(6, 1)
    weight = np.array(weights) + shift / 1e9
    found = cluster(6, left, right, weight, Constraints(np.full(6, -1), np.zeros((0, 2), int)), s)
    for a in range(found.max() + 1):
        for b in range(a + 1, found.max() + 1):
            across = ((found[left] == a) & (found[right] == b)) | ((found[left] == b) & (found[right] == a))
            assert weight[across].mean() < s.join_weight
