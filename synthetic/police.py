"""Police incidents with the people in them, and missing children."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.context import Context, choose, clock

EVENING = (5, 4, 3, 2, 1, 1, 1, 2, 3, 3, 3, 3, 4, 4, 4, 5, 6, 7, 8, 9, 9, 9, 8, 7)
GRADES = ("STANDARD", "MEDIUM", "HIGH")
Ints = NDArray[np.int64]


def police_tables(
    context: Context, placements: pd.DataFrame
) -> tuple[dict[str, pd.DataFrame], dict[tuple[bool, int], int]]:
    """Tables police_incident, police_subject, police_missing, csc_missing.

    Also returns which incident (or missing report) each event of the simulation became, as
    (family channel, event row) -> id.
    """
    incident, subject, link = _incidents(context)
    missing, csc_missing, missing_link = _missing(context, placements)
    return (
        {"police_incident": incident, "police_subject": subject, "police_missing": missing, "csc_missing": csc_missing},
        {**link, **missing_link},
    )


def _incidents(context: Context) -> tuple[pd.DataFrame, pd.DataFrame, dict[tuple[bool, int], int]]:
    rng, population = context.rng("police"), context.population
    family_kind, child_kind = context.kind_numbers(True), context.kind_numbers(False)
    family_event, child_event = context.history.family_event, context.history.child_event
    parts = []
    for name, kind in (("da_incident", "DA"), ("police_concern", "CHILD")):
        rows = np.flatnonzero((family_event["kind"] == family_kind[name]).to_numpy())
        parts.append(
            pd.DataFrame(
                {
                    "row": rows,
                    "family_channel": True,
                    "kind": kind,
                    "child": -1,
                    "family": family_event["family"].to_numpy()[rows],
                    "day": family_event["day"].to_numpy()[rows],
                }
            )
        )
    for name, kind in (("police_child", "CHILD"), ("exploitation", "EXPLOITATION")):
        rows = np.flatnonzero((child_event["kind"] == child_kind[name]).to_numpy())
        child = child_event["child"].to_numpy()[rows]
        parts.append(
            pd.DataFrame(
                {
                    "row": rows,
                    "family_channel": False,
                    "kind": kind,
                    "child": child,
                    "family": population.family_of[child],
                    "day": child_event["day"].to_numpy()[rows],
                }
            )
        )
    event = pd.concat(parts, ignore_index=True)
    event = event[event["day"] >= context.low].sort_values(
        ["day", "family_channel", "row"], kind="stable", ignore_index=True
    )
    n = len(event)
    event["incident_id"] = np.arange(1, n + 1)
    family, day = event["family"].to_numpy(), event["day"].to_numpy()
    da = (event["kind"] == "DA").to_numpy()
    week = np.clip((day - context.history.start) // 7, 0, context.parameters.weeks - 1)
    level = context.history.family_level[week, family].astype(np.int64)
    # Grades lean with need, with much noise: they are one officer's judgement on one night.
    tilt = rng.random(n) + 0.035 * level
    grade = np.where(tilt > 1.02, 2, np.where(tilt > 0.62, 1, 0))
    grade = np.where(rng.random(n) < 0.1, np.minimum(grade + 1, 2), grade)
    honour = ~da & event["family_channel"].to_numpy() & (rng.random(n) < 0.01)
    names = np.array(GRADES, dtype=object)
    incident = pd.DataFrame(
        {
            "incident_id": event["incident_id"],
            "kind": np.where(honour, "HBA", event["kind"].to_numpy()),
            "occurred_at": clock(rng, day, EVENING),
            "family_id": family + 1,
            "address_id": context.homes.at(family, day) + 1,
            "officer_risk": names[grade],
            "dash_risk": np.where(da, names[np.clip(grade + (rng.random(n) < 0.15), 0, 2)], None),
            "child_seen": rng.random(n) < 0.58,
            "voice_recorded": rng.random(n) < 0.36,
            "op_encompass_sent": da & (rng.random(n) < 0.88),
            "marac_referred": da & (grade == 2) & (rng.random(n) < 0.62),
        }
    )
    subject = _subjects(context, event, rng)
    link = dict(
        zip(
            zip(event["family_channel"].tolist(), event["row"].tolist(), strict=True),
            event["incident_id"].tolist(),
            strict=True,
        )
    )
    return incident, subject, link


def _subjects(context: Context, event: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Children at home that day and, for domestic abuse, the adult victim. An offender is never a subject."""
    population = context.population
    first = np.searchsorted(population.family_of, np.arange(population.families))
    count = np.bincount(population.family_of, minlength=population.families)
    family_rows = event[event["family_channel"]]
    number = count[family_rows["family"].to_numpy()]
    offset = np.repeat(np.cumsum(number) - number, number)
    child = np.repeat(first[family_rows["family"].to_numpy()], number) + np.arange(int(number.sum())) - offset
    day = np.repeat(family_rows["day"].to_numpy(), number)
    week = np.clip((day - context.history.start) // 7, 0, context.parameters.weeks - 1)
    kind = np.repeat(family_rows["kind"].to_numpy(), number)
    home = context.history.active_week[week, child]
    present = rng.random(len(child)) < 0.6
    at_home = pd.DataFrame(
        {
            "incident_id": np.repeat(family_rows["incident_id"].to_numpy(), number)[home],
            "order": 1,
            "person_id": context.people.child_person[child[home]],
            "role": np.where(kind == "CHILD", "SUBJECT", np.where(present, "CHILD_PRESENT", "CHILD_IN_HOUSEHOLD"))[
                home
            ],
        }
    )
    own = event[~event["family_channel"]]
    alone = pd.DataFrame(
        {
            "incident_id": own["incident_id"],
            "order": 1,
            "person_id": context.people.child_person[own["child"].to_numpy()],
            "role": np.where(rng.random(len(own)) < 0.4, "VICTIM", "SUBJECT"),
        }
    )
    da = event[event["kind"] == "DA"]
    family = da["family"].to_numpy()
    father = context.people.father[family]
    victim = pd.DataFrame(
        {
            "incident_id": da["incident_id"],
            "order": 0,
            "role": "VICTIM",
            "person_id": np.where((rng.random(len(da)) < 0.14) & (father > 0), father, context.people.mother[family]),
        }
    )
    subject = pd.concat([at_home, alone, victim], ignore_index=True).sort_values(
        ["incident_id", "order", "person_id"], kind="stable"
    )
    subject["subject_no"] = subject.groupby("incident_id").cumcount() + 1
    return subject[["incident_id", "subject_no", "person_id", "role"]].reset_index(drop=True)


def _missing(
    context: Context, placements: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, dict[tuple[bool, int], int]]:
    """Missing reports: those of the simulation, and of children in care (about 1 in 10 a year, six times each)."""
    rng, history = context.rng("missing"), context.history
    rows = np.flatnonzero((history.child_event["kind"] == context.kind_numbers(False)["missing"]).to_numpy())
    base = pd.DataFrame(
        {
            "row": rows,
            "child": history.child_event["child"].to_numpy()[rows],
            "day": history.child_event["day"].to_numpy()[rows],
            "from_care": False,
        }
    )
    child, start, end = (placements[c].to_numpy() for c in ("child", "start", "end"))
    begin = np.maximum(np.maximum(start, context.population.birth[child] + 10 * 365), context.low)
    stay = np.maximum(np.minimum(end, context.high) - begin, 0)
    often = rng.random(len(child)) < 0.24
    count = np.minimum((rng.standard_exponential(len(child)) * 5.2 * stay / 365.25 * often).astype(np.int64), 60)
    which = np.repeat(np.arange(len(child)), count)
    care = pd.DataFrame(
        {
            "row": -1,
            "child": child[which],
            "day": begin[which] + (rng.random(len(which)) * stay[which]).astype(np.int64),
            "from_care": True,
        }
    )
    event = pd.concat([base, care], ignore_index=True)
    event = event[(event["day"] >= context.low) & (event["day"] <= context.high)].sort_values(
        ["day", "child", "row"], kind="stable", ignore_index=True
    )
    n = len(event)
    child, day = event["child"].to_numpy(), event["day"].to_numpy()
    hours = np.where(rng.random(n) < 0.72, 2 + rng.random(n) * 14, 16 + rng.standard_exponential(n) * 30)
    reported = clock(rng, day, EVENING)
    found = reported + np.round(hours * 60).astype(np.int64).astype("timedelta64[m]")
    family = context.population.family_of[child]
    interview = found.astype("datetime64[D]").astype(np.int64) + rng.integers(1, 9, n)
    had = rng.random(n) < 0.55
    event["missing_id"] = np.arange(1, n + 1)
    missing = pd.DataFrame(
        {
            "missing_id": event["missing_id"],
            "person_id": context.people.child_person[child],
            "reported_at": reported,
            "found_at": found,
            "risk_grade": choose(rng, n, ("NO_APPARENT", "LOW", "MEDIUM", "HIGH"), (0.12, 0.22, 0.52, 0.14)),
            "from_care": event["from_care"],
            "address_id": context.homes.at(family, day) + 1,
            "return_interview_at": np.where(
                had, interview.astype("datetime64[D]").astype("datetime64[s]"), np.datetime64("NaT", "s")
            ),
        }
    )
    told = rng.random(n) < np.where(event["from_care"], 0.92, 0.62)
    offered = rng.random(n) < 0.86
    csc = pd.DataFrame(
        {
            "csc_missing_id": 0,
            "person_id": missing["person_id"],
            "missing_id": missing["missing_id"],
            "start_at": reported,
            "end_at": found,
            "type": np.where(hours < 5, "A", "M"),
            "rhi_offered": offered,
            "rhi_accepted": offered & had,
        }
    )[told].reset_index(drop=True)
    csc["csc_missing_id"] = np.arange(1, len(csc) + 1)
    simulated = event[event["row"] >= 0]
    link = {
        (False, row): missing_id
        for row, missing_id in zip(simulated["row"].tolist(), simulated["missing_id"].tolist(), strict=True)
    }
    return missing, csc, link
