"""Who a record was: answers from the ledger and the table of edges for one record or two, for a person who asks.

The ledger has one line of knowledge: a row says from when until when a record was known to be a person. Asked *on* a
day, the answer is the row of that day. Ids live on after that: a person may since have been merged into another.
``known_on`` says until when such news counts; by default all of it does.

Worked example: record r was P1 from January; P1 was merged into P7 in May. ``on`` March: it was P1, who is P7 today.
``on`` March, ``known_on`` April: P1, who was P1 then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.linkage.explain import Hop, hop, path, rows


@dataclass(frozen=True)
class Who:
    """``person_id``: whom the record was on the day asked for. ``now``: who that is, as known on ``known_on``.

    ``trail``: the merges between the two: from, to, when. ``since``: from when the record was that person.
    """

    person_id: str
    now: str
    since: datetime
    link_basis: str
    trail: tuple[tuple[str, str, datetime], ...]


def who_was(
    con: Any, record_key: str, on: datetime, known_on: datetime | None = None, state: str = "linkage"
) -> Who | None:
    """Whom a record was known to be at ``on`` (naive UTC), None if it was nobody's yet, or no more.

    ``known_on``: follow what became of that person up to this instant; the end of time if not given.
    """
    found = con.execute(
        f"select person_id, known_from, link_basis from {state}.person_assignment "
        "where record_key = $record and known_from <= $on and $on < known_to",
        {"record": record_key, "on": on},
    ).fetchall()
    if not found:
        return None
    person, since, basis = found[0]
    until = known_on or datetime(9999, 12, 30)
    trail: list[tuple[str, str, datetime]] = []
    name = str(person)
    while (step := _merged(con, name, until, state)) and step[0] not in {one[0] for one in trail}:
        trail.append((name, *step))
        name = step[0]
    return Who(str(person), name, since, basis, tuple(trail))


def _merged(con: Any, person: str, until: datetime, state: str) -> tuple[str, datetime] | None:
    """Into whom a person had gone at an instant, and when; None of a person who had records then, or was retired."""
    lives = con.execute(
        f"select 1 from {state}.person_assignment "
        "where person_id = $person and known_from <= $at and $at < known_to limit 1",
        {"person": person, "at": until},
    ).fetchall()
    if lives:
        return None
    last = con.execute(
        f"select event, other_person_id, happened_at from {state}.person_event "
        "where person_id = $person and event in ('merged', 'retired') and happened_at <= $at "
        "order by happened_at desc, event limit 1",
        {"person": person, "at": until},
    ).fetchall()
    return (str(last[0][1]), last[0][2]) if last and last[0][0] == "merged" else None


def why(
    con: Any, first: str, second: str, canonical: str = "canonical", state: str = "linkage"
) -> tuple[bool, list[Hop]]:
    """Whether two records are one person today, and the steps between them: the strongest path, or the edge they share.

    Two records of different persons have at most one step, what was compared and did not join them; none when nothing
    was, or when a barrier parts their persons.
    """
    live = "known_to = timestamp '9999-12-31'"
    found = dict(
        con.execute(
            f"select record_key::varchar, person_id from {state}.person_assignment "
            f"where {live} and record_key in ($first, $second)",
            {"first": first, "second": second},
        ).fetchall()
    )
    if first == second or first not in found or second not in found:
        return first == second and first in found, []
    one = found[first] == found[second]
    inside = (
        f"select edge.* replace (record_key_l::varchar as record_key_l, record_key_r::varchar as record_key_r) "
        f"from {state}.edge as edge "
    )
    if one:
        edges = con.execute(
            f"{inside} join {state}.person_assignment as l on edge.record_key_l = l.record_key and l.{live} "
            f"join {state}.person_assignment as r on edge.record_key_r = r.record_key and r.{live} "
            f"join {canonical}.person_record as sent on edge.record_key_l = sent.record_key and sent.{live} "
            f"join {canonical}.person_record as other on edge.record_key_r = other.record_key and other.{live} "
            "where l.person_id = $person and r.person_id = $person "
            "order by sent.agency, sent.feed, sent.source_key, other.agency, other.feed, other.source_key",
            {"person": found[first]},
        ).df()
        return True, path(edges, first, second)
    edges = con.execute(
        f"{inside} where edge.record_key_l in ($first, $second) and edge.record_key_r in ($first, $second) "
        f"and not exists (select 1 from {canonical}.linkage_barrier as barrier "
        f"join {state}.person_assignment as b on barrier.record_key_before = b.record_key "
        f"join {state}.person_assignment as a on barrier.record_key_after = a.record_key "
        "where (b.person_id, a.person_id) in (($l, $r), ($r, $l)))",
        {"first": first, "second": second, "l": found[first], "r": found[second]},
    ).df()
    return False, [hop(row, first) for row in rows(edges)]
