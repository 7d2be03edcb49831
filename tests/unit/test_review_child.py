"""One child's entry on a list: reasons, what is new, their sources, sealed information, who is involved."""

from __future__ import annotations

import json
from datetime import date

import pytest
from review_samples import (
    AS_OF,
    candidate,
    children,
    event,
    family_week,
    north,
)

from review.child import EntryProblem
from review.document import content_of, trace


def test_reasons_are_at_most_five_newest_first_with_dates_agency_and_evidence() -> None:
    for child in children(north()):
        assert 1 <= len(child["reasons"]) <= 5
        for reason in child["reasons"]:
            assert reason["evidence"]
            assert reason["sealed"] or reason["agencies"]
    six = candidate(0)
    six["reasons"] = six["reasons"] * 2
    with pytest.raises(EntryProblem, match="6 reasons"):
        north([six])
    bare = candidate(0)
    bare["reasons"][0]["evidence"] = []
    with pytest.raises(EntryProblem, match="no evidence"):
        north([bare])


def test_rows_of_a_rules_other_conditions_are_traceable_too() -> None:
    one = candidate(0)
    more = event("k", "csc", "contacts", "csc_contact", AS_OF)
    one["reasons"][0] |= {"supporting": [more], "questions": ["Who is keeping them safe?"]}
    document = north([one])
    (child,) = children(document)
    reason = next(reason for reason in child["reasons"] if reason["name"] == "da_cluster")
    assert more["event_key"] in {row["event_key"] for row in trace(document, reason["ref"])}
    assert reason["sentence"].startswith("3 domestic abuse notifications")
    assert child["questions"][0] == "Who is keeping them safe?"
    one["reasons"][0]["supporting"][0]["release"] = "sealed"
    (child,) = children(north([one]))
    assert sum(reason["sealed"] for reason in child["reasons"]) == 1


def test_every_printed_reference_leads_to_its_source_rows() -> None:
    document = north()
    handed = {row["event_key"] for one in family_week() for reason in one["reasons"] for row in reason["evidence"]}
    traced = set()
    for child in children(document):
        for reason in child["reasons"]:
            rows = trace(document, reason["ref"])
            assert len(rows) == sum(len(line["rows"]) for line in reason["evidence"]) > 0
            traced |= {row["event_key"] for row in rows}
            for line in reason["evidence"]:
                assert [row["event_key"] for row in trace(document, line["ref"])] == [
                    r["event_key"] for r in line["rows"]
                ]
    assert traced == handed
    assert trace(document, "XXX-1") == []


def test_sealed_information_leaves_no_trace_but_its_keys() -> None:
    document = north()
    sealed = next(child for child in children(document) if child["specialist"])
    assert [reason["sentence"] for reason in sealed["reasons"] if reason["sealed"]] == [
        "A specialist service holds information that matters here - ask the hub."
    ]
    text = json.dumps(content_of(document)).lower()
    for token in ("refuge-canary", "da_service", "2026-09-19", "19 september 2026"):
        assert token not in text
    assert sum(child["specialist"] for child in children(document)) == 1


def test_one_sealed_row_hides_the_count_of_its_reason() -> None:
    mixed = candidate(0)
    mixed["reasons"][0]["evidence"][0]["release"] = "sealed"
    (child,) = children(north([mixed]))
    hidden = next(reason for reason in child["reasons"] if reason["sealed"])
    assert "domestic" not in hidden["sentence"]
    assert not any(character.isdigit() for character in hidden["sentence"])
    assert [line["sealed"] for line in hidden["evidence"]] == [False, False, True]


def test_sealed_good_news_is_left_out() -> None:
    good = candidate(1)
    good["protective"][0]["evidence"].append(event("k", "da_service", "flag", "da_service_engaged", AS_OF, "sealed"))
    (child,) = children(north([good]))
    assert child["going_well"] == []
    assert child["specialist"]


def test_a_reason_on_the_same_records_says_what_it_adds() -> None:
    one = candidate(0)
    first, second, third = one["reasons"]
    extra = event("k", "csc", "contacts", "csc_contact", date(2026, 1, 5))
    second["evidence"] = [*first["evidence"], extra]
    third["evidence"] = list(first["evidence"])
    (child,) = children(north([one]))
    assert [(reason["name"], reason["note"]) for reason in child["reasons"]] == [
        ("da_cluster", None),
        ("ed_injury", "These are the same records as above, seen together."),
        ("missed_school", "Partly the same records as above; new here: 1 contact at the front door."),
    ]


def test_who_is_involved_and_how_sure_we_are() -> None:
    child = children(north())[0]
    assert [(one["what"], one["who"], one["team"]) for one in child["involved"]] == [
        ("On roll (ask for the designated safeguarding lead)", None, "Greenfield Primary <School>"),
        ("On a community health caseload", "Pat O'Neill", "Health visiting"),
    ]
    assert child["sureness"][0]["agencies"] == ["Police"]
    assert child["sureness"][0]["sentence"].startswith("Check this first")


def test_each_reason_says_what_came_of_people_shown_for_it_and_nothing_about_this_one() -> None:
    def told(words: str | None) -> list[str | None]:
        week = family_week()
        for one in week:
            for reason in one["reasons"]:
                reason["yield"] = words
        return [
            reason["frequency"]
            for child in children(north(week))
            for reason in child["reasons"]
            if not reason["sealed"]
        ]

    words = "of ten people shown for this, about three were found to need more help (between two and four)"
    assert set(told(words)) == {
        "Of ten children shown for this, about three were found to need more help (between two and four)."
    }
    assert set(told("too few so far to say")) == {"Too few children were shown for this so far to say what came of it."}
    assert set(told(None)) == {None}
    with pytest.raises(EntryProblem, match="may not say"):
        told("30% of people")


def test_what_came_in_since_last_week_is_said_and_what_is_sealed_is_not() -> None:
    def told(*new: int, release: str = "ask_owner") -> str:
        week = candidate(0)
        (reason,) = [one for one in week["reasons"] if one["name"] == "da_cluster"]
        for place, row in enumerate(reason["evidence"]):
            row |= {"is_new": place in new, "release": release if place in new else row["release"]}
        (child,) = children(north([week]))
        return " ".join(one["sentence"] for one in child["reasons"])

    assert "Came in" not in told()
    assert told(0).count("Came in during the last week: 1 domestic abuse notification.") == 1
    assert "Came in during the last week: 2 domestic abuse notifications." in told(0, 1)
    assert "Came in" not in told(0, release="sealed")
