"""What became of persons after a week, when their records have since moved to other keys."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import duckdb
import pytest

from pipelines.risk_followed import Followed
from pipelines.risk_trace import as_csv, remove_expired_traces, what_followed

WEEK, NOW = date(2026, 3, 1), datetime(2026, 10, 5, 1)
EVER, OPEN = datetime(2020, 1, 1), datetime(9999, 12, 31)


def key(number: int) -> str:
    return str(UUID(int=number))


@pytest.fixture
def con():
    con = duckdb.connect()
    con.execute("attach ':memory:' as warehouse")
    con.execute("create schema warehouse.identity_export")
    con.execute("create schema warehouse.marts")
    con.execute(
        "create table warehouse.identity_export.record_person"
        " (record_key uuid, person_key uuid, known_from timestamp, known_to timestamp, link_basis varchar)"
    )
    con.execute(
        "create table warehouse.marts.label (person_key uuid, target varchar, occurred_on date, basis varchar,"
        " known_from timestamp, known_to timestamp)"
    )
    con.execute(
        "create table warehouse.marts.episode"
        " (person_key uuid, episode_type varchar, started_on date, known_from timestamp, known_to timestamp)"
    )
    return con


def belongs(con, record: int, person: int, since=EVER, until=OPEN) -> None:
    con.execute(
        "insert into warehouse.identity_export.record_person values (?, ?, ?, ?, 'single')",
        [key(1000 + record), key(person), since, until],
    )


def found(con, person: int, day: date, target: str = "need", since=EVER, until=OPEN) -> None:
    con.execute(
        "insert into warehouse.marts.label values (?, ?, ?, 'cin_plan', ?, ?)", [key(person), target, day, since, until]
    )


def test_an_outcome_under_todays_key_is_found_for_the_key_of_then(con) -> None:
    moved = datetime(2026, 5, 1)
    belongs(con, 1, 1, until=moved)
    belongs(con, 1, 2, since=moved)  # person 1 was joined into 2
    belongs(con, 2, 2)
    belongs(con, 3, 3)
    found(con, 2, date(2026, 6, 1))
    found(con, 3, date(2026, 2, 1))  # before the week
    after = Followed(con, [(key(1), WEEK), (key(3), WEEK), (key(9), WEEK)], NOW)
    assert after.outcomes("need")[key(1), WEEK][:2] == (date(2026, 6, 1), "cin_plan")
    assert set(after.outcomes("need")) == {(key(1), WEEK)} and not after.outcomes("other")
    assert after.keys_today() == {(key(1), WEEK): [key(2)], (key(3), WEEK): [key(3)], (key(9), WEEK): []}
    rows = [{"person_key": key(n), "week": WEEK.isoformat()} for n in (1, 3, 9)]
    told = what_followed(con, rows, "need", NOW)
    assert [told[key(n), WEEK.isoformat()]["person_today"] for n in (1, 3, 9)] == [
        f"joined into {key(2)}", "same", "no record left",
    ]  # fmt: skip
    assert told[key(1), WEEK.isoformat()]["days_after_the_week"] == 92


def test_what_is_known_later_or_no_longer_is_not_read(con) -> None:
    belongs(con, 1, 1)
    found(con, 1, date(2026, 4, 1), since=datetime(2026, 11, 1))
    found(con, 1, date(2026, 4, 2), until=datetime(2026, 9, 1))
    assert Followed(con, [(key(1), WEEK)], NOW).outcomes("need") == {}


def test_a_parted_person_is_followed_under_both_keys(con) -> None:
    parted = datetime(2026, 5, 1)
    belongs(con, 1, 1)
    belongs(con, 2, 1, until=parted)
    belongs(con, 2, 7, since=parted)
    found(con, 7, date(2026, 6, 1))
    after = Followed(con, [(key(1), WEEK)], NOW)
    assert after.keys_today()[key(1), WEEK] == [key(1), key(7)] and (key(1), WEEK) in after.outcomes("need")


def test_help_begun_counts_within_its_days_and_kind(con) -> None:
    for person, kind, day in ((1, "early_help", date(2026, 5, 31)), (2, "early_help", date(2026, 6, 1)),
                              (3, "cla", date(2026, 4, 1)), (4, "early_help", WEEK)):  # fmt: skip
        belongs(con, person, person)
        con.execute("insert into warehouse.marts.episode values (?, ?, ?, ?, ?)", [key(person), kind, day, EVER, OPEN])
    after = Followed(con, [(key(n), WEEK) for n in (1, 2, 3, 4)], NOW)
    assert after.begun(["early_help"], 91) == {(key(1), WEEK)}
    assert Followed(con, [], NOW).begun(["early_help"], 91) == set()


def test_traces_go_after_their_last_day(tmp_path) -> None:
    folder = tmp_path / "analyst-a"
    folder.mkdir()
    over, good = (folder / f"model-trace_m-1_use-until-2026-10-{day}_people.csv" for day in ("04", "05"))
    for file in (over, good):
        file.write_text("x")
    assert remove_expired_traces(tmp_path, date(2026, 10, 5)) == [over] and good.exists()
    assert remove_expired_traces(tmp_path, date(2026, 10, 6)) == [good] and not folder.exists()


def test_a_text_never_becomes_a_formula_or_another_column() -> None:
    assert as_csv(("a", "b"), [{"a": 'x,"y"', "c": 1}]) == 'a,b\n"x,""y""",\n'
    assert as_csv(("a", "b"), [{"a": "=1+1", "b": 3}, {"a": "@x", "b": date(2026, 1, 4)}]) == (
        "a,b\n'=1+1,3\n'@x,2026-01-04\n"
    )
