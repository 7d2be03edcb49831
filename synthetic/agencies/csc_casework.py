"""Children's social care: what it does (contacts, referrals, assessments, plans, enquiries, episodes, who is involved).

Written the same day. A row that opens and closes is two versions, and what is known only at the end (an assessment's outcome, a
closure reason) is empty until then. Some values are put right later (2 % of contact sources, 4 % of primary needs), and each
week some contacts are found to be on the wrong child and deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import time

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic.agencies.casework import as_text, closing, corrected, flags_json, misfiled
from synthetic.agencies.corruption import key_hash, local_ids
from synthetic.agencies.ground import Ground, after, recorded, yes_no
from synthetic.agencies.views import Feed, View, columns, stack_versions

AGENCY = "csc"

SOURCE_CORRECTED, NEED_CORRECTED = 0.02, 0.04


def _feed(name: str, key: str, text: str) -> Feed:
    return Feed(AGENCY, name, columns(text), (key,), "delta", time(22, 0))


CONTACTS = _feed(
    "contacts",
    "cont_contact_id",
    "cont_contact_id cont_person_id cont_contact_date:date cont_contact_source_code cont_contact_outcome_json row_state",
)
CIN_EPISODES = _feed(
    "cin_episodes",
    "cine_referral_id",
    "cine_referral_id cine_person_id cine_referral_date:date cine_cin_primary_need_code cine_referral_source_code"
    " cine_referral_outcome_json cine_referral_nfa cine_close_reason cine_close_date:date cine_referral_team"
    " cine_referral_worker_id row_state",
)
CIN_ASSESSMENTS = _feed(
    "cin_assessments",
    "cina_assessment_id",
    "cina_assessment_id cina_person_id cina_referral_id cina_assessment_start_date:date cina_assessment_child_seen"
    " cina_assessment_auth_date:date cina_assessment_outcome_json cina_assessment_outcome_nfa cina_assessment_team"
    " cina_assessment_worker_id row_state",
)
ASSESSMENT_FACTORS = _feed(
    "assessment_factors",
    "cinf_table_id",
    "cinf_table_id cinf_assessment_id cinf_assessment_factors_json row_state",
)
CIN_PLANS = _feed(
    "cin_plans",
    "cinp_cin_plan_id",
    "cinp_cin_plan_id cinp_referral_id cinp_person_id cinp_cin_plan_start_date:date cinp_cin_plan_end_date:date"
    " cinp_cin_plan_team cinp_cin_plan_worker_id row_state",
)
S47 = _feed(
    "s47_enquiry",
    "s47e_s47_enquiry_id",
    "s47e_s47_enquiry_id s47e_referral_id s47e_person_id s47e_s47_start_date:date s47e_s47_end_date:date s47e_s47_nfa"
    " s47e_s47_outcome_json row_state",
)
ICPC = _feed(
    "initial_cp_conference",
    "icpc_icpc_id",
    "icpc_icpc_id icpc_s47_enquiry_id icpc_person_id icpc_referral_id icpc_icpc_target_date:date icpc_icpc_date:date"
    " icpc_icpc_outcome_cp_flag row_state",
)
CP_PLANS = _feed(
    "cp_plans",
    "cppl_cp_plan_id",
    "cppl_cp_plan_id cppl_referral_id cppl_person_id cppl_cp_plan_start_date:date cppl_cp_plan_end_date:date"
    " cppl_cp_plan_initial_category cppl_cp_plan_latest_category row_state",
)
CLA = _feed(
    "cla_episodes",
    "clae_cla_episode_id",
    "clae_cla_episode_id clae_person_id clae_cla_episode_start_date:date clae_cla_episode_start_reason"
    " clae_cla_primary_need_code clae_cla_episode_ceased_date:date clae_cla_episode_ceased_reason clae_referral_id row_state",
)
MISSING = _feed(
    "missing",
    "miss_table_id",
    "miss_table_id miss_person_id miss_missing_episode_start_date:date miss_missing_episode_type"
    " miss_missing_episode_end_date:date miss_missing_rhi_offered miss_missing_rhi_accepted row_state",
)
INVOLVEMENTS = _feed(
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
    CONTACTS, CIN_EPISODES, CIN_ASSESSMENTS, ASSESSMENT_FACTORS, CIN_PLANS, S47, ICPC, CP_PLANS, CLA, MISSING, INVOLVEMENTS,
    PROFESSIONALS,
)  # fmt: skip


class _Numbers:
    """Social care's own numbers: a child's, a referral's, a worker's, and those of any table's rows."""

    def __init__(self, ground: Ground, people: pd.Series) -> None:
        self.ground = ground
        self.people = people
        self.referral = self.table("csc_referral", "referral_id", "R{:d}", 400_001)
        self.worker = self.table("professional", "professional_id", "P{:d}", 5_001)

    def table(self, table: str, column: str, template: str, first: int) -> pd.Series:
        """Local ids of a true table's rows, by true id."""
        ids = self.ground.table(table)[column]
        draws = self.ground.defects(f"{AGENCY}.{table}")
        return pd.Series(local_ids(draws, key_hash(ids), template, first), index=ids.to_numpy())

    def person(self, ids: pd.Series) -> npt.NDArray[np.object_]:
        return as_text(ids.map(self.people))

    def of_referral(self, ids: pd.Series) -> npt.NDArray[np.object_]:
        return as_text(ids.map(self.referral))

    def of_worker(self, ids: pd.Series) -> npt.NDArray[np.object_]:
        return as_text(ids.map(self.worker))


