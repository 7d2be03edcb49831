"""Records past their retention leave every zone, a count without keys stays, and a killed purge is finished."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from uuid import UUID, uuid5

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.hub_store import HubStore, Issued
from governance.keys import Keys
from governance.retention import FeedRetention, find_expired, months_before, purge, purge_quarantine
from governance.zones import Zones

NOW = datetime(2026, 10, 5, 1)
TODAY = date(2026, 10, 5)
SPACE = UUID(int=7)


def key(name: str) -> str:
    return str(uuid5(SPACE, name))


PLAN = FeedRetention(
    "csc", "plan", 72,
    (("identity", "identity.raw.csc__plan"), ("warehouse", "warehouse.raw.csc__plan")),
    ("warehouse.raw.csc__plan", "ended"), (("warehouse.raw.csc__plan", "referral_key"),),
)  # fmt: skip
REFERRAL = FeedRetention(
    "csc", "referral", 72, (("warehouse", "warehouse.raw.csc__referral"),),
    ("warehouse.raw.csc__referral", "ended"), (),
)  # fmt: skip
FACTOR = FeedRetention(
    "csc", "factor", 72, (("warehouse", "warehouse.raw.csc__factor"),),
    None, (("warehouse.raw.csc__factor", "plan_key"),),
)  # fmt: skip
FEEDS = (REFERRAL, PLAN, FACTOR)
META = "record_key uuid, drop_id uuid, row_no bigint, extracted_at timestamp, is_deleted boolean"


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Three zones with a referral, plans on it and a factor of a plan; a mart row and a refused row of the old plan."""
    zones = Zones(tmp_path, Keys(*[bytes([n]) * 32 for n in range(7)]), threads=1)
    zones.migrate()
    with zones.open("identity", "warehouse", "quarantine") as con:
        con.execute(f"create table warehouse.raw.csc__referral ({META}, ended date)")
        con.execute(f"create table warehouse.raw.csc__plan ({META}, ended date, referral_key uuid)")
        con.execute(f"create table warehouse.raw.csc__factor ({META}, plan_key uuid)")
        con.execute(f"create table identity.raw.csc__plan ({META}, name varchar)")
        con.execute("create schema warehouse.marts")
        con.execute("create table warehouse.marts.event (person_key uuid, source_record_key uuid, record_key uuid)")
        yield con


def put(con: duckdb.DuckDBPyConnection, feed: str, name: str, ended: str | None, on: str | None = None, at: int = 1):
    """One version of a record; `on` is what it refers to, `at` the day of October 2020 it was extracted."""
    values = [key(name), key(f"drop {at}"), at, datetime(2020, 10, at), False]
    if feed == "factor":
        con.execute("insert into warehouse.raw.csc__factor values (?, ?, ?, ?, ?, ?)", [*values, key(str(on))])
        return
    more = [ended, *([key(on) if on else None] if feed == "plan" else [])]
    marks = ", ".join("?" * (len(values) + len(more)))
    con.execute(f"insert into warehouse.raw.csc__{feed} values ({marks})", [*values, *more])
    if feed == "plan":
        con.execute("insert into identity.raw.csc__plan values (?, ?, ?, ?, ?, 'somebody')", values)
        con.execute("insert into warehouse.marts.event values (?, ?, ?)", [key("person"), key(name), key("person")])


def keys_of(con: duckdb.DuckDBPyConnection, table: str, column: str = "record_key") -> set[str]:
    return {str(one) for (one,) in con.execute(f"select {column} from {table}").fetchall()}


def world(con: duckdb.DuckDBPyConnection) -> None:
    put(con, "referral", "old referral", "2020-03-01")
    put(con, "plan", "old plan", "2020-03-01", "old referral")
    put(con, "factor", "old factor", None, "old plan")
    put(con, "referral", "held referral", "2020-03-01")
    put(con, "plan", "later plan", "2023-01-01", "held referral")
    put(con, "plan", "open plan", None)
    put(con, "plan", "reopened plan", "2020-03-01", at=1)
    put(con, "plan", "reopened plan", None, at=2)
    put(con, "plan", "plan of the day", "2020-10-05")


