"""Acute hospitals: emergency department attendances, one row each, sent in the small hours of the next day.

A hospital keeps its own registration of a person (one spelling per person and site), an NHS number for 97 % of rows,
and the postcode it was last told: one in twelve rows carries the home before the present one. A safeguarding concern is
recorded when it is passed on to social care.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

import numpy as np
import pandas as pd

from synthetic.agencies.casework import LOST, as_text, corrected, mapped, more_flags
from synthetic.agencies.corruption import key_hash, local_ids
from synthetic.agencies.ground import Ground, keep_where, yes_no
from synthetic.agencies.views import Feed, View, columns, existing, stack_versions, to_utc

AGENCY = "acute_trust"
NHS_FILL, OLD_POSTCODE, COMPLAINT_RECODED = 0.97, 0.08, 0.02

ED_ATTENDANCE = Feed(
    AGENCY,
    "ed_attendance",
    columns(
        "AttendanceId NHSNumber Forename Surname DateOfBirth:date Sex Postcode SiteCode ArrivalDateTime:datetime"
        " AttendanceCategory AttendanceSource ArrivalMode Acuity ChiefComplaintGroup InjuryIntent SafeguardingConcern"
        " LeftBeforeTreatment DischargeDestination"
    ),
    ("AttendanceId",),
    "delta",
    time(1, 0),
    names_people=True,
)
FEEDS = (ED_ATTENDANCE,)

STATED_GENDER = {"M": "1", "F": "2", "U": "X"}
CHILD_CONCERN, FAMILY_CONCERN = "836881000000105", "1064961000000107"


def build(ground: Ground) -> Iterator[View]:
    """The emergency department feed."""
    yield View(ED_ATTENDANCE, _attendances(ground))


def _attendances(ground: Ground) -> pd.DataFrame:
    draws = ground.defects(ED_ATTENDANCE.label)
    true = ground.table("ed_attendance")
    hashes = key_hash(true["ed_id"])
    registration = key_hash(true["person_id"].astype(str) + true["site_code"].astype(str))
    arrival = existing(true["arrival_at"])
    known = arrival - np.where(draws.chosen("old_postcode", hashes, OLD_POSTCODE), 400 * 86400, 0).astype(
        "timedelta64[s]"
    )
    who = pd.DataFrame(
        {"person_id": true["person_id"].to_numpy(), "postcode": ground.home_on(true["person_id"], known)["postcode"]}
    )
    view = ground.identity(who, registration, draws)
    nhs = ground.of_person(true["person_id"])["nhs_number"]
    concern = true["safeguarding_concern"].to_numpy().astype(bool)
    notified = ground.table("front_door_notification")
    lost = true["ed_id"].isin(notified.loc[notified["lost"], "ed_id"].dropna()).to_numpy()
    family = draws.chosen("family_concern", hashes, 0.35)
    entered = to_utc(arrival) + ((2.0 + 6.0 * draws.uniform("stay", hashes)) * 3600).astype("timedelta64[s]")
    rows = pd.DataFrame(
        {
            "AttendanceId": local_ids(draws, hashes, "ED{:d}", 7_000_001),
            "NHSNumber": keep_where(nhs, draws.chosen("nhs", hashes, NHS_FILL)),
            "Forename": view["forename"],
            "Surname": view["surname"],
            "DateOfBirth": view["birth_date"],
            "Sex": view["sex"].map(STATED_GENDER),
            "Postcode": view["postcode"],
            "SiteCode": as_text(true["site_code"]),
            "ArrivalDateTime": arrival,
            "AttendanceCategory": true["category"].astype(str).astype(object),
            "AttendanceSource": mapped(true["source"], "ed_source"),
            "ArrivalMode": mapped(true["arrival_mode"], "ed_arrival_mode"),
            "Acuity": mapped(true["acuity"], "ed_acuity"),
            "ChiefComplaintGroup": as_text(true["complaint"]),
            "InjuryIntent": mapped(true["injury_intent"], "ed_injury_intent"),
            "SafeguardingConcern": keep_where(np.where(family, FAMILY_CONCERN, CHILD_CONCERN).astype(object), concern),
            "LeftBeforeTreatment": yes_no(true["left_before_treatment"]),
            "DischargeDestination": mapped(true["discharge"], "ed_discharge"),
            "_recorded_at": entered,
            "_person_id": true["person_id"].to_numpy(),
            "_flags": more_flags(view["flags"], [(LOST, lost)]),
        }
    )
    first, right = corrected(rows, draws, hashes, "ChiefComplaintGroup", COMPLAINT_RECODED, ("OTHER", "ILLNESS"))
    return stack_versions(ED_ATTENDANCE, [first, right])
