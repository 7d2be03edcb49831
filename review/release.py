"""The only way out: a frozen document, rendered into one recipient's folder of the outbox, logged and expiring.

A weekly list is for members of the hub. Outside the hub go notices alone, and those hold only what its owners
released. Equal documents give equal files, so a product can be checked against its record at any time.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from governance.hub_store import HubStore, Issued
from review.freeze import person_keys
from review.render import FORMATS, render

_RECIPIENT = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_NAMES = {"weekly_list.v1": "weekly-list", "notice.v1": "notice", "subject_list.v1": "subject-list"}
_IN_HUB = frozenset({"weekly_list.v1", "subject_list.v1"})


class ReleaseProblem(Exception):
    """The product may not go out; the message says why."""


def release(
    store: HubStore,
    outbox: Path,
    document_id: str,
    *,
    recipient: str,
    in_hub: bool,
    who: str,
    purpose: str,
    today: date,
    at: datetime | None = None,
    forms: Sequence[str] | None = None,
) -> list[Path]:
    """Render a frozen document for one recipient; returns the files.

    Args:
        outbox: `var/<partnership>/outbox`; nothing is written anywhere else.
        recipient: folder name of the one recipient: small letters, digits and hyphens.
        in_hub: whether the recipient is a member of the hub.
        who, purpose: who releases it and what for; both go into the audit log.
        today: London date; a product that has expired is not released.
        forms: "html", "xlsx"; all forms of the document if not given.

    Raises:
        ReleaseProblem: it expired, is no longer the newest version, is in shadow mode, or may not leave the hub.
    """
    if not _RECIPIENT.fullmatch(recipient):
        raise ReleaseProblem(f"{recipient!r} cannot name a recipient: use small letters, digits and hyphens.")
    document = store.document(document_id)
    facts = _newest(store, document_id, document)
    if today > facts.expires_on:
        raise ReleaseProblem(f"{document_id} expired on {facts.expires_on.isoformat()}; use the list that replaced it.")
    if document["mode"] == "shadow":
        raise ReleaseProblem("The partnership is in shadow mode: nothing that names a person leaves the hub's store.")
    if facts.kind in _IN_HUB and not in_hub:
        raise ReleaseProblem("A list is for members of the hub only; a notice is what may leave it.")
    moment = (at or datetime.now(UTC)).replace(tzinfo=None)
    files = []
    for form in forms or FORMATS[facts.kind]:
        content = render(document, form)
        file = outbox / recipient / file_name(facts, form)
        digest = hashlib.sha256(content).hexdigest()
        if file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            raise ReleaseProblem(
                f"{file.name} was changed in the outbox after its release; remove it, then release again."
            )
        # Logged before it is written: there may be a record without a file, never a file without a record.
        with store.transaction() as connection:
            store.add_release(
                connection,
                document_id=document_id,
                recipient=recipient,
                form=form,
                file_name=file.name,
                sha256=digest,
                purpose=purpose,
                released_by=who,
                released_at=moment,
                expires_on=facts.expires_on,
            )
            store.audit.append(
                who=who,
                what=f"{facts.kind.split('.')[0]}.released",
                purpose=purpose,
                about=person_keys(document),
                detail={"document_id": document_id, "recipient": recipient, "form": form, "sha256": digest},
                at=at,
                connection=connection,
            )
        _write(file, content)
        files.append(file)
    _remove_replaced(store, outbox, facts, recipient, who=who, at=at)
    return files


def remove_expired(store: HubStore, outbox: Path, *, today: date, who: str, at: datetime | None = None) -> list[Path]:
    """Delete released files whose last day is over, and log it; returns what was deleted."""
    over = [one for one in store.releases(standing_only=True) if one["expires_on"] < today]
    return _remove(store, outbox, over, "release.expired", "end of a product's validity", who, at)


def _remove_replaced(
    store: HubStore, outbox: Path, facts: Issued, recipient: str, *, who: str, at: datetime | None
) -> list[Path]:
    """Two versions in one folder would be read as two lists: the older one goes, and stays in the store alone."""
    versions = store.issued(facts.kind, facts.as_of_date, facts.slot, latest_only=False)
    older = {one.document_id for one in versions} - {facts.document_id}
    gone = [
        one
        for one in store.releases(standing_only=True)
        if one["recipient"] == recipient and one["document_id"] in older
    ]
    return _remove(store, outbox, gone, "release.replaced", "a newer version was released", who, at)


def _remove(
    store: HubStore,
    outbox: Path,
    releases: Sequence[Mapping[str, Any]],
    what: str,
    purpose: str,
    who: str,
    at: datetime | None,
) -> list[Path]:
    """Log and delete the files of releases, and folders of recipients that hold nothing any more."""
    gone = []
    moment = at or datetime.now(UTC)
    for one in releases:
        file = outbox / str(one["recipient"]) / str(one["file_name"])
        with store.transaction() as connection:
            store.release_removed(int(one["release_id"]), moment, connection)
            store.audit.append(
                who=who,
                what=what,
                purpose=purpose,
                detail={"release_id": one["release_id"], "document_id": one["document_id"]},
                at=at,
                connection=connection,
            )
        if file.exists():
            file.unlink()
            gone.append(file)
        if file.parent.is_dir() and not any(file.parent.iterdir()):
            file.parent.rmdir()
    return gone


def file_name(facts: Issued, form: str) -> str:
    """Kind, team, week, version and last day of use; never a person's name."""
    team = re.sub(r"[^a-z0-9]+", "-", facts.area_team.lower()).strip("-")
    which = f"_{facts.slot[:8]}" if facts.kind == "notice.v1" else ""
    return (
        f"{_NAMES[facts.kind]}_{team}{which}_week-ending-{facts.as_of_date.isoformat()}_v{facts.version}"
        f"_use-until-{facts.expires_on.isoformat()}.{form}"
    )


def _newest(store: HubStore, document_id: str, document: dict[str, Any]) -> Issued:
    kind, as_of = str(document["schema"]), date.fromisoformat(document["as_of_date"])
    versions = store.issued(kind, as_of, latest_only=False)
    own = next(one for one in versions if one.document_id == document_id)
    newest = max((one for one in versions if one.slot == own.slot), key=lambda one: one.version)
    if newest.document_id != document_id:
        raise ReleaseProblem(
            f"{document_id} was replaced by version {newest.version} ({newest.cause}); release that one."
        )
    return own


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = file.with_name(f".{file.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(file)
