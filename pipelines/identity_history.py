"""`hub identity history`: what was decided about an item or a record, for whom it counts, and who a record was when.

A decision on a record that its agency sends no more binds those who stood beside it (models/linkage/stand_ins.py). So
the history of such a pair says for whom it counts now, and that of a stand-in tells what it inherited.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Any

import duckdb
import pandas as pd
from rich.console import Console
from rich.markup import escape

from models.linkage.stand_ins import SIDES, beside, speak_for_the_gone
from pipelines.hub import Hub
from pipelines.identity_queue import identity_zone, rows_of

DECISIONS = {"must_link": "the same person", "cannot_link": "two people", "unsure": "not to be told yet"}
_KEYS_SHOWN = 5


@dataclass(frozen=True)
class _Said:
    """A decision, and for each of its records that is gone the records for which it counts instead.

    `counts_for` is empty where both records are still sent, and where the decision has ended or another took its place.
    """

    row: dict[str, Any]
    counts_for: dict[str, list[str]] = field(default_factory=dict)

    @property
    def records(self) -> set[str]:
        """Every record it names or counts for."""
        return {*(self.row[side] for side in SIDES), *(key for keys in self.counts_for.values() for key in keys)}


def is_record_key(text: str) -> bool:
    """Whether a text is the key of a record, and not the name of an item."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def print_history(console: Console, what: str, quiet: bool = False) -> None:
    """What was decided about an item or a record, and which person a record was when."""
    hub = Hub.from_environment()
    of_record = is_record_key(what)
    what = what.lower() if of_record else what.upper()
    with identity_zone(hub) as con:
        found = _decisions(con, hub.present())
        mine = [
            one for one in found if (what in one.records if of_record else (one.row["item_id"] or "").startswith(what))
        ]
        told = [one for one in mine if not _spans_a_barrier(con, one.records)]
        spells = rows_of(
            con,
            "select * from linkage.person_assignment where record_key::varchar = $what order by known_from",
            {"what": what},
        )
    for one in told:
        console.print(_line(one, what if of_record else None), soft_wrap=True)
    for spell in spells:
        end = "now" if spell["known_to"].year == 9999 else f"{spell['known_to']:%d %b %Y %H:%M}"
        console.print(
            f"{spell['known_from']:%d %b %Y %H:%M} to {end}: person {spell['person_id']} ({spell['reason']}, "
            f"{spell['link_basis']})",
            soft_wrap=True,
        )
    if not told and not spells and not quiet:
        console.print(f"Nothing was decided about {escape(what)}, and no record of a person has that key.")


def _line(said: _Said, record: str | None) -> str:
    """One decision in words; `record`: whose history is told, None for an item's."""
    row = said.row
    until = f", until {row['expires_on']:%d %B %Y}" if row["expires_on"] else ""
    words = [
        f"{row['decided_at']:%d %b %Y %H:%M} {escape(row['decided_by'])}: {DECISIONS[row['decision']]}{until}.",
        escape(row["reason"]) + (f" ({row['item_id'] or 'unmerge'})" if record else ""),
    ]
    for gone, keys in said.counts_for.items():
        if record in keys:
            words.append(
                f"It was said of record {gone}, which is no longer sent; this record stood beside it in its person, "
                "and it counts for this one."
            )
        elif keys:
            who = "the record" if len(keys) == 1 else f"the {len(keys)} records"
            more = f" and {len(keys) - _KEYS_SHOWN} more" if len(keys) > _KEYS_SHOWN else ""
            words.append(
                f"Record {gone} is no longer sent; it counts for {who} that stood beside it in its person: "
                f"{', '.join(keys[:_KEYS_SHOWN])}{more}."
            )
        else:
            words.append(f"Record {gone} is no longer sent, and nobody is left for whom it counts.")
    return " ".join(words)


def _decisions(con: duckdb.DuckDBPyConnection, now: datetime) -> list[_Said]:
    """Every decision, the oldest first, with those who stand in at `now`."""
    from models.linkage.decisions import standing

    rows = rows_of(con, "select * from linkage.clerical_decision order by decided_at, decision_id", {})
    for row in rows:
        row.update({side: str(row[side]) for side in SIDES})
    named = {row[side] for row in rows for side in SIDES}
    ledger = _ledger(con, named)
    sent = set(ledger.loc[ledger["known_to"].dt.year == 9999, "record_key"])
    gone = named - sent
    if not gone:
        return [_Said(row) for row in rows]
    table = pd.DataFrame(rows).astype({"decided_at": "datetime64[us]", "expires_on": "datetime64[us]"})
    spoken = speak_for_the_gone(table, ledger, sent)
    stands = standing(spoken, pd.Timestamp(now))
    instead = beside(gone, ledger, sent)
    found = []
    for row in rows:
        bound = stands[stands["decision_id"] == row["decision_id"]]
        bound = bound[bound[SIDES[0]].isin(sent) & bound[SIDES[1]].isin(sent)]
        # It has ended or another took its place: then nothing is said of those who stand in.
        over = row["decision_id"] in set(spoken["decision_id"]) - set(stands["decision_id"])
        keys = {*bound[SIDES[0]], *bound[SIDES[1]]}
        counts_for = {
            side: sorted(keys.intersection(instead.loc[instead["record_key"] == side, "record_key_beside"]))
            for side in dict.fromkeys(row[side] for side in SIDES)
            if side in gone and not over
        }
        found.append(_Said(row, counts_for))
    return found


def _ledger(con: duckdb.DuckDBPyConnection, keys: Collection[str]) -> pd.DataFrame:
    """The rows of some records and of all who ever were one person with them."""
    return con.execute(
        "select record_key::varchar as record_key, person_id, known_from, known_to from linkage.person_assignment "
        "where person_id in (select person_id from linkage.person_assignment "
        "where list_contains($keys, record_key::varchar)) order by record_key, known_from",
        {"keys": sorted(keys)},
    ).df()


def _spans_a_barrier(con: duckdb.DuckDBPyConnection, records: Collection[str]) -> bool:
    """Whether a barrier parts any two of these records, or of the persons they ever were."""
    persons = con.execute(
        "select record_key::varchar, person_id from linkage.person_assignment "
        "where list_contains($keys, record_key::varchar)",
        {"keys": sorted(records)},
    ).fetchall()
    of: dict[str, set[str]] = {key: set() for key in records}
    for key, person in persons:
        of[key].add(person)
    parted = con.execute(
        "select distinct before.person_id, after.person_id from canonical.linkage_barrier as barrier "
        "inner join linkage.person_assignment as before on barrier.record_key_before = before.record_key "
        "inner join linkage.person_assignment as after on barrier.record_key_after = after.record_key"
    ).fetchall()
    return any(
        (left in of[one] and right in of[other]) or (right in of[one] and left in of[other])
        for one, other in combinations(sorted(records), 2)
        for left, right in parted
    )
