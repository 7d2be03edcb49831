"""Clustering and barriers: whatever the edges say, what may not be one person is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.linkage.barriers import BarrierBroken, forbidden_clusters, spans, verify
from models.linkage.cluster import Constraints, cluster
from models.linkage.settings import LinkageSettings

S = LinkageSettings()
N = 12
EDGES = st.lists(
    st.tuples(
        st.integers(0, N - 1), st.integers(0, N - 1), st.sampled_from([-8.0, 2.0, 5.0, 9.0, 25.0, 300.0])
    ).filter(lambda e: e[0] < e[1]),
    max_size=60, unique_by=lambda e: (e[0], e[1]),
)  # fmt: skip
PAIRS = st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)).filter(lambda p: p[0] != p[1]), max_size=5)
NUMBERS = st.lists(st.integers(-1, 2), min_size=N, max_size=N)


def arrays(edges: list[tuple[int, int, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = np.array(edges, dtype=float).reshape(-1, 3)
    return table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2]


@settings(deadline=None, max_examples=150)
@given(EDGES, PAIRS, NUMBERS)
def test_no_cluster_spans_a_barrier_or_two_numbers(edges, apart, numbers) -> None:
    left, right, weight = arrays(edges)
    nhs, bars = np.array(numbers), np.array(apart, dtype="int64").reshape(-1, 2)
    found = cluster(N, left, right, weight, Constraints(nhs, bars), S)
    assert not (found[bars[:, 0]] == found[bars[:, 1]]).any()
    for c in range(found.max() + 1):
        assert len(set(nhs[(found == c) & (nhs >= 0)])) <= 1
    first = [int(np.flatnonzero(found == c)[0]) for c in range(found.max() + 1)]
    assert first == sorted(first)
    keep = ~spans(found[left], found[right], forbidden_clusters(found, bars))
    verify(found, bars, left[keep], right[keep])


@settings(deadline=None, max_examples=100)
@given(EDGES, PAIRS, NUMBERS)
def test_the_same_evidence_twice_gives_the_same_persons(edges, apart, numbers) -> None:
    left, right, weight = arrays(edges)
    rule = Constraints(np.array(numbers), np.array(apart, dtype="int64").reshape(-1, 2))
    once = cluster(N, left, right, weight, rule, S)
    assert cluster(N, left, right, weight, rule, S, before=once).tolist() == once.tolist()
    nobody = np.zeros(N, dtype=bool)
    assert cluster(N, left, right, weight, rule, S, before=once, steady=nobody).tolist() == once.tolist()


def test_verify_refuses_a_person_or_edge_across_a_barrier() -> None:
    pairs = np.array([[0, 1]])
    with pytest.raises(BarrierBroken):
        verify(np.array([0, 0]), pairs, np.array([], int), np.array([], int))
    with pytest.raises(BarrierBroken):
        verify(np.array([0, 1, 1]), pairs, np.array([0]), np.array([2]))


def test_a_chain_is_not_a_person() -> None:
    links = np.arange(7)
    free = Constraints(np.full(8, -1), np.zeros((0, 2), int))
    found = cluster(8, links, links + 1, np.full(7, 9.0), free, S)
    assert found.max() > 0


def test_records_that_were_one_stay_one_a_little_longer() -> None:
    free = Constraints(np.full(2, -1), np.zeros((0, 2), int))
    between = np.array([(S.join_weight + S.stay_weight) / 2])
    a, b = np.array([0]), np.array([1])
    assert cluster(2, a, b, between, free, S).tolist() == [0, 1]
    assert cluster(2, a, b, between, free, S, before=np.array([0, 0])).tolist() == [0, 0]


def test_whoever_changed_leaves_alone() -> None:
    """Node 0 came to carry another checked number; node 1 shares a school number with it, all else with 2 and 3."""
    left, right, weight = np.array([0, 1, 1, 2]), np.array([1, 2, 3, 3]), np.array([30.0, 18.0, 18.0, 18.0])
    rule = Constraints(np.array([1, -1, 0, 0]), np.zeros((0, 2), int))
    before, steady = np.zeros(4, int), np.array([False, True, True, True])
    assert cluster(4, left, right, weight, rule, S, before).tolist() == [0, 0, 1, 1]
    assert cluster(4, left, right, weight, rule, S, before, steady).tolist() == [0, 1, 1, 1]
    # Nothing forbids that all stay: then who changed makes no difference.
    free = Constraints(np.full(4, -1), np.zeros((0, 2), int))
    assert cluster(4, left, right, weight, free, S, before, steady).tolist() == [0, 0, 0, 0]


def test_a_giant_ends_in_bounded_persons() -> None:
    n = 1500
    left, right = np.triu_indices(n, 1)
    near = (right - left) <= 3
    free = Constraints(np.full(n, -1), np.zeros((0, 2), int))
    found = cluster(n, left[near], right[near], np.full(int(near.sum()), 20.0), free, S)
    assert np.bincount(found).max() <= S.max_cluster_nodes
