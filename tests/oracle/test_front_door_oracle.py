"""notification_match against a slow comparison in plain Python: days counted one by one, pairs tried one by one.

Random notifications and contacts over Christmas and New Year: several children to a home, reports about several of
them, children not named or not recognised, sources still open, contacts held back, and contacts of the last days that
have not come.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

sys.path.append(str(Path(__file__).parent.parent / "dbt"))

from zonepair import NORTHMERE, OPEN, ZonePair, key, of_northmere

RULE = yaml.safe_load((NORTHMERE / "front_door.yml").read_text())["front_door"]
FREE = {date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1)}
FIRST, LAST = date(2026, 12, 14), date(2027, 1, 7)
RUN_AT, LAST_EXTRACT = datetime(2027, 1, 8, 2), datetime(2027, 1, 5, 22)
AGENCIES = ("police", "education", "acute_trust")
REASONS = ("same_child", "same_household", "source_open", "maybe_child", "not_recognised", "recorded_late")


def works(day: date) -> bool:
    return day.weekday() < 5 and day not in FREE


def working_days(start: date, end: date) -> int:
    """Working days after `start` up to `end`; negative when `end` is earlier."""
    if end < start:
        return -working_days(end, start)
    return sum(works(start + timedelta(days=n)) for n in range(1, (end - start).days + 1))


def taken(pairs: list[tuple[Notification, Contact]]) -> dict[int, int]:
    """Notification -> contact of those pairs, read in order, neither of whose two was taken before."""
    found: dict[int, int] = {}
    for one, contact in pairs:
        if one.no not in found and contact.no not in found.values():
            found[one.no] = contact.no
    return found


def _no(pair: tuple[Notification, Contact]) -> tuple[int, int]:
    return pair[0].no, pair[1].no


@dataclass
class Notification:
    no: int
    agency: str
    sent_on: date
    person: int | None
    home: int | None
    maybe: int | None
    report: str | None
    age: int | None
    age_within: int
    area: str | None


@dataclass
class Contact:
    no: int
    sent_by: str | None
    source_open: bool
    on: date
    person: int
    home: int | None
    age: int
    area: str


class World:
    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self.home = {person: draw.choice((None, *range(14))) for person in range(40)}
        self.age = {person: draw.randrange(216) for person in range(40)}
        self.area = {person: draw.choice(("North", "East")) for person in range(40)}
        days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
        self.notifications: list[Notification] = []
        for day in days:
            for _ in range(draw.randrange(9)):
                person = draw.choice((None, *range(40), *range(40)))
                self.notifications.append(
                    Notification(
                        no=len(self.notifications),
                        agency=draw.choice(AGENCIES),
                        sent_on=day,
                        person=person,
                        home=draw.choice((None, *range(14))) if person is None else self.home[person],
                        maybe=draw.choice((None, None, None, *range(40))) if draw.random() < 0.3 else None,
                        report=f"{day} {draw.randrange(3)}" if draw.random() < 0.5 else None,
                        age=None if draw.random() < 0.2 else draw.randrange(216),
                        age_within=draw.choice((1, 19)),
                        area=draw.choice((None, "North", "East")),
                    )
                )
        self.contacts: list[Contact] = []
        for day in days:
            for _ in range(draw.randrange(9)):
                person, sent_by = draw.randrange(40), draw.choice((None, *AGENCIES))
                self.contacts.append(
                    Contact(
                        no=len(self.contacts),
                        sent_by=sent_by,
                        source_open=sent_by is None and draw.random() < 0.7,
                        on=day,
                        person=person,
                        home=self.home[person],
                        age=self.age[person],
                        area=self.area[person],
                    )
                )
        self.told = [(draw.randrange(40), draw.choice((*AGENCIES, "csc")), draw.choice(days)) for _ in range(60)]
        self.held = [(draw.randrange(40), draw.choice(days)) for _ in range(12)]

    # -- the slow way ---------------------------------------------------------------------------------------------

    def may_answer(self, reason: str, one: Notification, contact: Contact) -> bool:
        days = working_days(one.sent_on, contact.on)
        in_time = -RULE["recorded_before_working_days"] <= days <= RULE["lost_after_working_days"]
        same_child = one.person is not None and one.person == contact.person
        from_sender = contact.sent_by == one.agency
        if reason == "recorded_late":
            late = RULE["lost_after_working_days"] < days <= RULE["late_within_working_days"]
            return same_child and from_sender and late
        if not in_time:
            return False
        if reason == "same_child":
            return same_child and from_sender
        if reason == "source_open":
            return same_child and contact.source_open
        if not from_sender:
            return False
        if reason == "same_household":
            homes = {one.home} | {
                other.home
                for other in self.notifications
                if one.report is not None and (other.agency, other.report) == (one.agency, one.report)
            }
            return contact.home is not None and contact.home in homes
        if reason == "maybe_child":
            return one.maybe == contact.person
        recognised = any(person == one.person and agency != one.agency for person, agency, _ in self.told)
        has_reason = any(
            (person, agency) == (contact.person, contact.sent_by) and 0 <= (contact.on - day).days <= 4
            for person, agency, day in self.told
        )
        known = any(person == contact.person and agency != "csc" for person, agency, _ in self.told)
        return (
            not (recognised and one.person is not None and known)
            and not has_reason
            and (one.age is None or abs(one.age - contact.age) <= one.age_within)
            and one.area in (None, contact.area)
        )

    def answers(self) -> dict[int, tuple[str, int]]:
        found: dict[int, tuple[str, int]] = {}
        for reason in REASONS:
            used = {contact for _, contact in found.values()}
            pairs = [
                (one, contact)
                for one in self.notifications
                for contact in self.contacts
                if one.no not in found and contact.no not in used and self.may_answer(reason, one, contact)
            ]
            pools: dict[object, list[tuple[Notification, Contact]]] = {}
            for one, contact in pairs:
                by_child = reason in ("same_child", "recorded_late", "source_open")
                pool = (by_child and contact.person, reason != "source_open" and one.agency)
                pools.setdefault(pool, []).append((one, contact))
            for pool in pools.values():
                near = taken(sorted(pool, key=lambda pair: (abs((pair[1].on - pair[0].sent_on).days), *_no(pair))))
                early = taken(sorted(pool, key=_no))
                few = reason in ("same_child", "recorded_late", "source_open") and len(early) > len(near)
                found |= {one: (reason, contact) for one, contact in (early if few else near).items()}
        return found

    def state(self, one: Notification) -> str:
        """Of one without an answer."""
        due = working_days(one.sent_on, RUN_AT.date() - timedelta(days=1)) >= RULE["lost_after_working_days"]
        read = working_days(one.sent_on, LAST_EXTRACT.date()) >= RULE["lost_after_working_days"]
        held = any(
            person == one.person
            and -RULE["recorded_before_working_days"]
            <= working_days(one.sent_on, day)
            <= RULE["lost_after_working_days"]
            for person, day in self.held
        )
        if not due:
            return "waiting"
        return "held" if held else "lost" if read else "cannot_say"

    # -- into the marts -------------------------------------------------------------------------------------------

    def load(self, pair: ZonePair) -> None:
        number = 0
        days = []
        for n in range((LAST - FIRST).days + 11):
            day = FIRST - timedelta(days=10) + timedelta(days=n)
            number += works(day)
            days.append((day, works(day), number))

        def ids(kind: str, no: int | None) -> str | None:
            return None if no is None else str(key(kind, no))

        with pair.zones.open("warehouse") as con:
            con.execute("create schema marts")
            con.execute(
                "create table marts.working_day (calendar_date date, is_working_day boolean, working_day_no bigint)"
            )
            con.executemany("insert into marts.working_day values (?, ?, ?)", days)
            con.execute(
                "create table marts.notification_sent (notification_key uuid, agency varchar, feed varchar,"
                " kind varchar, report varchar, organisation varchar, sent_on date, sent_at timestamp, person_key uuid,"
                " household_key uuid, maybe_person_key uuid, age_months integer, age_within_months integer,"
                " area_team varchar, known_from timestamp, sent_no bigint)"
            )
            con.executemany(
                "insert into marts.notification_sent values (?, ?, 'f', 'k', ?, null, ?, null, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (ids("n", one.no), one.agency, one.report, one.sent_on, ids("p", one.person), ids("h", one.home),
                     ids("p", one.maybe), one.age, one.age_within, one.area, one.sent_on, one.no)
                    for one in self.notifications
                ],
            )  # fmt: skip
            con.execute(
                "create table marts.contact_recorded (contact_key uuid, agency varchar, feed varchar, sent_by varchar,"
                " is_source_open boolean, outcome varchar, contact_on date, person_key uuid, household_key uuid,"
                " age_months integer, area_team varchar, known_from timestamp, contact_no bigint)"
            )
            con.executemany(
                "insert into marts.contact_recorded values (?, 'csc', 'contacts', ?, ?, null, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (ids("c", one.no), one.sent_by, one.source_open, one.on, ids("p", one.person), ids("h", one.home),
                     one.age, one.area, one.on, one.no)
                    for one in self.contacts
                ],
            )  # fmt: skip
            con.execute("create table marts.event (person_key uuid, agency varchar, occurred_on date)")
            con.executemany(
                "insert into marts.event values (?, ?, ?)",
                [(ids("p", who), agency, day) for who, agency, day in self.told],
            )
            con.executemany(
                "insert into identity_export.record_person values (?, ?, ?, ?, 'single')",
                [(ids("r", who), ids("p", who), datetime(2020, 1, 1), OPEN) for who in range(40)],
            )
            con.executemany(
                "insert into identity_export.held_contact values (?, ?)",
                [(ids("r", who), day) for who, day in self.held],
            )
        drop = {
            "drop_id": key("drop"), "agency": "csc", "feed": "contacts", "file_name": "f", "mode": "delta",
            "history": False, "extracted_at": LAST_EXTRACT, "received_at": LAST_EXTRACT, "rows_in": 1, "rows_loaded": 1,
            "rows_quarantined": 0, "rows_unchanged": 0, "columns_dropped": 0, "sha256": "0", "is_complete": True,
            "status": "loaded", "reason": None,
        }  # fmt: skip
        pair.load("warehouse", "gate.drop_log", [drop])


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> ZonePair:
    return of_northmere(tmp_path_factory.mktemp("front_door"))


def test_every_notification_has_the_answer_a_slow_comparison_finds(pair):
    world = World(seed=5)
    world.load(pair)
    outcome = pair.dbt(
        "warehouse", "run", "--select", "notification_pair", "notification_match",
        variables={"HUB_RUN_AT": RUN_AT.isoformat(sep=" ")},
    )  # fmt: skip
    assert outcome.success, [(one.node.name, one.message) for one in outcome.result or () if one.status != "success"]
    answers = world.answers()
    wanted = {
        key("n", one.no): (
            ("matched", answers[one.no][0], key("c", answers[one.no][1]))
            if one.no in answers
            else (world.state(one), None, None)
        )
        for one in world.notifications
    }
    rows = pair.read("warehouse", "select notification_key, state, basis, contact_key from marts.notification_match")
    got = {row[0]: row[1:] for row in rows}
    assert got.keys() == wanted.keys()
    assert not {one: (got[one], wanted[one]) for one in wanted if got[one] != wanted[one]}
    # The world is rich enough to have shown a mistake.
    assert {basis for _, basis, _ in wanted.values()} == {None, *REASONS}
    assert {state for state, _, _ in wanted.values()} == {"matched", "waiting", "held", "lost", "cannot_say"}
    bands = dict(pair.read("warehouse", "select working_days, age_band from marts.notification_match group by all"))
    assert all(
        band == ("0-2" if days <= 2 else "3-5" if days <= 5 else "6-10" if days <= 10 else "over 10")
        for days, band in bands.items()
    )
