"""Children's social care after the assessment: enquiries, conferences, plans, and children looked after."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.context import Context, choose, draw_staff, next_weekday
from synthetic.frames import nullable
from synthetic.history import PATH_CIN, PATH_CLA, PATH_CP, History
from synthetic.parameters import AREA_TEAMS, WorldParameters
from synthetic.population import Population
from synthetic.randomness import stream

Ints = NDArray[np.int64]


def protection_tables(context: Context, work: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Section 47 enquiries, initial conferences and protection plans."""
    rng = context.rng("protection")
    d = context.parameters.laws
    path = work["path"].to_numpy()
    level = (work["x"] + work["y"]).to_numpy()
    sure = (path == PATH_CP) | ((path == PATH_CLA) & (rng.random(len(work)) < 0.6))
    chance = np.where(sure, 1.0, d.s47_share * 0.70 * (0.55 + 0.12 * level))
    rows = work[rng.random(len(work)) < chance].reset_index(drop=True)
    n = len(rows)
    path = rows["path"].to_numpy()
    # Nothing is begun in a case after it is closed.
    close = rows["close"].to_numpy()
    start = np.minimum(rows["day"].to_numpy() + rng.integers(0, 5, n), np.maximum(close, rows["day"].to_numpy()))
    conference = (path == PATH_CP) | (rng.random(n) < np.where(path == PATH_CIN, 0.085, 0.01))
    end = start + rng.integers(6, 20, n)
    outcome = np.where(
        conference, "ICPC", choose(rng, n, ("NFA", "S17_SERVICES", "MONITOR", "LEGAL_ACTION"), (0.42, 0.4, 0.14, 0.04))
    )
    s47 = pd.DataFrame(
        {
            "s47_id": np.arange(1, n + 1),
            "person_id": rows["person_id"],
            "referral_id": rows["referral_id"],
            "start_date": start,
            "end_date": end,
            "nfa": outcome == "NFA",
            "outcome": outcome,
        }
    )
    held = rows[conference].reset_index(drop=True)
    m = len(held)
    target = next_weekday(start[conference] + 21)
    date = next_weekday(
        np.maximum(
            target + np.where(rng.random(m) < 0.79, -rng.integers(0, 6, m), rng.integers(1, 25, m)), end[conference]
        )
    )
    date = np.where(date < close[conference], date, _weekday_until(close[conference] - 1))
    flag = (held["path"] == PATH_CP).to_numpy()
    icpc = pd.DataFrame(
        {
            "icpc_id": np.arange(1, m + 1),
            "person_id": held["person_id"],
            "referral_id": held["referral_id"],
            "s47_id": s47["s47_id"].to_numpy()[conference],
            "target_date": target,
            "icpc_date": date,
            "cp_flag": flag,
        }
    )
    plan = held[flag].reset_index(drop=True)
    k = len(plan)
    first = choose(rng, k, ("NEG", "EMO", "PHY", "SAB", "MUL"), (0.49, 0.37, 0.07, 0.04, 0.03))
    latest = np.where(rng.random(k) < 0.08, choose(rng, k, ("NEG", "EMO", "MUL"), (0.4, 0.35, 0.25)), first)
    begin = date[flag]
    cp = pd.DataFrame(
        {
            "cp_plan_id": np.arange(1, k + 1),
            "person_id": plan["person_id"],
            "referral_id": plan["referral_id"],
            "icpc_id": icpc["icpc_id"].to_numpy()[flag],
            "start_date": begin,
            "end_date": np.maximum(plan["close"].to_numpy() - 110, np.minimum(begin + 20, plan["close"].to_numpy())),
            "initial_category": first,
            "latest_category": latest,
        }
    )
    return s47, icpc, cp


def _weekday_until(day: Ints) -> Ints:
    """The day itself, or the Friday before a Saturday or Sunday."""
    weekday = (day + 3) % 7
    return day - np.where(weekday == 5, 1, np.where(weekday == 6, 2, 0))


