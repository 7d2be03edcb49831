"""Tables of the hub's own store (Z3) and their numbered migrations, for SQLite and PostgreSQL alike.

Columns named `sealed_*` hold AES-256-GCM output bound to table, row and column; everything in the clear is either a
date, a hash, a keyed pseudonym or the name of a member of staff acting. Issued documents and audit entries can only
be added: the database itself refuses to change or delete them.
"""

from __future__ import annotations

import sqlalchemy as sa

from governance.migrations import SchemaTooNew

METADATA = sa.MetaData()

SCHEMA_VERSION = sa.Table(
    "schema_version",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
)

# What the risk stage hands over for one week: candidates with evidence under keys, before names are added.
CANDIDATE_BATCH = sa.Table(
    "candidate_batch",
    METADATA,
    sa.Column("batch_id", sa.String, primary_key=True),
    sa.Column("as_of_date", sa.Date, nullable=False, index=True),
    sa.Column("content_hash", sa.String, nullable=False),
    sa.Column("made_at", sa.DateTime, nullable=False),
    sa.Column("sealed_body", sa.LargeBinary, nullable=False),
)

# Frozen lists and notices; `slot` is the area team of a list, the pseudonym of the recipient of a notice.
ISSUED_DOCUMENT = sa.Table(
    "issued_document",
    METADATA,
    sa.Column("document_id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("as_of_date", sa.Date, nullable=False, index=True),
    sa.Column("area_team", sa.String, nullable=False),
    sa.Column("slot", sa.String, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("content_hash", sa.String, nullable=False),
    sa.Column("issued_at", sa.DateTime, nullable=False),
    sa.Column("expires_on", sa.Date, nullable=False),
    sa.Column("cause", sa.String, nullable=False),
    sa.Column("sealed_body", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("kind", "as_of_date", "slot", "version"),
)

RELEASE = sa.Table(
    "release",
    METADATA,
    sa.Column("release_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("document_id", sa.String, sa.ForeignKey("issued_document.document_id"), nullable=False),
    sa.Column("recipient", sa.String, nullable=False),
    sa.Column("form", sa.String, nullable=False),
    sa.Column("file_name", sa.String, nullable=False),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("purpose", sa.String, nullable=False),
    sa.Column("released_by", sa.String, nullable=False),
    sa.Column("released_at", sa.DateTime, nullable=False),
    sa.Column("expires_on", sa.Date, nullable=False),
    sa.Column("removed_at", sa.DateTime),
)

AUDIT_ENTRY = sa.Table(
    "audit_entry",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("what", sa.String, nullable=False),
    sa.Column("purpose", sa.String, nullable=False),
    sa.Column("sealed_detail", sa.LargeBinary, nullable=False),
    sa.Column("previous_hash", sa.String, nullable=False),
    sa.Column("entry_hash", sa.String, nullable=False),
)

AUDIT_SUBJECT = sa.Table(
    "audit_subject",
    METADATA,
    sa.Column("seq", sa.Integer, sa.ForeignKey("audit_entry.seq"), primary_key=True),
    sa.Column("subject", sa.String, primary_key=True, index=True),
)

# The last entry, under its own seal, so that entries cut off at the end are missed.
AUDIT_HEAD = sa.Table(
    "audit_head",
    METADATA,
    sa.Column("only_row", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("entry_hash", sa.String, nullable=False),
    sa.Column("mark", sa.String, nullable=False),
)

# What became known of a frozen document later; the document itself does not change. `persons` is a count.
DOCUMENT_MARK = sa.Table(
    "document_mark",
    METADATA,
    sa.Column("document_id", sa.String, sa.ForeignKey("issued_document.document_id"), primary_key=True),
    sa.Column("cause", sa.String, primary_key=True),
    sa.Column("persons", sa.Integer, nullable=False),
    sa.Column("marked_at", sa.DateTime, nullable=False),
)

# What people decided about a child of a list. A later answer is a further row; the one taken last counts.
# `kind` and `decided_on` count decisions without opening anything; `subject` is the audit log's pseudonym.
DECISION = sa.Table(
    "decision",
    METADATA,
    sa.Column("decision_id", sa.String, primary_key=True),
    sa.Column("document_id", sa.String, sa.ForeignKey("issued_document.document_id"), nullable=False, index=True),
    sa.Column("subject", sa.String, nullable=False, index=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("decided_on", sa.Date, nullable=False),
    sa.Column("taken_at", sa.DateTime, nullable=False),
    sa.Column("taken_by", sa.String, nullable=False),
    sa.Column("sealed_body", sa.LargeBinary, nullable=False),
)

# (number, name, tables created, tables that become append-only)
MIGRATIONS: tuple[tuple[int, str, tuple[sa.Table, ...], tuple[sa.Table, ...]], ...] = (
    (1, "lists_and_releases", (CANDIDATE_BATCH, ISSUED_DOCUMENT, RELEASE), (ISSUED_DOCUMENT,)),
    (2, "audit_log", (AUDIT_ENTRY, AUDIT_SUBJECT, AUDIT_HEAD), (AUDIT_ENTRY, AUDIT_SUBJECT)),
    (3, "document_mark", (DOCUMENT_MARK,), (DOCUMENT_MARK,)),
    (4, "decision", (DECISION,), (DECISION,)),
)
LATEST = MIGRATIONS[-1][0]


def migrate(connection: sa.Connection) -> int:
    """Apply what is missing, in the caller's transaction; returns the schema version.

    Raises:
        SchemaTooNew: the store has a migration this version does not know.
    """
    SCHEMA_VERSION.create(connection, checkfirst=True)
    present: int = connection.execute(sa.select(sa.func.max(SCHEMA_VERSION.c.number))).scalar() or 0
    if present > LATEST:
        raise SchemaTooNew(
            f"The hub store has schema version {present}, this program knows {LATEST}. "
            "Install the newer version of the hub, or restore a backup made with this one."
        )
    for number, name, tables, append_only in MIGRATIONS:
        if number > present:
            for table in tables:
                table.create(connection)
            for table in append_only:
                for statement in _append_only(table.name, connection.dialect.name):
                    connection.execute(sa.text(statement))
            connection.execute(SCHEMA_VERSION.insert().values(number=number, name=name))
    return LATEST


def _append_only(table: str, dialect: str) -> list[str]:
    message = f"{table} can only be added to"
    if dialect == "postgresql":
        return [
            f"create function {table}_refuse() returns trigger language plpgsql as "
            f"$$ begin raise exception '{message}'; end $$",
            f"create trigger {table}_append_only before update or delete on {table} "
            f"for each row execute function {table}_refuse()",
        ]
    return [
        f"create trigger {table}_no_{action} before {action} on {table} begin select raise(abort, '{message}'); end"
        for action in ("update", "delete")
    ]
