"""How hard future need is to predict: the best possible chance from the true event histories.

Given the laws of the world, the chance that a child will be found in need within 182 days follows from what has been
seen of the family so far. A forward filter carries, week by week, a belief over the hidden levels (two family types x
8 family levels, and 6 levels of each child), moves it by the known laws, and multiplies in the likelihood of what
happened or did not happen: events of every agency, contacts, referrals and their outcome, unauthorised absence. It
never sees a level.

What is exact and what is not. Within one family and week the update is exact; after it the joint belief is kept as a
product of its parts (Boyen and Koller 1998), it does not know each area's observation intensity, and it does not read
illness, health reviews or temporary accommodation, which carry a little information. So the figure is an estimate of
the optimum from just below.

Two numbers come out: the precision of that chance at weekly capacity (the difficulty of this world), and the
precision of ranking by contacts of the last 26 weeks at the same capacity.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.context import Context
from synthetic.filter import HORIZON_WEEKS, Filter, found_hazards, future_chance
from synthetic.frames import coded
from synthetic.history import PATH_CLA, PATH_CP
from synthetic.parameters import AREA_TEAMS, BURN_IN_WEEKS
from synthetic.randomness import stream

SAMPLE_EVERY = 4
KNOWN_WEEKS = (0, 7, 14, 20, 26)
CAPACITY_PER_60000 = 24
Ints = NDArray[np.int64]


def team_capacity(children: int) -> int:
    """Places on each area team's weekly list: 24 in all for 60,000 children, at least one per team."""
    return max(1, round(CAPACITY_PER_60000 * children / 60_000 / len(AREA_TEAMS)))


