"""Community health: health visiting, school nursing, community paediatrics. Refreshed each Thursday, 20 to 35 days
late.

Holds an NHS number for 99 % of patients, so it is the best identified of the agencies and the last to tell. The
patient file is whole each week; referrals and contacts are deltas in which nothing is ever deleted. A mandated review
that did not happen is no row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import time

import numpy as np
import pandas as pd

from synthetic.agencies.acute_trust import STATED_GENDER
from synthetic.agencies.casework import as_text, closing, mapped
from synthetic.agencies.corruption import Defects, Hashes, key_hash, local_ids
from synthetic.agencies.ground import Ground, after, first_seen, keep_where, recorded
from synthetic.agencies.views import Feed, Times, View, columns, stack_versions

AGENCY = "community_health"
NHS_FILL = 0.99
THURSDAY = 3


def _feed(name: str, key: str, text: str, *, full: bool = False) -> Feed:
    mode = "full" if full else "delta"
    return Feed(AGENCY, name, columns(text), (key,), mode, time(20, 0), THURSDAY, names_people=full)  # type: ignore[arg-type]


PATIENT = _feed(
    "patient",
    "LocalPatientId",
    "LocalPatientId NHSNumber Forename Surname DateOfBirth:date Sex Postcode",
    full=True,
)
REFERRAL = _feed(
    "referral",
    "ServiceRequestID",
    "ServiceRequestID LocalPatientId TeamType ReferralRequest_ReceivedDate:date SourceOfReferral PrimaryReferralReason"
    " Discharge_Date:date",
)
CARE_CONTACT = _feed(
    "care_contact",
    "CareContactID",
    "CareContactID ServiceRequestID LocalPatientId Contact_Date:date Consultation_MediumUsed AttendOrNot review_type",
)
#: Kept by hand, and sent as the workbook it is kept in.
SAFEGUARDING_FACTOR = replace(
    _feed("safeguarding_factor", "FactorId", "FactorId LocalPatientId SafeguardingFactors_Type RecordedDate:date"),
    format="xlsx",
)

FEEDS = (PATIENT, REFERRAL, CARE_CONTACT, SAFEGUARDING_FACTOR)


def build(ground: Ground) -> Iterator[View]:
    """Every community-health feed."""
    draws = ground.defects(AGENCY)
    opened = first_seen(
        [
            ground.days("health_referral", "received_date"),
            ground.days("health_contact", "contact_date"),
            ground.days("health_factor", "recorded_date"),
        ]
    )
    # An antenatal contact is put on the child's record when the child is registered.
    opened["opened_on"] = np.maximum(opened["opened_on"], ground.of_person(opened["person_id"])["birth_date"])
    patients = pd.Series(
        local_ids(draws, key_hash(opened["person_id"]), "CH{:d}", 800_001), index=opened["person_id"].to_numpy()
    )
    registered = pd.Series(opened["opened_on"].to_numpy(), index=opened["person_id"].to_numpy())
    requests = ground.table("health_referral")["health_referral_id"]
    numbers = pd.Series(
        local_ids(ground.defects(REFERRAL.label), key_hash(requests), "SR{:d}", 900_001), index=requests.to_numpy()
    )
    yield View(PATIENT, _patients(ground, opened, patients))
    yield View(REFERRAL, _referrals(ground, patients, numbers, registered))
    yield View(CARE_CONTACT, _contacts(ground, patients, numbers, registered))
    yield View(SAFEGUARDING_FACTOR, _factors(ground, patients, registered))


def _told(days: pd.Series, draws: Defects, label: str, hashes: Hashes) -> Times:
    """With the wait for the weekly refresh, 20 to 35 days after the fact."""
    return recorded(after(days, draws.integers(f"delay/{label}", hashes, 19, 30)), draws, label, hashes)


def _since_registration(days: pd.Series, people: pd.Series, registered: pd.Series) -> pd.Series:
    return pd.Series(np.maximum(days.to_numpy(), people.map(registered).to_numpy()))


def _patients(ground: Ground, opened: pd.DataFrame, patients: pd.Series) -> pd.DataFrame:
    draws = ground.defects(AGENCY)
    homes = ground.address_versions(opened, draws, median_days=20, p95_days=120, noticed=0.9)
    hashes = key_hash(homes["person_id"])
    view = ground.identity(homes[["person_id", "postcode"]], hashes, draws)
    nhs = ground.of_person(homes["person_id"])["nhs_number"]
    rows = pd.DataFrame(
        {
            "LocalPatientId": as_text(homes["person_id"].map(patients)),
            "NHSNumber": keep_where(nhs, draws.chosen("nhs", hashes, NHS_FILL)),
            "Forename": view["forename"],
            "Surname": view["surname"],
            "DateOfBirth": view["birth_date"],
            "Sex": view["sex"].map(STATED_GENDER),
            "Postcode": view["postcode"],
            "_recorded_at": _told(homes["learnt_on"], draws, "patient", hashes),
            "_person_id": homes["person_id"],
            "_flags": view["flags"],
        }
    )
    step = homes.groupby("person_id").cumcount().to_numpy()
    return stack_versions(PATIENT, [rows[step == n] for n in range(int(step.max(initial=0)) + 1)])


def _referrals(ground: Ground, patients: pd.Series, numbers: pd.Series, registered: pd.Series) -> pd.DataFrame:
    draws = ground.defects(REFERRAL.label)
    true = ground.table("health_referral")
    hashes = key_hash(true["health_referral_id"])
    start = _since_registration(true["received_date"], true["person_id"], registered)
    rows = pd.DataFrame(
        {
            "ServiceRequestID": as_text(true["health_referral_id"].map(numbers)),
            "LocalPatientId": as_text(true["person_id"].map(patients)),
            "TeamType": as_text(true["team_type"]),
            "ReferralRequest_ReceivedDate": true["received_date"],
            "SourceOfReferral": mapped(true["source"], "health_source"),
            "PrimaryReferralReason": mapped(true["reason"], "health_reason"),
            "Discharge_Date": pd.NaT,
            "_recorded_at": _told(start, draws, "referral", hashes),
        }
    )
    told = pd.Series(after(true["discharge_date"], draws.integers("delay/discharge", hashes, 19, 30)))
    over = closing(rows, draws, hashes, told, Discharge_Date=true["discharge_date"])
    return stack_versions(REFERRAL, [rows, over])


def _contacts(ground: Ground, patients: pd.Series, numbers: pd.Series, registered: pd.Series) -> pd.DataFrame:
    draws = ground.defects(CARE_CONTACT.label)
    true = ground.table("health_contact")
    hashes = key_hash(true["health_contact_id"])
    day = _since_registration(true["contact_date"], true["person_id"], registered)
    came = np.where(draws.chosen("late", hashes, 0.07), "6", "5")
    missed = np.where(draws.chosen("arrived_late", hashes, 0.05), "7", "3")
    rows = pd.DataFrame(
        {
            "CareContactID": local_ids(draws, hashes, "CC{:d}", 3_000_001),
            "ServiceRequestID": as_text(true["health_referral_id"].map(numbers)),
            "LocalPatientId": as_text(true["person_id"].map(patients)),
            "Contact_Date": true["contact_date"],
            "Consultation_MediumUsed": mapped(true["medium"], "health_medium"),
            "AttendOrNot": np.where(true["attended"].to_numpy().astype(bool), came, missed).astype(object),
            "review_type": as_text(true["review_type"]),
            "_recorded_at": _told(day, draws, "contact", hashes),
        }
    )
    return stack_versions(CARE_CONTACT, [rows])


def _factors(ground: Ground, patients: pd.Series, registered: pd.Series) -> pd.DataFrame:
    draws = ground.defects(SAFEGUARDING_FACTOR.label)
    true = ground.table("health_factor")
    hashes = key_hash(true["health_factor_id"])
    day = _since_registration(true["recorded_date"], true["person_id"], registered)
    rows = pd.DataFrame(
        {
            "FactorId": local_ids(draws, hashes, "SF{:d}", 500_001),
            "LocalPatientId": as_text(true["person_id"].map(patients)),
            "SafeguardingFactors_Type": as_text(true["factor_type"]),
            "RecordedDate": true["recorded_date"],
            "_recorded_at": _told(day, draws, "factor", hashes),
        }
    )
    return stack_versions(SAFEGUARDING_FACTOR, [rows])
