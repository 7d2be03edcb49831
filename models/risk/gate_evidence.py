"""Gates on the evidence: is there enough, does the model find more, are its chances honest, whom does it serve less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from models.risk.bootstrap import POWER
from models.risk.gate_declare import Gate
from models.risk.gate_result import FAILED, PASSED, UNPROVEN, GateInput, GateResult, in_a_hundred, result
from models.risk.gate_terms import spaced
from models.risk.measures import rounded

_MEASURES = {"precision": "how often a listing is right", "missed": "how many in need are missed"}


def history(gate: Gate, given: GateInput) -> GateResult:
    """There is enough matured history to learn from and to judge by."""
    numbers = asdict(given.history) | {"needed": given.history.needed}
    if given.history.available < given.history.needed:
        return result(gate, UNPROVEN, f"There is not enough history yet: {given.history.words}.", **numbers)
    if given.no_model_because:
        return result(gate, UNPROVEN, f"There is nothing to judge the model by: {given.no_model_because}.", **numbers)
    return result(gate, PASSED, f"There is enough history: {given.history.words}.", **numbers)


def benefit(gate: Gate, given: GateInput) -> GateResult:
    """The model finds more than a comparator: the lower bound of the difference lies above the registered one."""
    name = spaced(str(gate.against))
    if given.evaluation is None or "difference" not in given.evaluation:
        return result(gate, UNPROVEN, f"Whether the model does better than {name} could not be tested.")
    difference = given.evaluation["difference"][gate.against]
    found = given.evaluation["at_capacity"]["model"]["found"]
    could = difference.get("detectable")
    numbers = {k: v for k, v in difference.items() if k != "detectable"} | {
        "found": found,
        "least_difference": gate.least_difference,
        "detectable": gate.detectable,
        "could_have_found": could,
    }
    if difference["low"] > gate.least_difference and found >= gate.minimum_found:
        return result(gate, PASSED, f"The model found more than {name} did, beyond chance.", **numbers)
    noticed = "" if could is None else f" A difference of {in_a_hundred(could)} would have been noticed."
    if difference["high"] <= gate.least_difference or (
        found >= gate.minimum_found and difference["half_width"] <= gate.detectable
    ):
        return result(gate, FAILED, f"The model was not shown to find more than {name} did.{noticed}", **numbers)
    words = f"There is not enough evidence yet that the model finds more than {name} found.{noticed}"
    return result(gate, UNPROVEN, words, **numbers)


def calibration(gate: Gate, given: GateInput) -> GateResult:
    """Expected and observed shares agree within the registered limits.

    These are of the slope, and of the error beyond what chance gives an honest model of as many families, relative to
    what was observed.
    """
    if given.evaluation is None or "calibration" not in given.evaluation:
        return result(gate, UNPROVEN, "Whether the model's chances are honest could not be tested.")
    c = given.evaluation["calibration"]
    outcomes = given.evaluation["people_with_outcome"]
    kept = ("slope", "slope_low", "slope_high", "ece", "beyond_chance", "mean", "observed")
    numbers = {k: c[k] for k in kept if k in c} | {"outcomes": outcomes, "could_have_found": c.get("detectable")}
    if outcomes < gate.minimum_found:
        words = "There are too few outcomes to say whether the model's chances are honest."
        return result(gate, UNPROVEN, words, **numbers)
    low, high = gate.slope
    if low <= c["slope"] <= high and c["beyond_chance"] <= gate.largest_relative_error * c["observed"]:
        return result(gate, PASSED, "The model's chances are honest within the registered limits.", **numbers)
    return result(gate, FAILED, "The model's chances are not honest within the registered limits.", **numbers)


def fairness(gate: Gate, given: GateInput) -> GateResult:
    """Non-inferiority: for every group the interval of its difference from the others lies inside the margin.

    `precision` is a group's less the others' (its low end may not lie below minus the margin), `missed` the share of
    those in need who were not listed (its high end may not lie above the margin).
    """
    audit = (given.evaluation or {}).get("fairness")
    if not audit:
        return result(gate, UNPROVEN, "Whether the model serves every group alike could not be tested.")
    open_, beyond, inside, could = [], [], 0, 0.0
    for attribute in audit["attributes"]:
        if len(attribute["groups"]) < 2:
            open_.append(f"{attribute['title'].lower()} (everybody is in one group)")
            continue
        for group in attribute["groups"]:
            for measure, margin in gate.margins.items():
                verdict = _within(group["difference"][measure], measure, margin, gate.minimum_found)
                inside += verdict == PASSED
                if verdict == UNPROVEN:
                    open_.append(attribute["title"].lower())
                if verdict == FAILED:
                    beyond.append(f"{attribute['title'].lower()} ({_MEASURES[measure]})")
                could = max(could, (group["difference"][measure] or {}).get("detectable", 0.0))
    numbers = {"inside": inside, "beyond": len(beyond), "open": len(open_), "could_have_found": round(could, 6)}
    numbers |= {f"margin_{m}": v for m, v in gate.margins.items()}
    told = ", ".join(dict.fromkeys(beyond or open_))
    if beyond:
        words = f"The model serves some group less well than the others, beyond what was agreed: by {told}."
        return result(gate, FAILED, words, **numbers)
    if open_:
        words = f"It is not yet shown that the model serves every group alike. Open are comparisons by {told}."
        return result(gate, UNPROVEN, words, **numbers)
    return result(gate, PASSED, "The model serves every group alike within what was agreed.", **numbers)


def _within(difference: Mapping[str, Any] | None, measure: str, margin: float, least: int) -> str:
    """Whether one difference lies inside its margin, beyond it, or cannot be told."""
    if difference is None or difference["events"] < least:
        return UNPROVEN
    low, high = difference["low"], difference["high"]
    if measure == "precision":
        low, high = -high, -low
    if high <= margin:
        return PASSED
    return FAILED if low > margin else UNPROVEN


def stability(gate: Gate, given: GateInput) -> GateResult:
    """The list neither changes altogether from week to week, nor with the draws of the fit."""
    steady = (given.evaluation or {}).get("stability")
    if not steady or steady.get("turnover") is None:
        return result(gate, UNPROVEN, "How steady the list is could not be measured.")
    turnover, overlap = steady["turnover"], steady.get("refit_overlap")
    numbers = {"turnover": turnover, "refit_overlap": overlap, "places": steady["places"]}
    numbers |= {"most_turnover": gate.most_turnover, "least_overlap": gate.least_overlap}
    numbers |= {"could_have_found": steady.get("detectable")}
    if turnover > gate.most_turnover:
        words = f"Too many of those pointed to change from one week to the next ({in_a_hundred(turnover)})."
        return result(gate, FAILED, words, **numbers)
    if overlap is None or steady["places"] < gate.minimum_found:
        words = "There are too few places on the list to say whether it depends on the draws of the fit."
        return result(gate, UNPROVEN, words, **numbers)
    if overlap < gate.least_overlap:
        words = f"Fitted again with other draws the model points to others ({in_a_hundred(1 - overlap)} differ)."
        return result(gate, FAILED, words, **numbers)
    return result(gate, PASSED, "The list is steady from week to week and from fit to fit.", **numbers)


def linkage(gate: Gate, given: GateInput) -> GateResult:
    """Records are joined to the right people: the lower bound of each registered measure is high enough."""
    known = given.linkage or {}
    missing = [m for m in gate.least if m not in known]
    numbers: dict[str, float | None]
    numbers = {f"{m}_{part}": v for m in gate.least if m in known for part, v in known[m].items()}
    numbers |= {f"least_{m}": v for m, v in gate.least.items()}
    widths = [known[m]["high"] - known[m]["low"] for m in gate.least if m in known]
    numbers |= {"could_have_found": rounded(POWER * max(widths) / 2) if widths else None}
    short = [m for m, least in gate.least.items() if m in known and known[m]["low"] < least]
    wrong = [m for m in short if known[m]["high"] < gate.least[m]]
    if wrong:
        words = f"Records are not joined to people as well as was agreed ({', '.join(map(spaced, wrong))})."
        return result(gate, FAILED, words, **numbers)
    if missing or short:
        told = ", ".join(map(spaced, [*missing, *short]))
        words = f"There is not enough evidence yet that records are joined to the right people ({told})."
        return result(gate, UNPROVEN, words, **numbers)
    return result(gate, PASSED, "Records are joined to the right people as agreed.", **numbers)
