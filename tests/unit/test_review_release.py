"""Issuing and releasing: versions are never rewritten, products leave only through the outbox, everything is logged."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from review_samples import SETTINGS, compose, family_week, key

from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
from review.freeze import issue, listed_recently
from review.release import ReleaseProblem, release, remove_expired
from review.settings import ListSettings

PILOT = dataclasses.replace(SETTINGS, mode="pilot")
ISSUED_AT = datetime(2026, 10, 5, 1)
MONDAY = date(2026, 10, 5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HubStore]:
    store = HubStore(tmp_path / "hub.sqlite", b"k" * 32, Pseudonym(b"p" * 32).key_of)
    yield store
    store.close()


def week(settings: ListSettings = PILOT, people: int = 5) -> list[dict[str, Any]]:
    return [compose(family_week()[:people], settings=settings)["north"]]


def issued(store: HubStore, documents: list[dict[str, Any]], cause: str | None = None) -> Any:
    (result,) = issue(store, documents, issued_at=ISSUED_AT, who="schedule", cause=cause)
    return result


def go(store: HubStore, outbox: Path, document_id: str, **more: Any) -> list[Path]:
    facts = {"recipient": "north-hub", "in_hub": True, "who": "a.manager", "purpose": "Monday meeting", "today": MONDAY}
    return release(store, outbox, document_id, **{**facts, **more})


def test_the_same_content_is_issued_once(store: HubStore) -> None:
    first = issued(store, week())
    again = issued(store, week())
    assert (first.is_new, again.is_new) == (True, False)
    assert again.facts == first.facts
    assert first.facts.version == 1
    assert first.facts.document_id == "northmere-north-2026-10-04-v1"


def test_a_differing_run_is_a_new_version_that_names_its_cause(store: HubStore) -> None:
    first = issued(store, week())
    before = store.document(first.facts.document_id)
    second = issued(store, week(people=3), cause="late police file")
    assert second.facts.version == 2
    assert second.facts.cause == "late police file: 2 no longer on it, the numbers under 'About this list'"
    assert store.document(second.facts.document_id)["cause"] == second.facts.cause
    assert store.document(first.facts.document_id) == before
    third = issued(store, week())
    assert third.facts.cause == "made again: 2 added, the numbers under 'About this list'"
    assert [one.version for one in store.issued(latest_only=False)] == [3, 2, 1]
    assert [one.version for one in store.issued()] == [3]


def test_causes_tell_other_records_from_other_words(store: HubStore) -> None:
    def again(**more: Any) -> str:
        people = family_week()
        for name, value in more.items():
            people[0]["reasons"][2][name] = value
        document = compose(people, settings=PILOT)["north"]
        return str(issued(store, [document]).facts.cause)

    assert again() == "first issue"
    assert again(sentence="{things} told otherwise.") == "made again: 1 described in other words"
    older = family_week()[0]["reasons"][2]["evidence"][0] | {"occurred_on": "2026-06-01"}
    assert again(evidence=[older]) == "made again: 1 with other records behind the reasons"


def test_issued_documents_are_sealed_and_logged(store: HubStore, tmp_path: Path) -> None:
    issued(store, week())
    raw = (tmp_path / "hub.sqlite").read_bytes()
    for token in ("Aisha", "O'Brien", "domestic abuse", key("key one", "person", 0)):
        assert token.encode() not in raw
    (entry,) = store.audit.entries(about=key("key one", "person", 0))
    assert (entry.who, entry.what) == ("schedule", "weekly_list.issued")


def test_people_of_recent_lists_are_known(store: HubStore) -> None:
    issued(store, week())
    assert key("key one", "person", 1) in listed_recently(store, date(2026, 10, 11), 12)
    assert listed_recently(store, date(2026, 10, 4), 12) == frozenset()
    assert listed_recently(store, date(2027, 1, 3), 12) == frozenset()


def test_a_release_is_written_for_one_recipient_and_logged(store: HubStore, tmp_path: Path) -> None:
    result = issued(store, week())
    files = go(store, tmp_path / "outbox", result.facts.document_id)
    assert [file.relative_to(tmp_path).as_posix() for file in files] == [
        f"outbox/north-hub/weekly-list_north_week-ending-2026-10-04_v1_use-until-2026-10-12.{form}"
        for form in ("html", "xlsx")
    ]
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    assert [one["form"] for one in store.releases()] == ["html", "xlsx"]
    assert [entry.what for entry in store.audit.entries(about=key("key one", "person", 2))] == [
        "weekly_list.issued", "weekly_list.released", "weekly_list.released",
    ]  # fmt: skip
    assert "Monday 12 October 2026" in files[0].read_text(encoding="utf-8")
    assert list((tmp_path / "outbox").rglob("*.tmp")) == []


def test_releasing_again_gives_the_same_bytes(store: HubStore, tmp_path: Path) -> None:
    result = issued(store, week())
    first = [file.read_bytes() for file in go(store, tmp_path / "outbox", result.facts.document_id)]
    time.sleep(1.1)
    other = [file.read_bytes() for file in go(store, tmp_path / "elsewhere", result.facts.document_id)]
    assert other == first
    assert [file.read_bytes() for file in go(store, tmp_path / "outbox", result.facts.document_id)] == first


def test_a_product_changed_in_the_outbox_is_noticed(store: HubStore, tmp_path: Path) -> None:
    result = issued(store, week())
    file, _ = go(store, tmp_path / "outbox", result.facts.document_id)
    file.write_bytes(b"something else")
    with pytest.raises(ReleaseProblem, match="was changed in the outbox"):
        go(store, tmp_path / "outbox", result.facts.document_id)


@pytest.mark.parametrize("recipient", ["../hub", "a/b", "", "North", "a b", ".", "-x", "x" * 81])
def test_a_recipient_is_a_plain_folder_name(store: HubStore, tmp_path: Path, recipient: str) -> None:
    result = issued(store, week())
    with pytest.raises(ReleaseProblem, match="cannot name a recipient"):
        go(store, tmp_path / "outbox", result.facts.document_id, recipient=recipient)
    assert not (tmp_path / "outbox").exists()


def test_what_may_not_go_out(store: HubStore, tmp_path: Path) -> None:
    first = issued(store, week())
    with pytest.raises(ReleaseProblem, match="members of the hub only"):
        go(store, tmp_path / "outbox", first.facts.document_id, in_hub=False)
    with pytest.raises(ReleaseProblem, match="expired on 2026-10-12"):
        go(store, tmp_path / "outbox", first.facts.document_id, today=date(2026, 10, 13))
    issued(store, week(people=2))
    with pytest.raises(ReleaseProblem, match="replaced by version 2"):
        go(store, tmp_path / "outbox", first.facts.document_id)
    shadow = issued(store, week(SETTINGS))
    with pytest.raises(ReleaseProblem, match="shadow mode"):
        go(store, tmp_path / "outbox", shadow.facts.document_id)
    assert not (tmp_path / "outbox").exists()
    assert store.releases() == []


def test_a_replaced_version_leaves_the_outbox(store: HubStore, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    first = go(store, outbox, issued(store, week()).facts.document_id)
    second = issued(store, week(people=3))
    elsewhere = go(store, outbox, second.facts.document_id, recipient="other-hub")
    assert all(file.exists() for file in first)
    files = go(store, outbox, second.facts.document_id)
    assert sorted(file.name for file in (outbox / "north-hub").iterdir()) == sorted(file.name for file in files)
    assert all(file.exists() for file in elsewhere)
    assert [entry.what for entry in store.audit.entries()][-2:] == ["release.replaced", "release.replaced"]
    assert {one["document_id"] for one in store.releases(standing_only=True)} == {second.facts.document_id}
    assert go(store, outbox, second.facts.document_id) == files


def test_expired_products_are_removed_and_logged(store: HubStore, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    result = issued(store, week())
    files = go(store, outbox, result.facts.document_id)
    assert remove_expired(store, outbox, today=date(2026, 10, 12), who="schedule") == []
    files[1].unlink()
    assert remove_expired(store, outbox, today=date(2026, 10, 13), who="schedule") == [files[0]]
    assert not files[0].parent.exists()
    assert store.releases(standing_only=True) == []
    assert remove_expired(store, outbox, today=date(2026, 10, 14), who="schedule") == []
    assert [entry.what for entry in store.audit.entries()][-2:] == ["release.expired", "release.expired"]
    assert store.audit.verify_chain().intact
