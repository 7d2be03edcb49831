"""Gates on the terms under which a model may run: registered, signed for, fed, and allowed in its present mode."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from models.risk.gate_declare import Gate
from models.risk.gate_result import FAILED, PASSED, GateInput, GateResult, result

# For how long a model may be allowed to run, or a gate be accepted, before somebody has to look at it again.
YEAR = timedelta(days=366)


def registration(gate: Gate, given: GateInput) -> GateResult:
    """Target, gates and evaluation are those written down beforehand."""
    if given.registration is None:
        return result(gate, PASSED, "What the model is judged by was written down beforehand.")
    return result(gate, FAILED, given.registration)


def mode(gate: Gate, given: GateInput) -> GateResult:
    """Shadow names nobody; live needs its weeks in shadow and its own signatures."""
    now = str(given.partnership.get("mode") or "shadow")
    numbers = {"mode": now, "shadow_weeks": given.shadow_weeks}
    if now == "pilot":
        return result(gate, PASSED, "The partnership runs in pilot mode.", **numbers)
    if now != "live":
        return result(gate, FAILED, "The model runs in shadow mode, in which it names nobody.", **numbers)
    if given.shadow_weeks < gate.shadow_weeks:
        words = f"Live running needs {gate.shadow_weeks} weeks in shadow; there are {given.shadow_weeks}."
        return result(gate, FAILED, words, **numbers)
    lacking = _lacking(gate.required, given)
    if lacking:
        return result(gate, FAILED, f"Live running is not signed for ({lacking}).", **numbers)
    return result(gate, PASSED, "The partnership runs in live mode.", **numbers)


def sign_offs(gate: Gate, given: GateInput) -> GateResult:
    """Everybody who answers for it has signed, and the signatures are in date."""
    lacking = _lacking(gate.required, given)
    if not lacking:
        return result(gate, PASSED, "Every sign-off is in place and in date.", required=list(gate.required))
    return result(gate, FAILED, f"A sign-off is lacking ({lacking}).", required=list(gate.required))


def _lacking(required: tuple[str, ...], given: GateInput) -> str:
    """Which signatures are missing or out of date, in words; empty when none is."""
    signed = _signed(given.partnership.get("sign_offs") or {})
    missing, outdated = [], []
    for name in required:
        entry = signed.get(_plain(name))
        if entry is None or entry[0] > given.as_of:
            missing.append(name)
        elif entry[1] < given.as_of:
            outdated.append(name)
    parts = [f"not signed: {', '.join(map(spaced, missing))}"] if missing else []
    parts += [f"out of date: {', '.join(map(spaced, outdated))}"] if outdated else []
    return "; ".join(parts)


def capacity(gate: Gate, given: GateInput) -> GateResult:
    """Every team has said how many people it can talk about."""
    places = given.partnership.get("capacity") or {}
    unset = [t for t in given.teams if not places.get(t)]
    if unset or not given.teams:
        return result(gate, FAILED, f"Capacity is not set for {len(unset)} of {len(given.teams)} teams.", unset=unset)
    return result(gate, PASSED, "Every team has set its capacity.", capacity={t: int(places[t]) for t in given.teams})


def sunset(gate: Gate, given: GateInput) -> GateResult:
    """The permission to run has not ended, and was not given for more than a year."""
    ends = as_date(given.partnership.get("sunset"))
    if ends is None:
        return result(gate, FAILED, "No date is set on which the model's permission ends.", sunset=None)
    if ends - given.as_of > YEAR:
        words = f"The model's permission ends on {ends:%d %B %Y}; it may be given for a year at most."
        return result(gate, FAILED, words, sunset=ends.isoformat())
    if given.as_of <= ends:
        return result(gate, PASSED, f"The model may run until {ends:%d %B %Y}.", sunset=ends.isoformat())
    words = f"The model's permission ended on {ends:%d %B %Y} and was not renewed."
    return result(gate, FAILED, words, sunset=ends.isoformat())


def feeds(gate: Gate, given: GateInput) -> GateResult:
    """Every feed the model depends on is fresh."""
    late = [f for f in gate.required if given.feeds.get(f) is True]
    absent = [f for f in gate.required if given.feeds.get(f) is None]
    if not late and not absent:
        return result(gate, PASSED, "Every feed the model depends on is fresh.", required=list(gate.required))
    told = [f"late: {', '.join(late)}"] if late else []
    told += [f"never received: {', '.join(absent)}"] if absent else []
    words = f"A feed the model depends on is not fresh ({'; '.join(told)})."
    return result(gate, FAILED, words, late=late, absent=absent)


def inputs(gate: Gate, given: GateInput) -> GateResult:
    """What the model reads is there, varies, and is dated in the past."""
    if not given.inputs:
        return result(gate, PASSED, "What the model reads is there and is dated before it was known.")
    return result(gate, FAILED, " ".join(given.inputs), problems=len(given.inputs))


_WORDS = {
    "contact_count": "counting contacts",
    "rules": "the named patterns",
    "random": "a draw",
    "dpia": "data protection impact assessment",
}


def _signed(raw: Mapping[str, Any]) -> dict[str, tuple[date, date]]:
    """Sign-offs as {name: (signed, expires)}; an entry without a person, or without either day, is none."""
    out = {}
    for name, entry in raw.items():
        days = as_date(entry.get("signed")), as_date(entry.get("expires"))
        if entry.get("by") and days[0] and days[1]:
            out[_plain(str(name))] = (days[0], days[1])
    return out


def as_date(value: Any) -> date | None:
    """A date from YAML (a date already, or ISO text)."""
    if value is None or isinstance(value, date):
        return value
    return date.fromisoformat(str(value))


def _plain(name: str) -> str:
    return name.lower().replace(" ", "_").replace("-", "_")


def spaced(name: str) -> str:
    """An identifier as words."""
    return _WORDS.get(name, name.replace("_", " "))
