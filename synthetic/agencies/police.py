"""Police: public protection notices and missing-person reports, typed afresh for every incident.

No NHS number, no UPN; names as heard at the door, birth dates missing for one in eight and 1 January for three in a
hundred, the address of the incident rather than the home. A notice that goes to the front door is written at once and
says when it went; the others are written up two days later (one in twenty after ten). Some
children are only "child present, about four": no name, no birth date. Subjects are children; adult victims and anybody
suspected are not in the file. A few notices carry handling code C: they may not be shared, and the receiver must
refuse them.

Written in Windows code page 1252 with its curly apostrophes and dashes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic.agencies.casework import LOST, RETRACTED, RETRACTION_DAYS, as_text, corrected, more_flags
from synthetic.agencies.corruption import POLICE_RATES, Defects, key_hash, local_ids
from synthetic.agencies.ground import Ground, keep_where, yes_no
from synthetic.agencies.views import Feed, Times, View, columns, existing, stack_versions, to_utc

AGENCY = "police"
UNNAMED, NEW_NOMINAL, HANDLING_C = 0.12, 0.12, 0.004
UPRN_FILL, SCHOOL_FILL, AGE_FILL = 0.50, 0.40, 0.80
RISK_REVISED = 0.03
_WRITTEN_BEFORE = np.timedelta64(600, "s")

_CP1252 = str.maketrans({"'": "’", "`": "’"})


def _feed(name: str, key: tuple[str, ...], text: str, sent_at: time) -> Feed:
    return Feed(
        AGENCY,
        name,
        columns(text),
        key,
        "delta",
        sent_at,
        encoding="cp1252",
        date_format="%d/%m/%Y",
        timestamp_format="%d/%m/%Y %H:%M",
        names_people=True,
    )


PPN = _feed(
    "ppn",
    ("ppn_ref", "subject_no"),
    "ppn_ref subject_no incident_ref ppn_type submitted_dt:datetime hub_sent_dt:datetime occurred_dt:datetime"
    " officer_risk dash_risk subject_role subject_forename subject_surname subject_dob:date approx_age:integer"
    " subject_sex address_text postcode uprn school_stated child_seen voice_recorded op_encompass_sent"
    " marac_referred niche_nominal_id handling_code row_state",
    time(23, 30),
)
MISSING = _feed(
    "missing",
    ("misper_ref",),
    "misper_ref subject_forename subject_surname subject_dob:date subject_sex postcode niche_nominal_id"
    " reported_dt:datetime found_dt:datetime risk_grade from_care return_interview_dt:datetime row_state",
    time(23, 40),
)

FEEDS = (PPN, MISSING)


def build(ground: Ground) -> Iterator[View]:
    """Both police feeds."""
    yield View(PPN, _notices(ground))
    yield View(MISSING, _missing(ground))


def _nominals(ground: Ground, person_ids: pd.Series, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.object_]:
    """The force's number for a person, kept from incident to incident except where a second nominal was made."""
    draws = ground.defects(AGENCY)
    everyone = pd.Series(
        local_ids(draws, key_hash(ground.person["person_id"]), "N{:d}", 3_000_001), index=ground.person.index
    )
    again = draws.hit("new_nominal", hashes, NEW_NOMINAL)
    fresh = local_ids(ground.defects("police.nominal"), hashes, "N{:d}", 6_000_001)
    return np.where(again, fresh, as_text(person_ids.map(everyone)))


