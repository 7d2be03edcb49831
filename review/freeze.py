"""Issuing: a composed document becomes a version that is never rewritten.

A re-run with equal content issues nothing. One that differs becomes the next version and names its cause: what the
caller says, and what changed, in counts. Earlier versions stay as they were, so that "what did we know" has an answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from governance.hub_store import HubStore, Issued
from review.document import canonical, content_of, facts_of, validate

_ID_NAME = {"weekly_list.v1": "list_id", "notice.v1": "notice_id", "subject_list.v1": "list_id"}


@dataclass(frozen=True)
class IssueResult:
    """A document as issued; `is_new` is False when this content had been issued before."""

    facts: Issued
    is_new: bool


def issue(
    store: HubStore,
    documents: Sequence[Mapping[str, Any]],
    *,
    issued_at: datetime,
    who: str,
    purpose: str = "weekly safeguarding review",
    cause: str | None = None,
) -> list[IssueResult]:
    """Freeze composed documents, all in one transaction together with their audit entries.

    Args:
        documents: `weekly_list.v1`, `notice.v1` and `subject_list.v1` documents as composed.
        issued_at: logical moment of issue (UTC), not part of the content.
        who: the account that issues ("schedule" for the scheduler).
        cause: why there is a further version ("late police file"); what changed is added in counts.

    Returns:
        One result per document, in their order.
    """
    with store.transaction() as connection:
        return [_issue(store, connection, document, issued_at, who, purpose, cause) for document in documents]


def _issue(
    store: HubStore,
    connection: sa.Connection,
    document: Mapping[str, Any],
    issued_at: datetime,
    who: str,
    purpose: str,
    cause: str | None,
) -> IssueResult:
    validate(document)
    kind = str(document["schema"])
    as_of = date.fromisoformat(document["as_of_date"])
    slot = _slot(store, document)
    earlier = store.issued(kind, as_of, slot, connection=connection)
    if earlier and earlier[0].content_hash == document["content_hash"]:
        return IssueResult(earlier[0], is_new=False)
    version = earlier[0].version + 1 if earlier else 1
    why = cause or "first issue"
    if earlier:
        changed = differences(store.document(earlier[0].document_id, connection), document)
        why = f"{cause}: {changed}" if cause else f"made again: {changed}"
    place = f"notice-{slot[:8]}" if kind == "notice.v1" else slot
    document_id = f"{document['partnership']}-{_slug(place)}-{as_of.isoformat()}-v{version}"
    frozen = {**document, _ID_NAME[kind]: document_id, "version": version, "cause": why}
    validate(frozen)
    facts = Issued(
        document_id=document_id,
        kind=kind,
        as_of_date=as_of,
        area_team=str(document["area_team"]),
        slot=slot,
        version=version,
        content_hash=str(document["content_hash"]),
        issued_at=issued_at.replace(tzinfo=None),
        expires_on=date.fromisoformat(document["expires_on"]),
        cause=why,
    )
    store.add_document(facts, frozen, connection)
    store.audit.append(
        who=who,
        what=f"{kind.split('.')[0]}.issued",
        purpose=purpose,
        about=person_keys(document),
        detail={"document_id": document_id, "content_hash": facts.content_hash, "cause": why},
        connection=connection,
    )
    return IssueResult(facts, is_new=True)


def person_keys(document: Mapping[str, Any]) -> list[str]:
    """The keys of everybody a document names."""
    if document["schema"] == "notice.v1":
        return sorted({child["person_key"] for child in document["children"]})
    if document["schema"] == "subject_list.v1":
        return sorted({one["person_key"] for one in [*document["people"], *document["unanswered"]]})
    named = {child["person_key"] for family in document["families"] for child in family["children"]}
    return sorted(named | {one["person_key"] for family in document["families"] for one in family["others_in_home"]})


def listed_recently(store: HubStore, as_of: date, weeks: int, until: datetime | None = None) -> frozenset[str]:
    """Keys of everybody on any issued version of a weekly list of the `weeks` Sundays before `as_of`.

    But for those about whom it was decided to look again on a day that has come: they may be listed before. `until`
    (UTC): decisions taken later are not known yet.
    """
    found: set[str] = set()
    for facts in store.issued("weekly_list.v1", latest_only=False):
        if 0 < (as_of - facts.as_of_date).days <= 7 * weeks:
            families = store.document(facts.document_id)["families"]
            found |= {child["person_key"] for family in families for child in family["children"]}
    last = {one["person_key"]: one for one in store.decisions(until)}
    due = {key for key, one in last.items() if one["look_again_on"] and one["look_again_on"] <= as_of.isoformat()}
    return frozenset(found - due)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What changed between two versions, in counts and parts, without naming anybody."""
    told = []
    before, after = _persons(old), _persons(new)
    both = before.keys() & after.keys()
    other_facts = sum(before[key][0] != after[key][0] for key in both)
    for count, words in (
        (len(after.keys() - before.keys()), "added"),
        (len(before.keys() - after.keys()), "no longer on it"),
        (other_facts, "with other records behind the reasons"),
        (sum(before[key] != after[key] for key in both) - other_facts, "described in other words"),
    ):
        if count:
            told.append(f"{count} {words}")
    parts = (
        ("feeds", "when files came"), ("reaches", "how far each agency's news reaches"),
        ("counts", "the numbers under 'About this list'"), ("basis", "what is said of how the list was made"),
        ("patterns", "what earlier lists found"), ("unanswered", "notifications without a record"),
        ("statements", "the fixed statements"), ("page", "fixed words"),
        ("expires_on", "the last day of use"),
    )  # fmt: skip
    told += [words for part, words in parts if content_of(old.get(part), part) != content_of(new.get(part), part)]
    return ", ".join(told) or "other words"


def _persons(document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """By person: the source rows they are told for, and everything that is told of them."""
    if document["schema"] == "notice.v1":
        return {child["person_key"]: ("", canonical(content_of(child))) for child in document["children"]}
    if document["schema"] == "subject_list.v1":
        return {
            person["person_key"]: (canonical(content_of(person["reasons"])), canonical(content_of(person)))
            for person in document["people"]
        }
    children = [one for family in document["families"] for one in family["children"]]
    return {child["person_key"]: (canonical(facts_of(child)), canonical(content_of(child))) for child in children}


def _slot(store: HubStore, document: Mapping[str, Any]) -> str:
    if document["schema"] in ("weekly_list.v1", "subject_list.v1"):
        return str(document["area_team"])
    return store.slot_of(document["area_team"], document["worker_record_key"] or document["worker"])


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
