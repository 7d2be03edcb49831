"""Emergency departments and community health: attendances, reviews, caseloads, factors."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.context import Context, choose, clock, next_weekday
from synthetic.population import FAR

Ints = NDArray[np.int64]
DAYTIME = (2, 1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 8, 8, 8, 9, 9, 10, 10, 9, 7, 5, 4, 3)
# The five mandated health-visiting reviews: name, day of life, spread in days, share done when nothing is amiss.
REVIEWS = (
    ("antenatal", -40, 14, 0.55),
    ("new_birth", 12, 4, 0.97),
    ("6-8w", 49, 8, 0.92),
    ("12m", 365, 35, 0.89),
    ("2-2.5y", 800, 60, 0.86),
)


def emergency(context: Context) -> tuple[pd.DataFrame, dict[int, int]]:
    """Table ed_attendance, and which attendance each event of the simulation became."""
    rng, event = context.rng("ed"), context.history.child_event
    kind = context.kind_numbers(False)
    rows = np.flatnonzero(
        event["kind"].isin([kind["ed"], kind["ed_concern"]]).to_numpy() & (event["day"] >= context.low).to_numpy()
    )
    rows = rows[np.lexsort((rows, event["day"].to_numpy()[rows]))]
    child, day = event["child"].to_numpy()[rows], event["day"].to_numpy()[rows]
    concern = event["kind"].to_numpy()[rows] == kind["ed_concern"]
    n, age = len(rows), context.age(child, day)
    complaint = choose(
        rng, n, ("INJURY", "ILLNESS", "POISONING", "OTHER", "MENTAL_HEALTH"), (0.36, 0.5, 0.01, 0.125, 0.005)
    )
    complaint = np.where((age < 1) & (complaint == "INJURY") & (rng.random(n) < 0.6), "ILLNESS", complaint)
    worrying = np.where(
        age >= 10,
        choose(rng, n, ("SELF_HARM", "MENTAL_HEALTH", "ASSAULT", "INJURY"), (0.46, 0.22, 0.14, 0.18)),
        choose(rng, n, ("INJURY", "ASSAULT", "POISONING", "OTHER"), (0.55, 0.08, 0.12, 0.25)),
    )
    complaint = np.where(concern, worrying, complaint)
    intent = np.where(complaint == "INJURY", "ACCIDENTAL", "NONE").astype(object)
    intent[complaint == "SELF_HARM"] = "SELF"
    intent[complaint == "ASSAULT"] = "ASSAULT"
    unsure = concern & (complaint == "INJURY") & (rng.random(n) < 0.5)
    intent[unsure | (complaint == "POISONING")] = "UNDETERMINED"
    x, _ = context.level(child, day)
    left = rng.random(n) < 0.028 + 0.006 * x
    acuity = choose(rng, n, ("1", "2", "3", "4", "5"), (0.01, 0.07, 0.32, 0.47, 0.13)).astype(np.int64)
    table = pd.DataFrame(
        {
            "ed_id": np.arange(1, n + 1),
            "person_id": context.people.child_person[child],
            "site_code": np.array(["NMA01", "NMB01"], dtype=object)[
                (
                    rng.random(n)
                    < np.where(context.area_of_family(context.population.family_of[child], day) <= 1, 0.15, 0.85)
                ).astype(int)
            ],
            "arrival_at": clock(rng, day, DAYTIME),
            "category": np.where(rng.random(n) < 0.93, 1, 2),
            "source": choose(
                rng, n, ("SELF", "NHS111", "GP", "EMERGENCY_SERVICES", "SCHOOL"), (0.62, 0.16, 0.09, 0.10, 0.03)
            ),
            "arrival_mode": choose(rng, n, ("OWN", "AMBULANCE", "PUBLIC"), (0.84, 0.11, 0.05)),
            "acuity": acuity,
            "complaint": complaint,
            "injury_intent": intent,
            "safeguarding_concern": concern & (rng.random(n) < 0.78),
            "left_before_treatment": left,
            "discharge": np.where(
                left, "LEFT", np.where(rng.random(n) < np.where(acuity <= 2, 0.45, 0.11), "ADMITTED", "HOME")
            ),
        }
    )
    return table, dict(zip(rows.tolist(), table["ed_id"].tolist(), strict=True))


def community_tables(context: Context) -> dict[str, pd.DataFrame]:
    """Tables health_referral, health_contact, health_factor."""
    visiting_referral, visiting = _health_visiting(context)
    other_referral, other = _caseloads(context)
    other_referral["key"] += int(visiting_referral["key"].max()) + 1 if len(visiting_referral) else 0
    other["key"] += int(visiting_referral["key"].max()) + 1 if len(visiting_referral) else 0
    referral = pd.concat([visiting_referral, other_referral], ignore_index=True)
    referral = referral.sort_values(["received_date", "key"], kind="stable", ignore_index=True)
    referral.insert(0, "health_referral_id", np.arange(1, len(referral) + 1))
    number = np.zeros(int(referral["key"].max()) + 1 if len(referral) else 1, dtype=np.int64)
    number[referral["key"].to_numpy()] = referral["health_referral_id"].to_numpy()
    contact = pd.concat([visiting, other], ignore_index=True)
    contact = contact[(contact["contact_date"] >= context.low) & (contact["contact_date"] <= context.high)]
    contact = contact.sort_values(["contact_date", "key", "review_type"], kind="stable", ignore_index=True)
    contact.insert(0, "health_contact_id", np.arange(1, len(contact) + 1))
    contact.insert(1, "health_referral_id", number[contact.pop("key").to_numpy()])
    return {
        "health_referral": referral.drop(columns="key"),
        "health_contact": contact,
        "health_factor": _factors(context),
    }


def _health_visiting(context: Context) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every child under five is on a health visitor's caseload; reviews are missed more often where need is high."""
    rng, population = context.rng("health_visiting"), context.population
    child = np.flatnonzero(
        (population.birth + 5 * 365 >= context.low)
        & (population.birth <= context.high + 30)
        & (population.child_to > context.low)
    )
    born, begin = population.birth[child], population.child_from[child]
    received = np.maximum(np.where(begin > born, begin + 6, born - 60), -FAR)
    received = np.where(received < context.low - 3000, context.low - 3000, received)
    leaves = np.minimum(born + 5 * 365 + 30, population.child_to[child])
    keep = leaves > received + 5
    child, born, begin, received, leaves = child[keep], born[keep], begin[keep], received[keep], leaves[keep]
    referral = pd.DataFrame(
        {
            "key": np.arange(len(child)),
            "person_id": context.people.child_person[child],
            "team_type": "HV",
            "received_date": received,
            "source": np.where(begin > born, "TRANSFER_IN", "MATERNITY"),
            "reason": "UNIVERSAL",
            "discharge_date": leaves,
        }
    )
    parts = []
    for name, at, spread, done in REVIEWS:
        day = next_weekday(born + at + (rng.random(len(child)) * (2 * spread + 1)).astype(np.int64) - spread)
        x, _ = context.level(child, day)
        chance = done - 0.045 * x
        draw = rng.random(len(child))
        lives = (day >= begin) if name != "antenatal" else (begin == born)
        happens = lives & (day < leaves) & (draw < chance + 0.05)
        parts.append(
            pd.DataFrame(
                {
                    "key": np.flatnonzero(happens),
                    "person_id": context.people.child_person[child[happens]],
                    "contact_date": day[happens],
                    "medium": choose(rng, int(happens.sum()), ("HOME", "CLINIC", "VIDEO"), (0.7, 0.25, 0.05)),
                    "attended": (draw < chance)[happens],
                    "review_type": name,
                }
            )
        )
    return referral, pd.concat(parts, ignore_index=True)


