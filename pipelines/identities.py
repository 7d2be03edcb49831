"""Names for the people a list is about: read from the identity zone for the listed alone, never kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import duckdb

from governance.pseudonym import Pseudonym

# Whose spelling is shown when agencies differ: registers that check identity documents first.
_SPELLING = ("csc", "education", "community_health")


def identities(
    con: duckdb.DuckDBPyConnection,
    pseudonym: Pseudonym,
    person_keys: Iterable[str],
    known_until: datetime,
    by_number: bool = False,
) -> dict[str, dict[str, Any]]:
    """Forename, surname and birth date by person_key, as known at an instant.

    Args:
        con: a connection with the identity zone attached.
        person_keys: of the listed and their households.
        by_number: whether the agency's own number stands for the name of somebody whose name nobody shared.
    """
    wanted = sorted(set(person_keys))
    if not wanted:
        return {}
    pseudonym.install(con)
    rows = con.execute(
        """
        with assignment as (
            select record_key, pseudonym('person' || chr(31) || person_id) as person_key
            from identity.linkage.person_assignment
            where known_from <= $instant and $instant < known_to
        ),
        listed as (
            select * from assignment where list_contains($wanted, person_key::varchar)
        ),
        named as (
            select
                listed.person_key, record.forename, record.birth_date, record.agency,
                coalesce(record.surname, case when $by_number then record.local_id end) as surname,
                row_number() over (
                    partition by listed.person_key
                    order by
                        record.surname is null, record.forename is null, record.birth_date is null,
                        coalesce(list_position($spelling, record.agency), 99),
                        record.known_from desc, record.agency, record.feed, record.source_key
                ) as place
            from listed
            inner join identity.canonical.person_record as record using (record_key)
            where record.known_from <= $instant and $instant < record.known_to
              and (record.surname is not null or ($by_number and record.local_id is not null))
        )
        select person_key::varchar, forename, surname, birth_date from named where place = 1
        """,
        {"instant": known_until, "wanted": wanted, "spelling": list(_SPELLING), "by_number": by_number},
    ).fetchall()
    return {
        key: {"forename": forename, "surname": surname, "birth_date": born} for key, forename, surname, born in rows
    }


def professionals(
    con: duckdb.DuckDBPyConnection, record_keys: Iterable[str], known_until: datetime
) -> dict[str, dict[str, Any]]:
    """Name, role and organisation of workers by record_key, as known at an instant."""
    wanted = sorted(set(record_keys))
    if not wanted:
        return {}
    rows = con.execute(
        """
        select record_key::varchar, name, role, organisation
        from identity.canonical.professional
        where list_contains($wanted, record_key::varchar) and known_from <= $instant and $instant < known_to
        """,
        {"instant": known_until, "wanted": wanted},
    ).fetchall()
    return {key: {"name": name, "role": role, "organisation": place} for key, name, role, place in rows}


def mentioned(candidates: Iterable[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """(person keys, worker record keys) that a set of candidates mentions."""
    persons: set[str] = set()
    workers: set[str] = set()
    for candidate in candidates:
        persons.add(str(candidate["person_key"]))
        persons.update(str(key) for key in candidate.get("siblings", []))
        workers.update(
            str(line["worker_record_key"]) for line in candidate.get("involvement", []) if line.get("worker_record_key")
        )
    return persons, workers
