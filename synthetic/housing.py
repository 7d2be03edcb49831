"""Homelessness applications, temporary accommodation, eviction notices, and the domestic-abuse service."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.context import Context, choose, next_weekday
from synthetic.history import History
from synthetic.parameters import WorldParameters
from synthetic.places import AddressBook
from synthetic.population import FAR, Population
from synthetic.randomness import stream

Ints = NDArray[np.int64]


def temporary_stays(
    parameters: WorldParameters,
    population: Population,
    history: History,
    book: AddressBook,
    hubs: dict[str, Ints],
    first: Ints,
) -> pd.DataFrame:
    """About half the applications lead to temporary accommodation: event row, family, address, type, start, end
    (FAR = open).
    """
    rng = stream(parameters.seed, "events", "stays")
    number = [k.name for k in parameters.laws.kinds_family].index("homelessness")
    rows = np.flatnonzero((history.family_event["kind"] == number).to_numpy())
    family, day = history.family_event["family"].to_numpy()[rows], history.family_event["day"].to_numpy()[rows]
    start = day + rng.integers(2, 40, len(rows))
    end = start + 21 + (rng.standard_exponential(len(rows)) * 500).astype(np.int64)
    end = np.where(end > population.family_to[family], population.family_to[family], end)
    placed = (rng.random(len(rows)) < 0.51) & (start + 14 < population.family_to[family])
    frame = pd.DataFrame({"row": rows, "family": family, "start": start, "end": end})[placed]
    frame = frame.sort_values(["family", "start"], kind="stable", ignore_index=True)
    # A family already placed is not placed again.
    last = frame.groupby("family")["end"].cummax().groupby(frame["family"]).shift(fill_value=0)
    frame = frame[frame["start"] > last + 30].reset_index(drop=True)
    n = len(frame)
    kind = choose(rng, n, ("BB", "NIGHTLY", "HOSTEL", "REFUGE", "PSL"), (0.12, 0.3, 0.16, 0.06, 0.36))
    outward = ((first[frame["family"].to_numpy()] - 1) // 3) * 3 + rng.integers(1, 4, n)
    address = np.where(
        kind == "HOSTEL",
        hubs["hostel"][rng.integers(0, len(hubs["hostel"]), n)],
        np.where(
            kind == "REFUGE",
            hubs["refuge"][rng.integers(0, len(hubs["refuge"]), n)],
            np.where(kind == "BB", hubs["hmo"][rng.integers(0, len(hubs["hmo"]), n)], book.new(outward, "home")),
        ),
    )
    frame["type"], frame["address"] = kind, address
    return frame


def housing_tables(context: Context, stays: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Tables housing_application, temporary_accommodation, tenancy_notice."""
    rng, event, homes = context.rng("housing"), context.history.family_event, context.homes
    kinds = context.kind_numbers(True)
    stay_of = dict(zip(stays["row"].tolist(), range(len(stays)), strict=True))
    stay_end, seen_from = stays["end"].to_numpy(), context.low
    rows = np.flatnonzero((event["kind"] == kinds["homelessness"]).to_numpy())
    day = event["day"].to_numpy()[rows]
    stay = np.array([stay_of.get(r, -1) for r in rows.tolist()], dtype=np.int64)
    still = (stay >= 0) & (stay_end[np.maximum(stay, 0)] >= seen_from) if len(stays) else np.zeros(len(rows), bool)
    keep = (day >= seen_from) | still
    rows, day, stay = rows[keep], day[keep], stay[keep]
    order = np.lexsort((rows, day))
    rows, day, stay = rows[order], day[order], stay[order]
    n, family = len(rows), event["family"].to_numpy()[rows]
    lone = context.population.lone[family]
    ended = np.where(
        stay >= 0, stay_end[np.maximum(stay, 0)] if len(stays) else FAR, day + 20 + rng.integers(0, 120, n)
    )
    need = choose(
        rng,
        n,
        ("DA", "MENTAL_HEALTH", "PHYSICAL_HEALTH", "YOUNG_PARENT", "DRUG_ALCOHOL", "NONE"),
        (0.2, 0.25, 0.12, 0.08, 0.07, 0.28),
    )
    second = choose(rng, n, ("", ";OFFENDING", ";LEARNING_DISABILITY", ";REPEAT_HOMELESSNESS"), (0.8, 0.05, 0.05, 0.1))
    application = pd.DataFrame(
        {
            "case_id": np.arange(1, n + 1),
            "family_id": family + 1,
            "address_id": homes.at(family, day - 1) + 1,
            "application_date": day,
            "household_type": np.where(lone, "LONE_PARENT", "COUPLE_CHILDREN"),
            "reason": choose(
                rng,
                n,
                ("END_PRS", "FAMILY_NO_LONGER_WILLING", "DA", "RELATIONSHIP_BREAKDOWN", "EVICTION_SOCIAL", "OTHER"),
                (0.36, 0.24, 0.17, 0.09, 0.06, 0.08),
            ),
            "duty": np.where(
                stay >= 0,
                np.where(rng.random(n) < 0.55, "MAIN", "RELIEF"),
                choose(rng, n, ("PREVENTION", "RELIEF"), (0.7, 0.3)),
            ),
            "duty_end_date": np.minimum(ended, FAR),
            "duty_end_reason": choose(
                rng, n, ("SECURED_PRS", "SECURED_SOCIAL", "WITHDRAWN", "LOST_CONTACT"), (0.34, 0.44, 0.14, 0.08)
            ),
            "support_needs": np.where(need == "NONE", "NONE", need + second),
        }
    )
    placed = stay >= 0
    mine = stays.iloc[stay[placed]].reset_index(drop=True)
    ta = pd.DataFrame(
        {
            "ta_id": 0,
            "case_id": application["case_id"].to_numpy()[placed],
            "family_id": mine["family"] + 1,
            "address_id": mine["address"] + 1,
            "ta_type": mine["type"],
            "start_date": mine["start"],
            "end_date": mine["end"],
        }
    )
    ta = ta.sort_values(["start_date", "case_id"], kind="stable", ignore_index=True)
    ta["ta_id"] = np.arange(1, len(ta) + 1)
    return {
        "housing_application": application,
        "temporary_accommodation": ta,
        "tenancy_notice": _notices(context, kinds["eviction_notice"]),
    }


