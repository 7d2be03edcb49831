"""The same question with models that are really fitted: does learning from noise ever look like knowing?

A panel of a few thousand people is made, with counts of several kinds in each; the back-test (`models.risk.rolling`)
learns from past weeks by both candidates, in two parts of families, calibrates, and judges 26 weeks;
`models.risk.assess` makes all figures and the gates of the demo pack speak. Two families of worlds:

    overfit   need is as likely for everybody: whatever is learnt is noise             must stay silent
    learnt    need follows a situation that four of ten kinds of count tell of; the comparator counts all ten

How much a fitted model can do is not set but found, so `learnt` is told by the model's true lift.

Example: python -m benchmarks.gate_simulation_fit --runs 40
"""

from __future__ import annotations

import argparse
import hashlib
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmarks.gate_simulation import code_hash, gates_hash, share
from benchmarks.gate_simulation_runs import PACK, gates_of
from benchmarks.resume import PROGRESS, Progress, keep_result
from models.risk import gates, rolling
from models.risk.assess import assess
from models.risk.declare import RiskConfig, RuleBook, load_risk, load_rules
from models.risk.evaluate import MODEL
from models.risk.labels import Outcomes
from models.risk.panel import Panel
from models.risk.splits import Split

PEOPLE, KINDS, TELLING = 3_000, 10, 4
TAUGHT_WEEKS, GAP_WEEKS, TEST_WEEKS, AHEAD = 104, 39, 26, 39
WEEKS = TAUGHT_WEEKS + GAP_WEEKS + TEST_WEEKS + AHEAD
FIRST = date(2021, 10, 10)
EVENT = "police_child_notification"


def declarations() -> tuple[RiskConfig, RuleBook]:
    """The demo pack's question with few features, two rules, and two attributes to audit."""
    raw = yaml.safe_load((PACK / "risk.yml").read_text("utf-8"))
    feature = {"kind": "count", "theme": "together", "events": [EVENT], "window_weeks": 12, "label": "Count"}
    raw["features"] = [
        *({**feature, "name": f"kind_{n}", "monotone": 1, "sentence": "{things} {between}."} for n in range(KINDS)),
        {**feature, "name": "everything", "model": False},
    ]
    raw["comparators"] = {"contact_count": "everything"}
    raw["fairness"] = {"attributes": [{"name": n, "title": n.title()} for n in ("sex", "fsm")]}
    config = load_risk(raw)
    rule = {"title": "R", "why": "W", "sentence": "{things}", "deadline_working_days": 5, "questions": []}
    several = [
        {**rule, "id": f"rule_{n}", "evidence": f"kind_{n}", "all": [{"feature": f"kind_{n}", "at_least": 4}]}
        for n in (0, KINDS - 1)
    ]
    return config, load_rules({"version": 1, "rules": several}, config)


def make(
    rng: np.random.Generator, signal: float, config: RiskConfig
) -> tuple[Panel, Outcomes, pd.DataFrame, np.ndarray]:
    """A panel, its outcomes, attributes, and the true chance of each row; signal 0: nothing tells anything."""
    family = np.repeat(np.arange(PEOPLE), 1 + rng.poisson(0.8, size=PEOPLE))[:PEOPLE]
    walk = rng.standard_normal((PEOPLE, 1)) * np.ones(WEEKS)
    for week in range(1, WEEKS):
        walk[:, week] = 0.97 * walk[:, week - 1] + np.sqrt(1 - 0.97**2) * rng.standard_normal(PEOPLE)
    own = rng.standard_normal((int(family.max()) + 1, 1))[family]
    z = np.sqrt(0.5) * own + np.sqrt(0.5) * walk
    spread = 1.3 * (signal > 0)
    hazard = np.minimum(0.0016 * np.exp(spread * z - spread**2 / 2), 0.1)
    hit = rng.random(hazard.shape) < hazard
    # Whatever is recorded differs between people, need apart; the kinds that tell nothing are the most recorded.
    intensity = rng.normal(0, 0.6, size=(PEOPLE, 1, KINDS))
    tells = np.arange(KINDS) < TELLING
    rate = np.exp(np.log(np.where(tells, 0.04, 0.12)) + signal * 0.6 * tells * z[:, :, None] + intensity)
    counts = np.cumsum(rng.poisson(rate), axis=1)
    window = counts.copy()
    window[:, 12:] -= counts[:, :-12]
    weeks = [*range(12, TAUGHT_WEEKS, 4), *range(TAUGHT_WEEKS + GAP_WEEKS, TAUGHT_WEEKS + GAP_WEEKS + TEST_WEEKS)]
    after = np.concatenate([np.zeros((PEOPLE, 1)), np.cumsum(np.log1p(-hazard), axis=1)], axis=1)
    first = np.where(hit.any(axis=1), hit.argmax(axis=1), 10**6)
    frames, values, chances = [], [], []
    for week in weeks:
        # Whoever was found in need within the year before has a worker and is not looked at.
        at = np.flatnonzero((first > week) | (first < week - 52))
        frames.append(
            pd.DataFrame(
                {
                    "as_of_date": np.datetime64(FIRST + timedelta(weeks=week), "s"),
                    "person": at,
                    "person_key": [f"p{n}" for n in at],
                    "area_team": np.array(["North", "South"])[family[at] % 2],
                    "peer_group": "all",
                    "household": family[at],
                    "sort_no": at + 1,
                }
            )
        )
        values.append(np.column_stack([window[at, week], window[at, week].sum(axis=1)]))
        chances.append(1 - np.exp(after[at, week + 27] - after[at, week + 1]))
    panel = Panel(pd.concat(frames, ignore_index=True), np.concatenate(values).astype(np.float32), config_names(config))
    person, week = np.nonzero(hit)
    day = np.array(FIRST, dtype="datetime64[D]").astype(int) + 7 * week - 3
    known = (day + 40).astype("datetime64[D]").astype("datetime64[us]").astype(np.int64)
    told = pd.DataFrame(
        {"person_key": [f"p{n}" for n in person], "day": day, "known_from": known, "known_to": np.int64(2**62)}
    )
    attributes = pd.DataFrame(
        {
            "person_key": [f"p{n}" for n in range(PEOPLE)],
            "sex": rng.choice(["F", "M"], size=PEOPLE),
            "fsm": np.where(rng.random(PEOPLE) < 0.25, "yes", "no"),
        }
    )
    return panel, Outcomes(told), attributes, np.concatenate(chances)