def _notices(ground: Ground) -> pd.DataFrame:
    draws = ground.defects(PPN.label)
    subject = ground.table("police_subject")
    subject = subject[subject["person_id"].map(ground.person["is_child"])]
    true = subject.merge(ground.table("police_incident"), on="incident_id", how="left")
    numbers = true["incident_id"].drop_duplicates()
    refs = pd.Series(local_ids(draws, key_hash(numbers), "PPN{:07d}", 10_001), index=numbers.to_numpy())
    incidents = pd.Series(
        local_ids(ground.defects("police.incident"), key_hash(numbers), "NM{:07d}", 400_001), index=numbers.to_numpy()
    )
    incident_hash = key_hash(true["incident_id"])
    hashes = key_hash(true["incident_id"].astype(str) + "/" + true["subject_no"].astype(str))
    occurred = existing(true["occurred_at"])
    sent, lost = _front_door(ground, true)
    lag_days = np.clip(draws.lognormal("lag", incident_hash, 2.0, 10.0), 0.05, 60.0)
    submitted = existing(occurred + (lag_days * 86400).astype("timedelta64[s]"))
    # One notice is submitted once, for all its subjects, and before any of it goes out.
    first_sent = sent.groupby(true["incident_id"]).transform("min").to_numpy().astype("datetime64[s]")
    goes_out = ~np.isnat(first_sent)
    submitted[goes_out] = np.maximum(occurred, existing((first_sent - _WRITTEN_BEFORE).astype("datetime64[s]")))[
        goes_out
    ]
    told = to_utc(np.where(goes_out, np.maximum(submitted, existing(first_sent)), submitted))
    place = ground.table("address").set_index("address_id").loc[true["address_id"].to_numpy()].reset_index(drop=True)
    who = pd.DataFrame({"person_id": true["person_id"], "postcode": place["postcode"]})
    view = ground.identity(who, hashes, draws, POLICE_RATES)
    unnamed = (true["role"].astype(str) == "CHILD_PRESENT").to_numpy() & draws.hit("unnamed", hashes, UNNAMED)
    born = ground.of_person(true["person_id"])["birth_date"]
    age = ((occurred - born.to_numpy().astype("datetime64[s]")).astype("int64") / (365.25 * 86400)).astype("int64")
    no_birth_date = view["birth_date"].isna().to_numpy()
    guess = np.clip(age + draws.integers("age_guess", hashes, -1, 2), 0, 17)
    guessed = unnamed | (no_birth_date & draws.chosen("age_stated", hashes, AGE_FILL))
    handling_c = draws.hit("handling_c", incident_hash, HANDLING_C)
    view["flags"] = more_flags(view["flags"], [("unnamed", unnamed), ("handling_c", handling_c), (LOST, lost)])
    rows = pd.DataFrame(
        {
            "ppn_ref": as_text(true["incident_id"].map(refs)),
            "subject_no": true["subject_no"].astype(int).astype(str).astype(object),
            "incident_ref": as_text(true["incident_id"].map(incidents)),
            "ppn_type": as_text(true["kind"]),
            "submitted_dt": submitted,
            "hub_sent_dt": existing(sent),
            "occurred_dt": occurred,
            "officer_risk": as_text(true["officer_risk"]),
            "dash_risk": as_text(true["dash_risk"]),
            "subject_role": as_text(true["role"]),
            "subject_forename": _curly(keep_where(view["forename"], ~unnamed)),
            "subject_surname": _curly(keep_where(view["surname"], ~unnamed)),
            "subject_dob": view["birth_date"].mask(unnamed),
            "approx_age": pd.array(np.where(guessed, guess, 0), dtype="Int64"),
            "subject_sex": view["sex"],
            "address_text": _address_text(place, draws, hashes),
            "postcode": view["postcode"],
            "uprn": keep_where(place["uprn"], draws.chosen("uprn", hashes, UPRN_FILL)),
            "school_stated": keep_where(_school_of(ground, true["person_id"], occurred), ~unnamed),
            "child_seen": yes_no(true["child_seen"]),
            "voice_recorded": yes_no(true["voice_recorded"]),
            "op_encompass_sent": yes_no(true["op_encompass_sent"]),
            "marac_referred": yes_no(true["marac_referred"]),
            "niche_nominal_id": keep_where(_nominals(ground, true["person_id"], hashes), ~unnamed),
            "handling_code": np.where(handling_c, "C", "P").astype(object),
            "_recorded_at": told,
            "_person_id": true["person_id"],
            "_flags": view["flags"],
        }
    )
    rows.loc[~guessed, "approx_age"] = pd.NA
    rows["school_stated"] = keep_where(rows["school_stated"], draws.chosen("school", hashes, SCHOOL_FILL))
    first, right = corrected(rows, draws, incident_hash, "officer_risk", RISK_REVISED, ("STANDARD", "MEDIUM", "HIGH"))
    return stack_versions(PPN, [first, right, *_sent_twice(rows, draws, incident_hash)])


def _front_door(ground: Ground, subjects: pd.DataFrame) -> tuple[pd.Series, npt.NDArray[np.bool_]]:
    """When each subject's notice went to the front door (missing: it did not), and whether it was lost there."""
    notified = ground.table("front_door_notification")
    notified = notified[notified["sender"] == AGENCY][["incident_id", "person_id", "sent_at", "lost"]]
    keys = ["incident_id", "person_id"]
    found = subjects[keys].merge(notified.astype({"incident_id": "int64"}), on=keys, how="left")
    return found["sent_at"], found["lost"].fillna(False).to_numpy().astype(bool)