def _caseloads(context: Context) -> tuple[pd.DataFrame, pd.DataFrame]:
    """School nursing, community child health and speech therapy caseloads, with a handful of appointments each."""
    rng, population, history = context.rng("caseloads"), context.population, context.history
    referrals, contacts, used = [], [], 0
    plan = (
        ("SN", 4, 17, 0.055, 2.2, ("SCHOOL", "PARENT", "GP")),
        ("CCH", 0, 17, 0.022, 2.6, ("GP", "HOSPITAL", "SCHOOL")),
        ("SLT", 1, 8, 0.045, 4.5, ("HEALTH_VISITOR", "SCHOOL", "PARENT")),
    )
    for team, youngest, oldest, yearly, appointments, sources in plan:
        weeks = context.parameters.weeks
        expected = round(yearly * weeks / 52.1775 * population.children * 0.7)
        child = rng.integers(0, population.children, expected)
        day = next_weekday(history.start + (rng.random(expected) * weeks * 7).astype(np.int64))
        age = context.age(child, day)
        x, y = context.level(child, day)
        more = rng.random(expected) < (0.5 + 0.06 * (x.astype(float) + y))
        fits = (
            (age >= youngest)
            & (age <= oldest)
            & (population.child_from[child] <= day)
            & (population.child_to[child] > day + 30)
            & more
            & (day > context.low - 300)
            & (day <= context.high)
        )
        child, day, order = child[fits], day[fits], np.argsort(day[fits], kind="stable")
        child, day = child[order], day[order]
        n = len(child)
        number = 1 + (rng.standard_exponential(n) * (appointments - 0.6)).astype(np.int64)
        leave = np.minimum(day + 30 + number * 34, population.child_to[child])
        key = used + np.arange(n)
        referrals.append(
            pd.DataFrame(
                {
                    "key": key,
                    "person_id": context.people.child_person[child],
                    "team_type": team,
                    "received_date": day,
                    "source": np.array(sources, dtype=object)[rng.integers(0, 3, n)],
                    "reason": choose(
                        rng,
                        n,
                        ("EMOTIONAL_HEALTH", "DEVELOPMENT", "CONTINENCE", "SPEECH", "LONG_TERM_CONDITION"),
                        (0.3, 0.25, 0.1, 0.2, 0.15),
                    ),
                    "discharge_date": leave,
                }
            )
        )
        which = np.repeat(np.arange(n), number)
        step = np.arange(len(which)) - np.repeat(np.cumsum(number) - number, number)
        on = next_weekday(day[which] + 14 + step * 30 + rng.integers(0, 14, len(which)))
        x, _ = context.level(child[which], on)
        came = rng.random(len(which)) < 0.93 - 0.05 * x
        live = on < leave[which]
        contacts.append(
            pd.DataFrame(
                {
                    "key": key[which],
                    "person_id": context.people.child_person[child[which]],
                    "contact_date": on,
                    "medium": choose(rng, len(which), ("CLINIC", "SCHOOL", "VIDEO", "PHONE"), (0.5, 0.3, 0.1, 0.1)),
                    "attended": came,
                    "review_type": None,
                }
            )[live]
        )
        used += n
    return pd.concat(referrals, ignore_index=True), pd.concat(contacts, ignore_index=True)


def _factors(context: Context) -> pd.DataFrame:
    rng, event = context.rng("factors"), context.history.child_event
    rows = np.flatnonzero(
        (event["kind"] == context.kind_numbers(False)["health_factor"]).to_numpy()
        & (event["day"] >= context.low).to_numpy()
    )
    rows = rows[np.lexsort((rows, event["day"].to_numpy()[rows]))]
    child, day = event["child"].to_numpy()[rows], event["day"].to_numpy()[rows]
    n = len(rows)
    kind = choose(
        rng,
        n,
        ("DA_HOUSEHOLD", "PARENTAL_MH", "PARENTAL_SUBSTANCE", "NEGLECT_CONCERN", "CP_CONCERN"),
        (0.34, 0.32, 0.14, 0.14, 0.06),
    )
    kind = np.where((context.age(child, day) >= 7) & (rng.random(n) < 0.12), "YOUNG_CARER", kind)
    return pd.DataFrame(
        {
            "health_factor_id": np.arange(1, n + 1),
            "person_id": context.people.child_person[child],
            "factor_type": kind,
            "recorded_date": day,
        }
    )