def build(ground: Ground, people: pd.Series) -> Iterator[View]:
    """The casework feeds; ``people`` gives social care's number by true person_id."""
    numbers = _Numbers(ground, people)
    yield View(CONTACTS, _contacts(ground, numbers))
    yield View(CIN_EPISODES, _referrals(ground, numbers))
    yield from _assessments(ground, numbers)
    yield View(CIN_PLANS, _plans(ground, numbers))
    yield View(S47, _enquiries(ground, numbers))
    yield View(ICPC, _conferences(ground, numbers))
    yield View(CP_PLANS, _cp_plans(ground, numbers))
    yield View(CLA, _care(ground, numbers))
    yield View(MISSING, _missing(ground, numbers))
    yield View(INVOLVEMENTS, _involvements(ground, numbers))
    yield View(PROFESSIONALS, _professionals(ground, numbers))


def _contacts(ground: Ground, numbers: _Numbers) -> pd.DataFrame:
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
            "cont_person_id": numbers.person(true["person_id"]),
            "cont_contact_date": true["contact_date"],
            "cont_contact_source_code": true["source_code"].astype(object),
            "cont_contact_outcome_json": flags_json(true["outcome"], flags),
            "_recorded_at": recorded(true["contact_date"], draws, "contact", hashes),
        }
    )
    wrong, right = corrected(rows, draws, hashes, "cont_contact_source_code", SOURCE_CORRECTED, ("10", "1D", "8"))
    made = misfiled(rows, draws, hashes, "cont_contact_id", "CX{:d}", "cont_person_id")
    return stack_versions(CONTACTS, [wrong, right, *made])


def _referrals(ground: Ground, numbers: _Numbers) -> pd.DataFrame:
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


def _assessments(ground: Ground, numbers: _Numbers) -> Iterator[View]:
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


def _plans(ground: Ground, numbers: _Numbers) -> pd.DataFrame:
    draws = ground.defects(CIN_PLANS.label)
    true = ground.table("csc_cin_plan")
    hashes = key_hash(true["cin_plan_id"])
    rows = pd.DataFrame(
        {
            "cinp_cin_plan_id": local_ids(draws, hashes, "CP{:d}", 100_001),
            "cinp_referral_id": numbers.of_referral(true["referral_id"]),
            "cinp_person_id": numbers.person(true["person_id"]),
            "cinp_cin_plan_start_date": true["start_date"],
            "cinp_cin_plan_end_date": pd.NaT,
            "cinp_cin_plan_team": true["team"].astype(object),
            "cinp_cin_plan_worker_id": numbers.of_worker(true["worker_id"]),
            "_recorded_at": recorded(true["start_date"], draws, "open", hashes),
        }
    )
    closed = closing(rows, draws, hashes, true["end_date"], cinp_cin_plan_end_date=true["end_date"])
    return stack_versions(CIN_PLANS, [rows, closed])


def _enquiries(ground: Ground, numbers: _Numbers) -> pd.DataFrame:
    draws = ground.defects(S47.label)
    true = ground.table("csc_s47")
    hashes = key_hash(true["s47_id"])
    rows = pd.DataFrame(
        {
            "s47e_s47_enquiry_id": local_ids(draws, hashes, "S{:d}", 100_001),
            "s47e_referral_id": numbers.of_referral(true["referral_id"]),
            "s47e_person_id": numbers.person(true["person_id"]),
            "s47e_s47_start_date": true["start_date"],
            "s47e_s47_end_date": pd.NaT,
            "s47e_s47_nfa": None,
            "s47e_s47_outcome_json": None,
            "_recorded_at": recorded(true["start_date"], draws, "open", hashes),
        }
    )
    outcome = true["outcome"].astype(str)
    codes = {
        value: json.dumps({f"OUTCOME_{value.upper()}_FLAG": "Y"}, separators=(",", ":")) for value in outcome.unique()
    }
    closed = closing(
        rows,
        draws,
        hashes,
        true["end_date"],
        s47e_s47_end_date=true["end_date"],
        s47e_s47_nfa=yes_no(true["nfa"]),
        s47e_s47_outcome_json=outcome.map(codes).astype(object),
    )
    return stack_versions(S47, [rows, closed])