def _sent_twice(rows: pd.DataFrame, draws: Defects, hashes: npt.NDArray[np.uint64]) -> list[pd.DataFrame]:
    """Notices raised twice for one incident, the second withdrawn within ten weeks: both versions.

    Only the first goes to the front door.
    """
    made = rows[draws.hit("twice", hashes, RETRACTED)].copy()
    if made.empty:
        return []
    made["ppn_ref"] = "D" + made["ppn_ref"].astype(str)
    made["hub_sent_dt"] = np.datetime64("NaT", "s")
    made["_flags"] = [f"{flags};retracted" if flags else "retracted" for flags in made["_flags"]]
    gone = made.copy()
    days = draws.integers("twice_days", key_hash(made["ppn_ref"]), 1, RETRACTION_DAYS)
    gone["_recorded_at"] = made["_recorded_at"].to_numpy() + (days * 86400).astype("timedelta64[s]")
    gone["_row_op"] = "deleted"
    return [made, gone]


def _curly(texts: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    return np.array([t.translate(_CP1252) if isinstance(t, str) else None for t in texts], dtype=object)


def _address_text(place: pd.DataFrame, draws: Defects, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.object_]:
    dash = draws.chosen("dash", hashes, 0.2)
    return np.array(
        [
            f"{house} {street} – {town}" if with_dash else f"{house} {street}, {town}"
            for house, street, town, with_dash in zip(
                place["house"], place["street"], place["town"], dash.tolist(), strict=True
            )
        ],
        dtype=object,
    )


def _school_of(ground: Ground, person_ids: pd.Series, when: Times) -> npt.NDArray[np.object_]:
    """Name of the school a child was last enrolled at on a day, as an officer writes it (None before school)."""
    names = ground.table("school").set_index("urn")["name"].astype(str)
    spells = ground.table("enrolment")[["person_id", "entry_date", "urn"]].copy()
    spells["entry_date"] = spells["entry_date"].astype("datetime64[s]")
    asked = pd.DataFrame({"person_id": person_ids.to_numpy(), "when": when, "_at": np.arange(len(person_ids))})
    found = pd.merge_asof(
        asked.sort_values("when", kind="stable"),
        spells.sort_values("entry_date", kind="stable"),
        left_on="when",
        right_on="entry_date",
        by="person_id",
    ).sort_values("_at")
    return _curly(as_text(found["urn"].map(names)))


def _missing(ground: Ground) -> pd.DataFrame:
    draws = ground.defects(MISSING.label)
    true = ground.table("police_missing")
    hashes = key_hash(true["missing_id"])
    reported = existing(true["reported_at"])
    found = existing(true["found_at"])
    talked = existing(true["return_interview_at"])
    place = ground.table("address").set_index("address_id").loc[true["address_id"].to_numpy()].reset_index(drop=True)
    who = pd.DataFrame({"person_id": true["person_id"], "postcode": place["postcode"].to_numpy()})
    view = ground.identity(who, hashes, draws, POLICE_RATES)
    lag = (np.clip(draws.lognormal("lag", hashes, 1.0, 5.0), 0.02, 30.0) * 86400).astype("timedelta64[s]")
    rows = pd.DataFrame(
        {
            "misper_ref": local_ids(draws, hashes, "MP{:06d}", 10_001),
            "subject_forename": _curly(as_text(view["forename"])),
            "subject_surname": _curly(as_text(view["surname"])),
            "subject_dob": view["birth_date"],
            "subject_sex": view["sex"],
            "postcode": view["postcode"],
            "niche_nominal_id": _nominals(ground, true["person_id"], key_hash("m" + true["missing_id"].astype(str))),
            "reported_dt": reported,
            "found_dt": np.datetime64("NaT", "s"),
            "risk_grade": as_text(true["risk_grade"]),
            "from_care": yes_no(true["from_care"]),
            "return_interview_dt": np.datetime64("NaT", "s"),
            "_recorded_at": to_utc(reported) + lag,
            "_person_id": true["person_id"],
            "_flags": view["flags"],
        }
    )
    back = rows[~np.isnat(found)].copy()
    back["found_dt"] = found[~np.isnat(found)]
    back["_recorded_at"] = to_utc(back["found_dt"]) + lag[~np.isnat(found)]
    seen = ~np.isnat(found) & ~np.isnat(talked)
    heard = rows[seen].copy()
    heard["found_dt"], heard["return_interview_dt"] = found[seen], talked[seen]
    heard["_recorded_at"] = to_utc(talked[seen]) + lag[seen]
    return stack_versions(MISSING, [rows, back, heard])
