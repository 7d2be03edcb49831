"""What people decide binds; what cannot all hold freezes; a barrier is crossed by nobody and never spoken of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.linkage import attention
from models.linkage.constrain import Constrained, constrain
from models.linkage.decisions import Decided, standing
from models.linkage.settings import LinkageSettings

S = LinkageSettings(max_cluster_nodes=6)
N = 9
Pair = tuple[int, int]
Edges = dict[Pair, float]
PAIR = st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)).filter(lambda p: p[0] < p[1])
PAIRS = st.lists(PAIR, max_size=7, unique=True)
EDGES = st.dictionaries(PAIR, st.sampled_from([-8.0, 2.0, 5.0, 9.0, 25.0, 300.0]), max_size=20)
CODES = st.lists(st.integers(-1, 2), min_size=N, max_size=N)
NODES = st.lists(st.integers(0, 5), min_size=N, max_size=N)


def pairs(values: Sequence[Pair]) -> np.ndarray:
    return np.array(values, dtype="int64").reshape(-1, 2)


@dataclass(frozen=True)
class Night:
    """What constrain made of N records, by record: person, checked number, node, whether frozen."""

    found: Constrained
    person: np.ndarray
    nhs: np.ndarray
    frozen: np.ndarray


def night(
    edges: Edges,
    must: Sequence[Pair] = (),
    cannot: Sequence[Pair] = (),
    apart: Sequence[Pair] = (),
    nhs: Sequence[int] = (-1,) * N,
    before: Sequence[int] = (-1,) * N,
    held: Sequence[int] = (-1,) * N,
    node: Sequence[int] = tuple(range(N)),
) -> Night:
    """One night; records that a decision or a barrier names are nodes of their own."""
    of = np.array(node)
    named = sorted({i for pair in [*must, *cannot, *apart] for i in pair})
    of[named] = N + np.array(named, dtype="int64")
    of = pd.factorize(of)[0].astype("int64")
    barred = {tuple(sorted(of[list(pair)].tolist())) for pair in apart}
    weights = {tuple(sorted(of[list(pair)].tolist())): weight for pair, weight in edges.items()}
    rows = [(a, b, w) for (a, b), w in sorted(weights.items()) if a != b and (a, b) not in barred]
    table = pd.DataFrame(rows, columns=["node_l", "node_r", "adjusted_weight"])
    table = table.astype({"node_l": "int64", "node_r": "int64", "adjusted_weight": "float64"})
    # All records of a node say the same, so they carry one number.
    numbers = pd.Series(nhs).groupby(of).transform("first").to_numpy()
    found = constrain(
        of,
        table.assign(kind="probabilistic", rule="model", adjusted_by=None),
        numbers,
        pairs(apart),
        Decided(pairs(must), pairs(cannot)),
        np.array(before),
        np.array(held),
        S,
    )
    frozen = np.isin(np.arange(N), [i for one in found.frozen for i in one.records])
    return Night(found, found.cluster[found.node], numbers, frozen)


def together(label: np.ndarray, i: int) -> set[int]:
    return set(np.flatnonzero(label == label[i]).tolist())


@settings(deadline=None, max_examples=80)
@given(EDGES, PAIRS, PAIRS, PAIRS, CODES, CODES, NODES)
@example({}, [(0, 1), (2, 8)], [], [(0, 2), (1, 8)], [0] * 8 + [1], [2, 1, 2, 0, 0, 0, 0, 0, 1], list(range(N)))
def test_whatever_is_decided_nothing_is_lost_and_no_law_broken(edges, must, cannot, apart, nhs, before, node) -> None:
    cannot = [pair for pair in cannot if pair not in must]
    tonight = night(edges, must, cannot, apart, nhs, before, node=node)
    person, frozen, yesterday = tonight.person, tonight.frozen, np.array(before)
    assert pd.factorize(person)[0].tolist() == person.tolist() and len(person) == N
    assert all(person[a] != person[b] for a, b in apart)
    for i in np.flatnonzero(frozen).tolist():
        if yesterday[i] < 0:
            assert together(person, i) == {i}, "a new record of a frozen cluster stands alone"
        else:
            was = together(yesterday, i)
            parted = any({a, b} <= was for a, b in apart)
            assert together(person, i) == was or (parted and together(person, i) < was)
    assert all(person[a] != person[b] or frozen[a] for a, b in cannot)
    for c in np.unique(person[~frozen]):
        members = np.flatnonzero(person == c)
        assert len(set(tonight.nhs[members]) - {-1}) <= 1
        assert len(np.unique(tonight.found.node[members])) <= S.max_cluster_nodes
    if not apart:
        assert all(person[a] == person[b] or frozen[a] or frozen[b] for a, b in must)


@settings(deadline=None, max_examples=50)
@given(EDGES, PAIRS, PAIRS, CODES, CODES)
def test_ids_do_not_flap_while_decisions_and_evidence_stay(edges, must, cannot, nhs, before) -> None:
    cannot = [pair for pair in cannot if pair not in must]
    once = night(edges, must, cannot, nhs=nhs, before=before)
    # Whatever yesterday was (another world's persons, here), one more night may settle it, and then nobody moves.
    settled = night(edges, must, cannot, nhs=nhs, before=once.person.tolist())
    again = night(edges, must, cannot, nhs=nhs, before=settled.person.tolist())
    assert again.person.tolist() == settled.person.tolist()


@settings(deadline=None, max_examples=40)
@given(EDGES, CODES)
def test_two_listed_persons_never_become_one_by_evidence(edges, before) -> None:
    tonight = night(edges, before=before, held=before)
    for c in np.unique(tonight.person):
        assert len(set(np.array(before)[tonight.person == c]) - {-1}) <= 1


def table(*rows: tuple[str, str, str, str, str | None]) -> pd.DataFrame:
    """Decisions ``left, right, decision, decided on, expires on``, in the order they were made."""
    made = pd.DataFrame(rows, columns=["record_key_l", "record_key_r", "decision", "decided_at", "expires_on"])
    made["decided_at"], made["expires_on"] = pd.to_datetime(made["decided_at"]), pd.to_datetime(made["expires_on"])
    return made.assign(decision_id=[f"D{i:09d}" for i in range(len(made))])


def stands(on: str, *rows: tuple[str, str, str, str, str | None]) -> list[str]:
    return standing(table(*rows), pd.Timestamp(on))["decision"].tolist()


def test_the_latest_decision_that_has_not_expired_counts_whichever_way_round() -> None:
    joined = ("a", "b", "must_link", "2026-01-01", None)
    parted = ("b", "a", "cannot_link", "2026-02-01", "2026-03-01")
    assert stands("2026-01-15", joined, parted) == ["must_link"]
    assert stands("2026-02-15", joined, parted) == ["cannot_link"]
    assert stands("2026-03-01", joined, parted) == ["must_link"]
    assert stands("2026-02-01", joined, ("b", "a", "cannot_link", "2026-01-01", None)) == ["cannot_link"]


def test_unsure_takes_back_what_was_decided_before_for_good() -> None:
    rows = [("a", "b", "must_link", "2026-01-01", None), ("b", "a", "unsure", "2026-02-01", "2026-03-01")]
    assert stands("2026-02-15", *rows) == ["unsure"] and stands("2026-04-01", *rows) == []
    assert stands("2026-04-01", *rows, ("a", "b", "must_link", "2026-03-15", None)) == ["must_link"]


def test_a_must_link_joins_persons_whole_whatever_the_evidence_says() -> None:
    edges = {(0, 1): 20.0, (2, 3): 20.0, (0, 2): -8.0, (1, 3): -8.0}
    assert together(night(edges).person, 0) == {0, 1}
    found = night(edges, must=[(1, 2)])
    assert together(found.person, 0) == {0, 1, 2, 3}
    # A later record that looks like one half alone still finds the person.
    later = night(edges | {(4, 2): 20.0, (4, 3): 20.0, (4, 0): -8.0}, must=[(1, 2)], before=found.person.tolist())
    assert together(later.person, 4) == {0, 1, 2, 3, 4}


def test_a_cannot_link_splits_a_person_along_the_evidence() -> None:
    edges = {(0, 1): 20.0, (2, 3): 20.0, (0, 2): 9.0, (1, 3): 9.0, (0, 3): 9.0, (1, 2): 9.0}
    one = night(edges)
    assert together(one.person, 0) == {0, 1, 2, 3}
    assert together(night(edges, cannot=[(0, 2)], before=one.person.tolist()).person, 0) == {0, 1}


def test_each_contradiction_freezes_and_heals() -> None:
    chain = [(0, 1), (1, 2)]
    yesterday = [0, 0, 1, -1, -1, -1, -1, -1, -1]
    edges = {(2, 3): 20.0}
    cases: dict[str, dict[str, Any]] = {
        "decisions": {"must": chain, "cannot": [(0, 2)]},
        "nhs_numbers": {"must": chain, "nhs": [5, -1, 6] + [-1] * 6},
        "too_large": {"must": [(i, i + 1) for i in range(8)]},
    }
    for code, how in cases.items():
        found = night(edges, before=yesterday, **how)
        assert [one.code for one in found.found.frozen] == [code]
        assert together(found.person, 0) == {0, 1} and together(found.person, 2) == {2}
        assert together(found.person, 3) == {3}, "the new record in the frozen cluster stands alone"
    healed = night(edges, must=chain, before=yesterday)
    assert not healed.found.frozen and together(healed.person, 0) == {0, 1, 2, 3}


def test_a_must_link_across_a_barrier_has_no_effect_and_no_row() -> None:
    found = night({(0, 1): 20.0}, must=[(1, 2), (2, 3)], apart=[(0, 3)])
    assert not found.found.frozen and found.found.idle == 1
    assert together(found.person, 0) == {0, 1, 2} and together(found.person, 3) == {3}
    assert not any("barrier" in words.lower() for words in attention.WORDS.values())


def test_a_hold_keeps_two_listed_persons_apart_until_somebody_decides() -> None:
    edges, was = {(0, 1): 20.0, (1, 2): 20.0, (0, 2): 20.0}, [7, -1, 8, -1, -1, -1, -1, -1, -1]
    found = night(edges, before=was, held=was)
    assert found.found.held == [(7, 8)] and found.person[0] != found.person[2]
    released = night(edges, must=[(0, 2)], before=was, held=was)
    assert not released.found.held and together(released.person, 0) == {0, 1, 2}


def test_a_cycle_of_two_thousand_decisions_ends() -> None:
    n = 2000
    must = np.stack([np.arange(n - 1), np.arange(1, n)], axis=1)
    decided = Decided(must, np.array([[0, n - 1]]))
    empty = pd.DataFrame({"node_l": [], "node_r": [], "adjusted_weight": []})
    empty = empty.astype({"node_l": "int64", "node_r": "int64"}).assign(kind="", rule="", adjusted_by=None)
    nobody = np.full(n, -1)
    found = constrain(np.arange(n), empty, nobody, pairs([]), decided, nobody, None, LinkageSettings())
    assert [one.code for one in found.frozen] == ["decisions"] and len(np.unique(found.cluster)) == n
