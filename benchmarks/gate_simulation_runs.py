"""One run of the gates' test: a light world, a score in it, and what the demo pack's gates say of that score.

The world is judged with the code that judges the real one: lists at capacity, evaluation, fairness audit, steadiness,
gates. What depends on the world is settled: everything is signed, fed, registered and well linked. *True* is always
the expectation by the known chance of each row, never what happened to come out.

A gap is planted in the score of one ethnic group: raised until its listings are 15 points less often right, or lowered
until 15 points more of its children in need are missed, both in expectation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmarks.gate_simulation_ranges import Half, draw_parameters
from benchmarks.gate_simulation_world import HORIZON, WEEKS, LightWorld, make_world
from models.risk import evaluate, fairness, gates, steadiness
from models.risk.backtest import Judged
from models.risk.calibrate import chance
from models.risk.declare import RiskConfig, load_risk
from models.risk.labels import HistorySum

PACK = Path(__file__).parents[1] / "partnerships" / "northmere"
SILENT, USEFUL = ("nothing", "noise", "no_better"), ("useful",)
USUAL = ("fair", "gap_precision", "gap_missed")
LARGE = tuple(f"{name}_large" for name in USUAL)
FAMILIES = (*SILENT, *USEFUL, *USUAL, *LARGE)
GAP = 0.15
# Enough people that every group could be decided, which also takes fewer groups: the audit is by two attributes. With a
# third of the people and places, most fair worlds were not decided.
ENOUGH = {
    "people": (30_000, 40_000, True), "places": (400, 800, True), "base_rate": (0.04, 0.08, True),
    "spread": (1.4, 2.0, False), "group_share": (0.25, 0.3, True), "not_recorded": (0.2, 0.3, False),
}  # fmt: skip
LARGE_ATTRIBUTES = ("ethnicity_group", "sex")
LIFTS = (1.5, 3.0)
TRIES = 40


def configuration() -> RiskConfig:
    """The demo pack's declarations."""
    return load_risk(yaml.safe_load((PACK / "risk.yml").read_text("utf-8")))


def run(family: str, half: Half, number: int, config: RiskConfig) -> dict[str, Any]:
    """One run, decided by its arguments alone."""
    seed = int.from_bytes(hashlib.sha256(f"{family}/{half}/{number}".encode()).digest()[:6], "big")
    rng = np.random.default_rng(seed)
    if family in LARGE:
        kept = tuple(a for a in config.fairness.attributes if a.name in LARGE_ATTRIBUTES)
        config = config.model_copy(update={"fairness": config.fairness.model_copy(update={"attributes": kept})})
    for attempt in range(TRIES):
        parameters = draw_parameters(rng, half, **(ENOUGH if family in LARGE else {}))
        world = make_world(parameters, seed + attempt, config, flat=family == "nothing", few_groups=family in LARGE)
        made = _scored(family, world, rng)
        if made is not None:
            break
    else:
        raise RuntimeError(f"{family}/{half}/{number}: no world of these ranges has what was asked for")
    raw, planted = made
    judged = world.judged(world.log_odds(raw))
    told = {"family": family, "half": half, "attempts": attempt + 1} | planted
    told |= {"parameters": {k: round(v, 4) for k, v in parameters.items()}}
    capacity = world.capacity()
    if family in USUAL or family in LARGE:
        return told | _fairness_alone(world, judged, capacity, config)
    return told | _whole(world, raw, judged, capacity, config)


def _scored(family: str, world: LightWorld, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, float]] | None:
    """The model's raw score and what was planted; None when this world cannot hold what the family asks for."""
    error = world.noise()
    if family in {"nothing", "noise"}:
        return error, {}
    if family in {"no_better", "useful"}:
        least = max(_precision(world, quick_lists(world, score)) for score in (world.contacts, world.rules.sum(axis=2)))
        target = 0.97 if family == "no_better" else float(rng.uniform(*LIFTS))
        found = _solve(lambda share: _precision(world, quick_lists(world, _mix(world, error, share))), least * target)
        return None if found is None else (_mix(world, error, found), {"aimed_lift": round(target, 3)})
    raw = _mix(world, error, float(rng.uniform(0.6, 0.9)))
    if family.startswith("fair"):
        return raw, {}
    group = world.groups["ethnicity_group"] == "Asian"
    measure = "precision" if "precision" in family else "missed"
    sign = 1 if measure == "precision" else -1
    shift = _solve(lambda s: true_gap(world, raw + sign * 5 * s * group[:, None], group, measure), GAP)
    if shift is None:
        return None
    shifted = raw + sign * 5 * shift * group[:, None]
    return shifted, {"planted": round(true_gap(world, shifted, group, measure), 4)}


