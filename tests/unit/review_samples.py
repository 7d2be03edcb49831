"""Invented candidates for the tests of the review package: nobody here exists."""

from __future__ import annotations

import random
import uuid
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from review.compose import compose_lists
from review.settings import ListSettings
from review.words import Wording

ROOT = Path(__file__).resolve().parents[2]
AS_OF = date(2026, 10, 4)
SETTINGS = ListSettings(
    "northmere",
    "Northmere Safeguarding Children Partnership",
    {"north": 5, "south": 2},
    {"north": "North area team"},
    {"north": "01632 960201"},
    front_door={"telephone": "01632 960200", "out_of_hours": "01632 960999"},
)
NAMES = (
    ("Aisha", "O'Brien", date(2017, 3, 2)),
    ("Amber", "Green", date(2014, 11, 20)),
    ("=cmd|' /C calc'!A0", "<b>Bold</b> & Sons", date(2025, 1, 15)),
    ("Łukasz", "Żółć-Smith", date(2010, 6, 30)),
    ("Ruby", "Green", date(2019, 8, 8)),
    ("+44", "@SUM(1)", date(2012, 2, 29)),
)
RULE_SENTENCES = {"da_cluster": "{things} {from_agencies} {between}{before}."}


def pack_words() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "partnerships/northmere/wording.yml").read_text(encoding="utf-8"))


@cache
def words() -> Wording:
    agencies = yaml.safe_load((ROOT / "partnerships/northmere/partnership.yml").read_text(encoding="utf-8"))["agencies"]
    codes = {"sf_outcome": {"9": "a secure home", "10": "financial stability"}}
    codes["early_help_end_reason"] = {"DISENGAGED": "the family stopped taking part"}
    return Wording(pack_words(), RULE_SENTENCES, agencies, codes)


def key(salt: str, *parts: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join(map(str, (salt, *parts)))))


def event(salt: str, agency: str, feed: str, kind: str, day: date, release: str = "ask_owner", **more: Any) -> dict:
    return {
        "event_key": f"{key(salt, agency, feed, kind, day)}:{kind}",
        "agency": agency,
        "feed": feed,
        "event_type": kind,
        "occurred_on": day.isoformat(),
        "value": 1.0,
        "detail": None,
        "release": release,
        **more,
    }


def candidate(number: int, salt: str = "key one", sealed: bool = False, **more: Any) -> dict[str, Any]:
    rng = random.Random(number)
    police = [
        event(salt, "police", "ppn", "police_da_notification", AS_OF - timedelta(days=7 * n + number))
        for n in (1, 4, 7)
    ]
    missed = [
        event(salt, "education", "attendance", "absence_unauthorised", AS_OF - timedelta(days=d))
        for d in range(2, 40)
        if (AS_OF - timedelta(days=d)).weekday() < 5
    ]
    ed = [event(salt, "acute_trust", "ed_attendance", "ed_injury_attendance", AS_OF - timedelta(days=90))]
    seen = [
        event(salt, "community_health", "care_contact", "health_contact_attended", AS_OF - timedelta(days=d))
        for d in (30, 95, 160)
    ]
    reasons = [
        {
            "name": "da_cluster",
            "theme": "home",
            "kind": "rule",
            "sentence_key": "da_cluster",
            "facts": {
                "count": 3,
                "window_weeks": 8,
                "first_on": police[-1]["occurred_on"],
                "last_on": police[0]["occurred_on"],
                "prior_count": 0,
            },
            "evidence": police,
        },
        {
            "name": "missed_school",
            "theme": "school",
            "kind": "feature",
            "sentence_key": "missed_school",
            "sentence": "{count} half-days missed in {window}; classmates missed {peers}.",
            "facts": {"count": len(missed), "window_weeks": 6, "peers": 2},
            "evidence": missed,
        },
        {
            "name": "ed_injury",
            "theme": "health",
            "kind": "feature",
            "sentence_key": "ed_injury",
            "facts": {"count": 1, "window_weeks": 26, "prior_count": 0},
            "evidence": ed,
        },
    ]
    if sealed:
        hidden = event(
            salt, "da_service", "flag", "da_service_engaged", date(2026, 9, 19), "sealed", detail="REFUGE-CANARY"
        )
        reasons.append(
            {
                "name": "da_service_engaged",
                "theme": "da",
                "kind": "feature",
                "sentence_key": "x",
                "sentence": "{count} REFUGE-CANARY",
                "facts": {"count": 1},
                "evidence": [hidden],
            }
        )
    chronology = [*police, *missed, *ed, *seen]
    chronology += [
        event(salt, "csc", "contacts", "csc_contact", AS_OF - timedelta(days=rng.randrange(120, 700))) for _ in range(6)
    ]
    chronology += [
        event(salt, "csc", "cin_assessments", "csc_assessment_completed", date(2025, 2, 3), detail="no_need")
    ]
    chronology += [reasons[-1]["evidence"][0]] if sealed else []
    involvement = [
        {
            "episode_type": "enrolment",
            "agency": "education",
            "started_on": "2023-09-04",
            "team": None,
            "worker_record_key": None,
            "organisation": "100234",
        },
        {
            "episode_type": "health_caseload",
            "agency": "community_health",
            "started_on": "2025-05-20",
            "team": "Health visiting",
            "worker_record_key": key(salt, "worker"),
            "organisation": None,
        },
    ]
    if sealed:
        involvement.append(
            {
                "episode_type": "da_support",
                "agency": "da_service",
                "started_on": "2026-09-19",
                "team": "REFUGE-CANARY",
                "worker_record_key": None,
                "organisation": None,
            }
        )
    basis = {
        "police": "probabilistic",
        "education": "deterministic",
        "community_health": "deterministic",
        "acute_trust": "deterministic",
    }
    return {
        "person_key": key(salt, "person", number),
        "area_team": "north",
        "channel": ["model"],
        "as_of_date": AS_OF.isoformat(),
        "household_key": key(salt, "household", number),
        "reasons": reasons,
        "chronology": chronology,
        "involvement": involvement,
        "protective": [
            {
                "name": "health_contacts",
                "sentence_key": "health_contacts",
                "facts": {"count": 3, "window_weeks": 26},
                "evidence": seen,
            }
        ]
        if number % 2
        else [],
        "siblings": [],
        "link_basis": {**basis, **({"da_service": "single"} if sealed else {})},
        **more,
    }