def _notices(context: Context, kind: int) -> pd.DataFrame:
    rng, event = context.rng("notices"), context.history.family_event
    rows = np.flatnonzero((event["kind"] == kind).to_numpy() & (event["day"] >= context.low).to_numpy())
    rows = rows[np.lexsort((rows, event["day"].to_numpy()[rows]))]
    family, day = event["family"].to_numpy()[rows], event["day"].to_numpy()[rows]
    n = len(rows)
    issued = next_weekday(day)
    return pd.DataFrame(
        {
            "notice_id": np.arange(1, n + 1),
            "family_id": family + 1,
            "address_id": context.homes.at(family, day) + 1,
            "notice_type": choose(rng, n, ("S8", "NTQ", "COURT", "S21"), (0.42, 0.2, 0.14, 0.24)),
            "issued_date": issued,
            "outcome": choose(rng, n, ("SUSTAINED", "MOVED", "EVICTED"), (0.62, 0.24, 0.14)),
            "outcome_date": issued + 30 + rng.integers(0, 120, n),
        }
    )


def service_table(context: Context, incident: pd.DataFrame) -> pd.DataFrame:
    """Engagement with the domestic-abuse service after a medium or high risk incident; one open case a family."""
    rng = context.rng("da_service")
    da = incident[(incident["kind"] == "DA") & incident["dash_risk"].isin(["MEDIUM", "HIGH"])]
    da = da[rng.random(len(da)) < np.where(da["dash_risk"] == "HIGH", 0.34, 0.16)]
    occurred = da["occurred_at"].to_numpy().astype("datetime64[D]").astype(np.int64)
    start = next_weekday(occurred + 3 + rng.integers(0, 18, len(da)))
    frame = pd.DataFrame(
        {
            "family_id": da["family_id"].to_numpy(),
            "engaged_date": start,
            "end_date": start + 40 + rng.integers(0, 200, len(da)),
        }
    )
    frame = frame.sort_values(["family_id", "engaged_date"], kind="stable", ignore_index=True)
    previous = frame.groupby("family_id")["end_date"].cummax().groupby(frame["family_id"]).shift(fill_value=0)
    frame = frame[frame["engaged_date"] > previous].sort_values(
        ["engaged_date", "family_id"], kind="stable", ignore_index=True
    )
    frame.insert(0, "da_case_id", np.arange(1, len(frame) + 1))
    frame["child_present"] = True
    return frame
