"""May the model speak this week? Each gate says passed, failed or not enough evidence, with its numbers and words.

The gates and their thresholds are registered in the pack, with the date and what was known on it. The model list is
issued only when every gate has passed, or when a named person has accepted, until a day, that one has not; the rules
list alone is issued otherwise and says why. Not enough evidence is not a pass. Nobody can accept away a signature, a
permission that ended, shadow mode, a missing capacity or a registration, and no pack may leave out a gate on them. An
acceptance reaches a year ahead at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from models.risk import gate_evidence, gate_terms
from models.risk.declare import RiskConfig
from models.risk.gate_result import FAILED, PASSED, UNPROVEN, Acceptance, GateInput, GateResult
from models.risk.gate_terms import YEAR

__all__ = ["FAILED", "PASSED", "UNPROVEN", "Acceptance", "GateInput", "GateResult", "all_passed", "judge", "statement"]

_CHECKS = {
    "registration": gate_terms.registration,
    "mode": gate_terms.mode,
    "sign_offs": gate_terms.sign_offs,
    "capacity": gate_terms.capacity,
    "sunset": gate_terms.sunset,
    "feeds": gate_terms.feeds,
    "inputs": gate_terms.inputs,
    "history": gate_evidence.history,
    "benefit": gate_evidence.benefit,
    "calibration": gate_evidence.calibration,
    "fairness": gate_evidence.fairness,
    "stability": gate_evidence.stability,
    "linkage": gate_evidence.linkage,
}
ACCEPTABLE = frozenset({"feeds", "inputs", "benefit", "calibration", "fairness", "stability", "linkage"})


def judge(config: RiskConfig, given: GateInput) -> list[GateResult]:
    """The verdict of every declared gate, in declared order, with who accepted it where it has not passed."""
    results = [_CHECKS[gate.kind](gate, given) for gate in config.gates]
    return [_accepted(one, given) for one in results]


def all_passed(results: Iterable[GateResult]) -> bool:
    """Whether every gate passed or was accepted."""
    return all(r.lets_pass for r in results)


def statement(results: list[GateResult]) -> str:
    """Why there is no model list this week, in one or more plain sentences; empty when there is one."""
    said = [r for r in results if not r.lets_pass]
    if not said:
        return ""
    return "This week's list comes from the named patterns alone. " + " ".join(r.words for r in said)


def accepted(results: Iterable[GateResult]) -> list[str]:
    """For the list and the card: what has not passed, and who accepted that until when."""
    return [f"{r.words} {r.accepted.sentence()}" for r in results if r.accepted is not None]


def _accepted(one: GateResult, given: GateInput) -> GateResult:
    """The verdict with the acceptance of the pack that fits it, or with what that acceptance lacks."""
    entries: list[Mapping[str, Any]] = list(given.partnership.get("gate_overrides") or [])
    mine = [e for e in entries if e.get("gate") == one.id and e.get("status") == one.status]
    if one.status == PASSED or not mine:
        return one
    if one.kind not in ACCEPTABLE:
        return replace(one, words=f"{one.words} This cannot be accepted away.")
    for entry in mine:
        lacking = [k for k in ("by", "reason", "until") if not entry.get(k)]
        if lacking:
            return replace(one, words=f"{one.words} Its acceptance lacks {', '.join(lacking)}.")
        until = gate_terms.as_date(entry["until"])
        if until is not None and until - given.as_of > YEAR:
            return replace(one, words=f"{one.words} Its acceptance reaches more than a year ahead.")
        if until is not None and given.as_of <= until:
            reason = str(entry["reason"]).strip()
            return replace(one, accepted=Acceptance(one.id, one.status, str(entry["by"]), reason, until))
    return replace(one, words=f"{one.words} Its acceptance has ended.")
