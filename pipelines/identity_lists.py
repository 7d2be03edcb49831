"""Who stands on a weekly list that is still in use: two of them do not become one without anybody being asked."""

from __future__ import annotations

from datetime import datetime

import duckdb

from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym


def on_open_lists(con: duckdb.DuckDBPyConnection, store: HubStore, pseudonym: Pseudonym, now: datetime) -> set[str]:
    """Ids of the children on a list issued before `now` whose last day of use has not passed; a merged one's by now.

    Args:
        con: a connection with the identity zone attached.
        now: the night's instant, naive UTC.
    """
    keys = {
        child["person_key"]
        for facts in store.issued("weekly_list.v1")
        if facts.issued_at <= now and now.date() <= facts.expires_on
        for family in store.document(facts.document_id)["families"]
        for child in family["children"]
    }
    if not keys:
        return set()
    pseudonym.install(con)
    # A person merged since, and not taken apart again, is looked for where its records went.
    rows = con.execute(
        """
        with recursive listed as (
            select distinct person_id from identity.linkage.person_event
            where list_contains($keys, pseudonym('person' || chr(31) || person_id)::varchar)
            union
            select redirect.to_person_id
            from listed
            inner join identity.linkage.person_redirect as redirect using (person_id)
            where person_id not in (
                select person_id from identity.linkage.person_assignment where known_to = timestamp '9999-12-31')
        )
        select person_id from listed
        """,
        {"keys": sorted(keys)},
    ).fetchall()
    return {person for (person,) in rows}
