"""What a hub knows of others than the persons it is for, kept apart from beginning to end.

Adults may be such a subject. Everything about one has its own way: staging models that fill no canonical table
(`subject_barrier`), an identity model of its own that says by rules which records are one person, marts of its own, and
one list for one recipient. Nothing of it reaches linkage, households, the panel, a feature or another list.

The pack provides, for a subject `adult`:

    feeds, of an agency or with a property `subject: adult`      who is told of
    staging/.../record_adult.sql       identity zone: record_key, person_id, forename, surname, birth_date,
                                       spelling_order, known_from, known_to
    marts/.../adult_event, adult_help, adult_pattern, adult_notification      warehouse zone
    subjects/adult.yml                 recipient, patterns, words
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import duckdb

from governance.pseudonym import Pseudonym

# How far back the rows of a person's story go.
_STORY_DAYS = 730


def export_records(con: duckdb.DuckDBPyConnection, subjects: Iterable[str], pseudonym: Pseudonym) -> int:
    """Hand the warehouse which records of other subjects are one person, in one transaction; returns rows.

    Args:
        con: `identity` and `warehouse` attached. Rows of a subject that is not among `subjects` go.
    """
    pseudonym.install(con)
    rows = 0
    con.execute("begin transaction")
    con.execute("delete from warehouse.identity_export.subject_record")
    for subject in subjects:
        # Pseudonyms of their own: no key of a subject's person is ever that of somebody on another list.
        done = con.execute(
            "insert into warehouse.identity_export.subject_record "
            f"select '{subject}', record_key, pseudonym('subject' || chr(31) || '{subject}' || chr(31) || person_id), "
            f"known_from, known_to from identity.staging.record_{subject}"
        ).fetchall()
        rows += int(done[0][0])
    con.execute("commit")
    return rows


def week_of(con: duckdb.DuckDBPyConnection, subject: str, as_of: date, cutoff: datetime) -> dict[str, Any]:
    """What the marts say of a subject on a Sunday, as known at its cut-off, in an order that owes nothing to a key.

    Returns:
        patterns: person_key, pattern, evidence (event keys): those that are news this week.
        events: by person_key: the last two years of the people in `patterns` and `unanswered`.
        help: by person_key: spells open on the Sunday.
        unanswered: person_key, event_key, agency, sent_on, due_on: notifications without a record.
    """
    at = {"day": as_of, "cutoff": cutoff}
    patterns = _rows(
        con,
        f"select person_key::varchar as person_key, pattern, evidence from warehouse.marts.{subject}_pattern "
        "where as_of_date = $day and is_new",
        {"day": as_of},
    )
    unanswered = _rows(
        con,
        "select person_key::varchar as person_key, event_key, agency, sent_on, due_on "
        f"from warehouse.marts.{subject}_notification where as_of_date = $day and state = 'not_found' "
        "order by sent_on, due_on, agency",
        {"day": as_of},
    )
    people = {"people": sorted({str(one["person_key"]) for one in [*patterns, *unanswered]})}
    known = "known_from <= $cutoff and $cutoff < known_to and person_key in (select unnest($people::uuid[]))"
    events = _rows(
        con,
        "select person_key::varchar as person_key, event_key, agency, feed, event_type, occurred_on, detail "
        f"from warehouse.marts.{subject}_event where {known} and occurred_on <= $day and occurred_on > $oldest "
        "order by occurred_on desc, event_type, detail, agency, feed",
        {**at, **people, "oldest": date.fromordinal(as_of.toordinal() - _STORY_DAYS)},
    )
    helped = _rows(
        con,
        "select person_key::varchar as person_key, agency, spell_type, kind, team, started_on "
        f"from warehouse.marts.{subject}_help where {known} and started_on <= $day and coalesce(ended_on > $day, true) "
        "order by started_on, spell_type, kind, team",
        {**at, **people},
    )
    return {"patterns": patterns, "events": events, "help": helped, "unanswered": unanswered}


def names_of(
    con: duckdb.DuckDBPyConnection,
    subject: str,
    pseudonym: Pseudonym,
    person_keys: Iterable[str],
    known_until: datetime,
) -> dict[str, dict[str, Any]]:
    """Forename, surname and birth date by person_key, as known at an instant; for the people of one list alone."""
    wanted = sorted(set(person_keys))
    if not wanted:
        return {}
    pseudonym.install(con)
    rows = _rows(
        con,
        f"""
        with named as (
            select
                pseudonym('subject' || chr(31) || '{subject}' || chr(31) || person_id)::varchar as person_key,
                forename, surname, birth_date, spelling_order, known_from
            from identity.staging.record_{subject}
            where known_from <= $instant and $instant < known_to and surname is not null
        )
        select person_key, forename, surname, birth_date from named
        where list_contains($wanted, person_key)
        qualify row_number() over (
            partition by person_key
            order by spelling_order, forename is null, birth_date is null, known_from desc, forename, surname
        ) = 1
        """,
        {"instant": known_until, "wanted": wanted},
    )
    return {str(one.pop("person_key")): one for one in rows}


def _rows(con: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    found = con.execute(sql, values)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
