"""person_week and label against a slow recomputation in plain Python, on random people with late, corrected,
retracted and re-extracted rows, records that change owner, and households that overlap.

The marts work in intervals of knowledge; the oracle asks, for one Sunday at a time, what was known at its cut-off.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

sys.path.append(str(Path(__file__).parent.parent / "dbt"))

import zonepair
from zonepair import OPEN, key, raw

PEOPLE = 160
FIRST, LAST = date(2025, 1, 5), date(2026, 3, 29)
SUNDAYS = [FIRST + timedelta(weeks=n) for n in range((LAST - FIRST).days // 7 + 1)]
RULES = yaml.safe_load((zonepair.PACK / "cohort.yml").read_text())
EVENTS = ("absence", "death_recorded", "assessment_completed", "hub_decision")
EPISODES = ("enrolment", "referral", "assessment", "cin_plan", "cp_plan", "cla", "s47", "early_help")


def cutoff(sunday: date) -> datetime:
    """Monday 02:00 London as UTC, by the standard library."""
    local = datetime(sunday.year, sunday.month, sunday.day, 2, tzinfo=ZoneInfo("Europe/London")) + timedelta(days=1)
    return local.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


class World:
    """Random raw rows and identity exports, kept as Python rows beside the tables they are loaded into."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.events: list[dict] = []
        self.episodes: list[dict] = []
        self.owners: list[dict] = []
        self.people: list[dict] = []
        self.spells: list[dict] = []
        self.homes = [{"household_key": key("home", n), "sort_no": n} for n in range(PEOPLE // 2)]
        for number in range(PEOPLE):
            self._person(number)

    def _day(self, spread: int = 560) -> date:
        return date(2024, 9, 15) + timedelta(days=self.rng.randrange(spread))

    def _instant(self, day: date, most: int = 40) -> datetime:
        """After a day, often exactly at a cut-off: the boundary is where mistakes hide."""
        moment = datetime(day.year, day.month, day.day) + timedelta(minutes=self.rng.randrange(1440 * most))
        if self.rng.random() < 0.3:
            near = min(SUNDAYS, key=lambda sunday: abs((cutoff(sunday) - moment).total_seconds()))
            moment = cutoff(near) + timedelta(microseconds=self.rng.choice((-1, 0, 1)))
        return moment

    def _person(self, number: int) -> None:
        rng, person = self.rng, key("person", number)
        born = rng.choice([None, *(date(rng.randrange(2005, 2027), rng.randrange(1, 13), 1) for _ in range(12))])
        moved = self._instant(self._day())
        for known_from, known_to in ((datetime(2000, 1, 1), moved), (moved, OPEN)):
            area = rng.choice(("North", "East", None))
            self.people.append(
                {"person_key": person, "birth_month": born, "area_team": area, "sort_no": number,
                 "known_from": known_from, "known_to": known_to}
            )  # fmt: skip
        for record in range(3):
            other, switched = key("person", rng.randrange(PEOPLE)), self._instant(self._day())
            owner = (("record", number, record), person)
            self._own(*owner, datetime(2000, 1, 1), switched)
            self._own(owner[0], rng.choice((person, other)), switched, OPEN)
            for _ in range(rng.randrange(3)):
                self._rows(self.events, owner[0], ("kind", EVENTS), ("happened_on",))
            for _ in range(rng.randrange(3)):
                self._rows(self.episodes, owner[0], ("kind", EPISODES), ("started_on", "ended_on"))
        for _ in range(rng.randrange(4)):
            # A few days of the year only, so that people often move to two places at once.
            home, started = rng.choice(self.homes), date(2025, rng.randrange(1, 7), 1)
            ended = rng.choice((None, started + timedelta(days=rng.randrange(1, 300))))
            known = self._instant(started)
            self.spells.append(
                {"person_key": person, "household_key": home["household_key"], "started_on": started,
                 "ended_on": ended, "known_from": known, "known_to": rng.choice((OPEN, known + timedelta(days=90)))}
            )  # fmt: skip

    def _own(self, record: tuple, person: object, known_from: datetime, known_to: datetime) -> None:
        self.owners.append(
            {"record_key": key(record), "person_key": person, "known_from": known_from, "known_to": known_to,
             "link_basis": "single"}
        )  # fmt: skip

    def _rows(self, rows: list[dict], record: tuple, kind: tuple, days: tuple[str, ...]) -> None:
        """One source row in one to four extracts, arriving in any order, the last perhaps a retraction."""
        rng, source = self.rng, (days[0], len(rows))
        start = self._day()
        chosen = rng.choice(kind[1])
        extracts = sorted(self._instant(start, 100) for _ in range(rng.choice((1, 1, 1, 2, 3, 4))))
        arrivals = [extract + timedelta(hours=rng.choice((0, 3, 400))) for extract in extracts]
        for position, (extracted, arrived) in enumerate(zip(extracts, arrivals, strict=True)):
            start += timedelta(days=rng.choice((0, 0, 0, -10, 10)))
            values = {"kind": chosen, days[0]: start, "person_id_key": key(record)}
            if len(days) == 2:
                values["ended_on"] = rng.choice((None, start + timedelta(days=rng.randrange(200))))
            else:
                values["detail_code"] = rng.choice(("1", "1", "2", None))
            gone = position > 0 and rng.random() < 0.2
            rows.append(
                raw(source, arrived, extracted, is_deleted=gone, superseded=rng.random() < 0.1, **values)
                | {"drop_id": key("drop", source, position)}
            )

    def load(self, pair: zonepair.ZonePair) -> None:
        pair.load("warehouse", "raw.alpha__event", self.events)
        pair.load("warehouse", "raw.alpha__episode", self.episodes)
        pair.load("warehouse", "identity_export.record_person", self.owners)
        pair.load("warehouse", "identity_export.person", self.people)
        pair.load("warehouse", "identity_export.household_spell", self.spells)
        pair.load("warehouse", "identity_export.household", self.homes)
        drop = {
            "drop_id": key("drop"), "agency": "alpha", "feed": "event", "file_name": "f", "mode": "full",
            "history": True, "extracted_at": cutoff(LAST), "received_at": cutoff(LAST), "rows_in": 1, "rows_loaded": 1,
            "rows_quarantined": 0, "rows_unchanged": 0, "columns_dropped": 0, "sha256": "0", "is_complete": True,
            "status": "loaded", "reason": None,
        }  # fmt: skip
        pair.load("warehouse", "gate.drop_log", [drop])

    # -- what was known at an instant ---------------------------------------------------------------------------------

    def facts(self, rows: list[dict], at: datetime) -> dict[object, list[dict]]:
        """The rows each person had, as known at an instant."""
        newest: dict[object, dict] = {}
        for row in rows:
            if row["superseded_on_arrival"] or row["known_from"] > at:
                continue
            held = newest.get(row["record_key"])
            order = (row["extracted_at"], str(row["drop_id"]))
            if held is None or order > (held["extracted_at"], str(held["drop_id"])):
                newest[row["record_key"]] = row
        owner = {
            row["record_key"]: row["person_key"] for row in self.owners if row["known_from"] <= at < row["known_to"]
        }
        mine = defaultdict(list)
        for row in newest.values():
            if not row["is_deleted"] and row["person_id_key"] in owner:
                mine[owner[row["person_id_key"]]].append(row)
        return mine

    def weeks(self, sunday: date) -> dict[object, tuple]:
        """person_key -> (area, age, household, reason, route) on a Sunday."""
        at = cutoff(sunday)
        events, episodes = self.facts(self.events, at), self.facts(self.episodes, at)
        order = {home["household_key"]: home["sort_no"] for home in self.homes}
        found = {}
        for row in self.people:
            born = row["birth_month"]
            if not row["known_from"] <= at < row["known_to"] or born is None or born > sunday + timedelta(days=365):
                continue
            age = (sunday.year - born.year) * 12 + sunday.month - born.month
            if age > 215:
                continue
            person = row["person_key"]
            reason, route = self._reason(sunday, age, row["area_team"], events[person], episodes[person])
            stays = [
                (stay["started_on"], -order[stay["household_key"]], stay["household_key"])
                for stay in self.spells
                if stay["person_key"] == person
                and stay["known_from"] <= at < stay["known_to"]
                and stay["started_on"] <= sunday
                and (stay["ended_on"] is None or stay["ended_on"] > sunday)
            ]
            found[person] = (row["area_team"], age, max(stays)[2] if stays else None, reason, route)
        return found

    def _reason(self, sunday: date, age: int, area: str | None, events: list, episodes: list) -> tuple:
        if age < 0:
            return "unborn", None
        for rule in RULES["cohort"]["exclusions"]:
            if any(_event_hit(rule, event, sunday) for event in events) or any(
                _episode_hit(rule, episode, sunday) for episode in episodes
            ):
                return rule["reason"], rule.get("routed_to")
        if area is None:
            return "not_resident", None
        year = timedelta(days=364)
        seen = any(e["happened_on"] <= sunday <= e["happened_on"] + year for e in events) or any(
            e["started_on"] <= sunday and (e["ended_on"] is None or sunday <= e["ended_on"] + year) for e in episodes
        )
        return (None, None) if seen else ("not_seen", None)

    def labels(self, at: datetime) -> set[tuple]:
        """(person, basis, source row, date) of every outcome as known at an instant."""
        found = set()
        episodes = self.facts(self.episodes, at)
        outcomes = [
            (person, row["kind"], row["record_key"], row["happened_on"])
            for person, rows in self.facts(self.events, at).items()
            for row in rows
            if row["kind"] == "assessment_completed" and row["detail_code"] == "1"
        ] + [
            (person, row["kind"], row["record_key"], row["started_on"])
            for person, rows in episodes.items()
            for row in rows
            if row["kind"] in ("cin_plan", "cp_plan", "cla")
        ]
        for person, basis, source, day in outcomes:
            referrals = [
                row["started_on"]
                for row in episodes[person]
                if row["kind"] == "referral"
                and row["started_on"] <= day <= row["started_on"] + timedelta(days=365)
                and (row["ended_on"] is None or row["ended_on"] + timedelta(days=28) >= day)
            ]
            found.add((person, basis, source, max(referrals, default=day)))
        return found


def _event_hit(rule: dict, event: dict, sunday: date) -> bool:
    if event["kind"] not in rule.get("events", ()) or event["happened_on"] > sunday:
        return False
    return "within_days" not in rule or event["happened_on"] > sunday - timedelta(days=rule["within_days"])


def _episode_hit(rule: dict, episode: dict, sunday: date) -> bool:
    if episode["kind"] not in rule.get("episodes", ()):
        return False
    started, ended = episode["started_on"], episode["ended_on"]
    if "closed_within_days" in rule:
        return ended is not None and ended <= sunday < ended + timedelta(days=rule["closed_within_days"])
    is_open = started <= sunday and (ended is None or ended > sunday)
    if "started_within_days" in rule:
        return is_open or started <= sunday < started + timedelta(days=rule["started_within_days"])
    return is_open


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[World, zonepair.ZonePair]:
    world, pair = World(seed=11), zonepair.make(tmp_path_factory.mktemp("marts"))
    world.load(pair)
    result = pair.dbt(
        "warehouse", "build", "--select", "tag:warehouse", "--exclude-resource-type", "unit_test",
        variables={"HUB_AS_OF": LAST.isoformat()},
    )  # fmt: skip
    assert result.success, [(r.node.name, r.status) for r in result.result or [] if r.status not in ("success", "pass")]
    return world, pair


def test_person_week_equals_what_was_known_on_each_sunday(built):
    world, pair = built
    rows = pair.read(
        "warehouse",
        "select as_of_date, person_key, area_team, age_months, household_key, exclusion_reason, routed_to "
        "from marts.person_week",
    )
    got: dict[date, dict] = defaultdict(dict)
    for sunday, person, *rest in rows:
        got[sunday][person] = tuple(rest)
    sundays = [sunday for sunday in SUNDAYS if sunday >= min(got)]
    assert max(got) == LAST
    for sunday in sundays:
        wanted = world.weeks(sunday)
        assert got[sunday].keys() == wanted.keys(), sunday
        differing = {person: (got[sunday][person], row) for person, row in wanted.items() if got[sunday][person] != row}
        assert not differing, (sunday, differing)


def test_every_exclusion_that_can_happen_did(built):
    _, pair = built
    reasons = {
        reason for (reason,) in pair.read("warehouse", "select distinct exclusion_reason from marts.person_week")
    }
    never = {"care_leaver", "missing_response", "objection_upheld"}
    declared = {rule["reason"] for rule in RULES["cohort"]["exclusions"]}
    assert reasons == (declared - never) | {None, "unborn", "not_resident", "not_seen"}


def test_cohort_counts_add_up_to_the_weeks(built):
    _, pair = built
    counted = pair.read("warehouse", "select sum(n) from marts.cohort_count where exclusion_reason <> 'age_unknown'")
    assert counted == pair.read("warehouse", "select count(*) from marts.person_week")


def test_labels_equal_what_was_known_at_each_moment(built):
    world, pair = built
    moments = [cutoff(sunday) for sunday in SUNDAYS[::2]] + [datetime(2027, 1, 1)]
    rows = pair.read(
        "warehouse", "select person_key, basis, source_record_key, occurred_on, known_from, known_to from marts.label"
    )
    for at in moments:
        got = [row[:4] for row in rows if row[4] <= at < row[5]]
        assert len(got) == len(set(got))
        assert set(got) == world.labels(at), at
    assert rows
