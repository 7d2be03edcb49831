"""Blocking against a loop over all pairs, and the features of pairs against plain Python."""

from __future__ import annotations

from itertools import combinations

import duckdb
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from models.linkage.blocking import block
from models.linkage.features import family_features
from models.linkage.values import Values

KEYS = st.lists(st.tuples(*[st.none() | st.integers(0, 4)] * 2), max_size=14)


@settings(deadline=None, max_examples=60)
@given(rows=KEYS, cap=st.integers(2, 6))
def test_blocking_finds_the_pairs_that_share_a_key_few_enough_have(
    rows: list[tuple[int | None, int | None]], cap: int
) -> None:
    held = {name: [row[place] for row in rows] for place, name in enumerate(("one", "two"))}
    keys = {name: np.array([-1 if v is None else v for v in values], dtype="int64") for name, values in held.items()}
    pairs, counts = block(keys, ["one", "two"], cap)
    size = {name: {v: values.count(v) for v in values if v is not None} for name, values in held.items()}
    wanted = [
        [a, b]
        for a, b in combinations(range(len(rows)), 2)
        if any(v[a] is not None and v[a] == v[b] and size[name][v[a]] <= cap for name, v in held.items())
    ]
    assert pairs.tolist() == wanted
    for name, made, cut_keys, cut_pairs in counts.itertuples(index=False):
        many = size[name].values()
        assert made == sum(n * (n - 1) // 2 for n in many if n <= cap)
        assert (cut_keys, cut_pairs) == (sum(n > cap for n in many), sum(n * (n - 1) // 2 for n in many if n > cap))


def test_a_rule_that_a_model_does_not_use_is_counted_and_makes_no_pairs() -> None:
    keys = {name: np.array([3, 3]) for name in ("one", "two")}
    pairs, counts = block(keys, [], 80)
    assert len(pairs) == 0
    assert counts["pairs"].tolist() == [1, 1]


def test_the_features_of_pairs_with_and_without_values() -> None:
    people = [
        ("jo", "ray", "2011-02-03", "F", "NM11AA"),
        ("jo", "ray", "2011-02-03", "F", "NM11AA"),
        ("joe", "rayne", "2011-03-02", "M", None),
        ("ray", "jo", "2011-01-01", None, "NM11AA"),
        (None, None, None, None, None),
        ("amelia", "low", "1980-02-03", "F", "NM22AA"),
    ]
    nodes = pd.DataFrame(people, columns=["forename", "surname", "birth_date", "sex", "postcode"], dtype="object")
    nodes.insert(0, "node", np.arange(len(nodes)))
    for column, forms in (("forename", "forename_forms"), ("surname", "surname_parts")):
        nodes[forms] = pd.Series([None if name is None else (name,) for name in nodes[column]], dtype="object")
    ends = list(combinations(range(len(people)), 2))
    with duckdb.connect() as con:
        features = family_features(Values(con, nodes), *np.array(ends).T)
    found = pd.DataFrame({"l": [a for a, _ in ends], "r": [b for _, b in ends], **features})
    for (a, b), pair in zip(ends, found.to_dict("records"), strict=True):
        (name, family, born, sex, place), other = people[a], people[b]
        assert pair["same_forename"] == (name is not None and name == other[0])
        assert pair["both_birth"] == (born is not None and other[2] is not None)
        assert pair["same_birth"] == (born is not None and born == other[2])
        assert pair["years_apart"] == (abs(int(born[:4]) - int(other[2][:4])) if born and other[2] else 0)
        assert pair["other_sex"] == (None not in (sex, other[3]) and sex != other[3])
        assert pair["same_postcode"] == (place is not None and place == other[4])
        assert pair["both_surname"] == (family is not None and other[1] is not None)
        if None in (name, other[0]):
            assert (pair["forename_edits"], pair["forename_likeness"]) == (99, 0)
    by_pair = found.set_index(["l", "r"])
    assert by_pair.loc[(0, 1), ["near_birth", "near_surname", "forename_meets"]].all()
    assert by_pair.loc[(0, 1), ["forename_edits", "forename_likeness"]].tolist() == [0, 1]
    # Day and month swapped, and a name that is nearly the other.
    assert by_pair.loc[(0, 2), "near_birth"] and by_pair.loc[(0, 2), "forename_edits"] == 1
    assert not by_pair.loc[(0, 2), "forename_meets"]
    # Names swapped, and 1 January of the year.
    assert by_pair.loc[(0, 3), ["near_birth", "forename_meets"]].all() and not by_pair.loc[(0, 3), "near_surname"]
    assert not by_pair.loc[(0, 4), ["near_birth", "near_surname", "forename_meets"]].any()
    assert not by_pair.loc[(0, 5), ["near_birth", "near_surname", "forename_meets"]].any()
