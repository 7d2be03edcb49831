"""The review queue of identity: what is asked, what a person may see of it, and what they decide.

The queue itself holds no name. Names are read for one item at a time, by somebody who says who they are and what for,
and the look is in the audit log before anything is shown.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from governance.pseudonym import Pseudonym
from pipelines.hub import Hub, HubProblem

DECISIONS = {"must_link": "the same person", "cannot_link": "two people", "unsure": "not to be told yet"}
_SHOWN = ("birth_date", "sex", "nhs_number", "upn")
_HEADINGS = ("name", "born", "sex", "NHS number", "pupil number")
_OPEN = "known_to = timestamp '9999-12-31'"


def print_queue(console: Console, kind: str | None, limit: int) -> None:
    """The questions that wait, most useful first; words and counts, no names."""
    hub = Hub.from_environment()
    with _identity(hub) as con:
        rows = _rows(
            con,
            """
            select
                queue.*,
                kind <> 'contradiction' and exists (
                    select 1 from linkage.clerical_decision as decided
                    where decided.item_id = queue.item_id and decided.decided_at >= queue.since) as answered
            from linkage.review_queue as queue
            where $kind is null or kind = $kind
            order by value desc, item_id
            """,
            {"kind": kind},
        )
        frozen = _rows(con, "select * from linkage.needs_attention order by since, attention_id", {})
    waiting = [row for row in rows if not row["answered"]]
    shown = waiting[:limit]
    table = Table("item", "kind", "since", "records", "evidence", box=None, pad_edge=False)
    for row in shown:
        table.add_row(
            row["item_id"],
            row["kind"],
            f"{row['since']:%d %b %Y}",
            f"{row['records_l']} + {row['records_r']}",
            row["evidence"],
        )
    if shown:
        console.print(table)
        console.print()
    for said in dict.fromkeys((row["kind"], row["reason"]) for row in shown):
        console.print(f"[bold]{said[0]}[/bold]: {escape(said[1])}", soft_wrap=True)
    console.print(
        f"{len(waiting):,} questions wait, {len(shown):,} shown, most useful first. "
        f"{len(rows) - len(waiting):,} are decided and take effect with the next night.",
        soft_wrap=True,
    )
    for one in frozen:
        console.print(
            f"[yellow]{one['attention_id']}[/yellow] {len(one['record_keys'])} records of {len(one['person_ids'])} "
            f"persons are kept as they were since {one['since']:%d %b %Y}: {escape(one['reason'])}",
            soft_wrap=True,
        )
    if waiting:
        console.print(f"Look at one: hub identity show {waiting[0]['item_id']}")


def print_item(console: Console, item: str, names: bool, by: str | None, why: str | None) -> None:
    """One question: evidence in words, the records of both persons, what was decided before; names if asked for."""
    hub = Hub.from_environment()
    if names and not (by and by.strip() and why and why.strip()):
        raise HubProblem("Names are shown to somebody, for a reason, and both are logged: say --by WHO and --why TEXT.")
    with _identity(hub) as con:
        row = _item(con, item)
        records = _records(con, row)
        said = _explained(con, row)
    if names:
        key_of = Pseudonym(hub.keys.pseudonym).key_of
        hub.store.audit.append(
            who=str(by),
            what="identity.names_shown",
            purpose=str(why),
            about=[str(key_of("person", row[side])) for side in ("person_id_l", "person_id_r")],
            detail={"item_id": row["item_id"]},
        )
    console.print(f"[bold]{row['item_id']}[/bold] {row['kind']}, waiting since {row['since']:%d %B %Y}")
    console.print(escape(row["reason"]), soft_wrap=True)
    console.print(f"Evidence: {escape(row['evidence'])}. {escape(said)}", soft_wrap=True)
    for side in ("l", "r"):
        if side == "r" and row["person_id_l"] == row["person_id_r"]:
            break
        person = row[f"person_id_{side}"]
        console.print(f"\n[bold]Person {person}[/bold]; asked about by record {row[f'record_key_{side}']}")
        console.print(_told([one for one in records if one["person_id"] == person], names))
    console.print()
    print_history(console, row["item_id"], quiet=True)
    console.print(f'Decide: hub identity decide {row["item_id"]} must_link --by WHO --why "..."', soft_wrap=True)


def _told(records: list[dict[str, Any]], names: bool) -> Table:
    """What the records of a person say, in one line what several say alike."""
    said: dict[tuple[str, ...], dict[str, list[datetime]]] = {}
    for one in records:
        parts = (" ".join(_text(one[part]) for part in ("forename", "surname")), *(_text(one[n]) for n in _SHOWN))
        feeds = said.setdefault(parts if names else (), {})
        feeds.setdefault(f"{one['agency']} {one['feed']}", []).append(one["known_from"])
    table = Table(*(_HEADINGS if names else ()), "said by", box=None, pad_edge=False)
    for line, feeds in said.items():
        times = [f"{feed} ({len(known)} since {min(known):%Y-%m-%d})" for feed, known in feeds.items()]
        table.add_row(*line, ", ".join(times))
    for column in table.columns[:-1]:
        column.no_wrap = True
    return table


def decide(console: Console, item: str, decision: str, by: str, why: str, expires: date | None) -> None:
    """Keep what somebody decided about an item of the queue; it binds from the next night on."""
    hub = Hub.from_environment()
    with _identity(hub, read_only=False) as con:
        row = _item(con, item)
        _append(con, hub, row, decision, by, why, expires)
        effect = _effect(con, row, decision)
    console.print(f"{row['item_id']}: {DECISIONS[decision]}, says {escape(by)}. {effect}", soft_wrap=True)
    _say_end(console, decision, expires)


def unmerge(console: Console, left: str, right: str, by: str, why: str, expires: date | None) -> None:
    """Decide that two records of one person are two people."""
    hub = Hub.from_environment()
    keys = sorted((_record_key(left), _record_key(right)))
    with _identity(hub, read_only=False) as con:
        persons = {
            person
            for (person,) in con.execute(
                f"select person_id from linkage.person_assignment where {_OPEN} and record_key::varchar in (?, ?)", keys
            ).fetchall()
        }
        known = con.execute(
            f"select count(*) from linkage.person_assignment where {_OPEN} and record_key::varchar in (?, ?)", keys
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


def print_history(console: Console, what: str, quiet: bool = False) -> None:
    """What was decided about an item or a record, and which person a record was when."""
    hub = Hub.from_environment()
    with _identity(hub) as con:
        is_record = _is_uuid(what)
        decided = _rows(
            con,
            """
            with parted as (
                select distinct before.person_id as l, after.person_id as r
                from canonical.linkage_barrier as barrier
                inner join linkage.person_assignment as before on barrier.record_key_before = before.record_key
                inner join linkage.person_assignment as after on barrier.record_key_after = after.record_key
            )
            select decided.*
            from linkage.clerical_decision as decided
            where (starts_with(item_id, $what) or record_key_l::varchar = $what or record_key_r::varchar = $what)
                and not exists (
                    select 1
                    from parted
                    inner join linkage.person_assignment as one on one.record_key = decided.record_key_l
                    inner join linkage.person_assignment as other on other.record_key = decided.record_key_r
                    where (parted.l, parted.r) in (
                        (one.person_id, other.person_id), (other.person_id, one.person_id))
                )
            order by decided_at, decision_id
            """,
            {"what": what.lower() if is_record else what.upper()},
        )
        spells = _rows(
            con,
            "select * from linkage.person_assignment where record_key::varchar = $what order by known_from",
            {"what": what.lower()},
        )
    for one in decided:
        until = f", until {one['expires_on']:%d %B %Y}" if one["expires_on"] else ""
        console.print(
            f"{one['decided_at']:%d %b %Y %H:%M} {escape(one['decided_by'])}: {DECISIONS[one['decision']]}{until}. "
            f"{escape(one['reason'])}" + (f" ({one['item_id'] or 'unmerge'})" if is_record else ""),
            soft_wrap=True,
        )
    for one in spells:
        end = "now" if one["known_to"].year == 9999 else f"{one['known_to']:%d %b %Y %H:%M}"
        console.print(
            f"{one['known_from']:%d %b %Y %H:%M} to {end}: person {one['person_id']} ({one['reason']}, "
            f"{one['link_basis']})",
            soft_wrap=True,
        )
    if not decided and not spells and not quiet:
        console.print(f"Nothing was decided about {escape(what)}, and no record of a person has that key.")


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
        where linkage.person_assignment.{_OPEN} and canonical.person_record.{_OPEN} and list_contains(?, person_id)
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


@contextmanager
def _identity(hub: Hub, read_only: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """The identity zone.

    Raises:
        HubProblem: no night has made a queue yet.
    """
    none = "No night has made a review queue yet: `hub run nightly`."
    if not hub.zones.path("identity").exists():
        raise HubProblem(none)
    with hub.zones.open("identity", read_only=read_only) as con:
        found = con.execute(
            "select 1 from duckdb_tables() where schema_name = 'linkage' and table_name = 'review_queue'"
        ).fetchone()
        if found is None:
            raise HubProblem(none)
        yield con


def _item(con: duckdb.DuckDBPyConnection, item: str) -> dict[str, Any]:
    """The item of that id, or the only one whose id begins so.

    Raises:
        HubProblem: it is not in the queue, or several begin so.
    """
    rows = _rows(con, "select * from linkage.review_queue where starts_with(item_id, $item)", {"item": item.upper()})
    if len(rows) != 1:
        raise HubProblem(
            f"{item} is {'not, or not any more, in the queue' if not rows else 'the beginning of several items'}: "
            "`hub identity queue` lists what waits."
        )
    return {**rows[0], "record_key_l": str(rows[0]["record_key_l"]), "record_key_r": str(rows[0]["record_key_r"])}


def _records(con: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of both persons as they are now."""
    return _rows(
        con,
        f"""
        select person_id, record_key::varchar as record_key, record.* exclude (record_key)
        from linkage.person_assignment as assignment
        inner join canonical.person_record as record using (record_key)
        where assignment.{_OPEN} and record.{_OPEN} and list_contains($persons, person_id)
        order by person_id, agency, feed, record.known_from, source_key
        """,
        {"persons": [row["person_id_l"], row["person_id_r"]]},
    )


def _explained(con: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> str:
    """What the model made of the two records, as a sentence and in bits."""
    from models.linkage.explain import explain

    edges = _rows(
        con,
        """
        select * from linkage.edge
        where (record_key_l::varchar, record_key_r::varchar) in (($left, $right), ($right, $left))
        """,
        {"left": row["record_key_l"], "right": row["record_key_r"]},
    )
    if not edges:
        return "The two records themselves were not compared."
    weight = edges[0]["match_weight"], edges[0]["adjusted_weight"]
    return f"{explain(edges[0])['sentence']} Weight {weight[0]:.1f} bits, {weight[1]:.1f} after the family rules."


def _rows(con: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of a query as dictionaries."""
    answer = con.execute(sql, values)
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _record_key(text: str) -> str:
    if not _is_uuid(text):
        raise HubProblem(f"{text} is no record key; `hub identity show ITEM` and `hub identity history` print them.")
    return text.lower()


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _text(value: Any) -> str:
    return "" if value is None else escape(str(value))
