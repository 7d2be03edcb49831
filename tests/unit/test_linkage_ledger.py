"""The ledger: ids that last, a past that stays, and what would have been known when."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from models.linkage.backlog import replay
from models.linkage.ledger import Mint, settle


def ids(labels: list[int], before: list[str | None], former: list[str | None] | None = None):
    age = pd.Series({p: i for i, p in enumerate(sorted({b for b in before if b}))}, dtype="int64")
    past = None if former is None else pd.Series(former, dtype=object)
    return settle(np.array(labels), pd.Series(before, dtype=object), age, Mint("P", 9), former=past)


def test_a_cluster_keeps_the_person_most_of_its_records_had() -> None:
    s = ids([0, 0, 0, 1], ["P1", "P2", "P2", None])
    assert s.ids == ["P2", "P000000010"]
    assert ("P1", "merged", "P2") in s.events


def test_a_tie_goes_to_the_older_person() -> None:
    assert ids([0, 0], ["P2", "P1"]).ids == ["P1"]


def test_a_split_mints_for_the_smaller_part_and_says_so() -> None:
    s = ids([0, 1, 1], ["P1", "P1", "P1"])
    assert s.ids == ["P000000010", "P1"] and ("P000000010", "split", "P1") in s.events


def test_of_two_equal_parts_the_one_nobody_touched_keeps_the_id() -> None:
    before, age = pd.Series(["P1", "P1"]), pd.Series({"P1": 0})
    for steady, first in ((None, "P1"), ([True, False], "P1"), ([False, True], "P000000010"), ([False, False], "P1")):
        mask = None if steady is None else np.array(steady)
        assert settle(np.array([0, 1]), before, age, Mint("P", 9), steady=mask).ids[0] == first
    # More records are more, changed or not: a correction of most of them does not send the id away.
    most = settle(np.array([0, 0, 1]), pd.Series(["P1"] * 3), age, Mint("P", 9), steady=np.array([False, False, True]))
    assert most.ids == ["P1", "P000000010"]


def test_a_person_parted_again_gets_its_old_id_back() -> None:
    s = ids([0, 0, 1], ["P1", "P1", "P1"], [None, None, "P7"])
    assert s.ids == ["P1", "P7"] and ("P7", "reinstated", None) in s.events


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([None, "P1", "P2", "P3", "P4"])), min_size=1, max_size=15))
def test_ids_are_distinct_and_no_one_vanishes_unrecorded(rows) -> None:
    labels = pd.factorize(np.array([c for c, _ in rows]))[0].tolist()
    before = [b for _, b in rows]
    s = ids(labels, before)
    assert len(set(s.ids)) == len(s.ids) == max(labels) + 1
    gone = {b for b in before if b} - set(s.ids)
    assert gone == {p for p, event, _ in s.events if event == "merged"}


def test_nothing_happens_when_nothing_changed() -> None:
    s = ids([0, 0, 1], ["P2", "P2", "P1"])
    assert s.ids == ["P2", "P1"] and not s.events


def test_records_joined_at_birth_need_no_provisional_person() -> None:
    at = np.array([10, 20, 30])
    r = replay(at, np.ones(3, int), np.zeros(3, int), np.array([0, 0]), np.array([1, 2]), np.zeros(3, bool))
    assert r.joined_at.tolist() == [10, 20, 30] and not r.stays


def test_what_already_was_the_person_never_becomes_provisional() -> None:
    at = np.array([50, 60, 40])
    settled = np.array([True, False, False])
    r = replay(at, np.ones(3, int), np.zeros(3, int), np.array([0, 1]), np.array([1, 2]), settled)
    assert r.joined_at.tolist() == [50, 60, 60]
    assert [s.node for s in r.stays] == [2]
