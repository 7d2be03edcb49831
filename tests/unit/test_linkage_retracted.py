"""What somebody decided about a record still binds when an agency takes that record back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from linkage_people import fill, frame
from test_linkage_night_decisions import NOW, ROWS, Ledger, born, child, night

FIRST = child("R1", forename="Ottoline", surname="Bracken", birth_date=born("2012-02-03"), postcode="NM2 2BB")
BESIDE = child(
    "R2", "police", forename="Ottoline", surname="Bracken", birth_date=born("2012-02-03"), postcode="NM2 2BB"
)
OTHER = child("R3", forename="Juniper", surname="Callow", birth_date=born("2011-08-29"), postcode="NM3 3CC")
LATER = child("R4", "education", forename="Ottoline", surname="Bracken", birth_date=born("2012-02-03"),
              postcode="NM2 2BB", known_from=NOW + dt.timedelta(days=2, hours=8))  # fmt: skip
NAMES = {"first": FIRST, "beside": BESIDE, "other": OTHER, "later": LATER}


class Town(Ledger):
    """Four records of the same database and words."""

    def __init__(self) -> None:
        super().__init__()
        self.con.execute("delete from canonical.person_record")
        fill(self.con, "canonical.person_record", frame([FIRST, BESIDE, OTHER]))

    def retract(self, name: str, day: int) -> None:
        self.con.execute(
            "update canonical.person_record set known_to = ? where record_key = ?",
            [NOW + dt.timedelta(days=day, hours=12), NAMES[name]["record_key"]],
        )


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, row in NAMES.items():
        monkeypatch.setitem(ROWS, name, row)


def after(decision: str, left: str, right: str) -> list[dict[str, Any]]:
    """Persons after a night, a decision, another night, the loss of ``left``, and two more nights."""
    town, told = Town(), []
    for day in range(4):
        if day == 3:
            fill(town.con, "canonical.person_record", frame([LATER]))
        result = night(town.con, day)
        here = [name for name in ("first", "beside", "other", "later") if name != "later" or day == 3]
        persons = {name: town.person(name) for name in here if not (name == left and day > 1)}
        told.append(persons | {"counts": dict(result.quality["decisions"].to_numpy().tolist())})
        if day == 0:
            town.decide(left, right, decision, day)
        if day == 1:
            town.retract(left, day)
    return told


def test_a_must_link_binds_those_who_stood_beside_the_record() -> None:
    nights = after("must_link", "first", "other")
    assert nights[0]["beside"] != nights[0]["other"]
    assert nights[1]["beside"] == nights[1]["other"] == nights[2]["other"] == nights[2]["beside"]
    assert nights[3]["later"] == nights[3]["beside"] == nights[3]["other"]
    assert [one["counts"]["must_link"] for one in nights] == [0, 1, 1, 1]
    assert [one["counts"]["without_effect"] for one in nights] == [0, 0, 0, 0]


def test_a_cannot_link_on_a_record_that_stood_alone_is_said_to_be_without_effect() -> None:
    nights = after("cannot_link", "other", "beside")
    assert nights[2]["first"] == nights[2]["beside"]
    assert [one["counts"]["without_effect"] for one in nights] == [0, 0, 1, 1]
