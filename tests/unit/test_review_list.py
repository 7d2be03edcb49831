"""The list as a document: families, capacity, hash, order, counts, what is refused."""

from __future__ import annotations

import copy
import dataclasses
import random
import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from review_samples import (
    AS_OF,
    SETTINGS,
    candidate,
    children,
    compose,
    family_week,
    identities,
    key,
    north,
    pack_words,
    words,
)

from review.child import EntryProblem
from review.compose import ComposeProblem
from review.document import DocumentProblem, content_hash, finish, validate
from review.document import _letters as document_letters
from review.families import group_families
from review.words import Wording


def test_every_team_gets_a_document_that_fits_its_schema() -> None:
    documents = compose()
    assert set(documents) == {"north", "south"}
    for document in documents.values():
        validate(document)
    assert documents["south"]["families"] == []
    assert documents["south"]["top_lines"][0] == "No children on the list this week."


def test_three_lines_say_it_all() -> None:
    first, second, third = north()["top_lines"]
    assert (
        first == "Talk about 5 children, in 4 families: 1 by Wednesday 7 October 2026 and 3 by Friday 9 October 2026."
    )
    assert second == (
        "Late or missing: Police missing person reports (last came on 20 September 2026). "
        "The newest news from community health is of 9 September 2026. No news from schools is held."
    )
    assert third == "Not being on this list means nothing. If you think a child is in danger now, refer now."


def test_a_decision_to_issue_with_faulty_data_stands_at_the_top() -> None:
    said = "Fault in the data from Police. Issued all the same until 20 October 2026 by decision of R. Example: known."
    assert north(warnings=[said])["top_lines"][1].startswith(f"{said} Late or missing")


def test_how_far_news_reaches_is_told_for_every_agency_but_a_sealed_one() -> None:
    lines = {line["agency"]: line for line in north()["reaches"]}
    assert set(lines) == {"police", "education", "community_health"}
    assert (lines["police"]["newest_on"], lines["police"]["sentence"]) == ("2026-10-04", None)
    late = north(reaches={"police": date(2026, 12, 1)})["reaches"]
    assert late[0]["newest_on"] == "2026-10-04"


def test_the_danger_statement_says_whom_to_ring() -> None:
    said = north()["statements"]["danger_now"]
    assert "front door on 01632 960200, or at night and at weekends on 01632 960999;" in said
    bare = north(settings=dataclasses.replace(SETTINGS, front_door={}))["statements"]["danger_now"]
    assert "Call the front door; if" in bare


def test_brothers_and_sisters_stand_together() -> None:
    document = north()
    together = next(family for family in document["families"] if len(family["children"]) == 2)
    assert [child["name"] for child in together["children"]] == ["Amber Green", "Ruby Green"]
    assert [(one["name"], one["held_back"]) for one in together["others_in_home"]] == [("+44 @SUM(1)", False)]


def test_capacity_is_never_exceeded_and_a_family_never_split_over_lists() -> None:
    settings_ = dataclasses.replace(SETTINGS, capacity={"north": 2})
    document = compose(settings=settings_)["north"]
    assert document["counts"] == {**document["counts"], "listed": 2, "capacity": 2, "held_back": 3}
    family = next(family for family in document["families"] if family["others_in_home"])
    assert ("Ruby Green", True) in [(one["name"], one["held_back"]) for one in family["others_in_home"]]
    assert "There was no room for 3 more children." in document["top_lines"][0]


@given(
    homes=st.lists(st.integers(0, 6), max_size=25),
    siblings=st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), max_size=12),
    capacity=st.integers(0, 12),
)
@settings(max_examples=150, deadline=None)
def test_grouping_loses_nobody(homes: list[int], siblings: list[tuple[int, int]], capacity: int) -> None:
    candidates: list[dict[str, Any]] = [
        {"person_key": f"p{n}", "household_key": f"h{home}" if home else None, "siblings": []}
        for n, home in enumerate(homes)
    ]
    for one, other in siblings:
        if one < len(candidates):
            candidates[one]["siblings"].append(f"p{other}")
    groups, left_out = group_families(candidates, capacity)
    listed = [c["person_key"] for group in groups for c in group.listed]
    assert len(listed) == len(set(listed)) == min(capacity, len(candidates))
    assert len(listed) + left_out == len(candidates)
    family_of = {c["person_key"]: n for n, group in enumerate(groups) for c in [*group.listed, *group.held_back]}
    for candidate_ in candidates:
        for other in candidate_["siblings"]:
            if candidate_["person_key"] in family_of and other in {c["person_key"] for c in candidates}:
                assert family_of.get(other) == family_of[candidate_["person_key"]]


