"""Who saw or did what with whose data, why and when: a log that can be added to and never quietly changed.

Each entry carries an HMAC over its own content and the hash of the entry before, so that a change, an insertion or a
removal breaks the chain from there on; the last entry is marked under the key too, so that a cut at the end shows.
A break stops the log: nothing that must be logged can be done until somebody has looked. (A copy of the whole store
taken earlier and put back is only noticed by comparing `AuditLog.head()` with a note kept elsewhere.)
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from governance.hub_schema import AUDIT_ENTRY, AUDIT_HEAD, AUDIT_SUBJECT
from governance.seal import SealBroken, seal, unseal

_START = "0" * 64
_ASK = "the information governance lead has looked; `hub restore` brings back an intact store."
_BROKEN = "The audit log is broken at entry {seq} ({why})."


class AuditBroken(Exception):
    """The chain of the audit log is broken; the message says at which entry."""


@dataclass(frozen=True)
class ChainState:
    """What a check of the chain found: entries that are in order, and the first break, if any."""

    entries: int
    broken_at: int | None = None
    why: str | None = None

    @property
    def intact(self) -> bool:
        """True when every entry is as it was written."""
        return self.broken_at is None


@dataclass(frozen=True)
class AuditEntry:
    """One entry as it was written; `subjects` are keyed pseudonyms."""

    seq: int
    at: datetime
    who: str
    what: str
    purpose: str
    subjects: tuple[str, ...]
    detail: Mapping[str, Any]


class AuditLog:
    """The audit log of one hub store.

    Args:
        engine: the store's database.
        key: the store's key; detail is sealed with it, the chain with a key derived from it.
        pseudonym: makes a keyed pseudonym of the parts given to it.
    """

    def __init__(self, engine: sa.Engine, key: bytes, pseudonym: Callable[..., UUID]) -> None:
        self._engine = engine
        self._key = key
        self._chain_key = hmac.new(key, b"audit chain", hashlib.sha256).digest()
        self._pseudonym = pseudonym
        self._checked: tuple[int, str] = (0, _START)
        # How far the present transaction has come: it may still be rolled back, so it is no checkpoint.
        self._pending: tuple[sa.Transaction | None, tuple[int, str]] = (None, (0, _START))

    def append(
        self,
        who: str,
        what: str,
        purpose: str,
        about: Iterable[str] = (),
        detail: Mapping[str, Any] | None = None,
        at: datetime | None = None,
        connection: sa.Connection | None = None,
    ) -> int:
        """Add one entry and return its number.

        Args:
            who: the account that acted (or "schedule").
            what: what was done, as `thing.action` ("list.issued", "release.rendered").
            purpose: what for; never empty.
            about: keys of the persons whose data it was; kept as pseudonyms of their own.
            detail: further facts, sealed; no names of persons.
            at: when, UTC; now if not given.
            connection: an open transaction of this store, so that act and entry are one.

        Raises:
            AuditBroken: the chain is not intact; nothing was added.
            ValueError: who, what or purpose is empty.
        """
        if not (who.strip() and what.strip() and purpose.strip()):
            raise ValueError("An audit entry needs who, what and what for.")
        if connection is None:
            with self._engine.begin() as own:
                return self.append(who, what, purpose, about, detail, at, own)
        # Locks the head on PostgreSQL; on SQLite the whole store is locked by the transaction already.
        connection.execute(sa.select(AUDIT_HEAD).with_for_update()).first()
        transaction = connection.get_transaction()
        same = transaction is not None and self._pending[0] is transaction
        state, last = self._check(connection, self._pending[1] if same else self._checked)
        if not state.intact:
            raise AuditBroken(
                f"{_BROKEN.format(seq=state.broken_at, why=state.why)} Nothing further is done until {_ASK}"
            )
        seq, previous = last[0] + 1, last[1]
        when = (at or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None) if at is None or at.tzinfo else at
        subjects = tuple(sorted({str(self._pseudonym("audit", key)) for key in about}))
        entry = AuditEntry(seq, when, who, what, purpose, subjects, dict(detail or {}))
        entry_hash = self._hash(entry, previous)
        connection.execute(
            AUDIT_ENTRY.insert().values(
                seq=seq,
                at=when,
                who=who,
                what=what,
                purpose=purpose,
                sealed_detail=seal(self._key, _canonical(entry.detail), _context(seq)),
                previous_hash=previous,
                entry_hash=entry_hash,
            )
        )
        if subjects:
            connection.execute(AUDIT_SUBJECT.insert(), [{"seq": seq, "subject": one} for one in subjects])
        connection.execute(AUDIT_HEAD.delete())
        connection.execute(
            AUDIT_HEAD.insert().values(only_row=1, seq=seq, entry_hash=entry_hash, mark=self._mark(seq, entry_hash))
        )
        if not same:
            self._checked = last
        self._pending = (transaction, (seq, entry_hash))
        return seq

    def verify_chain(self) -> ChainState:
        """Check every entry from the first."""
        with self._engine.connect() as connection:
            state, last = self._check(connection, (0, _START))
        if state.intact:
            self._checked = last
        return state

    def require_intact(self) -> None:
        """Refuse to stand on a log that was changed; for whoever reads from it what is allowed.

        Raises:
            AuditBroken: the chain is not intact.
        """
        state = self.verify_chain()
        if not state.intact:
            raise AuditBroken(
                f"{_BROKEN.format(seq=state.broken_at, why=state.why)} Nothing read from it counts until {_ASK}"
            )

    def head(self) -> tuple[int, str]:
        """Number and hash of the last entry, to be noted elsewhere."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.entry_hash)).first()
        return (int(row[0]), str(row[1])) if row else (0, _START)

    def subject_of(self, person_key: str) -> str:
        """What stands in entries for a person's key."""
        return str(self._pseudonym("audit", person_key))

    def entries(
        self, about: str | None = None, after: int = 0, what: Collection[str] | None = None
    ) -> list[AuditEntry]:
        """Entries in order; with `about`, those on one person's key; with `what`, those of these acts alone."""
        query = sa.select(AUDIT_ENTRY).where(AUDIT_ENTRY.c.seq > after).order_by(AUDIT_ENTRY.c.seq)
        if what is not None:
            query = query.where(AUDIT_ENTRY.c.what.in_(sorted(what)))
        if about is not None:
            subject = str(self._pseudonym("audit", about))
            query = query.where(
                AUDIT_ENTRY.c.seq.in_(sa.select(AUDIT_SUBJECT.c.seq).where(AUDIT_SUBJECT.c.subject == subject))
            )
        with self._engine.connect() as connection:
            subjects = _subjects(connection, after)
            return [self._entry(row, subjects) for row in connection.execute(query)]

    def _check(self, connection: sa.Connection, since: tuple[int, str]) -> tuple[ChainState, tuple[int, str]]:
        seq, previous = since
        if seq:
            known = connection.execute(sa.select(AUDIT_ENTRY.c.entry_hash).where(AUDIT_ENTRY.c.seq == seq)).scalar()
            if known != previous:
                return ChainState(seq - 1, seq, "an entry that was there is gone or changed"), since
        subjects = _subjects(connection, seq)
        query = sa.select(AUDIT_ENTRY).where(AUDIT_ENTRY.c.seq > seq).order_by(AUDIT_ENTRY.c.seq)
        for row in connection.execute(query):
            if row.seq != seq + 1 or row.previous_hash != previous:
                return ChainState(seq, seq + 1, "an entry is missing or out of order"), (seq, previous)
            try:
                entry = self._entry(row, subjects)
            except (SealBroken, ValueError):
                return ChainState(seq, seq + 1, "its detail cannot be opened"), (seq, previous)
            if not hmac.compare_digest(self._hash(entry, previous), row.entry_hash):
                return ChainState(seq, seq + 1, "its content was changed"), (seq, previous)
            seq, previous = row.seq, row.entry_hash
        head = connection.execute(sa.select(AUDIT_HEAD)).first()
        expected = (seq, previous, self._mark(seq, previous)) if seq else None
        found = (head.seq, head.entry_hash, head.mark) if head else None
        if found != expected:
            return ChainState(seq, seq + 1, "entries at the end were cut off, or the end mark was changed"), since
        return ChainState(seq), (seq, previous)

    def _entry(self, row: Any, subjects: Mapping[int, tuple[str, ...]]) -> AuditEntry:
        detail = json.loads(unseal(self._key, row.sealed_detail, _context(row.seq)))
        return AuditEntry(row.seq, row.at, row.who, row.what, row.purpose, subjects.get(row.seq, ()), detail)

    def _hash(self, entry: AuditEntry, previous: str) -> str:
        content = _canonical(
            [
                entry.seq,
                entry.at.isoformat(),
                entry.who,
                entry.what,
                entry.purpose,
                entry.subjects,
                entry.detail,
                previous,
            ]
        )
        return hmac.new(self._chain_key, content, hashlib.sha256).hexdigest()

    def _mark(self, seq: int, entry_hash: str) -> str:
        return hmac.new(self._chain_key, f"head {seq} {entry_hash}".encode(), hashlib.sha256).hexdigest()


def _subjects(connection: sa.Connection, after: int) -> dict[int, tuple[str, ...]]:
    found: dict[int, list[str]] = {}
    query = sa.select(AUDIT_SUBJECT).where(AUDIT_SUBJECT.c.seq > after)
    for row in connection.execute(query.order_by(AUDIT_SUBJECT.c.seq, AUDIT_SUBJECT.c.subject)):
        found.setdefault(row.seq, []).append(row.subject)
    return {seq: tuple(subjects) for seq, subjects in found.items()}


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def _context(seq: int) -> str:
    return f"hub/audit_entry/{seq}/detail"
