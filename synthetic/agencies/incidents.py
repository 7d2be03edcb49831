"""What goes wrong with whole files, and when: one calendar, counted in nights after the first drops.

A demo advanced 30 nights meets most kinds, one advanced 365 nights all of them. Nothing happens in the first week, so
that a demo just made is clean. Night 1 is Monday 5 October 2026.

Worked example: on night 11 the hospital renames a column; the file is refused; on night 12 it arrives again under the
agreed name (``ed_attendance_20261015_delta_2.csv``), beside that night's own. ``deliveries`` turns the calendar into
what is really sent in a night.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from synthetic.agencies.views import FIRST_DROP_AT, FIRST_DROP_DATE, Feed

#: Files sent spoilt, and again the next night as they should have been.
SENT_AGAIN = ("renamed_column", "retyped_column", "truncated_file", "wrong_encoding", "half_written_file")
#: What is done to the file itself.
TWISTS = (*SENT_AGAIN, "new_column", "reordered_columns")


@dataclass(frozen=True)
class Incident:
    """One thing that goes wrong (or is merely out of the ordinary) with one feed.

    Attributes:
        night: nights after the first drops; `nights` how many it lasts.
        expected, rule, column: the handling it calls for, in the words of `row_defects.Handling`.
    """

    kind: str
    feed: str
    night: int
    nights: int = 1
    expected: str = "none"
    rule: str | None = None
    column: str | None = None

    @property
    def first(self) -> date:
        """The night it begins."""
        return FIRST_DROP_DATE + timedelta(days=self.night)

    @property
    def last(self) -> date:
        """The last night of it."""
        return self.first + timedelta(days=self.nights - 1)

    def is_on(self, night: date) -> bool:
        """Whether it holds in the night that begins on this date."""
        return self.first <= night <= self.last


CALENDAR: tuple[Incident, ...] = (
    # A feed is absent for one night about every nine weeks: within what its agreement allows.
    Incident("absent_night", "police.missing", 9),
    Incident("new_column", "housing.application", 10, expected="inform", rule="dropped_column"),
    Incident("renamed_column", "acute_trust.ed_attendance", 11, 1, "refuse", "missing_column", "ArrivalMode"),
    Incident("reordered_columns", "earlyhelp.needs", 13, expected="inform", rule="reordered"),
    Incident("two_drops", "csc.contacts", 14),
    # Attendance and registers have rows every school night, however small the demo.
    Incident("retyped_column", "education.attendance", 15, 1, "refuse", "rule_share", "AttendanceDate"),
    # The September code list, put in by one supplier of school software in October.
    Incident("september_code_set", "education.attendance", 15, 3650, "quarantine", "code_set", "AttendanceCode"),
    Incident("truncated_file", "csc.professionals", 16, 1, "refuse", "truncated"),
    Incident("wrong_encoding", "earlyhelp.person", 17, 1, "refuse", "encoding"),
    Incident("half_written_file", "police.ppn", 18, 1, "late"),
    Incident("clock_repeated_hour", "acute_trust.ed_attendance", 21, column="ArrivalDateTime"),
    Incident("resent_month", "csc.contacts", 29),
    # One supplier's schools change their software after half-term: three weeks without a mark, and nobody says so.
    Incident("volume_collapse", "education.attendance", 29, 21, "check", "schools_silent", "URN"),
    Incident("volume_collapse", "education.possible_sessions", 29, 21, "check", "schools_silent", "URN"),
    Incident("absent_quarter", "housing.tenancy_notice", 60, 91, "late"),
    Incident("absent_night", "housing.application", 72),
    Incident("year_end", "housing.temporary_accommodation", 81, 11, "late"),
    Incident("absent_night", "earlyhelp.episodes", 135),
    Incident("clock_missing_hour", "acute_trust.ed_attendance", 175, column="ArrivalDateTime"),
    Incident("absent_night", "csc.missing", 198),
    Incident("partial_school_week", "education.possible_sessions", 217),
    Incident("absent_night", "acute_trust.ed_attendance", 261),
    Incident("resent_month", "csc.cin_episodes", 300),
    Incident("absent_night", "police.ppn", 324),
)


@dataclass(frozen=True)
class Delivery:
    """One file a feed sends in a night.

    Attributes:
        night: the night whose extract it is, which its name carries; `sent_on` the night in which it is sent.
        since, extracted, received: UTC; a delta tells of (`since`, `extracted`].
        number: 1 for the night's file; a second one of the same name has 2 behind it.
        incident: what is special about it, if anything.
        twist: what is wrong with the file itself, one of `TWISTS`.
        silent: a group of schools has told nothing since this instant.
        caught_up: that group now tells everything since this instant.
    """

    night: date
    mode: Literal["full", "delta"]
    since: datetime
    extracted: datetime
    received: datetime
    sent_on: date
    history: bool = False
    number: int = 1
    incident: Incident | None = None
    twist: str | None = None
    silent: datetime | None = None
    caught_up: datetime | None = None


def deliveries(
    feed: Feed, night: date, received: datetime, calendar: tuple[Incident, ...] = CALENDAR
) -> list[Delivery]:
    """The files of a feed in the night that begins on this date, the first to be sent first.

    `received` is when the night's own file is received.
    """
    mine = [incident for incident in calendar if incident.feed == feed.label]
    sent = []
    yesterday = night - timedelta(days=1)
    for incident in mine:
        if incident.kind in SENT_AGAIN and incident.first == yesterday:
            number = 1 if incident.kind == "half_written_file" else 2
            again = _regular(feed, yesterday, received - timedelta(seconds=60), mine)
            sent.append(replace(again, sent_on=night, number=number, twist=None, incident=None))
    if not feed.is_sent_on(night) or _is_absent(night, mine):
        return sent
    tonight = _regular(feed, night, received, mine)
    for incident in (incident for incident in mine if incident.first == night):
        if incident.kind == "two_drops":
            middle = tonight.extracted - timedelta(hours=4)
            early = replace(tonight, extracted=middle, received=middle + timedelta(minutes=5), incident=None)
            sent.append(early)
            tonight = replace(tonight, since=middle, number=2, incident=incident)
        elif incident.kind == "resent_month":
            earlier = feed.extracted_at(night - timedelta(days=28))
            sent.append(replace(tonight, since=max(earlier, FIRST_DROP_AT), number=2, incident=incident,
                              received=received - timedelta(seconds=60)))  # fmt: skip
    return [*sent, tonight]


def told_until(feed: Feed, night: date, calendar: tuple[Incident, ...] = CALENDAR) -> datetime:
    """UTC instant up to which files before this night have told everything, absent nights left out."""
    mine = [incident for incident in calendar if incident.feed == feed.label]
    before = night - timedelta(days=1)
    while before > FIRST_DROP_DATE:
        if feed.is_sent_on(before) and not _is_absent(before, mine):
            return feed.extracted_at(before)
        before -= timedelta(days=1)
    return FIRST_DROP_AT


def absences(feed: Feed, night: date, calendar: tuple[Incident, ...] = CALENDAR) -> list[Incident]:
    """Incidents for which the feed's file of this night is not there."""
    mine = [incident for incident in calendar if incident.feed == feed.label]
    return [i for i in mine if feed.is_sent_on(night) and i.is_on(night) and _is_absence(i)]


def _regular(feed: Feed, night: date, received: datetime, mine: list[Incident]) -> Delivery:
    """The night's own file, with what the calendar has for it."""
    since = told_until(feed, night, tuple(mine))
    delivery = Delivery(night, feed.mode, since, feed.extracted_at(night), received, night)
    for incident in mine:
        if incident.kind == "volume_collapse":
            began = told_until(feed, incident.first, tuple(mine))
            if incident.is_on(night):
                delivery = replace(delivery, silent=began, incident=incident if since == began else None)
            elif night > incident.last and since <= feed.extracted_at(incident.last):
                delivery = replace(delivery, caught_up=began)
        elif incident.kind in (*TWISTS, "partial_school_week") and incident.first == night:
            twist = incident.kind if incident.kind in TWISTS else None
            delivery = replace(delivery, incident=incident, twist=twist)
    return delivery


def _is_absent(night: date, mine: list[Incident]) -> bool:
    return any(incident.is_on(night) and _is_absence(incident) for incident in mine)


def _is_absence(incident: Incident) -> bool:
    return incident.kind in ("absent_night", "absent_quarter", "year_end")
