"""The children in need census of a year, from the current rows of social care's feeds into social care's own outbox."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import duckdb
from rich.console import Console

from governance.pseudonym import Pseudonym
from pipelines.assurance_pages import title, write_private
from pipelines.hub import Hub, HubProblem
from review.cin_census import COLUMNS, CinCensus, Row, Year, cin_census

PURPOSE = "social care checks its own return"


def write_cin_census(console: Console, year: int | None, to: Path | None) -> Path:
    """Write the return, readable by this account alone, and log it; says where it is.

    Args:
        year: the year of the reference date; the last whose 31 March is over if not given.
        to: the file; in the agency's outbox if not given.

    Raises:
        HubProblem: the pack declares no return, or the year is not over.
    """
    hub = Hub.from_environment()
    declared = hub.declaration("returns.yml").get("cin_census")
    if declared is None:
        raise HubProblem("This partnership declares no children in need census: returns.yml of its pack has none.")
    now, agency = hub.present(), declared["agency"]
    wanted = Year(year or (now.year if date(now.year, 3, 31) < now.date() else now.year - 1))
    if wanted.ends >= now.date():
        raise HubProblem(
            f"The census of {wanted.year} covers the year to {wanted.ends:%d %B %Y}, and the hub knows what was known "
            f"until {now:%d %B %Y}. Ask for an earlier year."
        )
    with hub.zones.open("identity", "warehouse", read_only=True) as con:
        made = read_census(con, hub, agency, declared["lea"], wanted, now)
        about = _person_keys(con, hub, agency, made.children)
    target = to or hub.settings.outbox / agency / f"cin_census_{wanted.year}.xml"
    # Logged before it is written: there may be a record without a file, never a file without a record.
    hub.store.audit.append(
        who=getpass.getuser(),
        what="cin_census.released",
        purpose=PURPOSE,
        about=about,
        detail={"agency": agency, "year": wanted.year, "children": len(made.children), "file": target.name},
        at=now,
    )
    write_private(target, made.content.decode("utf-8"))
    console.print(
        f"{len(made.children):,} children with a referral or an open episode from {wanted.starts:%d %B %Y} to "
        f"{wanted.ends:%d %B %Y}. It holds no names, but every line is about a child: for {title(hub, agency)} alone.",
        soft_wrap=True,
    )
    console.print(str(target), markup=False, soft_wrap=True)
    return target


def read_census(
    con: duckdb.DuckDBPyConnection, hub: Hub, agency: str, lea: str, year: Year, now: datetime
) -> CinCensus:
    """The return as bytes. `con` has identity and warehouse."""
    from data_quality.expectations.standing import current_rows

    rows: dict[str, Sequence[Row]] = {}
    for feed, columns in COLUMNS.items():
        contract = hub.contracts.get(f"{agency}__{feed}")
        missing = columns if contract is None else sorted({*columns} - {one.name for one in contract.columns})
        if contract is None or missing:
            raise HubProblem(f"The census reads {agency}__{feed}, whose contract has no {', '.join(missing)}.")
        frame = current_rows(con, contract, columns, hub.contracts)
        for name in frame.select_dtypes("datetime"):
            frame[name] = frame[name].dt.date
        records = frame.astype(object).where(frame.notna(), None).to_dict("records")
        rows[feed] = [{str(name): value for name, value in record.items()} for record in records]
    return cin_census(rows, year, lea, now)


def _person_keys(con: duckdb.DuckDBPyConnection, hub: Hub, agency: str, children: Sequence[str]) -> list[str]:
    """Keys of the persons the children's records are linked to, for the audit log; the record's own before linkage."""
    key_of = Pseudonym(hub.keys.pseudonym).key_of
    records = [str(key_of(agency, "person", child)) for child in children]
    linked = dict(
        con.execute(
            "select record_key::varchar, person_key::varchar from warehouse.identity_export.record_person "
            "where known_to = timestamp '9999-12-31'"
        ).fetchall()
    )
    return sorted({linked.get(record, record) for record in records})
