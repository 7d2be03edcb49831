"""Children's social care: plans, enquiries, conferences, looked-after and missing episodes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pandas as pd

from synthetic.agencies.casework import as_text, closing, mapped
from synthetic.agencies.corruption import key_hash, local_ids
from synthetic.agencies.csc_numbers import Numbers, nightly
from synthetic.agencies.ground import Ground, after, recorded, yes_no
from synthetic.agencies.views import View, stack_versions

CIN_PLANS = nightly(
    "cin_plans",
    "cinp_cin_plan_id",
    "cinp_cin_plan_id cinp_referral_id cinp_person_id cinp_cin_plan_start_date:date cinp_cin_plan_end_date:date"
    " cinp_cin_plan_team cinp_cin_plan_worker_id row_state",
)
S47 = nightly(
    "s47_enquiry",
    "s47e_s47_enquiry_id",
    "s47e_s47_enquiry_id s47e_referral_id s47e_person_id s47e_s47_start_date:date s47e_s47_end_date:date s47e_s47_nfa"
    " s47e_s47_outcome_json row_state",
)
ICPC = nightly(
    "initial_cp_conference",
    "icpc_icpc_id",
    "icpc_icpc_id icpc_s47_enquiry_id icpc_person_id icpc_referral_id icpc_icpc_target_date:date icpc_icpc_date:date"
    " icpc_icpc_outcome_cp_flag row_state",
)
CP_PLANS = nightly(
    "cp_plans",
    "cppl_cp_plan_id",
    "cppl_cp_plan_id cppl_referral_id cppl_person_id cppl_cp_plan_start_date:date cppl_cp_plan_end_date:date"
    " cppl_cp_plan_initial_category cppl_cp_plan_latest_category row_state",
)
CLA = nightly(
    "cla_episodes",
    "clae_cla_episode_id",
    "clae_cla_episode_id clae_person_id clae_cla_episode_start_date:date clae_cla_episode_start_reason"
    " clae_cla_primary_need_code clae_cla_episode_ceased_date:date clae_cla_episode_ceased_reason clae_referral_id"
    " row_state",
)
MISSING = nightly(
    "missing",
    "miss_table_id",
    "miss_table_id miss_person_id miss_missing_episode_start_date:date miss_missing_episode_type"
    " miss_missing_episode_end_date:date miss_missing_rhi_offered miss_missing_rhi_accepted row_state",
)

FEEDS = (CIN_PLANS, S47, ICPC, CP_PLANS, CLA, MISSING)


def build(ground: Ground, numbers: Numbers) -> Iterator[View]:
    """The feeds of this module."""
    yield View(CIN_PLANS, _plans(ground, numbers))
    yield View(S47, _enquiries(ground, numbers))
    yield View(ICPC, _conferences(ground, numbers))
    yield View(CP_PLANS, _cp_plans(ground, numbers))
    yield View(CLA, _care(ground, numbers))
    yield View(MISSING, _missing(ground, numbers))


def _plans(ground: Ground, numbers: Numbers) -> pd.DataFrame:
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


def _enquiries(ground: Ground, numbers: Numbers) -> pd.DataFrame:
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
    outcome = pd.Series(mapped(true["outcome"], "s47_outcome"))
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


def _conferences(ground: Ground, numbers: Numbers) -> pd.DataFrame:
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


def _cp_plans(ground: Ground, numbers: Numbers) -> pd.DataFrame:
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


def _care(ground: Ground, numbers: Numbers) -> pd.DataFrame:
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
        clae_cla_episode_ceased_reason=mapped(true["end_reason"], "cla_cease_reason"),
    )
    return stack_versions(CLA, [rows, closed])


def _missing(ground: Ground, numbers: Numbers) -> pd.DataFrame:
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
