"""Children's social care: what it does (contacts, referrals, assessments, who is involved; plans and episodes
are in ``csc_protection``).

Written the same day (one in a hundred of the contacts that other agencies sent is typed in days later). A row that
opens and closes is two versions, and what is known only at the end (an assessment's outcome, a closure reason) is empty
until then. Some values are put right later (2 % of contact sources, 4 % of primary needs), and each week some contacts
are found to be on the wrong child and deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import time

import numpy as np
import pandas as pd

from synthetic.agencies import csc_protection
from synthetic.agencies.casework import closing, corrected, flags_json, mapped, misfiled
from synthetic.agencies.corruption import key_hash, local_ids
from synthetic.agencies.csc_numbers import AGENCY, Numbers, nightly
from synthetic.agencies.ground import Ground, recorded, yes_no
from synthetic.agencies.views import Feed, View, columns, stack_versions

SOURCE_CORRECTED, NEED_CORRECTED = 0.02, 0.04
#: Share of contacts from the police, schools and hospitals that are typed in three to eight days late.
TYPED_LATE, SENDERS = 0.01, ("6", "2A", "2B", "3E")

CONTACTS = nightly(
    "contacts",
    "cont_contact_id",
    "cont_contact_id cont_person_id cont_contact_date:date cont_contact_source_code"
    " cont_contact_outcome_json row_state",
)
CIN_EPISODES = nightly(
    "cin_episodes",
    "cine_referral_id",
    "cine_referral_id cine_person_id cine_referral_date:date cine_cin_primary_need_code cine_referral_source_code"
    " cine_referral_outcome_json cine_referral_nfa cine_close_reason cine_close_date:date cine_referral_team"
    " cine_referral_worker_id row_state",
)
CIN_ASSESSMENTS = nightly(
    "cin_assessments",
    "cina_assessment_id",
    "cina_assessment_id cina_person_id cina_referral_id cina_assessment_start_date:date cina_assessment_child_seen"
    " cina_assessment_auth_date:date cina_assessment_outcome_json cina_assessment_outcome_nfa cina_assessment_team"
    " cina_assessment_worker_id row_state",
)
ASSESSMENT_FACTORS = nightly(
    "assessment_factors",
    "cinf_table_id",
    "cinf_table_id cinf_assessment_id cinf_assessment_factors_json row_state",
)
INVOLVEMENTS = nightly(
    "involvements",
    "invo_involvements_id",
    "invo_involvements_id invo_professional_id invo_professional_role_id invo_professional_team"
    " invo_involvement_start_date:date invo_involvement_end_date:date invo_person_id invo_referral_id row_state",
)
PROFESSIONALS = Feed(
    AGENCY,
    "professionals",
    columns(
        "prof_professional_id prof_professional_name prof_professional_job_title prof_professional_department row_state"
    ),
    ("prof_professional_id",),
    "full",
    time(22, 0),
)

FEEDS = (
    CONTACTS,
    CIN_EPISODES,
    CIN_ASSESSMENTS,
    ASSESSMENT_FACTORS,
    *csc_protection.FEEDS,
    INVOLVEMENTS,
    PROFESSIONALS,
)


def build(ground: Ground, people: pd.Series, second: pd.DataFrame) -> Iterator[View]:
    """The casework feeds; ``people`` gives social care's number by true person_id, ``second`` the second records."""
    numbers = Numbers(ground, people, second)
    yield View(CONTACTS, _contacts(ground, numbers))
    yield View(CIN_EPISODES, _referrals(ground, numbers))
    yield from _assessments(ground, numbers)
    yield from csc_protection.build(ground, numbers)
    yield View(INVOLVEMENTS, _involvements(ground, numbers))
    yield View(PROFESSIONALS, _professionals(ground, numbers))


def _contacts(ground: Ground, numbers: Numbers) -> pd.DataFrame:
    draws = ground.defects(CONTACTS.label)
    true = ground.table("csc_contact")
    hashes = key_hash(true["contact_id"])
    flags = {
        "NEW_REFERRAL": ("NEW_REFERRAL",),
        "EXISTING_REFERRAL": ("EXISTING_REFERRAL",),
        "NFA": ("NFA",),
        "ADVICE": ("ADVICE",),
        "EARLY_HELP": ("EH_REFERRAL",),
    }
    rows = pd.DataFrame(
        {
            "cont_contact_id": local_ids(draws, hashes, "C{:d}", 2_000_001),
            "cont_person_id": numbers.of_contact(true["person_id"], true["contact_date"], hashes),
            "cont_contact_date": true["contact_date"],
            "cont_contact_source_code": true["source_code"].astype(object),
            "cont_contact_outcome_json": flags_json(true["outcome"], flags),
            "_recorded_at": recorded(true["contact_date"], draws, "contact", hashes),
        }
    )
    late = draws.hit("typed_late", hashes, TYPED_LATE) & true["source_code"].isin(SENDERS).to_numpy()
    wait = np.where(late, draws.integers("typed_after", hashes, 3, 9), 0)
    rows["_recorded_at"] = rows["_recorded_at"] + wait.astype("timedelta64[D]").astype("timedelta64[s]")
    wrong, right = corrected(rows, draws, hashes, "cont_contact_source_code", SOURCE_CORRECTED, ("10", "1D", "8"))
    made = misfiled(rows, draws, hashes, "cont_contact_id", "CX{:d}", "cont_person_id")
    return stack_versions(CONTACTS, [wrong, right, *made])


