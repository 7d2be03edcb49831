"""`hub identity explain` and `who`: why two records are one person, and whom a record was on a day."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

import duckdb
from rich.console import Console
from rich.markup import escape

from governance.pseudonym import Pseudonym
from pipelines.clock import LONDON
from pipelines.hub import Hub, HubProblem
from pipelines.identity_names import log_look, require_reason

if TYPE_CHECKING:
    from models.linkage.explain import Hop

_OPEN = "known_to = timestamp '9999-12-31'"
_NAMED = ("forename", "surname", "birth_date", "sex", "postcode", "nhs_number", "upn", "source_key")


def print_why(console: Console, first: str, second: str, names: bool, by: str | None, why: str | None) -> None:
    """The steps from one record to the other, each as a sentence and in bits; values of the records if asked for.

    Raises:
        HubProblem: no such record; or names are asked for by nobody, or for no reason.
    """
    from models.linkage import who

    hub = Hub.from_environment()
    require_reason(names, by, why)
    with hub.zones.open("identity", read_only=True) as con:
        keys = [record_key(con, hub, text) for text in (first, second)]
        if keys[0] == keys[1]:
            raise HubProblem("These are one and the same record; give two.")
        one, hops = who.why(con, *keys)
        shown = {key: _record(con, key) for key in [*keys, *(hop.right for hop in hops)]}
    if names:
        log_look(hub, by, why, (row["person_id"] for row in shown.values() if row), {"record_keys": keys})
    console.print(_answer(one, len(hops)))
    if names and not hops:
        for key in keys:
            console.print(f"  {_called(shown[key], names)}", soft_wrap=True)
    for number, hop in enumerate(hops, start=1):
        console.print(
            f"{number}. {_called(shown[hop.left], names)}\n   {_called(shown[hop.right], names)}", soft_wrap=True
        )
        console.print(f"   {escape(hop.sentence)}", soft_wrap=True)
        console.print(f"   {_weight(hop)}", soft_wrap=True)


def _weight(hop: Hop) -> str:
    """The bits of a step: all of it, by which rule, and the parts the model sees, which add up with the prior."""
    parts = {"before any evidence": hop.raw - sum(hop.by_column.values()), **hop.by_column}
    bits = ", ".join(f"{column.replace('_', ' ')} {value:+.1f}" for column, value in parts.items() if round(value, 1))
    raw = f" (the model alone {hop.raw:+.1f}: {hop.adjusted_by.replace('_', ' ')})" if hop.adjusted_by else ""
    rule = "" if hop.rule == "model" else f" by the rule {hop.rule.replace('_', ' ')}"
    return f"Weight {hop.weight:+.1f} bits{rule}{raw}" + (f": {bits}." if hop.by_column else ".")


def _answer(one: bool, steps: int) -> str:
    if one and steps:
        return "One person today." + (f" The strongest path between the two has {steps} steps." if steps > 1 else "")
    if one:
        return "One person today; how they came together is not kept any more."
    return "Not one person today." + (" They were compared:" if steps else " Nothing links them.")


def print_who(console: Console, record: str, on: date, known_on: date | None) -> None:
    """Whom a record was known to be at the end of a day, and who that is by now, or by the end of another day.

    Raises:
        HubProblem: the second day is before the first.
    """
    from models.linkage.who import who_was

    if known_on is not None and known_on < on:
        raise HubProblem(f"--known-on {known_on} is before --on {on}: nobody could know then.")
    hub = Hub.from_environment()
    with hub.zones.open("identity", read_only=True) as con:
        found = who_was(con, record_key(con, hub, record), _end_of(on), _end_of(known_on) if known_on else None)
    if found is None:
        console.print(f"On {on:%d %B %Y} no person was known by this record.")
        return
    since = found.since.replace(tzinfo=UTC).astimezone(LONDON)
    console.print(
        f"On {on:%d %B %Y} it was person {found.person_id}, since {since:%d %B %Y %H:%M} ({found.link_basis}).",
        soft_wrap=True,
    )
    for one, other, when in found.trail:
        console.print(f"{one} became {other} on {when.replace(tzinfo=UTC).astimezone(LONDON):%d %B %Y %H:%M}.")
    told = f"As known on {known_on:%d %B %Y}" if known_on else "Today"
    console.print(f"{told} that is person {found.now}.")


def record_key(con: duckdb.DuckDBPyConnection, hub: Hub, text: str) -> str:
    """The key of a record given as `agency/feed/key` or by its key; a key of several parts has them between slashes.

    Raises:
        HubProblem: it is neither, or no record of a person goes by it.
    """
    parts = text.split("/")
    if len(parts) > 2:
        key_of = Pseudonym(hub.keys.pseudonym).key_of
        keys = [str(key_of(*parts)), str(key_of(*text.split("/", 2)))]
    else:
        try:
            keys = [str(uuid.UUID(text))]
        except ValueError:
            raise HubProblem("A record is given as agency/feed/key, such as csc/person/4711, or by its key.") from None
    there = {str(key) for (key,) in con.execute(
        "select distinct record_key from linkage.person_assignment where list_contains($keys, record_key::varchar)",
        {"keys": keys},
    ).fetchall()}  # fmt: skip
    for key in keys:
        if key in there:
            return key
    raise HubProblem(f"No record of a person goes by {text}: give agency/feed/key or a record's key.")


def _end_of(day: date) -> datetime:
    """The last moment of a London day, naive UTC."""
    return datetime.combine(day, time.max, LONDON).astimezone(UTC).replace(tzinfo=None)


def _record(con: duckdb.DuckDBPyConnection, key: str) -> dict[str, Any] | None:
    """The newest version of a record and its person; None of a record that names no person."""
    answer = con.execute(
        f"select assignment.person_id, record.* from canonical.person_record as record "
        f"join linkage.person_assignment as assignment using (record_key) "
        f"where record.record_key = $key and assignment.{_OPEN} order by record.known_from desc limit 1",
        {"key": key},
    )
    names = [column[0] for column in answer.description or ()]
    row = answer.fetchone()
    return dict(zip(names, row, strict=True)) if row else None


def _called(row: dict[str, Any] | None, names: bool) -> str:
    """A record in one line; a source key may be a number of a person, so it stands among the names."""
    if row is None:
        return "a record that is not kept any more"
    said = [str(row[name]).replace("\x1f", "/") for name in _NAMED if row[name] is not None] if names else []
    return f"{row['agency']}/{row['feed']} {row['record_key']}" + (f": {escape(', '.join(said))}" if said else "")
