"""The last 24 months of a child as lines of a list."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from review_samples import (
    AS_OF,
    candidate,
    children,
    event,
    north,
)


def test_an_old_sealed_spell_is_not_told_for_ever() -> None:
    def told(day: date, **more: Any) -> bool:
        one = candidate(0, link_basis={"da_service": "single"})
        one["chronology"].append(event("k", "da_service", "flag", "da_service_engaged", day, "sealed", **more))
        (child,) = children(north([one]))
        return child["specialist"]

    assert told(date(2024, 10, 4))
    assert not told(date(2024, 10, 3))
    assert told(date(2022, 1, 1), ended_on="2025-01-01")
    assert not told(date(2022, 1, 1), ended_on="2022-09-25")
    (child,) = children(north([candidate(0, link_basis={"da_service": "single"})]))
    assert not child["specialist"]


def test_chronology_covers_24_months_and_tells_small_events_by_month() -> None:
    one = candidate(0)
    one["chronology"] += [
        event("k", "police", "ppn", "police_da_notification", AS_OF.replace(year=2024, month=9)),
        event("k", "police", "ppn", "police_da_notification", AS_OF.replace(month=11)),
    ]
    (child,) = children(north([one]))
    days = [line["last_on"] for line in child["chronology"]]
    single = [line["last_on"] for line in child["chronology"] if line["when"][0].isdigit()]
    assert single == sorted(single, reverse=True)
    assert min(days) >= "2024-10-04"
    assert max(days) <= "2026-10-04"
    absences = [line for line in child["chronology"] if line["agency"] == "education"]
    assert [line["when"] for line in absences] == ["October 2026", "September 2026", "August 2026"]
    assert child["gaps"] == ["Police: no missing person reports after 20 September 2026, because the file is late."]


def test_small_events_of_one_agency_share_the_months_line() -> None:
    one = candidate(0)
    one["chronology"] = [
        event("k", "education", "attendance", kind, date(2026, 9, day))
        for kind, day in (("absence_illness", 3), ("late_after_register", 4), ("absence_illness", 7))
    ]
    (child,) = children(north([one]))
    (line,) = child["chronology"]
    assert (line["when"], line["first_on"], line["last_on"]) == ("September 2026", "2026-09-03", "2026-09-07")
    assert line["what"] == "2 half-days missed through illness; 1 late arrival after the register closed"


def test_a_month_stands_under_its_days_and_equal_lines_are_one() -> None:
    one = candidate(0)
    one["chronology"] = [
        event("k", "education", "attendance", "absence_illness", date(2026, 9, 30)),
        event("k", "police", "ppn", "police_missing_report", date(2026, 9, 1)),
        event("k", "police", "ppn", "police_missing_report", date(2026, 8, 31)),
        *(event("k", "earlyhelp", "needs", "eh_need_met", date(2026, 9, 20), detail=code) for code in ("9", "10", "x")),
        event("k", "earlyhelp", "needs", "eh_need_identified", date(2026, 9, 21), detail="9"),
    ]
    (child,) = children(north([one]))
    assert [(line["when"], line["what"]) for line in child["chronology"]] == [
        ("21 September 2026", "Need noted by early help: a secure home"),
        ("20 September 2026", "3 early help needs met: a secure home; financial stability"),
        ("1 September 2026", "Missing report"),
        ("September 2026", "1 half-day missed through illness"),
        ("31 August 2026", "Missing report"),
    ]


def test_starts_and_ends_of_help_are_lines() -> None:
    one = candidate(0, chronology=[])
    spell = {"agency": "earlyhelp", "release": "ask_owner", "started_on": date(2023, 1, 1)}
    spells = [
        {**spell, "episode_type": "early_help", "ended_on": date(2026, 8, 11), "outcome": "DISENGAGED"},
        {**spell, "episode_type": "early_help", "ended_on": None, "started_on": "2026-09-01", "outcome": None},
        {**spell, "episode_type": "cin_plan", "ended_on": date(2026, 12, 1), "outcome": None},
        {**spell, "episode_type": "enrolment", "ended_on": date(2026, 7, 1), "outcome": "8"},
        {**spell, "episode_type": "early_help", "ended_on": date(2026, 8, 12), "outcome": None, "release": "sealed"},
    ]
    (child,) = children(north([one], episodes={one["person_key"]: spells}))
    assert [(line["when"], line["what"]) for line in child["chronology"]] == [
        ("1 September 2026", "Early help started"),
        ("11 August 2026", "Early help ended: the family stopped taking part"),
    ]


def test_one_visit_is_told_once_in_the_words_that_say_most() -> None:
    one = candidate(0)
    kinds = ("ed_attendance", "ed_injury_attendance", "ed_attendance", "csc_assessment_factor")
    one["chronology"] = [event("k", "acute_trust", "ed_attendance", kind, AS_OF) for kind in kinds]
    (child,) = children(north([one]))
    assert sorted(line["what"] for line in child["chronology"]) == [
        "Emergency department visit",
        "Emergency department visit for an injury",
    ]


def test_details_are_told_only_where_the_pack_has_words_for_them() -> None:
    one = candidate(0)
    one["chronology"].append(event("k", "police", "ppn", "police_da_notification", AS_OF, detail="HIGH"))
    text = json.dumps(children(north([one])))
    assert "Assessment completed: closed with no further help" in text
    assert "HIGH" not in text
