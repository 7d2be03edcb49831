"""The adults' list: who, why now, who helps, what is not known; for one recipient, without a number or an order."""

import copy
import dataclasses
import re
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from review_samples import ROOT, SETTINGS

from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
from pipelines.subject_lists import release_list
from review.compose import ComposeProblem
from review.document import content_of
from review.freeze import issue
from review.release import ReleaseProblem, release
from review.render import render
from review.subject_list import compose_subject_list
from review.words import Wording, forbidden_in

AS_OF = date(2026, 10, 4)
WORDS = yaml.safe_load((ROOT / "partnerships/northmere/subjects/adult.yml").read_text(encoding="utf-8"))
AGENCIES = yaml.safe_load((ROOT / "partnerships/northmere/partnership.yml").read_text(encoding="utf-8"))["agencies"]
PILOT = dataclasses.replace(SETTINGS, mode="pilot", front_door=WORDS["list"]["front_door"])


def _words(**changes: Any) -> Wording:
    codes = {"asc_concern_source": {"POLICE": "raised by the police", "GP": "raised by a GP"}}
    codes["asc_service_type"] = {"HOME": "care at home"}
    agencies = {key: {**look, "sealed": False} for key, look in AGENCIES.items()}
    return Wording({**WORDS, **changes}, {}, agencies, codes)


def _event(who: str, day: date, source: str, salt: str) -> dict[str, Any]:
    return {
        "person_key": f"{salt}-{who}", "event_key": f"{salt}-{who}-{day}", "agency": "adult_social_care",
        "feed": "safeguarding_concern", "event_type": "asc_concern", "occurred_on": day, "detail": source,
    }  # fmt: skip


def _week(salt: str = "one") -> dict[str, Any]:
    events = [
        _event("a", date(2026, 10, 1), "POLICE", salt), _event("a", date(2026, 9, 3), "GP", salt),
        _event("b", date(2026, 9, 30), "GP", salt), _event("b", date(2026, 9, 2), "POLICE", salt),
    ]  # fmt: skip
    patterns = [
        {"person_key": f"{salt}-{who}", "pattern": "two_agencies",
         "evidence": [one["event_key"] for one in events if one["person_key"] == f"{salt}-{who}"]}
        for who in ("a", "b")
    ]  # fmt: skip
    helped = [{"person_key": f"{salt}-b", "agency": "adult_social_care", "spell_type": "service", "kind": "HOME",
               "team": None, "started_on": date(2025, 1, 6)}]  # fmt: skip
    lost = [{"person_key": f"{salt}-c", "event_key": f"{salt}-n", "agency": "police", "sent_on": date(2026, 9, 28),
             "due_on": date(2026, 9, 30)}]  # fmt: skip
    return {"patterns": patterns, "events": events, "help": helped, "unanswered": lost}


def _compose(salt: str = "one", week: dict[str, Any] | None = None, words: Wording | None = None) -> dict[str, Any]:
    names = {
        f"{salt}-{who}": {"forename": forename, "surname": "Example", "birth_date": date(1950, 5, 5)}
        for who, forename in (("a", "Ada"), ("b", "Ben"), ("c", "Cleo"))
    }
    return compose_subject_list(
        week or _week(salt), subject="adult", settings=PILOT, wording=words or _words(), as_of=AS_OF, identities=names
    )


def test_everybody_is_told_of_with_dated_rows_help_gaps_and_questions() -> None:
    document = _compose()
    ada, ben = sorted(document["people"], key=lambda one: one["name"])
    assert (ada["name"], ada["age"], ada["look_by"]) == ("Ada Example", "76 years old", "2026-10-07")
    assert [line["when"] for line in ada["reasons"][0]["evidence"]] == ["1 October 2026", "3 September 2026"]
    assert "raised by the police" in ada["reasons"][0]["evidence"][0]["what"]
    assert ada["help"] == [] and ada["no_help"] and ben["no_help"] is None
    assert ben["help"][0]["what"] == "care at home"
    assert any("asked what they want" in line for line in ada["not_known"])
    assert ada["questions"] and ada["chronology"]
    assert document["unanswered"][0]["name"] == "Cleo Example"


def test_two_machines_with_other_keys_print_the_same() -> None:
    one, two = _compose("one"), _compose("two")
    assert one["content_hash"] == two["content_hash"]
    assert [person["name"] for person in one["people"]] == [person["name"] for person in two["people"]]
    assert render(one, "html") == render(two, "html")
    backwards = _week()
    for part in backwards.values():
        part.reverse()
    assert content_of(_compose(week=backwards)["people"], "people") == content_of(one["people"], "people")


def test_the_page_holds_no_key_no_forbidden_word_and_what_it_must_say() -> None:
    page = render(_compose(), "html").decode()
    assert "one-a" not in page and "person_key" not in page
    shown = re.sub("<[^>]+>", " ", page.split("</style>")[1])
    assert forbidden_in(shown) == []
    for text in (WORDS["statements"]["absence"], "999", "01632 960210", "Do not pass on", "What does the adult want?"):
        assert text in shown
    nobody = render(_compose(week={"patterns": [], "events": [], "help": [], "unanswered": []}), "html").decode()
    assert WORDS["phrases"]["nobody"] in nobody and WORDS["phrases"]["none_lost"] in nobody


def test_more_than_five_patterns_or_one_nobody_declared_are_refused() -> None:
    assert len(WORDS["patterns"]) == 5
    six = [*WORDS["patterns"], {**WORDS["patterns"][0], "id": "sixth"}]
    with pytest.raises(ComposeProblem, match="5 is the most"):
        _compose(words=_words(patterns=six))
    other = _week()
    other["patterns"][0]["pattern"] = "anything"
    with pytest.raises(ComposeProblem, match="not declared"):
        _compose(week=other)
    bare = copy.deepcopy(_week())
    bare["events"] = []
    with pytest.raises(ComposeProblem, match="not handed over"):
        _compose(week=bare)


def test_it_is_frozen_released_to_its_recipient_alone_and_versions_name_their_cause(tmp_path: Any) -> None:
    from datetime import datetime

    store = HubStore(tmp_path / "hub.sqlite", b"k" * 32, Pseudonym(b"p" * 32).key_of)
    at = datetime(2026, 10, 5, 1)
    first = issue(store, [_compose()], issued_at=at, who="schedule")[0]
    assert not issue(store, [_compose()], issued_at=at, who="schedule")[0].is_new
    grown = _week()
    grown["unanswered"] = []
    again = issue(store, [_compose(week=grown)], issued_at=at, who="schedule")[0]
    assert again.facts.version == 2 and "notifications without a record" in again.facts.cause
    shared = {"who": "schedule", "purpose": "review", "today": date(2026, 10, 5)}
    shared["recipient"] = "adult-safeguarding-lead"
    with pytest.raises(ReleaseProblem, match="hub only"):
        release(store, tmp_path / "outbox", again.facts.document_id, in_hub=False, **shared)
    with pytest.raises(ReleaseProblem, match="replaced"):
        release(store, tmp_path / "outbox", first.facts.document_id, in_hub=True, **shared)
    files = release(store, tmp_path / "outbox", again.facts.document_id, in_hub=True, **shared)
    assert [file.parent.name for file in files] == ["adult-safeguarding-lead"]
    hub = SimpleNamespace(
        store=store,
        settings=SimpleNamespace(outbox=tmp_path / "shadow"),
        partnership=SimpleNamespace(mode="shadow"),
    )
    assert release_list(hub, "adult", AS_OF, who="schedule", purpose="review") == []
    store.close()
