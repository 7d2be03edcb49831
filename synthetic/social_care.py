"""Children's social care up to the assessment: contacts, referrals, assessments with their factors, involvements."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.context import Context, choose, draw_staff, next_weekday
from synthetic.frames import nullable
from synthetic.history import OUTCOMES, PATH_CLA, PATH_CP
from synthetic.parameters import AREA_TEAMS
from synthetic.protection import care_table, cin_plan_table, protection_tables

Ints = NDArray[np.int64]
# Factor codes with the share of assessments (with factors) naming them, and how the share leans with family and
# child level and age.
FACTORS: tuple[tuple[str, float, float, float, int], ...] = (
    ("3B", 0.16, 0.06, 0.0, 0),
    ("3A", 0.075, 0.05, 0.0, 0),
    ("4B", 0.21, 0.05, 0.0, 0),
    ("4A", 0.15, 0.0, 0.12, 8),
    ("2B", 0.13, 0.06, 0.0, 0),
    ("1B", 0.11, 0.06, 0.0, 0),
    ("17A", 0.16, 0.05, 0.0, 0),
    ("16A", 0.15, 0.07, 0.0, 0),
    ("18C", 0.11, 0.05, 0.0, 0),
    ("14A", 0.08, 0.0, 0.14, 8),
    ("5A", 0.09, 0.0, 0.02, 3),
    ("15A", 0.05, 0.0, 0.15, 10),
    ("11A", 0.02, 0.0, 0.18, 11),
    ("24A", 0.022, 0.0, 0.2, 11),
    ("13A", 0.016, 0.0, 0.2, 11),
    ("10A", 0.025, 0.0, 0.2, 10),
    ("7A", 0.032, 0.02, 0.0, 7),
    ("19C", 0.035, 0.02, 0.02, 0),
    ("18B", 0.03, 0.0, 0.08, 4),
    ("6B", 0.05, 0.0, 0.0, 0),
    ("20", 0.06, 0.0, 0.0, 0),
)


def social_care_tables(
    context: Context, placements: pd.DataFrame, links: dict[tuple[bool, int], int], ed_links: dict[int, int]
) -> dict[str, pd.DataFrame]:
    """All csc_ tables except csc_missing, from the simulated front door."""
    source = _all_sources(context)
    referral, keep = _referrals(context, source)
    number = np.zeros(len(context.history.referral), dtype=np.int64)
    number[keep] = referral["referral_id"].to_numpy()
    work = _work(context, referral, keep)
    tables = {"csc_contact": _contacts(context, source, number, links, ed_links), "csc_referral": referral}
    tables["csc_assessment"] = _assessments(context, work)
    tables["csc_s47"], tables["csc_icpc"], tables["csc_cp_plan"] = protection_tables(context, work)
    _enquired_into(tables)
    tables["csc_cin_plan"] = cin_plan_table(context, work, tables["csc_cp_plan"])
    tables["csc_cla"] = care_table(context, placements, number)
    tables["csc_involvement"] = _involvements(context, work)
    return tables


def _all_sources(context: Context) -> NDArray[np.object_]:
    """Source code of every simulated contact; children of one family event share the draw."""
    rng, contact, dynamics = context.rng("sources"), context.history.contact, context.parameters.laws
    channel, kind, event = (
        contact["family_channel"].to_numpy().astype(bool),
        contact["kind"].to_numpy(),
        contact["event"].to_numpy(),
    )
    out = np.full(len(contact), "10", dtype=object)
    draw = rng.random(int(event.max(initial=0)) + 1)[event]
    for of_family, group in ((True, dynamics.kinds_family), (False, dynamics.kinds_child)):
        for number, one in enumerate(group):
            mine = (channel == of_family) & (kind == number)
            if one.sources and mine.any():
                names, shares = zip(*one.sources, strict=True)
                edges = np.cumsum(shares) / sum(shares)
                out[mine] = np.array(names, dtype=object)[
                    np.minimum(np.searchsorted(edges, draw[mine], side="right"), len(names) - 1)
                ]
    return out


def _contacts(
    context: Context,
    source: NDArray[np.object_],
    number: Ints,
    links: dict[tuple[bool, int], int],
    ed_links: dict[int, int],
) -> pd.DataFrame:
    rng = context.rng("contacts")
    contact = context.history.contact.assign(source=source)
    contact = contact[contact["day"] >= context.low].sort_values(
        ["day", "child", "event"], kind="stable", ignore_index=True
    )
    channel, kind, event = (
        contact["family_channel"].to_numpy().astype(bool),
        contact["kind"].to_numpy(),
        contact["event"].to_numpy(),
    )
    dynamics = context.parameters.laws
    outcome = np.array(OUTCOMES, dtype=object)[contact["outcome"].to_numpy()]
    outcome = np.where((outcome == "NFA") & (rng.random(len(contact)) < 0.4), "ADVICE", outcome)
    family_names = np.array([k.name for k in dynamics.kinds_family], dtype=object)
    child_names = np.array([k.name for k in dynamics.kinds_child], dtype=object)
    name = np.where(
        channel,
        family_names[np.minimum(kind, len(family_names) - 1)],
        child_names[np.minimum(kind, len(child_names) - 1)],
    )
    trigger = np.full(len(contact), "none", dtype=object)
    trigger[np.isin(name, ["da_incident", "police_concern", "police_child", "exploitation"])] = "police_incident"
    trigger[name == "missing"] = "police_missing"
    trigger[np.isin(name, ["ed", "ed_concern"])] = "ed_attendance"
    ids = [
        0 if t == "none" else ed_links[e] if t == "ed_attendance" else links[(c, e)]
        for t, c, e in zip(trigger.tolist(), channel.tolist(), event.tolist(), strict=True)
    ]
    link = contact["referral"].to_numpy()
    referral = np.where(link >= 0, number[np.maximum(link, 0)], 0)
    return pd.DataFrame(
        {
            "contact_id": np.arange(1, len(contact) + 1),
            "person_id": context.people.child_person[contact["child"].to_numpy()],
            "contact_date": contact["day"].to_numpy(),
            "source_code": contact["source"].to_numpy(),
            "outcome": outcome,
            "referral_id": nullable(referral),
            "trigger": trigger,
            "trigger_id": nullable(np.array(ids, dtype=np.int64)),
        }
    )


def _referrals(context: Context, source: NDArray[np.object_]) -> tuple[pd.DataFrame, Ints]:
    """Referrals seen or still open at the start of the history; also their rows in the simulation."""
    rng = context.rng("referrals")
    frame = context.history.referral
    keep = np.flatnonzero((frame["day"] >= context.low).to_numpy() | (frame["close_day"] >= context.low).to_numpy())
    keep = keep[np.lexsort((frame["child"].to_numpy()[keep], frame["day"].to_numpy()[keep]))]
    row = frame.iloc[keep].reset_index(drop=True)
    n = len(row)
    child, day = row["child"].to_numpy(), row["day"].to_numpy()
    contact = context.history.contact["referral"].to_numpy()
    of_referral = np.full(len(frame), "10", dtype=object)
    of_referral[contact[contact >= 0]] = source[contact >= 0]
    nfa, found, path = row["nfa"].to_numpy().astype(bool), row["found"].to_numpy().astype(bool), row["path"].to_numpy()
    x, y = row["family_level"].to_numpy().astype(int), row["child_level"].to_numpy().astype(int)
    disabled = context.people.table["disability"].to_numpy()[child] != "NONE"
    need = choose(rng, n, ("N1", "N5", "N4", "N2", "N3", "N6", "N8"), (0.575, 0.135, 0.09, 0.06, 0.035, 0.03, 0.025))
    need = np.where(
        disabled & (rng.random(n) < 0.42) & (x <= 2),
        "N2",
        np.where((y >= 3) & (x <= 2) & (rng.random(n) < 0.2), "N6", need),
    )
    early = ~nfa & ~found & (rng.random(n) < 0.3)
    # RC8 and RC9 say that an assessment found no need; a referral without action had none.
    reason = np.where(
        nfa,
        "RC7",
        np.where(
            found, choose(rng, n, ("RC7", "RC5", "RC4", "RC3"), (0.9, 0.05, 0.03, 0.02)), np.where(early, "RC9", "RC8")
        ),
    )
    team = context.area_of_family(context.population.family_of[child], day)
    names = np.array([f"{name} Assessment" for name in AREA_TEAMS], dtype=object)
    referral = pd.DataFrame(
        {
            "referral_id": np.arange(1, n + 1),
            "person_id": context.people.child_person[child],
            "referral_date": day,
            "source_code": of_referral[keep],
            "primary_need": need,
            "nfa": nfa,
            "outcome": np.where(nfa, "NFA", np.where(path >= PATH_CP, "STRATEGY_DISCUSSION", "SINGLE_ASSESSMENT")),
            "close_date": row["close_day"].to_numpy(),
            "close_reason": reason,
            "team": names[team],
            "worker_id": draw_staff(context, rng, "social_worker", team),
        }
    )
    return referral, keep


def _work(context: Context, referral: pd.DataFrame, keep: Ints) -> pd.DataFrame:
    """Referrals that were assessed, with what the other tables need."""
    row = context.history.referral.iloc[keep].reset_index(drop=True)
    work = pd.DataFrame(
        {
            "referral_id": referral["referral_id"],
            "person_id": referral["person_id"],
            "child": row["child"],
            "day": row["day"],
            "close": row["close_day"],
            "path": row["path"],
            "found": row["found"].astype(bool),
            "x": row["family_level"].astype(int),
            "y": row["child_level"].astype(int),
            "assessment_days": row["assessment_days"],
            "worker_id": referral["worker_id"],
            "team": np.array([t.split()[0] for t in referral["team"].tolist()], dtype=object),
            "early": referral["close_reason"] == "RC9",
            "kind": row["kind"],
            "family_channel": row["family_channel"].astype(bool),
        }
    )
    work["team_index"] = np.array([AREA_TEAMS.index(t) for t in work["team"].tolist()], dtype=np.int64)
    work = work[~referral["nfa"].to_numpy()].reset_index(drop=True)
    work["auth"] = np.maximum(
        next_weekday((work["day"] + work["assessment_days"]).to_numpy()), work["day"].to_numpy() + 1
    )
    # A case is not closed before its assessment is signed off.
    work["auth"] = np.where(work["close"] > work["day"], np.minimum(work["auth"], work["close"]), work["auth"])
    return work


def _enquired_into(tables: dict[str, pd.DataFrame]) -> None:
    """A case with an enquiry is more than one closed after assessment, and its assessment found some factor."""
    referral, assessment, enquired = tables["csc_referral"], tables["csc_assessment"], tables["csc_s47"]["referral_id"]
    more = referral["referral_id"].isin(enquired) & referral["close_reason"].isin(["RC8", "RC9"])
    referral.loc[more, "close_reason"] = "RC7"
    none = assessment["referral_id"].isin(enquired) & assessment["factors"].eq("21")
    assessment.loc[none, "factors"] = "20"


def _assessments(context: Context, work: pd.DataFrame) -> pd.DataFrame:
    rng = context.rng("assessments")
    n = len(work)
    found, path = work["found"].to_numpy(), work["path"].to_numpy()
    outcome = np.where(
        path == PATH_CP, "CP", np.where(path == PATH_CLA, "CLA", np.where(rng.random(n) < 0.12, "SERVICES", "CIN_PLAN"))
    )
    outcome = np.where(found, outcome, np.where(work["early"], "EARLY_HELP", "NFA"))
    age = np.maximum(context.age(work["child"].to_numpy(), work["day"].to_numpy()), 0)
    x, y = work["x"].to_numpy(), work["y"].to_numpy()
    da = work["family_channel"].to_numpy() & (work["kind"].to_numpy() == context.kind_numbers(True)["da_incident"])
    text = np.full(n, "", dtype=object)
    for code, share, by_family, by_child, begin in FACTORS:
        chance = share * (0.6 + by_family * 3 * x + by_child * 3 * y) * np.where(found, 1.15, 0.55)
        chance = np.where(da, chance + (0.55 if code == "3B" else 0.0), chance)
        hit = (rng.random(n) < chance) & (age >= begin)
        text = np.where(hit, text + code + ";", text)
    text = np.array([t[:-1] if t else "21" for t in text.tolist()], dtype=object)
    # Need found is never recorded with "no factor".
    text = np.where(found & (text == "21"), np.where(x >= y, "4B", "14A"), text)
    return pd.DataFrame(
        {
            "assessment_id": np.arange(1, n + 1),
            "person_id": work["person_id"],
            "referral_id": work["referral_id"],
            "start_date": np.minimum(work["day"].to_numpy() + rng.integers(0, 3, n), work["auth"].to_numpy()),
            "auth_date": work["auth"],
            "child_seen": rng.random(n) < 0.96,
            "outcome_nfa": ~found,
            "outcome": outcome,
            "factors": text,
            "team": work["team"] + " Assessment",
            "worker_id": work["worker_id"],
        }
    )


def _involvements(context: Context, work: pd.DataFrame) -> pd.DataFrame:
    """The assessing worker until authorisation, then the allocated worker (who may change once) until closure."""
    rng = context.rng("involvements")
    ends = np.minimum(work["auth"].to_numpy(), work["close"].to_numpy())
    assess = pd.DataFrame(
        {
            "person_id": work["person_id"],
            "referral_id": work["referral_id"],
            "professional_id": work["worker_id"],
            "role": "ASSESSOR",
            "team": work["team"] + " Assessment",
            "start_date": work["day"],
            "end_date": ends,
        }
    )
    goes_on = (work["close"] > work["auth"] + 7).to_numpy()
    long = work[goes_on].reset_index(drop=True)
    first = draw_staff(context, rng, "social_worker", long["team_index"].to_numpy())
    second = draw_staff(context, rng, "social_worker", long["team_index"].to_numpy())
    length = (long["close"] - long["auth"]).to_numpy()
    change = (rng.random(len(long)) < np.where(length > 200, 0.45, 0.08)) & (length > 40)
    switch = long["auth"].to_numpy() + np.where(
        change, (length * (0.25 + rng.random(len(long)) * 0.5)).astype(np.int64), length
    )
    allocated = pd.DataFrame(
        {
            "person_id": long["person_id"],
            "referral_id": long["referral_id"],
            "professional_id": first,
            "role": "ALLOCATED",
            "team": long["team"] + " Support",
            "start_date": long["auth"],
            "end_date": switch,
        }
    )
    later = pd.DataFrame(
        {
            "person_id": long["person_id"],
            "referral_id": long["referral_id"],
            "professional_id": second,
            "role": "ALLOCATED",
            "team": long["team"] + " Support",
            "start_date": switch,
            "end_date": long["close"],
        }
    )[change]
    out = pd.concat([assess, allocated, later], ignore_index=True).sort_values(
        ["start_date", "person_id", "role"], kind="stable", ignore_index=True
    )
    out.insert(0, "involvement_id", np.arange(1, len(out) + 1))
    return out
