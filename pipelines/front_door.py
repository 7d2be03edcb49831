"""What was sent to the front door against what was recorded there: from the marts to a page and to lists for asking.

The marts compare keys. References, by which a sender finds its own notification, stay in the identity zone and meet
the marts only here, to be written for the front-door manager.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from data_quality.sql import quoted
from governance.pseudonym import Pseudonym
from pipelines.hub import Hub, HubProblem


def declared(hub: Hub) -> dict[str, Any]:
    """front_door.yml of the pack; empty where the pack compares nothing."""
    return hub.declaration("front_door.yml")


def export_held_contacts(con: duckdb.DuckDBPyConnection, hub: Hub, now: datetime) -> int:
    """Tell the warehouse whom the contacts that the gate still holds are about, and of what day; returns how many.

    A contact whose row is held was recorded, so its notification is not lost. `con` has warehouse and quarantine.

    Raises:
        HubProblem: front_door.yml names a feed or a column that no contract has.
    """
    where = declared(hub)["front_door"]["contacts"]
    contract = hub.contracts.get(f"{where['agency']}__{where['feed']}")
    columns = {column.name: column for column in contract.columns} if contract else {}
    person = columns.get(where["person"])
    if contract is None or person is None or not person.references or where["day"] not in columns:
        raise HubProblem(
            f"front_door.yml looks for contacts in {where['agency']}__{where['feed']}, columns {where['person']} and "
            f"{where['day']}: no contract has them so, the first with a reference to the feed of persons."
        )
    Pseudonym(hub.keys.pseudonym).install(con)
    con.execute("begin transaction")
    con.execute("delete from warehouse.identity_export.held_contact")
    rows = con.execute(
        """
        insert into warehouse.identity_export.held_contact
        with held as (
            select
                nullif(trim(json_extract_string(row_as_sent, $person)), '') as person,
                json_extract_string(row_as_sent, $day) as day,
                cast(quarantined_at as date) as held_on
            from quarantine.gate.quarantined_row
            where agency = $agency and feed = $feed and quarantined_at <= $now and resolved_by_drop is null
        )
        select distinct
            pseudonym(concat_ws(chr(31), $of_agency, $of_feed, person)),
            coalesce(cast(try_strptime(day, $format) as date), held_on)
        from held
        where person is not null
        """,
        {
            "person": f'$."{where["person"]}"',
            "day": f'$."{where["day"]}"',
            "agency": contract.agency,
            "feed": contract.feed,
            "now": now,
            "of_agency": person.references.split("__")[0],
            "of_feed": person.references.split("__")[1],
            "format": contract.delivery.date_format,
        },
    ).fetchall()
    con.execute("commit")
    return int(rows[0][0])


BANDS = ("0-2", "3-5", "6-10", "over 10")


def weeks_of(con: duckdb.DuckDBPyConnection, since: date) -> list[dict[str, Any]]:
    """Per sending agency, of what was sent since a day: how much was recorded in time, late, or is open, and how long.

    Counts for those inside the firewall; whoever shows them outside hides small numbers.
    """
    rows = con.execute(
        """
        select
            agency,
            count(*) as sent,
            count(*) filter (where state = 'matched' and basis <> 'recorded_late') as in_time,
            count(*) filter (where basis = 'recorded_late') as late,
            count(*) filter (where state = 'waiting') as waiting,
            count(*) filter (where state = 'held') as held,
            count(*) filter (where state = 'cannot_say') as cannot_say,
            count(*) filter (where state = 'lost') as lost,
            list(age_band) filter (where state = 'lost') as bands,
            count(*) filter (where is_to_chase) as to_chase
        from warehouse.marts.notification_match
        where sent_on >= ?
        group by agency
        order by agency
        """,
        [since],
    ).fetchall()
    names = ("agency", "sent", "in_time", "late", "waiting", "held", "cannot_say", "lost", "bands", "to_chase")
    found = [dict(zip(names, row, strict=True)) for row in rows]
    for one in found:
        one["bands"] = {band: (one["bands"] or []).count(band) for band in BANDS}
    return found


def alarm(con: duckdb.DuckDBPyConnection, rule: Mapping[str, Any], today: date) -> list[dict[str, Any]]:
    """Per agency what it sent in the last `weeks` and what of it is lost; `is_broken` past the declared share."""
    rows = con.execute(
        "select agency, count(*), count(*) filter (where state = 'lost') from warehouse.marts.notification_match "
        "where sent_on >= ? group by agency order by agency",
        [today - timedelta(weeks=rule["weeks"])],
    ).fetchall()
    return [
        {
            "agency": agency,
            "sent": sent,
            "lost": lost,
            "is_broken": lost >= rule["at_least"] and lost > rule["share_lost"] * sent,
        }
        for agency, sent, lost in rows
    ]


def to_chase(con: duckdb.DuckDBPyConnection, hub: Hub) -> dict[str, list[dict[str, Any]]]:
    """By agency its notifications somebody has to ask about, oldest first, with the sender's own reference.

    No name, no address, no birth date: the reference is enough to ask by. `person_key` is for the audit log alone.
    `con` has identity and warehouse.
    """
    kinds = declared(hub).get("kinds", {})
    places = dict(
        con.execute(
            "select organisation, any_value(name order by known_from desc) from warehouse.canonical.organisation "
            "group by organisation"
        ).fetchall()
    )
    feeds = con.execute(
        "select distinct agency, feed from warehouse.marts.notification_match where is_to_chase order by all"
    ).fetchall()
    found: dict[str, list[dict[str, Any]]] = {}
    for agency, feed in feeds:
        contract, told = hub.contracts[f"{agency}__{feed}"], kinds.get(agency, {})
        words = hub.labels(told["code_set"]) if "code_set" in told else {}
        reference = ", ' / ', ".join(f"trim(own.{quoted(column.name)})" for column in contract.keys)
        rows = con.execute(
            f"""
            with own as (
                select *
                from identity.raw.{quoted(contract.name)}
                qualify row_number() over (partition by record_key order by known_from desc, extracted_at desc) = 1
            )
            select
                concat({reference}), lost.sent_on, lost.working_days, lost.kind, lost.organisation,
                sent.person_key::varchar
            from warehouse.marts.notification_match as lost
            join warehouse.marts.notification_sent as sent using (notification_key)
            join own on lost.notification_key = own.record_key
            where lost.is_to_chase and lost.agency = ? and lost.feed = ?
            order by lost.sent_on, 1
            """,
            [agency, feed],
        ).fetchall()
        found.setdefault(agency, []).extend(
            {
                "reference": number,
                "sent_on": sent_on.isoformat(),
                "working_days": int(days),
                "kind": " ".join(part for part in (told.get("what", ""), words.get(kind, kind or "")) if part),
                "place": places.get(place, ""),
                "person_key": person,
            }
            for number, sent_on, days, kind, place, person in rows
        )
    for lines in found.values():
        lines.sort(key=lambda line: (line["sent_on"], line["reference"]))
    return found
