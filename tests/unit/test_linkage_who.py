"""Who was this record on that day: the ledger against a slow replay of the nights. And why: paths of evidence."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from linkage_people import FAR, database, fill, key

from models.linkage.explain import path
from models.linkage.night import EDGE_COLUMNS
from models.linkage.persons import assign
from models.linkage.who import who_was, why

START = pd.Timestamp("2026-10-05 01:00")
KEYS = [key("k", "csc", "person", str(i)) for i in range(5)]
CON = database()


def nights_of(partitions: list[list[int | None]]):
    """The ledger after those nights, and what each night published: person by record, and what became of ids."""
    ledger = pd.DataFrame(
        columns=["record_key", "person_id", "known_from", "known_to", "link_basis", "reason", "run_id"]
    ).astype({"known_from": "datetime64[us]", "known_to": "datetime64[us]"})
    events = pd.DataFrame(columns=["person_id", "event", "other_person_id", "happened_at", "run_id"])
    first: dict[int, pd.Timestamp] = {}
    published, became = [], []
    for night, labels in enumerate(partitions):
        now = START + pd.Timedelta(days=night)
        here = [r for r, label in enumerate(labels) if label is not None]
        for r in here:
            first.setdefault(r, now - pd.Timedelta(hours=1))
        records = pd.DataFrame(
            {"record_key": pd.Series([KEYS[r] for r in here], dtype=object),
             "first_known": pd.Series([first[r] for r in here], dtype="datetime64[us]"),
             "known_from": pd.Series([now - pd.Timedelta(hours=1)] * len(here), dtype="datetime64[us]")}
        )  # fmt: skip
        cluster = pd.factorize(np.array([labels[r] for r in here], dtype="int64"))[0]
        pairs = [(i, j) for i, j in itertools.combinations(range(len(here)), 2) if cluster[i] == cluster[j]]
        joins = np.array(pairs, dtype="int64").reshape(-1, 2)
        made = assign(records, cluster, np.arange(len(here)), (joins[:, 0], joins[:, 1]),
                      np.full(len(here), "single", dtype=object), ledger, events, set(), now, f"r{night}")  # fmt: skip
        ledger = made.assignment
        events = pd.concat([events, made.events], ignore_index=True)
        live = ledger[ledger["known_to"] == FAR]
        published.append(dict(zip(live["record_key"], live["person_id"], strict=True)))
        became.append({p: (e, other) for p, e, other in made.events[["person_id", "event", "other_person_id"]]
                       .itertuples(index=False) if e in ("merged", "retired")})  # fmt: skip
    return ledger, events, published, became


def slow(person: str, known: int, published, became) -> str:
    """Who a person is as known on night `known`, by looking through the nights one by one."""
    if person in published[known].values():
        return person
    for night in range(known, -1, -1):
        if person in became[night]:
            event, other = became[night][person]
            return slow(other, known, published, became) if event == "merged" else person
    return person


@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(st.lists(st.one_of(st.none(), st.integers(0, 2)), min_size=5, max_size=5), min_size=1, max_size=5))
def test_who_was_this_record_is_what_that_night_said_and_what_became_of_it(partitions) -> None:
    ledger, events, published, became = nights_of(partitions)
    for table, frame in (("person_assignment", ledger), ("person_event", events)):
        CON.execute(f"delete from linkage.{table}")
        if len(frame):
            fill(CON, f"linkage.{table}", frame)
    days = [(START + pd.Timedelta(days=night)).to_pydatetime() for night in range(len(partitions))]
    for on, known in itertools.combinations_with_replacement(range(len(days)), 2):
        for record in KEYS:
            found = who_was(CON, record, days[on], days[known])
            then = published[on].get(record)
            assert (found.person_id if found else None) == then
            if found and then:
                assert found.now == slow(then, known, published, became)


_edges = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(-8, 30)), min_size=1, max_size=9)


@settings(max_examples=40, deadline=None)
@given(_edges)
def test_the_strongest_path_has_the_strongest_weakest_link_there_is(drawn) -> None:
    drawn = [(a, b, w) for a, b, w in drawn if a != b]
    rows = [{"record_key_l": KEYS[a], "record_key_r": KEYS[b], "kind": "probabilistic", "rule": "model",
             "match_weight": float(w), "adjusted_weight": float(w), "adjusted_by": None, "weights": "{}"}
            for a, b, w in drawn]  # fmt: skip
    hops = path(pd.DataFrame(rows, columns=EDGE_COLUMNS), KEYS[0], KEYS[1])
    best = None
    for middle in itertools.chain.from_iterable(itertools.permutations((2, 3, 4), n) for n in range(4)):
        walk = list(itertools.pairwise([0, *middle, 1]))
        weights = [max((w for a, b, w in drawn if {a, b} == set(step)), default=None) for step in walk]
        if None not in weights:
            best = max(min(weights), best if best is not None else -99)
    assert (min(hop.weight for hop in hops) if hops else None) == best
    if hops:
        assert hops[0].left == KEYS[0] and hops[-1].right == KEYS[1]
        assert all(one.right == other.left for one, other in itertools.pairwise(hops))


def test_nothing_is_said_across_a_barrier_not_even_that_there_is_one() -> None:
    con = database()
    edge = {"kind": "probabilistic", "rule": "model", "match_weight": 9.0, "adjusted_weight": 9.0,
            "adjusted_by": None, "weights": '{"surname": 9.0}'}  # fmt: skip
    people = [{"record_key": KEYS[i], "person_id": f"P{i}", "known_from": START, "known_to": FAR,
               "link_basis": "single", "reason": "linked", "run_id": "r"} for i in range(4)]  # fmt: skip
    fill(con, "linkage.person_assignment", pd.DataFrame(people))
    # Edges across a barrier are never stored; were one there, it would not be told.
    ends = [{"record_key_l": KEYS[0], "record_key_r": other} for other in KEYS[1:3]]
    fill(con, "linkage.edge", pd.DataFrame([edge | one for one in ends]))
    assert [len(why(con, KEYS[0], KEYS[i])[1]) for i in (1, 2, 3)] == [1, 1, 0]
    con.execute(
        "insert into canonical.linkage_barrier values ('x', ?, ?, 'ADOPTION', date '2026-01-01', ?, ?)",
        [KEYS[1], KEYS[0], START, FAR],
    )
    assert why(con, KEYS[0], KEYS[1]) == why(con, KEYS[0], KEYS[3]) == why(con, KEYS[1], KEYS[0])
    assert len(why(con, KEYS[0], KEYS[2])[1]) == 1