def make_truth(
    context: Context,
    away: NDArray[np.bool_],
    onroll: NDArray[np.bool_],
    progress: Callable[[str, float], None] | None = None,
) -> tuple[dict[str, pd.DataFrame], dict[str, dict[str, object]]]:
    """Truth tables (who, need_week, chance, target) and notes (difficulty)."""
    pop, history, people = context.population, context.history, context.people
    belief = Filter(context, away, onroll)
    tables = [
        (found_hazards(belief.d, belief.h, False, known), found_hazards(belief.d, belief.h, True, known))
        for known in (False, True)
    ]
    # What lies past the seen history by more than the horizon changes nothing here.
    last = BURN_IN_WEEKS + context.parameters.history_weeks
    sampled = set(range(last - 1, BURN_IN_WEEKS + 12, -SAMPLE_EVERY))
    target = _targets(context)
    contact_child, contact_day = history.contact["child"].to_numpy(), history.contact["day"].to_numpy()
    chances, needs = [], []
    for week in range(BURN_IN_WEEKS, last):
        belief.week(week)
        if progress and week % 20 == 0:
            progress("truth", (week - BURN_IN_WEEKS) / max(last - BURN_IN_WEEKS, 1))
        if week not in sampled:
            continue
        sunday = history.start + 7 * week + 6
        who = np.flatnonzero(history.active_week[week])
        ahead = np.stack([future_chance(context, week, tables, known, belief.open_days) for known in KNOWN_WEEKS])
        age = np.clip((sunday - pop.birth[who]) * 100 // 36525, 0, 17)
        chance = np.zeros(len(who), dtype=np.float64)
        fam = pop.family_of[who]
        closed = _weeks_known(context, sunday)[fam]
        for kind in range(2):
            for x in range(belief.nf):
                for y in range(belief.nc):
                    chance += (
                        belief.family[kind, x, fam].astype(np.float64)
                        * belief.child[y, who]
                        * ahead[closed, age, kind, x, y]
                    )
        recent = (contact_day <= sunday) & (contact_day > sunday - 7 * HORIZON_WEEKS)
        count = np.bincount(contact_child[recent], minlength=pop.children)[who]
        hit = np.zeros(pop.children, dtype=bool)
        hit[
            target["child"].to_numpy()[
                (
                    (target["referral_date"] > sunday) & (target["referral_date"] <= sunday + 7 * HORIZON_WEEKS)
                ).to_numpy()
            ]
        ] = True
        eligible = ~history.open_week[week, who] & ~history.helped_week[week, who]
        team = context.area_of_family(fam, np.full(len(who), sunday))
        chances.append(
            pd.DataFrame(
                {
                    "person_id": people.child_person[who],
                    "as_of_date": np.full(len(who), sunday, dtype=np.int32),
                    "eligible": eligible,
                    "bayes": np.round(chance, 6).astype(np.float32),
                    "contacts_26w": count.astype(np.int16),
                    "target": hit[who],
                    "team": team.astype(np.int8),
                }
            )
        )
        x, y = history.family_level[week, fam], history.child_level[week, who]
        needs.append(
            pd.DataFrame(
                {
                    "person_id": people.child_person[who],
                    "as_of_date": np.full(len(who), sunday, dtype=np.int32),
                    "need": x + y,
                    "family_need": x,
                    "child_need": y,
                }
            )
        )
    chance_table = pd.concat(chances, ignore_index=True)
    note = summary(chance_table, context.parameters.children, context.parameters.seed)
    chance_table["area_team"] = coded(chance_table.pop("team").to_numpy(), AREA_TEAMS)
    target["person_id"] = people.child_person[target.pop("child").to_numpy()]
    truth = {
        "who": _who(context),
        "need_week": pd.concat(needs, ignore_index=True),
        "chance": chance_table,
        "target": target[["person_id", "referral_date", "found_on", "basis"]],
    }
    return truth, {"difficulty": note}


def summary(chance: pd.DataFrame, children: int, seed: int) -> dict[str, object]:
    """Precision at weekly capacity of the best chance and of the contact count, with the size of the evidence."""
    place = team_capacity(children)
    rng = stream(seed, "difficulty", "ties")
    rows = chance[chance["eligible"]].reset_index(drop=True)
    # Rounded as the product rounds scores; ties by seeded draw.
    draw = rng.random(len(rows))
    picked = {}
    for name, score in (
        ("bayes", np.round(rows["bayes"].to_numpy().astype(np.float64), 9)),
        ("contacts", rows["contacts_26w"].to_numpy().astype(np.float64)),
    ):
        order = np.lexsort((draw, -score, rows["team"].to_numpy(), rows["as_of_date"].to_numpy()))
        group = rows["as_of_date"].to_numpy()[order].astype(np.int64) * 8 + rows["team"].to_numpy()[order]
        begin = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
        rank = np.arange(len(order)) - np.repeat(begin, np.diff(np.append(begin, len(order))))
        picked[name] = order[rank < place]
    hit = rows["target"].to_numpy()
    best, counted = float(hit[picked["bayes"]].mean()), float(hit[picked["contacts"]].mean())
    return {
        "places_per_team": place,
        "sampled_weeks": int(rows["as_of_date"].nunique()),
        "picks": len(picked["bayes"]),
        "bayes_precision": round(best, 4),
        "bayes_expected_precision": round(float(rows["bayes"].to_numpy()[picked["bayes"]].mean()), 4),
        "contact_count_precision": round(counted, 4),
        "ratio": round(counted / best, 4) if best else 0.0,
        "base_rate": round(float(hit.mean()), 5),
        "mean_chance": round(float(rows["bayes"].mean()), 5),
        "eligible_share": round(float(chance["eligible"].mean()), 4),
        "method": "forward filter over the known laws, beliefs kept as products (Boyen-Koller); never sees a level",
    }


def _weeks_known(context: Context, sunday: int) -> Ints:
    """Which of KNOWN_WEEKS comes nearest to the weeks each family stays known from a case closed in the year before."""
    referral, last = context.history.referral, np.zeros(context.population.families, dtype=np.int64)
    close = referral["close_day"].to_numpy()
    rows = (close <= sunday) & (close > sunday - 365)
    np.maximum.at(last, context.population.family_of[referral["child"].to_numpy()[rows]], close[rows] + 365 - sunday)
    edges = np.array([(low + high) * 7 // 2 for low, high in itertools.pairwise(KNOWN_WEEKS)])
    return np.searchsorted(edges, last, side="right")


def _targets(context: Context) -> pd.DataFrame:
    """Statutory need found: the referral's day, when it was found and on what basis."""
    referral = context.history.referral
    found = referral[referral["found"].astype(bool)]
    path = found["path"].to_numpy()
    table = pd.DataFrame(
        {
            "child": found["child"].to_numpy(),
            "referral_date": found["day"].to_numpy(),
            "found_on": (found["day"] + found["assessment_days"]).to_numpy(),
            "basis": np.where(path == PATH_CP, "CP", np.where(path == PATH_CLA, "CLA", "ASSESSMENT")),
        }
    )
    return table[table["referral_date"] >= context.low].sort_values(
        ["referral_date", "child"], kind="stable", ignore_index=True
    )


def _who(context: Context) -> pd.DataFrame:
    """Human behind each person row: the first identity's number."""
    table, population, people = context.people.table, context.population, context.people
    human = table["person_id"].to_numpy().copy()
    after = people.child_person[population.barrier["after"].to_numpy()]
    human[after - 1] = people.child_person[population.barrier["before"].to_numpy()]
    human[people.mother[population.family_barrier["after"].to_numpy()] - 1] = people.mother[
        population.family_barrier["before"].to_numpy()
    ]
    return pd.DataFrame(
        {"person_id": table["person_id"], "human_id": human, "family_id": table["family_id"], "role": table["role"]}
    )


def print_difficulty(note: dict[str, object], say: Callable[[str], None] = print) -> None:
    """Say the two numbers that fix the difficulty of the world."""
    expected = note["bayes_expected_precision"]
    say(f"best possible precision at weekly capacity: {note['bayes_precision']} (expected {expected})")
    say(f"contact count at the same capacity: {note['contact_count_precision']} ({note['ratio']} of it)")