def family_week(salt: str = "key one") -> list[dict[str, Any]]:
    """Five candidates: numbers 1 and 4 share a home, 2 has sealed information, 3 has an earlier date by rule."""
    home = key(salt, "household", "shared")
    return [
        candidate(0, salt),
        candidate(1, salt, household_key=home, siblings=[key(salt, "person", 4), key(salt, "person", 5)]),
        candidate(2, salt, sealed=True),
        candidate(3, salt, deadline_days=2, channel=["da_cluster"]),
        candidate(4, salt, household_key=home, siblings=[key(salt, "person", 1)]),
    ]


def identities(salt: str = "key one") -> dict[str, dict[str, Any]]:
    return {
        key(salt, "person", number): {"forename": forename, "surname": surname, "birth_date": born}
        for number, (forename, surname, born) in enumerate(NAMES)
    }


def feeds() -> list[dict[str, Any]]:
    return [
        {"agency": "police", "feed": "ppn", "last_good_load": "2026-10-03T20:00:00", "is_late": False},
        {"agency": "police", "feed": "missing", "last_good_load": "2026-09-20T20:00:00", "is_late": True},
        {"agency": "education", "feed": "attendance", "last_good_load": "2026-10-04T18:00:00", "is_late": False},
        {"agency": "da_service", "feed": "flag", "last_good_load": "2026-09-01", "is_late": True},
    ]


def compose(
    candidates: list[dict[str, Any]] | None = None, salt: str = "key one", **more: Any
) -> dict[str, dict[str, Any]]:
    settings = more.pop("settings", SETTINGS)
    return compose_lists(
        family_week(salt) if candidates is None else candidates,
        settings=settings,
        wording=more.pop("wording", words()),
        as_of=AS_OF,
        identities=identities(salt),
        professionals={
            key(salt, "worker"): {
                "name": "Pat O'Neill",
                "role": "Health visitor",
                "organisation": "Northmere Community Health",
            }
        },
        feeds=feeds(),
        organisations={"100234": "Greenfield Primary <School>"},
        suppressed=more.pop("suppressed", {"north": {"open_statutory": 12, "recent_decision": 3}}),
        reaches=more.pop(
            "reaches",
            {
                "police": AS_OF,
                "education": None,
                "community_health": date(2026, 9, 9),
                "da_service": date(2026, 9, 19),
            },
        ),
        basis=["This week's list comes from named patterns only."],
        **more,
    )


def north(candidates: list[dict[str, Any]] | None = None, salt: str = "key one", **more: Any) -> dict[str, Any]:
    """The north team's list."""
    return compose(candidates, salt, **more)["north"]


def children(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Every child on a list."""
    return [child for family in document["families"] for child in family["children"]]