def _referrals(ground: Ground, numbers: Numbers) -> pd.DataFrame:
    draws = ground.defects(CIN_EPISODES.label)
    true = ground.table("csc_referral")
    hashes = key_hash(true["referral_id"])
    flags = {
        "NFA": ("NFA",),
        "SINGLE_ASSESSMENT": ("SINGLE_ASSESSMENT", "STRATEGY_DISCUSSION"),
        "STRATEGY_DISCUSSION": ("STRATEGY_DISCUSSION",),
    }
    rows = pd.DataFrame(
        {
            "cine_referral_id": numbers.of_referral(true["referral_id"]),
            "cine_person_id": numbers.person(true["person_id"]),
            "cine_referral_date": true["referral_date"],
            "cine_cin_primary_need_code": true["primary_need"].astype(object),
            "cine_referral_source_code": true["source_code"].astype(object),
            "cine_referral_outcome_json": flags_json(true["outcome"], flags),
            "cine_referral_nfa": yes_no(true["nfa"]),
            "cine_close_reason": None,
            "cine_close_date": pd.NaT,
            "cine_referral_team": true["team"].astype(object),
            "cine_referral_worker_id": numbers.of_worker(true["worker_id"]),
            "_recorded_at": recorded(true["referral_date"], draws, "open", hashes),
        }
    )
    wrong, right = corrected(rows, draws, hashes, "cine_cin_primary_need_code", NEED_CORRECTED, ("N0", "N4", "N5"))
    closed = closing(
        rows,
        draws,
        hashes,
        true["close_date"],
        cine_close_date=true["close_date"],
        cine_close_reason=true["close_reason"],
    )
    return stack_versions(CIN_EPISODES, [wrong, right, closed])


def _assessments(ground: Ground, numbers: Numbers) -> Iterator[View]:
    draws = ground.defects(CIN_ASSESSMENTS.label)
    true = ground.table("csc_assessment")
    hashes = key_hash(true["assessment_id"])
    flags = {
        "NFA": ("NFA",),
        "CIN_PLAN": ("CIN_PLAN",),
        "CP_CONFERENCE": ("CP",),
        "CLA": ("CLA",),
        "SERVICES": ("SERVICES",),
        "EARLY_HELP": ("EARLY_HELP",),
    }
    ids = local_ids(draws, hashes, "A{:d}", 600_001)
    rows = pd.DataFrame(
        {
            "cina_assessment_id": ids,
            "cina_person_id": numbers.person(true["person_id"]),
            "cina_referral_id": numbers.of_referral(true["referral_id"]),
            "cina_assessment_start_date": true["start_date"],
            "cina_assessment_child_seen": None,
            "cina_assessment_auth_date": pd.NaT,
            "cina_assessment_outcome_json": None,
            "cina_assessment_outcome_nfa": None,
            "cina_assessment_team": true["team"].astype(object),
            "cina_assessment_worker_id": numbers.of_worker(true["worker_id"]),
            "_recorded_at": recorded(true["start_date"], draws, "open", hashes),
        }
    )
    done = closing(
        rows,
        draws,
        hashes,
        true["auth_date"],
        cina_assessment_auth_date=true["auth_date"],
        cina_assessment_child_seen=yes_no(true["child_seen"]),
        cina_assessment_outcome_json=flags_json(true["outcome"], flags),
        cina_assessment_outcome_nfa=yes_no(true["outcome_nfa"]),
    )
    yield View(CIN_ASSESSMENTS, stack_versions(CIN_ASSESSMENTS, [rows, done]))
    over = true["auth_date"].notna().to_numpy()
    factors = pd.DataFrame(
        {
            "cinf_table_id": local_ids(ground.defects(ASSESSMENT_FACTORS.label), hashes, "FAC{:d}", 800_001),
            "cinf_assessment_id": ids,
            "cinf_assessment_factors_json": [
                json.dumps(codes.split(";"), separators=(",", ":")) for codes in true["factors"].astype(str)
            ],
        }
    )[over]
    factors["_recorded_at"] = done["_recorded_at"].to_numpy()
    yield View(ASSESSMENT_FACTORS, stack_versions(ASSESSMENT_FACTORS, [factors]))


def _involvements(ground: Ground, numbers: Numbers) -> pd.DataFrame:
    draws = ground.defects(INVOLVEMENTS.label)
    true = ground.table("csc_involvement")
    hashes = key_hash(true["involvement_id"])
    rows = pd.DataFrame(
        {
            "invo_involvements_id": local_ids(draws, hashes, "INV{:d}", 100_001),
            "invo_professional_id": numbers.of_worker(true["professional_id"]),
            "invo_professional_role_id": mapped(true["role"], "professional_role"),
            "invo_professional_team": true["team"].astype(object),
            "invo_involvement_start_date": true["start_date"],
            "invo_involvement_end_date": pd.NaT,
            "invo_person_id": numbers.person(true["person_id"]),
            "invo_referral_id": numbers.of_referral(true["referral_id"]),
            "_recorded_at": recorded(true["start_date"], draws, "open", hashes),
        }
    )
    closed = closing(rows, draws, hashes, true["end_date"], invo_involvement_end_date=true["end_date"])
    return stack_versions(INVOLVEMENTS, [rows, closed])


def _professionals(ground: Ground, numbers: Numbers) -> pd.DataFrame:
    true = ground.table("professional")
    true = true[true["kind"].astype(str).isin(["social_worker", "manager"])]
    rows = pd.DataFrame(
        {
            "prof_professional_id": numbers.of_worker(true["professional_id"]),
            "prof_professional_name": true["name"].astype(object),
            "prof_professional_job_title": true["job_title"].astype(object),
            "prof_professional_department": true["team"].astype(object),
            "_recorded_at": np.datetime64("2015-01-01T09:00:00", "s"),
        }
    )
    return stack_versions(PROFESSIONALS, [rows])
