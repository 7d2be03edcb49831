"""Three nights in a small town: questions are asked, people answer, and the ledger does what they said."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from linkage_people import FAR, database, fill, frame, record

from models.linkage import LinkageModel, LinkageResult, LinkageSettings, link, write

PACK = Path(__file__).parents[2] / "partnerships/northmere/linkage"
NOW = dt.datetime(2026, 10, 5, 1)


def order(texts: Sequence[str]) -> list[int]:
    return [int.from_bytes(hashlib.sha256(t.encode()).digest()[:7]) >> 3 for t in texts]


def night(con: duckdb.DuckDBPyConnection, day: int, on_open_list: tuple[str, ...] = ()) -> LinkageResult:
    model = LinkageModel.from_files({file.name: file.read_bytes() for file in PACK.iterdir()})
    result = link(
        con, model=model, settings=LinkageSettings(), now=NOW + dt.timedelta(days=day), run_id=f"r{day}",
        order_hash=order, areas={}, on_open_list=on_open_list,
    )  # fmt: skip
    write(con, result)
    return result


def child(source: str, agency: str = "csc", **values: Any) -> dict[str, object]:
    base = {
        "forename": "Marisol", "surname": "Quennell", "birth_date": pd.Timestamp("2013-05-16"), "sex": "F",
        "postcode": "NM1 1AA",
    }  # fmt: skip
    return record("k", agency, "person", source, **(base | values))


def born(day: str) -> pd.Timestamp:
    return pd.Timestamp(day)


# The key of a record by its name here.
ROWS = {
    "twin1": child("A1", forename="Theodora", surname="Abernathy"),
    "twin2": child("A2", forename="Wilhelmina", surname="Abernathy"),
    "old_name": child("B1", forename="Ottoline", surname="Bracken", birth_date=born("2012-02-03"), postcode="NM2 2BB"),
    "new_name": child("B2", forename="Juniper", surname="Callow", birth_date=born("2011-08-29"), postcode="NM3 3CC"),
    "cousin1": child("C1", forename="Persephone", surname="Dunmuir", birth_date=born("2010-11-21"), postcode="NM4 4DD"),
    "cousin2": child("C2", "police", forename="Persephone", surname="Dunmuir", birth_date=born("2010-11-21"),
                     postcode="NM4 4DD"),
    "pupil": child("D1", "education", known_from=born("2025-01-01")),
    "patient": child("D2", "acute_trust", nhs_number="9434765919", forename=None, surname=None, sex=None, postcode=None,
                     known_from=born("2025-02-01")),
    "one": child("E1", forename="Cressida", surname="Eastlake", birth_date=born("2009-03-07"), postcode="NM5 5EE"),
    "two": child("E2", forename="Barnabas", surname="Fenwick", birth_date=born("2008-07-19"), postcode="NM6 6FF"),
    "three": child("E3", forename="Leopold", surname="Grantham", birth_date=born("2007-12-12"), postcode="NM7 7GG"),
}  # fmt: skip
BRIDGE = child("D3", "csc", nhs_number="9434765919", known_from=pd.Timestamp("2026-10-05 18:00"))


class Ledger:
    """A database, and what it says about the records above."""

    def __init__(self) -> None:
        self.con = database()
        fill(self.con, "canonical.person_record", frame(list(ROWS.values())))
        self.said = 0

    def decide(self, left: str, right: str, decision: str, day: int) -> None:
        self.said += 1
        self.con.execute(
            "insert into linkage.clerical_decision values (?, ?, ?, ?, 'A. Reader', ?, 'seen', null, null)",
            [f"D{self.said:09d}", ROWS[left]["record_key"], ROWS[right]["record_key"], decision,
             NOW + dt.timedelta(days=day, hours=12)],
        )  # fmt: skip

    def person(self, name: str) -> str:
        rows = self.con.execute(
            "select person_id from linkage.person_assignment where record_key = ? and known_to = ?",
            [ROWS[name]["record_key"], FAR],
        ).fetchall()
        return str(rows[0][0])

    def asked(self, left: str, right: str) -> list[str]:
        pair = sorted((str(ROWS[left]["record_key"]), str(ROWS[right]["record_key"])))
        rows = self.con.execute("select kind, record_key_l::varchar, record_key_r::varchar from linkage.review_queue")
        return [kind for kind, a, b in rows.fetchall() if sorted((a, b)) == pair]


@pytest.fixture(scope="module")
def nights() -> dict[str, Any]:
    """What stood after each of three nights: name of a fact -> what it was on nights 0, 1 and 2."""
    ledger, facts = Ledger(), []
    for day in range(3):
        if day == 1:
            fill(ledger.con, "canonical.person_record", frame([BRIDGE]))
        listed = (ledger.person("pupil"), ledger.person("patient")) if day else ()
        result = night(ledger.con, day, listed)
        facts.append(
            {
                "twins": ledger.asked("twin1", "twin2"),
                "renamed": ledger.person("old_name") == ledger.person("new_name"),
                "cousins": ledger.person("cousin1") == ledger.person("cousin2"),
                "listed": ledger.person("pupil") == ledger.person("patient"),
                "hold": [kind for kind in result.queue["kind"] if kind == "hold"],
                "chain": len({ledger.person(name) for name in ("one", "two", "three")}),
                "contradiction": sorted(
                    ledger.asked("one", "two") + ledger.asked("two", "three") + ledger.asked("one", "three")
                ),
                "attention": ledger.con.execute(
                    "select reason_code, len(person_ids), len(record_keys) from linkage.needs_attention"
                ).fetchall(),
                "decisions": dict(result.quality["decisions"].to_numpy().tolist()),
                "rule": sorted(result.edges.loc[result.edges["rule"] == "decision", "adjusted_weight"].unique()),
            }
        )
        if day == 0:
            ledger.decide("twin2", "twin1", "unsure", day)
            ledger.decide("new_name", "old_name", "must_link", day)
            ledger.decide("cousin1", "cousin2", "cannot_link", day)
            ledger.decide("one", "two", "must_link", day)
            ledger.decide("three", "two", "must_link", day)
            ledger.decide("one", "three", "cannot_link", day)
        if day == 1:
            ledger.decide("patient", "pupil", "must_link", day)
            ledger.decide("three", "one", "unsure", day)
    return {name: [one[name] for one in facts] for name in facts[0]}


def test_a_twin_hit_waits_for_a_person_and_unsure_takes_it_out(nights) -> None:
    assert nights["twins"] == [["twin"], [], []]


def test_a_must_link_joins_and_a_cannot_link_parts_the_next_night(nights) -> None:
    assert nights["renamed"] == [False, True, True]
    assert nights["cousins"] == [True, False, False]
    assert nights["rule"][0] == [] and nights["rule"][1] == [300.0]


def test_two_listed_persons_wait_until_somebody_decides(nights) -> None:
    assert nights["listed"] == [False, False, True]
    assert nights["hold"] == [[], ["hold"], []]


def test_a_contradiction_freezes_says_so_and_heals(nights) -> None:
    assert nights["chain"] == [3, 3, 1]
    assert nights["contradiction"] == [[], ["contradiction"] * 3, []]
    assert nights["attention"] == [[], [("decisions", 3, 3)], []]
    assert [one["frozen_clusters"] for one in nights["decisions"]] == [0, 1, 0]
    assert [one["without_effect"] for one in nights["decisions"]] == [0, 2, 0]