def _mix(world: LightWorld, error: np.ndarray, share: float) -> np.ndarray:
    """A score that correlates with what drives need to the given degree."""
    return share * world.z + np.sqrt(1 - share**2) * error


def _solve(of, target: float, steps: int = 9) -> float | None:
    """Where in [0, 1] a rising function reaches the target, by halving; None when it does not get there."""
    low, high = 0.0, 1.0
    if of(high) < target:
        return None
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if of(middle) >= target else (middle, high)
    return high


def quick_lists(world: LightWorld, score: np.ndarray, everybody: bool = False) -> np.ndarray:
    """Lists of the whole area's capacity without teams, (people, weeks): near enough to plant by. everybody: also those
    who have left the cohort."""
    out = np.zeros(score.shape, dtype=bool)
    last = np.full(len(score), -100)
    places = sum(world.capacity().values())
    tie = np.random.default_rng(1).random(len(score)) * 1e-6
    for week in range(WEEKS):
        free = (week - last >= 12) & (world.here[:, week] | everybody)
        chosen = np.argpartition(np.where(free, -(score[:, week] + tie), np.inf), places)[:places]
        out[chosen, week], last[chosen] = True, week
    return out


def _precision(world: LightWorld, listed: np.ndarray) -> float:
    return float(world.p[listed].mean()) if listed.any() else 0.0


def true_gap(world: LightWorld, score: np.ndarray, group: np.ndarray, measure: str) -> float:
    """By how many points a group is served less well than the others, in expectation."""
    if measure == "precision":
        listed = quick_lists(world, score)
        mine = listed & group[:, None]
        return _precision(world, listed & ~mine) - _precision(world, mine) if mine.any() else 0.0
    listed = quick_lists(world, score, everybody=True)
    # Chance that the first need comes in week t; it is reached when a list of the 26 weeks before it held the child.
    alive = np.cumprod(1 - world.hazard, axis=1)
    first = np.concatenate([np.zeros((len(alive), 1)), -np.diff(alive, axis=1)], axis=1)[:, : WEEKS + HORIZON]
    ever = np.concatenate([np.zeros((len(alive), 1), int), np.cumsum(listed, axis=1)], axis=1)
    week = np.arange(WEEKS + HORIZON)
    reached = ever[:, np.minimum(week, WEEKS)] - ever[:, np.maximum(np.minimum(week - HORIZON, WEEKS), 0)] > 0
    missed = [float((first * ~reached)[g, 1:].sum() / first[g, 1:].sum()) for g in (group, ~group)]
    return missed[0] - missed[1]


def _whole(world: LightWorld, raw: np.ndarray, judged: Judged, capacity: Mapping[str, int], config: RiskConfig):
    """The verdicts of all gates on the evidence, with what is true. Fairness and steadiness are looked at when the
    gates before them pass: they can only add a refusal."""
    family = judged.family
    scores = evaluate.scores_of(
        judged.rows, judged.log_odds, judged.contact_count, judged.holds.sum(axis=1), config.training.seed
    )
    listed = evaluate.lists_of(judged.rows, scores, capacity, config)
    figures = evaluate.evaluate(judged.rows, judged.y, judged.log_odds, scores, listed, family, capacity, config)
    p = world.rows_of(world.p)
    true = {n: float(p[m].mean()) if m.any() else 0.0 for n, m in listed.items()}
    better = max(true["contact_count"], true["rules"])
    verdicts = {r.id: r.status for r in gates_of(config, figures) if r.kind in {"benefit", "calibration"}}
    ok = all(v == gates.PASSED for v in verdicts.values())
    looked = ok
    if ok:
        figures["stability"] = _steadiness(world, raw, judged, capacity, config)
        figures["fairness"] = _audit(world, judged, listed[evaluate.MODEL], family, config)
        results = [
            r for r in gates_of(config, figures) if r.kind in {"benefit", "calibration", "fairness", "stability"}
        ]
        verdicts = {r.id: r.status for r in results}
        ok = gates.all_passed(results)
    covered = {
        n: [d["low"], true["model"] - true[n], d["high"]] for n, d in figures["difference"].items() if n != "random"
    }
    return {
        "true_precision": {n: round(v, 5) for n, v in true.items()},
        "true_lift": round(true["model"] / better, 4) if better > 0 else 99.0,
        "listed": figures["at_capacity"]["model"]["listed"],
        "found": figures["at_capacity"]["model"]["found"],
        "intervals": {n: [round(x, 5) for x in v] for n, v in covered.items()},
        "verdicts": verdicts,
        "looked_at_all": looked,
        "published": ok,
        "published_without_acceptance": looked and all(v == gates.PASSED for v in verdicts.values()),
    }


