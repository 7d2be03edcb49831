"""What people decide about who is who, kept for ever.

A decision names two records, never two persons: persons merge and part, records stay. Nothing is changed or removed;
a later decision on the same pair counts in place of an earlier one.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import duckdb
from rich.console import Console
from rich.markup import escape

from pipelines.hub import Hub, HubProblem
from pipelines.identity_history import DECISIONS, is_record_key
from pipelines.identity_queue import OPEN, identity_zone, item_of


def decide(console: Console, item: str, decision: str, by: str, why: str, expires: date | None) -> None:
    """Keep what somebody decided about an item of the queue; it binds from the next night on."""
    hub = Hub.from_environment()
    with identity_zone(hub, read_only=False) as con:
        row = item_of(con, item)
        _append(con, hub, row, decision, by, why, expires)
        effect = _effect(con, row, decision)
    console.print(f"{row['item_id']}: {DECISIONS[decision]}, says {escape(by)}. {effect}", soft_wrap=True)
    _say_end(console, decision, expires)


def unmerge(console: Console, left: str, right: str, by: str, why: str, expires: date | None) -> None:
    """Decide that two records of one person are two people."""
    hub = Hub.from_environment()
    keys = sorted((_record_key(left), _record_key(right)))
    with identity_zone(hub, read_only=False) as con:
        persons = {
            person
            for (person,) in con.execute(
                f"select person_id from linkage.person_assignment where {OPEN} and record_key::varchar in (?, ?)", keys
            ).fetchall()
        }
        known = con.execute(
            f"select count(*) from linkage.person_assignment where {OPEN} and record_key::varchar in (?, ?)", keys
        ).fetchone()
        if keys[0] == keys[1] or known != (2,) or len(persons) != 1:
            raise HubProblem(
                "These are not two records of one person, so there is nothing to take apart. "
                "`hub identity history RECORD` says whose a record is."
            )
        row = {"item_id": None, "record_key_l": keys[0], "record_key_r": keys[1]}
        _append(con, hub, row, "cannot_link", by, why, expires)
    console.print(
        f"Two people, says {escape(by)}: the next night parts person {persons.pop()} between these two records, "
        "and every other record goes to the one it is more like.",
        soft_wrap=True,
    )
    _say_end(console, "cannot_link", expires)


def _append(
    con: duckdb.DuckDBPyConnection,
    hub: Hub,
    row: dict[str, Any],
    decision: str,
    by: str,
    why: str,
    expires: date | None,
) -> None:
    """Add one decision; nothing is ever changed or removed.

    Raises:
        HubProblem: nobody, no reason, or an end that has passed.
    """
    now: datetime = hub.present()
    if not by.strip() or not why.strip():
        raise HubProblem("A decision about who is who needs somebody who takes it and a reason that others can read.")
    if expires is not None and expires <= now.date():
        raise HubProblem(f"{expires:%d %B %Y} is over, so the decision would bind nobody; give a later day or none.")
    hub.store.audit.append(
        who=by,
        what="identity.decided",
        purpose="saying whether two records are one person",
        detail={"item_id": row["item_id"], "decision": decision},
    )
    con.execute(
        """
        insert into linkage.clerical_decision (
            decision_id, record_key_l, record_key_r, decision, decided_by, decided_at, reason, expires_on, item_id)
        select
            'D' || lpad((coalesce(max(decision_id[2:]::bigint), 0) + 1)::varchar, 9, '0'),
            $left, $right, $decision, $by, $now, $why, $expires, $item
        from linkage.clerical_decision
        """,
        {
            "left": row["record_key_l"],
            "right": row["record_key_r"],
            "decision": decision,
            "by": by.strip(),
            "now": now,
            "why": why.strip(),
            "expires": expires,
            "item": row["item_id"],
        },
    )


def _effect(con: duckdb.DuckDBPyConnection, row: dict[str, Any], decision: str) -> str:
    """What the next night will make of a decision, for somebody who may know of these two persons alone."""
    persons = sorted({row["person_id_l"], row["person_id_r"]})
    if decision == "unsure":
        return "Nobody is joined or parted, and the pair is not asked about for a while."
    if decision == "cannot_link":
        if len(persons) == 1:
            return f"The next night parts person {persons[0]} between the two records."
        return f"Persons {persons[0]} and {persons[1]} stay two from the next night on, whatever the evidence."
    if len(persons) == 1:
        return f"The two records stay together in person {persons[0]}."
    numbers = con.execute(
        f"""
        select count(distinct nhs_number)
        from linkage.person_assignment
        inner join canonical.person_record using (record_key)
        where linkage.person_assignment.{OPEN} and canonical.person_record.{OPEN} and list_contains(?, person_id)
        """,
        [persons],
    ).fetchone()
    caution = (
        " They carry different NHS numbers: if both are checked numbers, both persons are kept as they are and wait "
        "under needs_attention."
        if numbers and numbers[0] > 1
        else ""
    )
    return f"The next night makes persons {persons[0]} and {persons[1]} one, unless a rule forbids it.{caution}"


def _say_end(console: Console, decision: str, expires: date | None) -> None:
    """Until when a decision holds."""
    if expires is not None:
        console.print(f"It holds until {expires:%d %B %Y}.")
    elif decision != "unsure":
        console.print("It holds until somebody decides otherwise.")


def _record_key(text: str) -> str:
    if not is_record_key(text):
        raise HubProblem(f"{text} is no record key; `hub identity show ITEM` and `hub identity history` print them.")
    return text.lower()
