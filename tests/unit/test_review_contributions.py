"""What an agency's data led to: children counted once, of the newest versions, in the weeks asked for."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta
from pathlib import Path

from review_samples import AS_OF, SETTINGS, compose, family_week

from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
from review.contributions import Contribution, contributions
from review.freeze import issue

PILOT = dataclasses.replace(SETTINGS, mode="pilot")


def test_children_are_counted_once_and_nobody_is_named(tmp_path: Path) -> None:
    store = HubStore(tmp_path / "hub.sqlite", b"k" * 32, Pseudonym(b"p" * 32).key_of)
    asked: list[dict[str, date]] = []

    def followed(listed: dict[str, date]) -> list[str]:
        asked.append(dict(listed))
        return sorted(listed)[:1]

    for people in (5, 3):
        issue(store, [compose(family_week()[:people], settings=PILOT)["north"]], issued_at=datetime(2026, 10, 5, 1),
              who="schedule")  # fmt: skip
    found = contributions(store, AS_OF - timedelta(weeks=1), AS_OF, followed)  # type: ignore[arg-type]
    newest = store.document(store.issued("weekly_list.v1")[0].document_id)
    children = [child for family in newest["families"] for child in family["children"]]
    agencies = {line["agency"] for child in children for reason in child["reasons"] for line in reason["evidence"]}
    assert set(found) == agencies
    assert found["police"] == Contribution(listed=len(children), noticed=0, assessed=1)
    assert all(set(listed.values()) == {AS_OF} for listed in asked)
    assert contributions(store, AS_OF, AS_OF + timedelta(weeks=1), followed) == {}  # type: ignore[arg-type]
    store.close()