def _conferences(ground: Ground, numbers: _Numbers) -> pd.DataFrame:
    draws = ground.defects(ICPC.label)
    true = ground.table("csc_icpc")
    hashes = key_hash(true["icpc_id"])
    enquiry = ground.table("csc_s47")["s47_id"]
    enquiries = pd.Series(
        local_ids(ground.defects(S47.label), key_hash(enquiry), "S{:d}", 100_001), index=enquiry.to_numpy()
    )
    rows = pd.DataFrame(
        {
            "icpc_icpc_id": local_ids(draws, hashes, "ICPC{:d}", 10_001),
            "icpc_s47_enquiry_id": as_text(true["s47_id"].map(enquiries)),
            "icpc_person_id": numbers.person(true["person_id"]),
            "icpc_referral_id": numbers.of_referral(true["referral_id"]),
            "icpc_icpc_target_date": true["target_date"],
            "icpc_icpc_date": true["icpc_date"],
            "icpc_icpc_outcome_cp_flag": yes_no(true["cp_flag"]),
            "_recorded_at": recorded(true["icpc_date"], draws, "held", hashes),
        }
    )
    return stack_versions(ICPC, [rows])


def _cp_plans(ground: Ground, numbers: _Numbers) -> pd.DataFrame:
    draws = ground.defects(CP_PLANS.label)
    true = ground.table("csc_cp_plan")
    hashes = key_hash(true["cp_plan_id"])
    rows = pd.DataFrame(
        {
            "cppl_cp_plan_id": local_ids(draws, hashes, "CPP{:d}", 10_001),
            "cppl_referral_id": numbers.of_referral(true["referral_id"]),
            "cppl_person_id": numbers.person(true["person_id"]),
            "cppl_cp_plan_start_date": true["start_date"],
            "cppl_cp_plan_end_date": pd.NaT,
            "cppl_cp_plan_initial_category": true["initial_category"].astype(object),
            "cppl_cp_plan_latest_category": true["initial_category"].astype(object),
            "_recorded_at": recorded(true["start_date"], draws, "open", hashes),
        }
    )
    closed = closing(
        rows,
        draws,
        hashes,
        true["end_date"],
        cppl_cp_plan_end_date=true["end_date"],
        cppl_cp_plan_latest_category=true["latest_category"],
    )
    return stack_versions(CP_PLANS, [rows, closed])


def _care(ground: Ground, numbers: _Numbers) -> pd.DataFrame:
    draws = ground.defects(CLA.label)
    true = ground.table("csc_cla")
    hashes = key_hash(true["cla_id"])
    rows = pd.DataFrame(
        {
            "clae_cla_episode_id": local_ids(draws, hashes, "CLA{:d}", 10_001),
            "clae_person_id": numbers.person(true["person_id"]),
            "clae_cla_episode_start_date": true["start_date"],
            "clae_cla_episode_start_reason": true["start_reason"].astype(object),
            "clae_cla_primary_need_code": true["primary_need"].astype(object),
            "clae_cla_episode_ceased_date": pd.NaT,
            "clae_cla_episode_ceased_reason": None,
            "clae_referral_id": numbers.of_referral(true["referral_id"]),
            "_recorded_at": recorded(true["start_date"], draws, "open", hashes),
        }
    )
    closed = closing(
        rows,
        draws,
        hashes,
        true["end_date"],
        clae_cla_episode_ceased_date=true["end_date"],
        clae_cla_episode_ceased_reason=true["end_reason"],
    )
    return stack_versions(CLA, [rows, closed])


def _missing(ground: Ground, numbers: _Numbers) -> pd.DataFrame:
    draws = ground.defects(MISSING.label)
    true = ground.table("csc_missing")
    hashes = key_hash(true["csc_missing_id"])
    start = true["start_at"].astype("datetime64[s]").dt.floor("D")
    end = true["end_at"].astype("datetime64[s]").dt.floor("D")
    told = pd.Series(after(start, 1))
    rows = pd.DataFrame(
        {
            "miss_table_id": local_ids(draws, hashes, "MIS{:d}", 10_001),
            "miss_person_id": numbers.person(true["person_id"]),
            "miss_missing_episode_start_date": start,
            "miss_missing_episode_type": true["type"].astype(object),
            "miss_missing_episode_end_date": pd.NaT,
            "miss_missing_rhi_offered": None,
            "miss_missing_rhi_accepted": None,
            "_recorded_at": recorded(told, draws, "open", hashes),
        }
    )
    closed = closing(
        rows,
        draws,
        hashes,
        pd.Series(after(end, 3)),
        miss_missing_episode_end_date=end,
        miss_missing_rhi_offered=yes_no(true["rhi_offered"]),
        miss_missing_rhi_accepted=yes_no(true["rhi_accepted"]),
    )
    return stack_versions(MISSING, [rows, closed])


def _involvements(ground: Ground, numbers: _Numbers) -> pd.DataFrame:
    draws = ground.defects(INVOLVEMENTS.label)
    true = ground.table("csc_involvement")
    hashes = key_hash(true["involvement_id"])
    rows = pd.DataFrame(
        {
            "invo_involvements_id": local_ids(draws, hashes, "INV{:d}", 100_001),
            "invo_professional_id": numbers.of_worker(true["professional_id"]),
            "invo_professional_role_id": true["role"].astype(object),
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


def _professionals(ground: Ground, numbers: _Numbers) -> pd.DataFrame:
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