def config_names(config: RiskConfig) -> tuple[str, ...]:
    """Names of the panel's columns."""
    return tuple(f.name for f in config.features)


def run(family: str, number: int, config: RiskConfig, book: RuleBook) -> dict[str, Any]:
    """One run, decided by its arguments alone."""
    seed = int.from_bytes(hashlib.sha256(f"fit/{family}/{number}".encode()).digest()[:6], "big")
    rng = np.random.default_rng(seed)
    signal = 0.0 if family == "overfit" else float(rng.uniform(0.5, 1.2))
    panel, outcomes, attributes, chance = make(rng, signal, config)
    days = sorted(set(panel.rows["as_of_date"].dt.date))
    begins = FIRST + timedelta(weeks=TAUGHT_WEEKS + GAP_WEEKS)
    judged_on = FIRST + timedelta(weeks=WEEKS)
    taught = tuple(d for d in days if d < FIRST + timedelta(weeks=TAUGHT_WEEKS))
    split = Split("simulated", begins, taught, tuple(d for d in days if d >= begins), judged_on)
    capacity = {"North": 12, "South": 12}
    rolled = rolling.roll(panel, outcomes, config, book, capacity, [split])
    assert rolled.judged is not None
    told: dict[str, Any] = {"family": family, "signal": round(signal, 3), "because": rolled.because}
    if rolled.judged.log_odds is None:
        return told | {"published": False, "verdicts": {"history": gates.UNPROVEN}, "true_lift": None}
    figures = assess(panel, rolled, outcomes, config, book, capacity, judged_on, attributes)
    _, listed = rolling.lists_of(rolled.judged, capacity, config)
    true = {n: float(chance[rolled.judged.at][m].mean()) if m.any() else 0.0 for n, m in listed.items()}
    results = gates_of(config, figures)
    return told | {
        "true_lift": round(true[MODEL] / max(true["contact_count"], true["rules"]), 4),
        "true_precision": {n: round(v, 5) for n, v in true.items()},
        "candidates": [p.fitted.name for p in rolled.rotations[0].parts],
        "found": figures["at_capacity"][MODEL]["found"],
        "verdicts": {r.id: r.status for r in results},
        "published": gates.all_passed(results),
    }


def report(records: list[dict[str, Any]]) -> dict[str, Any]:
    """What came of the runs."""
    noise = [r for r in records if r["family"] == "overfit"]
    useful = [r for r in records if r["family"] == "learnt" and (r["true_lift"] or 0) >= 1.5]
    out: dict[str, Any] = {
        "published_without_signal": share(sum(r["published"] for r in noise), len(noise)),
        "published_when_true_lift_is_1.5": share(sum(r["published"] for r in useful), len(useful)),
        "learnt_by_lift": [
            {"from": low, "below": high} | share(sum(r["published"] for r in mine), len(mine))
            for low, high in ((0.0, 1.0), (1.0, 1.25), (1.25, 1.5), (1.5, 10.0))
            for mine in [[r for r in records if r["family"] == "learnt" and low <= (r["true_lift"] or 0) < high]]
        ],
    }
    for name, mine in (("overfit", noise), ("learnt", useful)):
        refused: dict[str, int] = {}
        for gate, status in ((g, s) for r in mine for g, s in r["verdicts"].items() if s != gates.PASSED):
            refused[f"{gate}: {status}"] = refused.get(f"{gate}: {status}", 0) + 1
        out[f"{name}_did_not_pass"] = dict(sorted(refused.items()))
    return out


def main() -> None:
    """Run what has not been run, then report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40, help="runs a family")
    parser.add_argument("--keep", action="store_true", help="write the result among the benchmarks' results")
    parser.add_argument("--report", action="store_true", help="run nothing, report all that has been run")
    given = parser.parse_args()
    config, book = declarations()
    progress = Progress(PROGRESS / f"gate_simulation_fit_{gates_hash(config)}_{code_hash()}.jsonl")
    pieces = {f"{f}/{n}": (f, n) for n in range(given.runs) for f in ("overfit", "learnt")}
    for piece in [] if given.report else list(progress.remaining(pieces)):
        progress.add(piece, run(*pieces[piece], config, book))
        print(piece, {k: progress.done[piece][k] for k in ("true_lift", "published", "verdicts")}, flush=True)
    told = report([r for p, r in progress.done.items() if given.report or p in pieces])
    print(told)
    if given.keep:
        keep_result("gate_simulation_fit", {"gates": gates_hash(config), "code": code_hash(), "people": PEOPLE, **told})


if __name__ == "__main__":
    main()