def _fairness_alone(
    world: LightWorld, judged: Judged, capacity: Mapping[str, int], config: RiskConfig
) -> dict[str, Any]:
    """What the fairness gate says, and how the comparisons came out."""
    scores = {evaluate.MODEL: chance(_log_odds(judged))}
    listed = evaluate.lists_of(judged.rows, scores, capacity, config)[evaluate.MODEL]
    audit = _audit(world, judged, listed, judged.family, config)
    result = next(r for r in gates_of(config, {"fairness": audit}) if r.kind == "fairness")
    kept = {k: result.numbers[k] for k in ("inside", "beyond", "open")}
    return {"verdicts": {result.id: result.status}, "listed": int(listed.sum())} | kept


def _audit(world: LightWorld, judged: Judged, listed: np.ndarray, family: np.ndarray, config: RiskConfig):
    """The audit of one list by every attribute the pack names; figures over time are not asked for."""
    person = judged.rows["person"].to_numpy()
    groups = {name: value[person] for name, value in world.groups.items()}
    once = np.full(len(person), "all")
    return fairness.audit(
        groups, judged.y, listed, _log_odds(judged), person, family, judged.contact_count, once, config
    )


def _steadiness(world: LightWorld, raw: np.ndarray, judged: Judged, capacity: Mapping[str, int], config: RiskConfig):
    """Turnover of those pointed to, and overlap with a score that a refit has shaken."""
    seed = config.training.seed
    pointed = steadiness.pointed_to(judged.rows, chance(_log_odds(judged)), capacity, seed)
    out = steadiness.turnover(
        judged.rows, pointed, judged.split, lambda at: pd.DataFrame({"all": _log_odds(judged)[at]}), 6
    )
    own = world.rng.standard_normal((len(raw), 1)) * raw.std() * world.parameters["refit_noise"]
    again = steadiness.pointed_to(judged.rows, world.rows_of(raw + own), capacity, seed)
    return out | {"refit_overlap": steadiness.overlap(judged.rows, pointed, again), "places": int(pointed.sum())}


def _log_odds(judged: Judged) -> np.ndarray:
    """The model's log-odds; a light world always has them."""
    assert judged.log_odds is not None
    return judged.log_odds


def gates_of(config: RiskConfig, figures: Mapping[str, Any]) -> list[gates.GateResult]:
    """The gates' verdicts on these figures, with the acceptance of unproven fairness that the demo pack has."""
    accepted = {
        "gate": "fairness", "status": gates.UNPROVEN, "by": "A. Example", "reason": "As in the demo pack.",
        "until": date(2026, 12, 31),
    }  # fmt: skip
    asked = measured_gates(config, figures)
    given = gates.GateInput(
        as_of=date(2026, 10, 4),
        partnership={"gate_overrides": [accepted]},
        teams=(),
        history=HistorySum(364, 182, 272, 182, 1820),
        no_model_because=None,
        feeds={},
        evaluation=figures,
    )
    return gates.judge(asked, given)


def measured_gates(config: RiskConfig, figures: Mapping[str, Any]) -> RiskConfig:
    """The declarations with those gates alone that rest on what was measured."""
    measured = {"benefit": "difference", "calibration": "calibration", "fairness": "fairness", "stability": "stability"}
    kept = tuple(g for g in config.gates if measured.get(g.kind) in figures)
    return config.model_copy(update={"gates": kept})
