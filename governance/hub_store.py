"""The hub's own store (Z3): candidates of a week, frozen lists and notices, releases, the audit log.

SQLite by default, PostgreSQL by its URL. The clear columns find things; whatever is about a person is sealed, each
field bound to its table, row and column, so that a field copied into another row no longer opens.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from governance.audit import AuditLog
from governance.hub_schema import CANDIDATE_BATCH, DECISION, DOCUMENT_MARK, ISSUED_DOCUMENT, RELEASE, migrate
from governance.seal import seal, unseal


class HubStoreProblem(Exception):
    """The store does not hold what was asked for."""


@dataclass(frozen=True)
class Issued:
    """The clear facts of one frozen document; `issued_at` is UTC."""

    document_id: str
    kind: str
    as_of_date: date
    area_team: str
    slot: str
    version: int
    content_hash: str
    issued_at: datetime
    expires_on: date
    cause: str


class HubStore:
    """Opens the store and brings it to this version's schema.

    Args:
        where: path of the SQLite file, or a database URL.
        key: the hub zone's key (32 bytes).
        pseudonym: `Pseudonym.key_of`; names persons in the audit log and recipients of notices.

    Raises:
        SchemaTooNew: the store was written by a newer version.
    """

    def __init__(self, where: Path | str, key: bytes, pseudonym: Callable[..., UUID]) -> None:
        self._key = key
        self._pseudonym = pseudonym
        self.engine = _engine(where)
        with self.engine.begin() as connection:
            migrate(connection)
        self.audit = AuditLog(self.engine, key, pseudonym)

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One transaction; an act and its audit entry belong into the same one."""
        with self.engine.begin() as connection:
            yield connection

    def slot_of(self, *parts: str) -> str:
        """A keyed pseudonym for the recipient of a notice."""
        return str(self._pseudonym("slot", *parts))

    def put_candidates(
        self, as_of: date, body: Mapping[str, Any], made_at: datetime, connection: sa.Connection | None = None
    ) -> str:
        """Keep what the risk stage handed over for a week; the same body twice is kept once, at its newest time:
        a judgement that came back after another is the latest again. Returns its id."""
        if connection is None:
            with self.engine.begin() as own:
                return self.put_candidates(as_of, body, made_at, own)
        content = _json(body)
        digest = hashlib.sha256(content).hexdigest()
        batch_id = f"{as_of.isoformat()}-{digest[:16]}"
        table = CANDIDATE_BATCH
        present = connection.execute(sa.select(table.c.batch_id).where(table.c.batch_id == batch_id)).first()
        if present:
            connection.execute(table.update().where(table.c.batch_id == batch_id).values(made_at=_naive(made_at)))
        else:
            connection.execute(
                table.insert().values(
                    batch_id=batch_id,
                    as_of_date=as_of,
                    content_hash=digest,
                    made_at=_naive(made_at),
                    sealed_body=seal(self._key, content, f"hub/candidate_batch/{batch_id}/body"),
                )
            )
        return batch_id

    def candidates(self, batch_id: str) -> dict[str, Any]:
        """What was handed over under this id."""
        query = sa.select(CANDIDATE_BATCH.c.sealed_body).where(CANDIDATE_BATCH.c.batch_id == batch_id)
        with self.engine.connect() as connection:
            sealed = connection.execute(query).scalar()
        if sealed is None:
            raise HubStoreProblem(f"There are no candidates {batch_id!r} in the hub store.")
        return json.loads(unseal(self._key, sealed, f"hub/candidate_batch/{batch_id}/body"))

    def latest_batch(self, as_of: date) -> str:
        """Id of what was handed over last for a week."""
        table = CANDIDATE_BATCH
        query = sa.select(table.c.batch_id).where(table.c.as_of_date == as_of)
        with self.engine.connect() as connection:
            found = connection.execute(query.order_by(table.c.made_at.desc(), table.c.batch_id)).scalar()
        if found is None:
            raise HubStoreProblem(f"There are no candidates for the week ending {as_of.isoformat()} in the hub store.")
        return str(found)

    def add_document(self, facts: Issued, body: Mapping[str, Any], connection: sa.Connection) -> None:
        """Freeze one document; it can never be changed afterwards."""
        sealed = seal(self._key, _json(body), f"hub/issued_document/{facts.document_id}/body")
        connection.execute(ISSUED_DOCUMENT.insert().values(**vars(facts), sealed_body=sealed))

    def document(self, document_id: str, connection: sa.Connection | None = None) -> dict[str, Any]:
        """The frozen document itself."""
        if connection is None:
            with self.engine.connect() as own:
                return self.document(document_id, own)
        query = sa.select(ISSUED_DOCUMENT.c.sealed_body).where(ISSUED_DOCUMENT.c.document_id == document_id)
        sealed = connection.execute(query).scalar()
        if sealed is None:
            raise HubStoreProblem(f"There is no document {document_id!r} in the hub store.")
        return json.loads(unseal(self._key, sealed, f"hub/issued_document/{document_id}/body"))

    def issued(
        self,
        kind: str | None = None,
        as_of: date | None = None,
        slot: str | None = None,
        latest_only: bool = True,
        connection: sa.Connection | None = None,
    ) -> list[Issued]:
        """Facts of frozen documents, newest week first, then by kind and slot; by default each one's last version."""
        if connection is None:
            with self.engine.connect() as own:
                return self.issued(kind, as_of, slot, latest_only, own)
        table = ISSUED_DOCUMENT
        query = sa.select(*[column for column in table.c if column.name != "sealed_body"])
        for column, value in ((table.c.kind, kind), (table.c.as_of_date, as_of), (table.c.slot, slot)):
            if value is not None:
                query = query.where(column == value)
        query = query.order_by(table.c.as_of_date.desc(), table.c.kind, table.c.slot, table.c.version.desc())
        found: list[Issued] = []
        for row in connection.execute(query):
            one = Issued(**row._mapping)
            same = found and (found[-1].kind, found[-1].as_of_date, found[-1].slot) == (
                one.kind,
                one.as_of_date,
                one.slot,
            )
            if not (latest_only and same):
                found.append(one)
        return found

    def mark_about(self, person_keys: Collection[str], cause: str, at: datetime) -> int:
        """Note beside every frozen document that names one of these persons what happened since; once for each cause.

        Which documents those are is read from the audit log: issuing one is logged with everybody it names.

        Args:
            cause: what happened, in words for people; never about a person.
            at: when it became known, UTC.

        Returns:
            how many documents were marked now.
        """
        if not person_keys:
            return 0
        wanted = {str(self._pseudonym("audit", key)) for key in person_keys}
        named = {
            str(entry.detail["document_id"]): len(wanted & set(entry.subjects))
            for entry in self.audit.entries()
            if entry.what.endswith(".issued") and wanted & set(entry.subjects)
        }
        marked = {mark["document_id"] for mark in self.marks() if mark["cause"] == cause}
        new = [
            {"document_id": document_id, "cause": cause, "persons": persons, "marked_at": _naive(at)}
            for document_id, persons in sorted(named.items())
            if document_id not in marked
        ]
        if new:
            with self.engine.begin() as connection:
                connection.execute(DOCUMENT_MARK.insert(), new)
        return len(new)

    def marks(self) -> list[dict[str, Any]]:
        """What became known of frozen documents after they were issued, in order of time."""
        query = sa.select(DOCUMENT_MARK).order_by(DOCUMENT_MARK.c.marked_at, DOCUMENT_MARK.c.document_id)
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def add_decision(
        self,
        connection: sa.Connection,
        document_id: str,
        person_key: str,
        body: Mapping[str, Any],
        *,
        kind: str,
        decided_on: date,
        taken_at: datetime,
        taken_by: str,
    ) -> bool:
        """Keep what was decided about a child of a list; false if exactly this is what was kept last of it."""
        subject = str(self._pseudonym("audit", person_key))
        table = DECISION
        earlier = connection.execute(
            sa.select(table.c.decision_id, table.c.sealed_body)
            .where(table.c.document_id == document_id, table.c.subject == subject)
            .order_by(table.c.taken_at, table.c.decision_id)
        ).all()
        content = _json({"person_key": person_key, **body})
        if earlier:
            last = earlier[-1]
            if unseal(self._key, last.sealed_body, f"hub/decision/{last.decision_id}/body") == content:
                return False
        decision_id = f"{document_id}-{subject[:8]}-{len(earlier) + 1}"
        connection.execute(
            table.insert().values(
                decision_id=decision_id,
                document_id=document_id,
                subject=subject,
                kind=kind,
                decided_on=decided_on,
                taken_at=_naive(taken_at),
                taken_by=taken_by,
                sealed_body=seal(self._key, content, f"hub/decision/{decision_id}/body"),
            )
        )
        return True

    def decisions(self, until: datetime | None = None) -> list[dict[str, Any]]:
        """What was decided, per list and child what was taken last (by `until`, UTC), in order of time.

        Returns:
            One dict a child and list: document_id, kind, decided_on, taken_at, taken_by, and the sealed body's own
            fields (person_key and what stood in the workbook).
        """
        table = DECISION
        query = sa.select(table).order_by(table.c.taken_at, table.c.decision_id)
        if until is not None:
            query = query.where(table.c.taken_at <= _naive(until))
        found: dict[tuple[str, str], dict[str, Any]] = {}
        with self.engine.connect() as connection:
            for row in connection.execute(query):
                facts = dict(row._mapping)
                body = json.loads(unseal(self._key, facts.pop("sealed_body"), f"hub/decision/{row.decision_id}/body"))
                found[row.document_id, row.subject] = {**body, **facts}
        return sorted(found.values(), key=lambda one: (one["taken_at"], one["decision_id"]))

    def add_release(self, connection: sa.Connection, **facts: Any) -> int:
        """Record that a product goes to a recipient; returns the release's number."""
        result = connection.execute(RELEASE.insert().values(**facts))
        key: Any = result.inserted_primary_key
        return int(key[0])

    def releases(self, standing_only: bool = False) -> list[dict[str, Any]]:
        """Every release in order; with `standing_only`, those whose file was not yet removed."""
        query = sa.select(RELEASE).order_by(RELEASE.c.release_id)
        if standing_only:
            query = query.where(RELEASE.c.removed_at.is_(None))
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def release_removed(self, release_id: int, at: datetime, connection: sa.Connection) -> None:
        """Note that the file of a release is gone from the outbox."""
        connection.execute(RELEASE.update().where(RELEASE.c.release_id == release_id).values(removed_at=_naive(at)))


def _engine(where: Path | str) -> sa.Engine:
    if isinstance(where, str) and "://" in where:
        engine = sa.create_engine(where)
    else:
        path = Path(where)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made with its final mode, so that it is never readable by others, not even empty.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": 30})
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _configure_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not start transactions by itself: see `_begin_sqlite`.
    connection.isolation_level = None
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma secure_delete = on")


def _begin_sqlite(connection: sa.Connection) -> None:
    # Takes the write lock at once, so that "read the last entry, add the next" cannot interleave.
    connection.exec_driver_sql("begin immediate")


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