def test_what_ended_before_the_cutoff_goes_everywhere_and_nothing_else(con: duckdb.DuckDBPyConnection) -> None:
    world(con)
    con.execute(
        "insert into quarantine.gate.quarantined_row (drop_id, agency, feed, file_name, row_no, rule, reason, "
        "source_key_hash, quarantined_at) values (?, 'csc', 'plan', 'f', 1, 'r', 'w', ?, ?)",
        [key("drop"), key("old plan"), NOW],
    )
    marked: list[set[str]] = []
    gone = purge(con, FEEDS, NOW, TODAY, mark=marked.append)
    assert {(one.feed, one.zone, one.records, one.rows) for one in gone} == {
        ("referral", "warehouse", 1, 1), ("plan", "identity", 1, 1), ("plan", "warehouse", 1, 1),
        ("factor", "warehouse", 1, 1),
    }  # fmt: skip
    assert marked == [{key("person")}]
    stay = {key(name) for name in ("later plan", "open plan", "reopened plan", "plan of the day")}
    assert keys_of(con, "warehouse.raw.csc__plan") == keys_of(con, "identity.raw.csc__plan") == stay
    assert keys_of(con, "warehouse.raw.csc__referral") == {key("held referral")}
    assert not keys_of(con, "warehouse.raw.csc__factor")
    assert key("old plan") not in keys_of(con, "warehouse.marts.event", "source_record_key")
    assert not keys_of(con, "quarantine.gate.quarantined_row", "source_key_hash")
    assert not keys_of(con, "warehouse.gate.purge_due")


def test_the_count_that_stays_has_no_key_and_a_second_purge_finds_nothing(con: duckdb.DuckDBPyConnection) -> None:
    world(con)
    purge(con, FEEDS, NOW, TODAY, mark=lambda _: None)
    before = con.execute("from warehouse.gate.purged order by all").fetchall()
    assert len(before) == 4
    assert not [value for row in before for value in row if isinstance(value, UUID)]
    assert purge(con, FEEDS, NOW, TODAY, mark=lambda _: pytest.fail("nothing to mark")) == []
    assert con.execute("from warehouse.gate.purged order by all").fetchall() == before


def test_a_dry_run_changes_nothing(con: duckdb.DuckDBPyConnection) -> None:
    world(con)
    before = keys_of(con, "warehouse.raw.csc__plan")
    assert sum(one.rows for one in find_expired(con, FEEDS, TODAY)) == 4
    assert keys_of(con, "warehouse.raw.csc__plan") == before
    assert not con.execute("from warehouse.gate.purged").fetchall()


class Killed(Exception):
    """Plays the death of a process."""


@pytest.mark.parametrize("moment", ["written down", "marked", "quarantine deleted", "identity deleted"])
def test_killed_anywhere_the_next_purge_ends_it_and_counts_once(con: duckdb.DuckDBPyConnection, moment: str) -> None:
    world(con)

    def die(step: str) -> None:
        if step == moment:
            raise Killed

    with pytest.raises(Killed):
        purge(con, FEEDS, NOW, TODAY, mark=lambda _: None, step=die)
    purge(con, FEEDS, NOW, TODAY, mark=lambda _: None)
    assert key("old plan") not in keys_of(con, "warehouse.raw.csc__plan") | keys_of(con, "identity.raw.csc__plan")
    assert not keys_of(con, "warehouse.raw.csc__factor")
    assert con.execute("select sum(rows) from warehouse.gate.purged").fetchall() == [(4,)]
    assert not keys_of(con, "warehouse.gate.purge_due")


def test_refused_rows_go_after_their_days(con: duckdb.DuckDBPyConnection) -> None:
    for day in (1, 2):
        con.execute(
            "insert into quarantine.gate.quarantined_row (drop_id, agency, feed, file_name, row_no, rule, reason, "
            "quarantined_at) values (?, 'csc', 'plan', 'f', 1, 'r', 'w', ?)",
            [key("drop"), datetime(2026, 7, day)],
        )
    assert purge_quarantine(con, datetime(2026, 7, 2)) == 1
    assert purge_quarantine(con, datetime(2026, 7, 2)) == 0


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 1000))
def test_months_before_is_the_same_day_or_the_months_last(day: date, months: int) -> None:
    early = months_before(day, months)
    assert (day.year - early.year) * 12 + day.month - early.month == months
    assert early.day == day.day or (early.day < day.day and months_before(day.replace(day=1), months) < early)


def test_lists_that_name_a_person_are_marked_once(tmp_path: Path) -> None:
    store = HubStore(tmp_path / "hub.sqlite", b"k" * 32, lambda *parts: uuid5(SPACE, "|".join(parts)))
    for number, person in ((1, "p1"), (2, "p2")):
        facts = Issued(
            f"doc{number}", "weekly_list.v1", TODAY, "North", f"s{number}", 1, "h", NOW, date(2026, 10, 12), "first"
        )
        with store.transaction() as connection:
            store.add_document(facts, {}, connection)
            store.audit.append(
                "schedule", "weekly_list.issued", "review", [person], {"document_id": f"doc{number}"}, NOW, connection
            )
    assert store.mark_about({"p1", "p9"}, "retention", NOW) == 1
    assert store.mark_about({"p1", "p9"}, "retention", NOW) == 0
    assert [(mark["document_id"], mark["persons"]) for mark in store.marks()] == [("doc1", 1)]
    store.close()
