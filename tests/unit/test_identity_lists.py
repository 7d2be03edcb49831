"""Who stands on a weekly list in use, by the ids the ledger knows them under tonight."""

from __future__ import annotations

from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, cast

import duckdb

from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
from pipelines.identity_lists import on_open_lists

PSEUDONYM = Pseudonym(bytes(32))
ISSUED = datetime(2026, 10, 5, 1)


class Lists:
    """As much of the hub store as is asked of it: one list of three children, in use until the 12th."""

    def issued(self, kind: str) -> list[Any]:
        assert kind == "weekly_list.v1"
        return [SimpleNamespace(document_id="d", issued_at=ISSUED, expires_on=date(2026, 10, 12))]

    def document(self, _: str) -> dict[str, Any]:
        keys = [str(PSEUDONYM.key_of("person", person)) for person in ("P1", "P2", "P4")]
        return {"families": [{"children": [{"person_key": key} for key in keys]}, {"children": []}]}


def listed(now: datetime) -> set[str]:
    con = duckdb.connect()
    con.execute("attach ':memory:' as identity; use identity; create schema linkage")
    con.execute("create table linkage.person_event as select unnest(['P1', 'P2', 'P3', 'P4', 'P5']) as person_id")
    con.execute("create table linkage.person_redirect (person_id varchar, to_person_id varchar)")
    con.execute(
        "create table linkage.person_assignment as select 'P4' as person_id, timestamp '9999-12-31' as known_to"
    )
    con.execute("insert into linkage.person_redirect values ('P2', 'P3'), ('P3', 'P5'), ('P4', 'P6')")
    return on_open_lists(con, cast("HubStore", Lists()), PSEUDONYM, now)


def test_the_listed_are_found_where_their_records_went() -> None:
    assert listed(datetime(2026, 10, 6, 1)) == {"P1", "P2", "P3", "P4", "P5"}, "P4 is in use again"


def test_a_list_binds_from_its_issue_to_its_last_day() -> None:
    assert listed(datetime(2026, 10, 4, 1)) == set() == listed(datetime(2026, 10, 13, 1))
    assert "P1" in listed(datetime(2026, 10, 12, 1))
