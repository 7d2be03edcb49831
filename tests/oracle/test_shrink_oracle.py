"""shrink_child against a slow recount in plain Python: every child looked at by itself, every fact tried one by one.

Random facts about a quarter's end: children grown up or moved away, facts not yet known or no longer, episodes that end
on the very day, contacts at the edge of the year, assessments at the edge of the declared days; beside them children
made so that each of the three questions is just answered with yes, or just not.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

sys.path.append(str(Path(__file__).parent.parent / "dbt"))

from zonepair import NORTHMERE, OPEN, ZonePair, key, of_northmere

RULE = yaml.safe_load((NORTHMERE / "shrink_together.yml").read_text())["shrink_together"]
STARTS_ON, ENDS_ON, RUN_AT = date(2026, 7, 1), date(2026, 9, 30), datetime(2026, 10, 5, 1)
AGENCIES = ("police", "csc", "education", "housing", "acute_trust")
LED_BY, ASKED = RULE["led_by"], RULE["asked_again"]["events"]
ENDED_SO, YEAR = RULE["repeated_contacts"]["outcomes"], RULE["repeated_contacts"]["within_days"]
MANY, OFTEN, AGAIN = (
    RULE["at_least_agencies"],
    RULE["repeated_contacts"]["at_least"],
    RULE["asked_again"]["within_days"],
)
KNOWN = datetime(2025, 1, 1)


def before(days: int, day: date = ENDS_ON) -> date:
    return day - timedelta(days=days)


class Episode(NamedTuple):
    kind: str
    started_on: date
    ended_on: date | None = None
    known_from: datetime = KNOWN
    known_to: datetime = OPEN


class Event(NamedTuple):
    kind: str
    agency: str
    on: date
    known_from: datetime = KNOWN
    known_to: datetime = OPEN


class Contact(NamedTuple):
    outcome: str | None
    on: date


@dataclass
class Child:
    born: date = date(2015, 1, 1)
    area: str | None = "North"
    is_current: bool = True
    work: set[str] = field(default_factory=set)
    episodes: list[Episode] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class Answer(NamedTuple):
    agencies_open: int
    is_led: bool
    nobody_leads: bool
    contacts_without_action: int
    has_repeated_contacts: bool
    was_asked_again: bool


# --- the slow way ---------------------------------------------------------------------------------------------------


def known(fact: Episode | Event) -> bool:
    return fact.known_from <= RUN_AT < fact.known_to


def is_led(child: Child) -> bool:
    for one in child.episodes:
        is_open = one.ended_on is None or one.ended_on > ENDS_ON
        if one.kind in LED_BY and known(one) and one.started_on <= ENDS_ON and is_open:
            return True
    return False


def contacts_without_action(child: Child) -> int:
    days = [before(n) for n in range(YEAR)]
    return sum(one.outcome in ENDED_SO and one.on in days for one in child.contacts)


def asked_again(child: Child) -> bool:
    asked = [one for one in child.events if one.kind in ASKED and known(one)]
    for later in asked:
        for earlier in asked:
            apart = (later.on - earlier.on).days
            in_quarter = STARTS_ON <= later.on <= ENDS_ON
            if in_quarter and later.agency != earlier.agency and 0 <= apart <= AGAIN:
                return True
    return False


def answer(child: Child) -> Answer | None:
    """None: the child has no row."""
    grown_up = (ENDS_ON.year - child.born.year) * 12 + ENDS_ON.month - child.born.month >= 18 * 12
    if not child.is_current or child.area is None or grown_up:
        return None
    contacts, again, led = contacts_without_action(child), asked_again(child), is_led(child)
    if not child.work and not contacts and not again:
        return None
    held = len(child.work)
    return Answer(held, led, held >= MANY and not led, contacts, contacts >= OFTEN, again)


# --- children -------------------------------------------------------------------------------------------------------

HELD = set(AGENCIES[:MANY])
LEADS = Episode(LED_BY[0], before(60))
ENDED = [Contact(ENDED_SO[n % len(ENDED_SO)], before(7 * n)) for n in range(OFTEN)]


def asked_twice(days: int, last: date = STARTS_ON, other: str = "earlyhelp") -> list[Event]:
    return [Event(ASKED[0], "csc", last - timedelta(days=days)), Event(ASKED[1], other, last)]


# By what they show: whether nobody leads, contacts are repeated, somebody was asked again; None: the child has no row.
EDGES: dict[str, tuple[Child, tuple[bool, bool, bool] | None]] = {
    "as many agencies as are asked for": (Child(work=HELD), (True, False, False)),
    "one agency less": (Child(work=set(AGENCIES[: MANY - 1])), (False, False, False)),
    "somebody leads": (Child(work=HELD, episodes=[LEADS]), (False, False, False)),
    "who led ended a day after": (
        Child(work=HELD, episodes=[LEADS._replace(ended_on=before(-1))]), (False, False, False)),
    "who led ended on the day": (Child(work=HELD, episodes=[LEADS._replace(ended_on=ENDS_ON)]), (True, False, False)),
    "who leads began on the day": (
        Child(work=HELD, episodes=[LEADS._replace(started_on=ENDS_ON)]), (False, False, False)),
    "who leads began a day after": (
        Child(work=HELD, episodes=[LEADS._replace(started_on=before(-1))]), (True, False, False)),
    "who leads is known at the run": (
        Child(work=HELD, episodes=[LEADS._replace(known_from=RUN_AT)]), (False, False, False)),
    "who leads is known after the run": (
        Child(work=HELD, episodes=[LEADS._replace(known_from=RUN_AT + timedelta(seconds=1))]), (True, False, False)),
    "who led was corrected at the run": (
        Child(work=HELD, episodes=[LEADS._replace(known_to=RUN_AT)]), (True, False, False)),
    "an episode of nobody who leads": (
        Child(work=HELD, episodes=[LEADS._replace(kind="health_caseload")]), (True, False, False)),
    "as many contacts as are asked for": (Child(contacts=ENDED), (False, True, False)),
    "one contact less": (Child(contacts=ENDED[1:]), (False, False, False)),
    "one contact led to something": (
        Child(contacts=[*ENDED[1:], ENDED[0]._replace(outcome="referral")]), (False, False, False)),
    "one contact has no outcome": (Child(contacts=[*ENDED[1:], Contact(None, ENDS_ON)]), (False, False, False)),
    "the first contact on the year's first day": (
        Child(contacts=[*ENDED[:-1], Contact(ENDED_SO[0], before(YEAR - 1))]), (False, True, False)),
    "the first contact a day before": (
        Child(contacts=[*ENDED[:-1], Contact(ENDED_SO[0], before(YEAR))]), (False, False, False)),
    "the last contact a day after": (
        Child(contacts=[*ENDED[:-1], Contact(ENDED_SO[0], before(-1))]), (False, False, False)),
    "asked again on the last day": (Child(events=asked_twice(AGAIN)), (False, False, True)),
    "asked again a day too late": (Child(events=asked_twice(AGAIN + 1)), None),
    "asked again the same day": (Child(events=asked_twice(0)), (False, False, True)),
    "asked again by the same agency": (Child(events=asked_twice(1, other="csc")), None),
    "asked again before the quarter": (Child(events=asked_twice(1, last=before(1, STARTS_ON))), None),
    "asked again on the quarter's last day": (Child(events=asked_twice(1, last=ENDS_ON)), (False, False, True)),
    "asked again after the quarter": (Child(events=asked_twice(1, last=before(-1))), None),
    "asked again and withdrawn": (
        Child(events=[one._replace(known_to=RUN_AT) for one in asked_twice(1)]), None),
    "asked something else": (
        Child(events=[one._replace(kind="csc_contact") for one in asked_twice(1)]), None),
    "eighteen a month after": (Child(born=date(2008, 10, 1), work=HELD), (True, False, False)),
    "eighteen in the quarter": (Child(born=date(2008, 9, 1), work=HELD), None),
    "no longer one of ours": (Child(is_current=False, work=HELD), None),
    "no home in any area": (Child(area=None, work=HELD), None),
    "nothing at all": (Child(), None),
}  # fmt: skip


def random_child(draw: random.Random) -> Child:
    def clocks() -> tuple[datetime, datetime]:
        start = draw.choice((KNOWN, KNOWN, RUN_AT - timedelta(days=draw.randrange(-3, 30))))
        return start, draw.choice((OPEN, OPEN, OPEN, start + timedelta(days=draw.randrange(1, 60))))

    def episode() -> Episode:
        start = before(draw.randrange(-5, 300))
        end = draw.choice((None, start + timedelta(days=draw.randrange(1, 300)), ENDS_ON))
        return Episode(draw.choice((*LED_BY, "health_caseload")), start, end, *clocks())

    def event() -> Event:
        day = before(draw.randrange(-20, 150))
        return Event(draw.choice((*ASKED, "csc_contact")), draw.choice(("csc", "earlyhelp", "housing")), day, *clocks())

    def contact() -> Contact:
        day = before(draw.choice((draw.randrange(-10, 400), YEAR, YEAR - 1, 0, -1)))
        return Contact(draw.choice((*ENDED_SO, *ENDED_SO, "referral", None)), day)

    return Child(
        born=date(draw.randrange(2008, 2026), draw.randrange(1, 13), 1),
        area=draw.choice(("North", "East", "East", None)),
        is_current=draw.random() < 0.9,
        work=set(draw.sample(AGENCIES, draw.randrange(len(AGENCIES)))),
        episodes=[episode() for _ in range(draw.randrange(3))],
        contacts=[contact() for _ in range(draw.randrange(6))],
        events=[event() for _ in range(draw.randrange(5))],
    )


# --- into the marts -------------------------------------------------------------------------------------------------


def load(pair: ZonePair, children: list[Child]) -> None:
    """Tables in place of the marts that shrink_child reads, with the columns it reads."""

    def put(name: str, columns: str, rows: Iterable[tuple[object, ...]]) -> None:
        held = list(rows)
        con.execute(f"create table marts.{name} ({columns})")
        if held:
            con.executemany(f"insert into marts.{name} values ({', '.join('?' * len(held[0]))})", held)

    everybody = [(str(key("p", no)), one) for no, one in enumerate(children)]
    with pair.zones.open("warehouse") as con:
        con.execute("create schema marts")
        put("reporting_quarter", "quarter varchar, starts_on date, ends_on date, run_at timestamp",
            [("2026Q3", STARTS_ON, ENDS_ON, RUN_AT)])  # fmt: skip
        put("person", "person_key uuid, area_team varchar, birth_month date, is_current boolean",
            ((who, one.area, one.born, one.is_current) for who, one in everybody))  # fmt: skip
        put("open_work", "person_key uuid, agency varchar",
            ((who, agency) for who, one in everybody for agency in sorted(one.work)))  # fmt: skip
        put("episode", "person_key uuid, episode_type varchar, started_on date, ended_on date, known_from timestamp,"
            " known_to timestamp", ((who, *fact) for who, one in everybody for fact in one.episodes))  # fmt: skip
        put("contact_recorded", "person_key uuid, outcome varchar, contact_on date",
            ((who, *fact) for who, one in everybody for fact in one.contacts))  # fmt: skip
        household = [(None, *fact) for fact in asked_twice(1)]  # of a home, and of nobody in it
        put("event", "person_key uuid, event_type varchar, agency varchar, occurred_on date, known_from timestamp,"
            " known_to timestamp",
            [*((who, *fact) for who, one in everybody for fact in one.events), *household])  # fmt: skip


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> ZonePair:
    return of_northmere(tmp_path_factory.mktemp("shrink_together"))


@pytest.mark.parametrize("name", EDGES)
def test_the_slow_way_says_of_each_edge_what_the_declaration_says(name: str) -> None:
    child, wanted = EDGES[name]
    found = answer(child)
    assert wanted == (
        None if found is None else (found.nobody_leads, found.has_repeated_contacts, found.was_asked_again)
    )


def test_every_child_has_the_answers_a_slow_recount_finds(pair: ZonePair) -> None:
    draw = random.Random(7)
    children = [*(child for child, _ in EDGES.values()), *(random_child(draw) for _ in range(600))]
    load(pair, children)
    outcome = pair.dbt("warehouse", "run", "--select", "shrink_child")
    assert outcome.success, [(one.node.name, one.message) for one in outcome.result or () if one.status != "success"]
    wanted = {key("p", no): found for no, one in enumerate(children) if (found := answer(one)) is not None}
    rows = pair.read("warehouse", f"select person_key, area_team, {', '.join(Answer._fields)} from marts.shrink_child")
    got = {row[0]: Answer(*row[2:]) for row in rows}
    assert len(rows) == len(got), "a child stands in more than one row"
    names = [*EDGES, *(f"random child {no}" for no in range(600))]
    differ = [
        (names[no], got.get(key("p", no)), wanted.get(key("p", no)))
        for no in range(len(children))
        if got.get(key("p", no)) != wanted.get(key("p", no))
    ]
    assert not differ and got.keys() == wanted.keys()
    assert {row[0]: row[1] for row in rows} == {
        key("p", no): one.area for no, one in enumerate(children) if answer(one)
    }
    # The world is rich enough to have shown a mistake: each question has many of both answers, alone and together.
    drawn = [found for one in children[len(EDGES) :] if (found := answer(one)) is not None]
    for question in ("is_led", "nobody_leads", "has_repeated_contacts", "was_asked_again"):
        yes = sum(getattr(one, question) for one in drawn)
        assert 20 < yes < len(drawn) - 20, (question, yes)
    assert any(one.nobody_leads and one.has_repeated_contacts and one.was_asked_again for one in drawn)
    assert sum(answer(one) is None for one in children) > 50
