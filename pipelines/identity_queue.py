"""The review queue of identity: what is asked, and what a person may see of it.

The queue itself holds no name. Names are read for one item at a time, by somebody who says who they are and what for,
and the look is in the audit log before anything is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.hub import Hub, HubProblem
from pipelines.identity_names import log_look, require_reason

_SHOWN = ("birth_date", "sex", "nhs_number", "upn")
_HEADINGS = ("name", "born", "sex", "NHS number", "pupil number")
OPEN = "known_to = timestamp '9999-12-31'"


def print_queue(console: Console, kind: str | None, limit: int) -> None:
    """The questions that wait, most useful first; words and counts, no names."""
    hub = Hub.from_environment()
    with identity_zone(hub) as con:
        rows = rows_of(
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
        frozen = rows_of(con, "select * from linkage.needs_attention order by since, attention_id", {})
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
    """One question: evidence in words, the records of both persons, names if asked for."""
    hub = Hub.from_environment()
    require_reason(names, by, why)
    with identity_zone(hub) as con:
        row = item_of(con, item)
        records = _records(con, row)
        said = _explained(con, row)
    if names:
        log_look(hub, by, why, (row["person_id_l"], row["person_id_r"]), {"item_id": row["item_id"]})
    console.print(f"[bold]{row['item_id']}[/bold] {row['kind']}, waiting since {row['since']:%d %B %Y}")
    console.print(escape(row["reason"]), soft_wrap=True)
    console.print(f"Evidence: {escape(row['evidence'])}. {escape(said)}", soft_wrap=True)
    for side in ("l", "r"):
        if side == "r" and row["person_id_l"] == row["person_id_r"]:
            break
        person = row[f"person_id_{side}"]
        console.print(f"\n[bold]Person {person}[/bold]; asked about by record {row[f'record_key_{side}']}")
        console.print(_told([one for one in records if one["person_id"] == person], names))
    console.print(f'\nDecide: hub identity decide {row["item_id"]} must_link --by WHO --why "..."', soft_wrap=True)


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


@contextmanager
def identity_zone(hub: Hub, read_only: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
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


def item_of(con: duckdb.DuckDBPyConnection, item: str) -> dict[str, Any]:
    """The item of that id, or the only one whose id begins so.

    Raises:
        HubProblem: it is not in the queue, or several begin so.
    """
    rows = rows_of(con, "select * from linkage.review_queue where starts_with(item_id, $item)", {"item": item.upper()})
    if len(rows) != 1:
        raise HubProblem(
            f"{item} is {'not, or not any more, in the queue' if not rows else 'the beginning of several items'}: "
            "`hub identity queue` lists what waits."
        )
    return {**rows[0], "record_key_l": str(rows[0]["record_key_l"]), "record_key_r": str(rows[0]["record_key_r"])}


def _records(con: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of both persons as they are now."""
    return rows_of(
        con,
        f"""
        select person_id, record_key::varchar as record_key, record.* exclude (record_key)
        from linkage.person_assignment as assignment
        inner join canonical.person_record as record using (record_key)
        where assignment.{OPEN} and record.{OPEN} and list_contains($persons, person_id)
        order by person_id, agency, feed, record.known_from, source_key
        """,
        {"persons": [row["person_id_l"], row["person_id_r"]]},
    )


def _explained(con: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> str:
    """What the model made of the two records, as a sentence and in bits."""
    from models.linkage.explain import explain

    edges = rows_of(
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


def rows_of(con: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of a query as dictionaries."""
    answer = con.execute(sql, values)
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _text(value: Any) -> str:
    return "" if value is None else escape(str(value))