def test_the_hash_and_the_order_do_not_depend_on_keys_or_on_the_order_of_rows() -> None:
    one = north()
    shuffled = family_week("another key")
    rng = random.Random(7)
    for each in shuffled:
        for part in (each["chronology"], each["involvement"], *(reason["evidence"] for reason in each["reasons"])):
            rng.shuffle(part)
    other = north(shuffled, "another key")
    assert other["content_hash"] == one["content_hash"]
    assert [family["ref"] for family in other["families"]] == [family["ref"] for family in one["families"]]
    assert [child["name"] for child in children(other)] == [child["name"] for child in children(one)]


def test_the_order_of_choice_leaves_no_mark() -> None:
    one = north()
    turned = north(list(reversed(family_week())))
    assert turned["content_hash"] == one["content_hash"]
    assert [family["ref"] for family in turned["families"]] == [family["ref"] for family in one["families"]]


def test_order_is_by_rule_date_then_shuffled_by_content() -> None:
    document = north()
    dates = [family["talk_by"] for family in document["families"]]
    assert dates == sorted(dates)
    assert document["families"][0]["talk_by_rule"]
    orders = set()
    for count in range(3, 6):
        weeks = north(family_week()[:3], held_back={"north": count})
        orders.add(tuple(child["name"] for child in children(weeks)))
    assert len(orders) > 1


def test_another_wording_keeps_the_letters_of_families() -> None:
    def letters(people: list[dict[str, Any]]) -> dict[str, str]:
        document = north(people)
        return {child["name"]: child["ref"] for child in children(document)}

    reworded = family_week()
    for one in reworded:
        one["reasons"][0]["sentence"] = "{things} {between}: other words."
    assert letters(reworded) == letters(family_week())
    changed = family_week()
    changed[0]["reasons"][0]["evidence"].pop()
    told, before = letters(changed), letters(family_week())
    assert [name for name in told if told[name] != before[name]] == ["Aisha O'Brien"]


def test_versions_ids_and_causes_are_no_content() -> None:
    document = north()
    frozen = {**document, "list_id": "x", "version": 3, "cause": "late file"}
    assert content_hash(frozen) == document["content_hash"]
    validate(frozen)


def test_a_changed_document_is_noticed() -> None:
    document = copy.deepcopy(north())
    document["families"][0]["children"][0]["reasons"][0]["sentence"] = "Nothing."
    with pytest.raises(DocumentProblem, match="changed after its hash"):
        validate(document)


def test_the_schema_has_no_room_for_a_score() -> None:
    document = copy.deepcopy(north())
    document["families"][0]["children"][0]["score"] = 0.9
    with pytest.raises(DocumentProblem, match="families/0/children/0"):
        validate(document)


def test_a_candidate_without_a_reason_is_counted_not_shown() -> None:
    document = north([candidate(0), candidate(2, reasons=[])])
    assert document["counts"]["listed"] == 1
    assert ("no_traceable_reason", 1) in [(line["reason"], line["count"]) for line in document["counts"]["suppressed"]]


def test_dates_by_rule_are_working_days() -> None:
    def talk_by(days: int | None, *holidays: str) -> tuple[str, bool]:
        off = frozenset(date.fromisoformat(day) for day in holidays)
        settings_ = dataclasses.replace(SETTINGS, bank_holidays=off)
        (family,) = north([candidate(0, deadline_days=days)], settings=settings_)["families"]
        return family["talk_by"], family["talk_by_rule"]

    assert talk_by(None) == ("2026-10-09", False)
    assert talk_by(3) == ("2026-10-08", True)
    assert talk_by(0) == ("2026-10-05", True)
    assert talk_by(10) == ("2026-10-09", False)
    assert talk_by(2, "2026-10-06") == ("2026-10-08", True)
    assert talk_by(None, "2026-10-09") == ("2026-10-08", False)


def test_the_table_says_who_noticed_what() -> None:
    sealed = candidate(2, sealed=True)
    (family,) = north([sealed])["families"]
    assert [(one["agency_name"], one["what"]) for one in family["noticed"]] == [
        ("Hospital emergency department", "1 emergency department visit for an injury"),
        ("Police", "3 domestic abuse notifications"),
        ("Schools", "28 half-days missed without the school's agreement"),
    ]