def cin_plan_table(context: Context, work: pd.DataFrame, cp: pd.DataFrame) -> pd.DataFrame:
    """Plans of children in need: from the assessment on, or stepping down from protection."""
    rng = context.rng("cin_plans")
    cin = work[(work["path"] == PATH_CIN) & (work["close"] > work["auth"] + 14)]
    direct = pd.DataFrame(
        {
            "person_id": cin["person_id"],
            "referral_id": cin["referral_id"],
            "start_date": cin["auth"].to_numpy() + rng.integers(0, 12, len(cin)),
            "end_date": cin["close"],
            "team_index": cin["team_index"],
        }
    )
    down = cp.merge(work[["referral_id", "close", "team_index"]], on="referral_id")
    down = down[down["close"] > down["end_date"] + 7]
    after = pd.DataFrame(
        {
            "person_id": down["person_id"],
            "referral_id": down["referral_id"],
            "start_date": down["end_date"],
            "end_date": down["close"],
            "team_index": down["team_index"],
        }
    )
    plan = pd.concat([direct, after], ignore_index=True)
    plan = plan[plan["start_date"] < plan["end_date"]].sort_values(
        ["start_date", "person_id"], kind="stable", ignore_index=True
    )
    team = plan.pop("team_index").to_numpy().astype(np.int64)
    plan.insert(0, "cin_plan_id", np.arange(1, len(plan) + 1))
    plan["team"] = np.array([f"{name} Support" for name in AREA_TEAMS], dtype=object)[team]
    plan["worker_id"] = draw_staff(context, rng, "social_worker", team)
    return plan


def care_table(context: Context, placements: pd.DataFrame, number: Ints) -> pd.DataFrame:
    """Care spells with their placements; `number` is the referral_id by row of the simulation (0 = not seen)."""
    rng = context.rng("care")
    stay = placements[placements["end"] >= context.low].reset_index(drop=True)
    n = len(stay)
    child, end = stay["child"].to_numpy(), stay["end"].to_numpy()
    adopted = context.population.to_be_adopted[child] & (end == context.population.child_to[child])
    grown = (end >= context.population.child_to[child]) & ~adopted
    reason = np.where(
        adopted, "E11", np.where(grown, "E4", choose(rng, n, ("E4A", "E13", "E8", "E46"), (0.52, 0.14, 0.22, 0.12)))
    )
    link = stay["referral"].to_numpy()
    return pd.DataFrame(
        {
            "cla_id": np.arange(1, n + 1),
            "person_id": context.people.child_person[child],
            "referral_id": nullable(np.where(link >= 0, number[np.maximum(link, 0)], 0)),
            "start_date": stay["start"],
            "start_reason": "S",
            "primary_need": choose(rng, n, ("N1", "N5", "N4", "N8", "N2", "N6"), (0.65, 0.14, 0.08, 0.06, 0.04, 0.03)),
            "end_date": end,
            "end_reason": reason,
            "address_id": stay["address"] + 1,
        }
    )


def care_placements(
    parameters: WorldParameters, population: Population, history: History, hubs: dict[str, Ints]
) -> pd.DataFrame:
    """Placement of every care spell: child, address, start, end, referral row (-1 = none). One spell, one placement."""
    rng = stream(parameters.seed, "places", "care")
    referral = history.referral
    rows = np.flatnonzero(referral["path"].to_numpy() == PATH_CLA)
    start = (referral["day"] + referral["assessment_days"]).to_numpy()[rows]
    frame = pd.concat(
        [
            pd.DataFrame(
                {
                    "child": history.care["child"],
                    "start": history.care["day"],
                    "end": history.care["end_day"],
                    "referral": -1,
                }
            ),
            pd.DataFrame(
                {
                    "child": referral["child"].to_numpy()[rows],
                    "start": start,
                    "end": referral["close_day"].to_numpy()[rows],
                    "referral": rows,
                }
            ),
        ],
        ignore_index=True,
    )
    frame["start"] = np.maximum(frame["start"].to_numpy(), population.birth[frame["child"].to_numpy()])
    frame = frame[frame["end"] > frame["start"] + 1].reset_index(drop=True)
    age = (frame["start"].to_numpy() - population.birth[frame["child"].to_numpy()]) / 365.25
    in_home = (rng.random(len(frame)) < 0.22) & (age >= 10)
    pick_home = hubs["childrens_home"][rng.integers(0, len(hubs["childrens_home"]), len(frame))]
    pick_foster = hubs["foster"][rng.integers(0, len(hubs["foster"]), len(frame))]
    frame["address"] = np.where(in_home, pick_home, pick_foster)
    return frame.sort_values(["start", "child"], kind="stable", ignore_index=True)
