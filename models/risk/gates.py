"""May the model speak this week? Each gate says passed, failed or not enough evidence, with its numbers and words.

The gates and their thresholds are registered in the pack, with the date and what was known on it. The model list is
issued only when every gate has passed; otherwise the rules list alone is issued and says why. Not enough evidence is
not a pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from models.risk.declare import Gate, RiskConfig
from models.risk.labels import HistorySum

PASSED, FAILED, UNPROVEN = "passed", "failed", "not enough evidence"


@dataclass(frozen=True)
class GateResult:
    """What one gate says; `words` is a sentence fit for the list, `numbers` what it rests on."""

    id: str
    title: str
    kind: str
    status: str
    words: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain dict, JSON-able."""
        return asdict(self)


@dataclass(frozen=True)
class GateInput:
    """What the gates look at: the partnership's settings, the history, the feeds, the back-test."""

    as_of: date
    partnership: Mapping[str, Any]
    teams: tuple[str, ...]
    history: HistorySum
    no_model_because: str | None
    feeds: Mapping[str, bool | None]
    evaluation: Mapping[str, Any] | None


def judge(config: RiskConfig, given: GateInput) -> list[GateResult]:
    """The verdict of every declared gate, in declared order."""
    return [_CHECKS[gate.kind](gate, given) for gate in config.gates]


def all_passed(results: list[GateResult]) -> bool:
    """Whether every gate passed."""
    return all(r.status == PASSED for r in results)


def statement(results: list[GateResult]) -> str:
    """Why there is no model list this week, in one or more plain sentences; empty when there is one."""
    said = [r for r in results if r.status != PASSED]
    if not said:
        return ""
    return "This week's list comes from the named patterns alone. " + " ".join(r.words for r in said)


def _result(gate: Gate, status: str, words: str, **numbers: Any) -> GateResult:
    return GateResult(gate.id, gate.title, gate.kind, status, words, numbers)


def _mode(gate: Gate, given: GateInput) -> GateResult:
    mode = str(given.partnership.get("mode") or "shadow")
    if mode in {"pilot", "live"}:
        return _result(gate, PASSED, f"The partnership runs in {mode} mode.", mode=mode)
    return _result(gate, FAILED, "The model runs in shadow mode, in which it names nobody.", mode=mode)


def _sign_offs(gate: Gate, given: GateInput) -> GateResult:
    signed = _signed(given.partnership.get("sign_offs") or {})
    missing, outdated = [], []
    for name in gate.required:
        entry = signed.get(_plain(name))
        if entry is None or not entry[0] or entry[0] > given.as_of:
            missing.append(name)
        elif entry[1] is not None and entry[1] < given.as_of:
            outdated.append(name)
    if not missing and not outdated:
        return _result(gate, PASSED, "Every sign-off is in place and in date.", required=list(gate.required))
    parts = [f"not signed: {', '.join(map(_spaced, missing))}"] if missing else []
    parts += [f"out of date: {', '.join(map(_spaced, outdated))}"] if outdated else []
    return _result(gate, FAILED, f"A sign-off is lacking ({'; '.join(parts)}).", missing=missing, outdated=outdated)


def _capacity(gate: Gate, given: GateInput) -> GateResult:
    capacity = given.partnership.get("capacity") or {}
    unset = [t for t in given.teams if not capacity.get(t)]
    if unset or not given.teams:
        return _result(gate, FAILED, f"Capacity is not set for {len(unset)} of {len(given.teams)} teams.", unset=unset)
    return _result(
        gate, PASSED, "Every team has set its capacity.", capacity={t: int(capacity[t]) for t in given.teams}
    )


def _sunset(gate: Gate, given: GateInput) -> GateResult:
    sunset = _date(given.partnership.get("sunset"))
    if sunset is None:
        return _result(gate, FAILED, "No date is set on which the model's permission ends.", sunset=None)
    if given.as_of <= sunset:
        return _result(gate, PASSED, f"The model may run until {sunset.isoformat()}.", sunset=sunset.isoformat())
    words = f"The model's permission ended on {sunset.isoformat()} and was not renewed."
    return _result(gate, FAILED, words, sunset=sunset.isoformat())


