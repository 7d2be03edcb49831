"""The review queue asks what only a person can answer, once a pair of persons, and never a word about a barrier."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from models.linkage import queue
from models.linkage.attention import Freeze, speakable
from models.linkage.settings import LinkageSettings

S = LinkageSettings()
NOW = pd.Timestamp("2026-10-05 01:00")
FEATURES = {
    "same_nhs": False,
    "same_birth": True,
    "both_forename": True,
    "near_surname": True,
    "forename_likeness": 0.4,
}
NOTHING = pd.DataFrame(columns=queue.COLUMNS)
NO_DECISIONS = pd.DataFrame(
    {c: pd.Series(dtype=t) for c, t in {
        "decision_id": "object", "record_key_l": "object", "record_key_r": "object", "decision": "object",
        "decided_at": "datetime64[us]", "expires_on": "datetime64[us]"}.items()}
)  # fmt: skip


def order(texts: Sequence[str]) -> list[int]:
    return [int.from_bytes(hashlib.sha256(text.encode()).digest()[:7]) >> 3 for text in texts]


def town(clusters: Sequence[int], forbidden: set[tuple[int, int]] | None = None, **known: Any) -> queue.Town:
    """Records a, b, c ... of one agency each, in clusters."""
    n = len(clusters)
    keys = np.array([chr(97 + i) for i in range(n)], dtype=object)
    of_record = np.array(clusters)
    k = int(of_record.max()) + 1
    given: dict[str, Any] = {
        "agency": np.array(["csc"] * n, dtype=object), "before": np.full(n, -1), "listed": np.zeros(n, dtype=bool),
        "nhs": np.full(k, -1),
    } | known  # fmt: skip
    persons = np.array([f"P{c}" for c in range(k)], dtype=object)
    return queue.Town(keys, pd.Series(keys), of_record=of_record, person=persons, forbidden=forbidden or set(), **given)


def edge(left: int, right: int, weight: float = 5.0, **other: Any) -> dict[str, Any]:
    return {
        "l": left, "r": right, "kind": "probabilistic", "match_weight": weight, "adjusted_weight": weight,
        "adjusted_by": None, **FEATURES, **other,
    }  # fmt: skip


TWIN: dict[str, Any] = {"adjusted_by": "possible_twins", "match_weight": 12.0, "adjusted_weight": -8.0}


def asked(
    where: queue.Town,
    edges: list[dict[str, Any]],
    held: Sequence[tuple[int, int]] = (),
    frozen: Sequence[Freeze] = (),
    decided: pd.DataFrame = NO_DECISIONS,
    previous: pd.DataFrame = NOTHING,
    now: pd.Timestamp = NOW,
) -> pd.DataFrame:
    position = {key: i for i, key in enumerate(where.keys)}
    columns = list(edge(0, 1))
    table = pd.DataFrame(edges, columns=columns).astype({"l": "int64", "r": "int64"})
    spoken = speakable(frozen, where.of_record, where.forbidden)
    return queue.build(where, held, spoken, table, decided, position, previous, now, order, S)


def pairs(found: pd.DataFrame) -> list[tuple[str, str, str]]:
    return [tuple(row) for row in found[["kind", "record_key_l", "record_key_r"]].to_numpy().tolist()]


def decision(left: str, right: str, said: str, days_ago: int = 1) -> pd.DataFrame:
    row = ("D1", left, right, said, NOW - pd.Timedelta(days=days_ago), pd.NaT)
    return pd.DataFrame([row], columns=NO_DECISIONS.columns).astype({"expires_on": "datetime64[us]"})


def test_a_question_is_asked_once_a_pair_of_persons_and_says_why() -> None:
    two = town([0, 0, 1, 1])
    found = asked(two, [edge(0, 2, 3.0), edge(1, 3, 6.0), edge(0, 3, **TWIN), edge(0, 1, 20.0)])
    assert pairs(found) == [("twin", "a", "d")]
    assert found["evidence"][0] == "same birth date, surname alike, different first names"
    assert found[["person_id_l", "person_id_r", "records_l", "records_r"]].to_numpy().tolist() == [["P0", "P1", 2, 2]]
    assert (
        pairs(asked(two, [edge(0, 2, 0.0), edge(1, 2, -3.0), edge(1, 3, adjusted_by="namesake", adjusted_weight=-8.0)]))
        == []
    )


def test_an_item_keeps_its_id_its_pair_and_its_age() -> None:
    two = town([0, 0, 1, 1])
    first = asked(two, [edge(0, 2, 3.0)])
    later = asked(two, [edge(0, 2, 3.0), edge(1, 3, 6.0)], previous=first, now=NOW + pd.Timedelta(days=9))
    assert later["item_id"].tolist() == first["item_id"].tolist() and later["since"].tolist() == [NOW]
    assert queue.counts(later, NOW + pd.Timedelta(days=9)).to_numpy().tolist()[-1] == ["grey", 1, 9]


def test_what_was_decided_is_not_asked_again_and_unsure_only_for_a_while() -> None:
    two, edges = town([0, 0, 1, 1]), [edge(0, 2)]
    for said in ("cannot_link", "must_link", "unsure"):
        assert asked(two, edges, decided=decision("b", "d", said)).empty
    assert len(asked(two, edges, decided=decision("b", "d", "unsure", S.unsure_days))) == 1
    assert asked(two, edges, decided=decision("b", "d", "cannot_link", 4 * S.unsure_days)).empty


def test_persons_with_different_checked_numbers_are_asked_about_last_or_not_at_all() -> None:
    numbers = town([0, 1, 2], nhs=np.array([4, 5, -1]))
    assert pairs(asked(numbers, [edge(0, 1, **TWIN), edge(0, 2, **TWIN)])) == [("twin", "a", "c")]
    found = asked(numbers, [edge(0, 1, 9.0), edge(1, 2, 1.0)])
    assert pairs(found) == [("grey", "b", "c"), ("grey", "a", "b")] and "number corrected" in found["reason"][1]


def test_the_most_useful_question_comes_first() -> None:
    known: dict[str, Any] = {
        "before": np.array([7, 8, -1, -1, -1]),
        "listed": np.array([True, True, False, False, False]),
    }
    agency = np.array(["csc", "police", "csc", "csc", "csc"], dtype=object)
    five = town([0, 1, 2, 3, 4], agency=agency, **known)
    found = asked(five, [edge(0, 1, 20.0), edge(1, 2, 1.0), edge(2, 3, 1.0), edge(3, 4, 6.5)], held=[(7, 8)])
    assert pairs(found)[0] == ("hold", "a", "b") and "list" in found["reason"][0]
    assert pairs(found)[1:] == [("grey", "b", "c"), ("grey", "d", "e"), ("grey", "c", "d")]


def test_a_hold_without_a_pair_of_its_own_is_still_asked() -> None:
    three = town([0, 1, 0], before=np.array([7, 8, -1]))
    assert pairs(asked(three, [edge(0, 2, 20.0)], held=[(7, 8)])) == [("hold", "a", "b")]


def test_every_decision_of_a_contradiction_is_asked_about_again() -> None:
    three = town([0, 1, 2])
    frozen = [Freeze("decisions", np.array([0, 1, 2]), ((0, 1), (1, 2), (0, 2)))]
    found = asked(three, [edge(0, 1, 9.0)], frozen=frozen, decided=decision("a", "b", "must_link"))
    assert sorted(pairs(found)) == [("contradiction", *pair) for pair in (("a", "b"), ("a", "c"), ("b", "c"))]


CLUSTERS = st.lists(st.integers(0, 4), min_size=8, max_size=8)
EDGES = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] < p[1]), max_size=20, unique=True
)
BARRED = st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)).filter(lambda p: p[0] < p[1]), max_size=3)


@settings(deadline=None, max_examples=80)
@given(CLUSTERS, EDGES, BARRED)
def test_nothing_in_the_queue_spans_a_barrier_or_tells_of_one(clusters, edges, barred) -> None:
    labels = pd.factorize(np.array(clusters))[0]
    forbidden = {pair for pair in barred if max(pair) <= labels.max()}
    where = town(labels.tolist(), forbidden)
    frozen = [Freeze("decisions", np.array([a, b]), ((a, b),)) for a, b in edges[:2]]
    found = asked(where, [edge(a, b, 5.0) for a, b in edges], frozen=frozen)
    near: dict[str, set[str]] = {}
    for left, right in found[["person_id_l", "person_id_r"]].to_numpy().tolist():
        near.setdefault(left, set()).add(right)
        near.setdefault(right, set()).add(left)
    for a, b in forbidden:
        assert f"P{b}" not in near.get(f"P{a}", set())
        assert not near.get(f"P{a}", set()) & near.get(f"P{b}", set())
    assert not found["item_id"].duplicated().any()


def test_large_persons_and_numbers_given_out_twice_do_not_come_first() -> None:
    """An agency that reuses its numbers makes conflicts of persons with very many records: hardly ever one person."""
    many = town([0] * 64 + [1] * 64 + [2] * 2 + [3] * 2, nhs=np.full(4, -1))
    reused = edge(0, 64, kind="id_conflict", adjusted_weight=-10.0, match_weight=-4.0, same_local=True)
    shared = edge(1, 65, kind="id_conflict", adjusted_weight=-10.0, match_weight=-4.0, same_nhs=True)
    small = edge(128, 130, 5.0)
    assert asked(many, [reused, small])["kind"].tolist() == ["grey", "id_conflict"]
    first = asked(many, [shared, small])
    assert first["kind"].tolist() == ["id_conflict", "grey"]
    assert first["value"].max() < 6.0