def test_patterns_of_which_the_same_is_said_share_a_line() -> None:
    few = {"words": "too few so far to say"}
    told = north(patterns=[{"title": "A", **few}, {"title": "B", "words": "2 of 9"}, {"title": "C", **few}])
    assert [one["title"] for one in told["patterns"]] == ["A; C", "B"]


def test_what_is_missing_is_said() -> None:
    lone = candidate(0, involvement=[], protective=None, link_basis=None)
    document = compose([lone], settings=SETTINGS)["north"]
    (child,) = children(document)
    assert (child["going_well"], child["involved"], child["sureness"]) == ([], [], [])
    assert "does not mean there is none" in document["page"]["none_good"]
    unknown = candidate(99)
    (child,) = children(north([unknown]))
    assert (child["name"], child["age"]) == ("Name not held (ask the hub)", "age not known")


def test_late_unread_and_absent_feeds_are_named() -> None:
    from review_samples import words

    from review.feeds import feed_lines

    lines = feed_lines(
        [
            {"agency": "police", "feed": "ppn", "last_good_load": None},
            {"agency": "housing", "feed": "person", "last_good_load": AS_OF, "no_agreement": True},
            {"agency": "csc", "feed": "contacts", "last_good_load": AS_OF, "is_late": False},
        ],
        words(),
    )
    assert [(line["agency"], line["is_late"]) for line in lines] == [
        ("csc", False),
        ("housing", True),
        ("police", True),
    ]
    assert "no valid sharing agreement" in lines[1]["sentence"]
    assert "has not arrived yet" in lines[2]["sentence"]


def test_counts_say_who_was_not_listed_and_why() -> None:
    counts = north(held_back={"north": 4})["counts"]
    assert counts["held_back"] == 4
    assert [(line["reason"], line["count"]) for line in counts["suppressed"]] == [
        ("open_statutory", 12),
        ("recent_decision", 3),
    ]


def test_one_is_told_as_one() -> None:
    told = north(suppressed={"north": {"cla": 1, "cp_plan": 2}})["counts"]["suppressed"]
    assert [line["sentence"].split()[0] for line in told] == ["is", "have"]


def test_what_cannot_be_composed_is_refused() -> None:
    with pytest.raises(ComposeProblem, match="twice"):
        north([candidate(0), candidate(0)])
    with pytest.raises(ComposeProblem, match="capacity"):
        north([candidate(0, area_team="west")])
    rated = candidate(0)
    rated["reasons"][0]["sentence"] = "A strong reason."
    with pytest.raises(EntryProblem, match="'strong'"):
        north([rated])


def test_problems_name_nobody() -> None:
    for broken in ([candidate(0), candidate(0)], [candidate(0, area_team="west")]):
        with pytest.raises(ComposeProblem) as caught:
            north(broken)
        assert key("key one", "person", 0) not in str(caught.value)
        assert all(who["forename"] not in str(caught.value) for who in identities().values())


def test_a_statement_of_one_sentence_ends_in_one_full_stop() -> None:
    """The third line takes the first sentence of two statements, whether they have one sentence or several."""
    cases = (("Absence means nothing.", "Ring now."), ("Absence means nothing", "Ring now! Do not wait."))
    for absence, danger in cases:
        pack = pack_words()
        pack["statements"] |= {"absence": absence, "danger_now": danger}
        known = words()
        document = north(wording=Wording(pack, known.sentences, known.agencies, known.codes))
        _, _, third = document["top_lines"]
        assert third in {"Absence means nothing. Ring now.", "Absence means nothing. Ring now!"}


def test_families_with_the_same_facts_keep_to_the_letters_a_reference_may_have() -> None:
    """Unknown names and the same rows: nothing tells thirty families apart but that they are thirty."""
    taken: set[str] = set()
    refs = [document_letters("ab" * 32, taken) for _ in range(300)]
    assert len(set(refs)) == 300 and all(re.fullmatch("[A-Z]{3,12}", ref) for ref in refs)
    again: set[str] = set()
    assert refs == [document_letters("ab" * 32, again) for _ in range(300)]
    # The first ones are as they always were: longer by a letter each.
    assert [len(ref) for ref in refs[:10]] == list(range(3, 13))


def test_a_list_of_many_families_with_the_same_facts_fits_its_schema() -> None:
    document = north()
    one = document["families"][0]
    document["families"] = [copy.deepcopy(one) for _ in range(30)]
    validate(finish(document))
    assert len({family["ref"] for family in document["families"]}) == 30