def _history(gate: Gate, given: GateInput) -> GateResult:
    numbers = asdict(given.history) | {"needed": given.history.needed}
    if given.history.available < given.history.needed:
        return _result(gate, UNPROVEN, f"There is not enough history yet: {given.history.words}.", **numbers)
    if given.no_model_because:
        return _result(gate, UNPROVEN, f"There is nothing to judge the model by: {given.no_model_because}.", **numbers)
    return _result(gate, PASSED, f"There is enough history: {given.history.words}.", **numbers)


def _feeds(gate: Gate, given: GateInput) -> GateResult:
    late = [f for f in gate.required if given.feeds.get(f) is True]
    absent = [f for f in gate.required if given.feeds.get(f) is None]
    if not late and not absent:
        return _result(gate, PASSED, "Every feed the model depends on is fresh.", required=list(gate.required))
    words = "; ".join(
        part
        for part in (
            f"late: {', '.join(late)}" if late else "",
            f"never received: {', '.join(absent)}" if absent else "",
        )
        if part
    )
    return _result(gate, FAILED, f"A feed the model depends on is not fresh ({words}).", late=late, absent=absent)


def _benefit(gate: Gate, given: GateInput) -> GateResult:
    name = _spaced(str(gate.against))
    if given.evaluation is None or "difference" not in given.evaluation:
        return _result(gate, UNPROVEN, f"Whether the model does better than {name} could not be tested.")
    difference = given.evaluation["difference"][gate.against]
    found = given.evaluation["at_capacity"]["model"]["found"]
    numbers = dict(difference) | {
        "found": found,
        "least_difference": gate.least_difference,
        "detectable": gate.detectable,
    }
    if difference["low"] > gate.least_difference and found >= gate.minimum_found:
        return _result(gate, PASSED, f"The model found more than {name} did, beyond chance.", **numbers)
    if difference["high"] <= gate.least_difference or (
        found >= gate.minimum_found and difference["half_width"] <= gate.detectable
    ):
        return _result(gate, FAILED, f"The model was not shown to find more than {name} did.", **numbers)
    return _result(
        gate, UNPROVEN, f"There is not enough evidence yet that the model finds more than {name} found.", **numbers
    )


def _calibration(gate: Gate, given: GateInput) -> GateResult:
    if given.evaluation is None or "calibration" not in given.evaluation:
        return _result(gate, UNPROVEN, "Whether the model's chances are honest could not be tested.")
    c = given.evaluation["calibration"]
    outcomes = given.evaluation["people_with_outcome"]
    numbers = {k: c[k] for k in ("slope", "ece", "mean", "observed")} | {"outcomes": outcomes}
    if outcomes < gate.minimum_found:
        return _result(
            gate, UNPROVEN, "There are too few outcomes to say whether the model's chances are honest.", **numbers
        )
    low, high = gate.slope
    if low <= c["slope"] <= high and c["ece"] <= gate.largest_error:
        return _result(gate, PASSED, "The model's chances are honest within the registered limits.", **numbers)
    return _result(gate, FAILED, "The model's chances are not honest within the registered limits.", **numbers)


_CHECKS = {
    "mode": _mode,
    "sign_offs": _sign_offs,
    "capacity": _capacity,
    "sunset": _sunset,
    "history": _history,
    "feeds": _feeds,
    "benefit": _benefit,
    "calibration": _calibration,
}


_WORDS = {
    "contact_count": "counting contacts",
    "rules": "the named patterns",
    "random": "a draw",
    "dpia": "data protection impact assessment",
}


def _signed(raw: Any) -> dict[str, tuple[date | None, date | None]]:
    """Sign-offs as {name: (signed, expires)}, from a mapping or a list; an entry without a person is not a sign-off."""
    items = raw.items() if isinstance(raw, Mapping) else ((e.get("role") or e.get("name"), e) for e in raw)
    out = {}
    for name, entry in items:
        if not isinstance(entry, Mapping) or not (entry.get("by") or entry.get("name") or entry.get("reference")):
            continue
        signed = entry.get("signed_on", entry.get("signed"))
        expires = entry.get("expires_on", entry.get("expires"))
        out[_plain(str(name))] = (_date(signed), _date(expires))
    return out


def _date(value: Any) -> date | None:
    """A date from YAML (a date already, or ISO text)."""
    if value is None or isinstance(value, date):
        return value
    return date.fromisoformat(str(value))


def _plain(name: str) -> str:
    return name.lower().replace(" ", "_").replace("-", "_")


def _spaced(name: str) -> str:
    """An identifier as words."""
    return _WORDS.get(name, name.replace("_", " "))
