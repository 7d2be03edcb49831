"""Who stood where at the margin: the recorded draw, the just missed, and the comparison made of them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.risk.helped import Followed, compare, first_stand, listed_figures
from models.risk.margin import Near, families_near
from models.risk.measures import wilson
from models.risk.queue import Queue, lottery
from models.risk.select import draw, ordered, within_capacity


def queue_of(score, team, places, channel="model") -> Queue:
    score, team = np.asarray(score, dtype=float), np.asarray(team, dtype=object)
    order = ordered(score, draw(np.arange(len(score)), 7, 20_000))
    return Queue(channel, order, team, score, places, within_capacity(order, team, places))


def panel_of(homes) -> SimpleNamespace:
    rows = pd.DataFrame({"person_key": [f"p{i}" for i in range(len(homes))], "household": homes})
    rows["as_of_date"] = pd.Timestamp("2026-10-04")
    return SimpleNamespace(rows=rows)


def test_a_draw_is_recorded_where_places_end_among_equals_and_nowhere_else():
    queue = queue_of([3, 2, 2, 2, 1], ["N"] * 5, {"N": 2, "S": 1})
    assert queue.draws() == [{"team": "N", "channel": "model", "places": 2, "stood_equal": 3, "places_drawn": 1}]
    assert queue_of([3, 2, 2, 2, 1], ["N"] * 5, {"N": 4}).draws() == []
    assert queue_of([2, 2], ["N"] * 2, {"N": 5}).draws() == []
    assert queue_of([2, 2], ["N"] * 2, {"N": 0}).draws() == []
    told = lottery([queue], 7)
    assert told["seed"] == 7 and len(told["draws"]) == 1 and "by lot" in told["rule"]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("NS")), min_size=1, max_size=30),
    st.integers(0, 6),
    st.integers(0, 6),
)
def test_draws_say_what_plain_counting_says(people, north, south):
    score, team = [float(s) for s, _ in people], [t for _, t in people]
    places = {"N": north, "S": south}
    found = {one["team"]: one for one in queue_of(score, team, places).draws()}
    for name, n in places.items():
        own = sorted((s for s, t in zip(score, team, strict=True) if t == name), reverse=True)
        if n == 0 or n >= len(own) or own[n - 1] != own[n]:
            assert name not in found
        else:
            equal = [s for s in own if s == own[n - 1]]
            above = len([s for s in own if s > own[n - 1]])
            assert (found[name]["stood_equal"], found[name]["places_drawn"]) == (len(equal), n - above)


def test_the_just_missed_are_families_with_nobody_listed():
    # Persons 0..5 from the highest score down; 1 and 3 share a home, 4 and 5 another.
    near = families_near(panel_of([-1, 1, -1, 1, 2, 2]), [queue_of([9, 8, 7, 6, 5, 4], ["N"] * 6, {"N": 2})])
    listed = [n for n in near if n.listed]
    missed = [n for n in near if not n.listed]
    assert {n.members for n in listed} == {("p0",), ("p1", "p3")}
    assert [n.members for n in missed] == [("p2",)], "as many families as the near half of the list"
    assert [n.near for n in listed] == [True, False] and listed[0].members == ("p1", "p3")


def test_whoever_the_patterns_list_is_not_missed_by_the_model():
    model = queue_of([9, 8, 7], ["N"] * 3, {"N": 1})
    patterns = Queue("rules", np.array([1]), model.team, np.ones(3), {"N": 1}, np.array([1]))
    missed = [n.members for n in families_near(panel_of([-1, -1, -1]), [model, patterns]) if not n.listed]
    assert missed == [("p2",)]


def test_all_who_stood_equal_at_a_drawn_margin_are_kept():
    near = families_near(panel_of([-1] * 6), [queue_of([5, 5, 5, 5, 5, 1], ["N"] * 6, {"N": 2})])
    by_lot = [n for n in near if n.by_lot]
    assert len([n for n in by_lot if n.listed]) == 2 and len([n for n in by_lot if not n.listed]) == 3
    assert all("p5" not in n.members for n in near)


def near(day, members, listed, channel="model"):
    return Near(channel, "N", day, members, listed, True, False)


def test_a_family_counts_once_on_the_side_where_it_first_stood():
    told = [near(20, ("a",), True), near(13, ("a", "b"), False), near(27, ("b",), False), near(13, ("c",), True)]
    assert [(n.day, n.members) for n in first_stand(told)] == [(13, ("c",)), (13, ("a", "b"))]
    other = [*told, near(20, ("a",), True, "rules")]
    assert len(first_stand(other)) == 3


def came(need, offered=None, later=False):
    return Followed(offered, None, need, later)


def test_the_difference_is_newcombes():
    listed = [came(i < 12) for i in range(40)]
    missed = [came(i < 20) for i in range(50)]
    everyone = [near(0, (f"l{i}",), True) for i in range(40)] + [near(0, (f"m{i}",), False) for i in range(50)]
    (found, by_lot) = compare(everyone, [*listed, *missed], 6)
    assert found["listed"]["need"]["estimate"] == 0.3 and found["missed"]["need"]["of"] == 50
    (al, ah), (bl, bh) = wilson(12, 40), wilson(20, 50)
    gap = found["difference"]
    assert gap["estimate"] == pytest.approx(-0.1)
    assert gap["low"] == pytest.approx(-0.1 - np.hypot(0.3 - al, bh - 0.4), abs=1e-6)
    assert gap["high"] == pytest.approx(-0.1 + np.hypot(ah - 0.3, 0.4 - bl), abs=1e-6)
    assert by_lot["way"] == "by_lot" and by_lot["listed"]["families"] == 0 and by_lot["difference"] is None


@pytest.mark.parametrize(("found", "of"), [(3, 40), (37, 40), (2, 4)])
def test_small_counts_are_withheld_on_both_ends(found, of):
    everyone = [near(0, (f"l{i}",), True) for i in range(of)]
    told = compare(everyone, [came(i < found) for i in range(of)], 6)[0]
    assert told["listed"]["need"] == {"withheld": True} and told["difference"] is None
    assert told["listed"]["families"] == (None if of < 6 else of)


def test_what_nobody_knows_is_not_a_zero():
    figures = listed_figures([came(None), came(None)], 1)
    assert figures["need"] is None and figures["offered"] is None
