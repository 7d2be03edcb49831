"""Early help: episodes of families with somebody to lead them, and the needs they name."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthetic.context import Context, choose, draw_staff
from synthetic.population import FAR


def early_help_tables(context: Context) -> dict[str, pd.DataFrame]:
    """Early help episodes of every child at home, and the needs they name (Supporting Families outcomes 1 to 10)."""
    rng, population, history = context.rng("early_help"), context.population, context.history
    episode = history.early_help
    episode = episode[(episode["end_day"] >= context.low) & (episode["day"] <= context.high)].reset_index(drop=True)
    first = np.searchsorted(population.family_of, np.arange(population.families))
    count = np.bincount(population.family_of, minlength=population.families)
    family = episode["family"].to_numpy()
    number = count[family]
    child = (
        np.repeat(first[family], number) + np.arange(int(number.sum())) - np.repeat(np.cumsum(number) - number, number)
    )
    which = np.repeat(np.arange(len(episode)), number)
    start, end = episode["day"].to_numpy()[which], episode["end_day"].to_numpy()[which]
    home = (population.child_from[child] <= start) & (population.child_to[child] > start + 5)
    child, which, start = child[home], which[home], start[home]
    end = np.minimum(end[home], population.child_to[child])
    team = context.area_of_family(family, episode["day"].to_numpy())
    reason = choose(
        rng,
        len(episode),
        ("PARENTING", "BEHAVIOUR", "ATTENDANCE", "FAMILY_MENTAL_HEALTH", "DOMESTIC_ABUSE", "HOUSING", "SEND"),
        (0.28, 0.18, 0.14, 0.16, 0.1, 0.08, 0.06),
    )
    ending = choose(rng, len(episode), ("OUTCOMES_MET", "DISENGAGED", "STEP_UP", "NFA"), (0.58, 0.2, 0.12, 0.1))
    worker = draw_staff(context, rng, "family_worker", team)
    where = choose(
        rng,
        len(episode),
        ("Northmere Family Hubs", "School-led", "Health visiting", "Voluntary sector"),
        (0.55, 0.25, 0.1, 0.1),
    )
    order = np.lexsort((child, start))
    child, which, start, end = child[order], which[order], start[order], end[order]
    table = pd.DataFrame(
        {
            "episode_id": np.arange(1, len(child) + 1),
            "person_id": context.people.child_person[child],
            "start_date": start,
            "end_date": end,
            "reason": reason[which],
            "end_reason": ending[which],
            "organisation": where[which],
            "worker_id": worker[which],
        }
    )
    needs = []
    for code, share in zip(range(1, 11), (0.34, 0.12, 0.42, 0.14, 0.5, 0.2, 0.1, 0.22, 0.2, 0.24), strict=True):
        rows = table[rng.random(len(table)) < share]
        length = (rows["end_date"] - rows["start_date"]).to_numpy()
        met = rng.random(len(rows)) < 0.55
        day = rows["start_date"].to_numpy() + rng.integers(0, 28, len(rows))
        needs.append(
            pd.DataFrame(
                {
                    "episode_id": rows["episode_id"],
                    "outcome_code": code,
                    "identified_date": day,
                    "met_date": np.where(
                        met, np.maximum(day + 7, rows["start_date"].to_numpy() + (length * 0.8).astype(np.int64)), FAR
                    ),
                }
            )
        )
    need = pd.concat(needs, ignore_index=True).sort_values(
        ["identified_date", "episode_id", "outcome_code"], kind="stable", ignore_index=True
    )
    need.insert(0, "need_id", np.arange(1, len(need) + 1))
    return {"early_help": table, "early_help_need": need}
