"""A meeting that never was: what it fills in is taken whole, by seed, and owes nothing to a child."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
from review.answers import Answers, read_answers
from review.freeze import issue
from review.render import render
from synthetic.meeting import WHO, fill_in
from tests.unit.review_samples import compose, family_week, pack_words

KINDS = pack_words()["decision_kinds"]
MET = date(2026, 10, 7)


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubStore, bytes, dict[str, Any]]]:
    store = HubStore(tmp_path_factory.mktemp("hub") / "hub.sqlite", b"k" * 32, Pseudonym(b"p" * 32).key_of)
    (result,) = issue(store, [compose(family_week())["north"]], issued_at=datetime(2026, 10, 5, 5), who="schedule")
    document = store.document(result.facts.document_id)
    yield store, render(document, "xlsx"), document
    store.close()


def back(listed, seed: int) -> Answers:
    store, content, document = listed
    filled = fill_in(content, KINDS, document["reason_answers"], MET, seed)
    return read_answers(filled, store, KINDS, MET)


def test_everything_it_fills_in_can_be_taken(listed) -> None:
    found = [back(listed, seed) for seed in range(12)]
    assert not [problem for answers in found for problem in answers.problems]
    made = [one for answers in found for one in answers.decisions]
    assert {one.decided_by for one in made} == {WHO} and {one.decided_on for one in made} == {MET}
    assert len({one.kind for one in made}) >= 4 and any(one.reasons for one in made)
    assert all((one.look_again_on is not None) == (one.kind == "again") for one in made)
    assert any(answers.open for answers in found), "some children are left for the next meeting"


def test_the_seed_alone_decides(listed) -> None:
    assert back(listed, 3).decisions == back(listed, 3).decisions
    assert len({tuple(d.decision for d in back(listed, seed).decisions) for seed in range(6)}) > 1
