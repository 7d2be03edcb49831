"""The evaluation page's first lines and its gates: what a reader must know before any figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.evaluation.words import (
    NONE,
    WAYS,
    Section,
    Table,
    Told,
    among,
    day,
    lower,
    missing,
    more,
    percent,
    share,
)

VERDICTS = {"passed": "passed", "failed": "FAILED", "not enough evidence": "not enough evidence"}


def first_lines(told: Told) -> list[str]:
    """What a reader must know, in a few sentences."""
    lines = [" ".join(told["basis"]), *([] if told.get("back_test") else [_verdicts(told)])]
    evaluation = told["evaluation"]
    if not evaluation:
        return [*lines, missing(told, "what lists find")]
    found = evaluation["at_capacity"]
    weeks = f"Judged by the {evaluation['weeks']} weeks from {day(evaluation['from'])} to {day(evaluation['to'])}"
    said = [f"{lower(WAYS[name])} {share(found[name]['precision'])}" for name in WAYS if name in found]
    if any(found[name]["precision"] for name in WAYS if name in found):
        lines.append(
            f"{weeks}: of the people on lists of the teams' size, this share was {told['declared']['outcome_words']},"
            f" by what chose them: {'; '.join(said)}. Of all person-weeks it is {percent(evaluation['base_rate'], 2)}."
        )
    else:
        lines.append(f"{weeks}: what lists of the teams' size found is withheld, because too few people were found.")
    if "difference" not in evaluation:
        return [*lines, missing(told, "what a model would have found")]
    differences = {name: part for name, part in evaluation["difference"].items() if name != "random"}
    if any(differences.values()):
        lines += [_beyond_chance(name, part) for name, part in differences.items()]
    if evaluation.get("words"):
        lines.append(evaluation["words"])
    warned = [way for way, one in (evaluation.get("recorders") or {}).items() if one["warning"]]
    if warned:
        lines.append(f"Warning: by {among(warned)}, who records explains more of the score than was set as the limit.")
    return lines


def _verdicts(told: Told) -> str:
    """How many gates passed, and which did not."""
    passed = sum(g["status"] == "passed" for g in told["gates"])
    line = f"{passed} of {len(told['gates'])} gates have passed."
    for status, words in (("failed", "Failed"), ("not enough evidence", "Not enough evidence")):
        names = [f"“{g['title']}”{_until(g['accepted'])}" for g in told["gates"] if g["status"] == status]
        line += f" {words}: {'; '.join(names)}." if names else ""
    return line


def _until(accepted: Mapping[str, Any] | None) -> str:
    return "" if accepted is None else f" (accepted by {accepted['by']} until {day(accepted['until'])})"


def _beyond_chance(name: str, part: Mapping[str, float] | None) -> str:
    """A difference in words, by where its interval lies."""
    other = lower(WAYS[name])
    if part is None:
        return f"Whether the model finds more than {other} is withheld: too few people were found."
    if part["low"] > 0:
        return f"The model found more than {other}, beyond chance: {more(part)}."
    if part["high"] < 0:
        return f"The model found FEWER than {other}, beyond chance: {more(part)}."
    return f"It is not shown that the model finds more than {other}: {more(part)}."


def gates(told: Told) -> Section:
    """Every gate with its verdict, its limit, its words, who accepted it, and what it could have noticed."""
    rows = []
    for gate in told["gates"]:
        accepted, could = gate["accepted"], gate["could_have_found"]
        said = (
            f"Accepted by {accepted['by']} until {day(accepted['until'])}: {accepted['reason']}" if accepted else NONE
        )
        noticed = NONE if could is None else f"{100 * could:.1f} of 100"
        if gate["kind"] == "calibration" and could is not None:
            noticed = f"a slope off by {could:.2f}"
        rows.append([gate["title"], VERDICTS[gate["status"]], gate["words"], gate["limit"] or NONE, noticed, said])
    note = (
        f"Version {told['declared']['version']}, registered on {day(told['declared']['registered_on'])}. A model"
        " list is issued only when every gate has passed, or a named person has accepted, until a day, that one has"
        " not. Could have noticed: the least true difference that four in five such tests find."
    )
    header = ["Gate", "Verdict", "In words", "Limit set beforehand", "Could have noticed", "Acceptance"]
    lead = (
        "What had to hold before the model may name anybody, written down beforehand. “Not enough evidence” is not"
        " a pass."
    )
    return Section("gates", "Gates", lead, [Table("Gates this week", header, rows, note)])


def limit_of(gate: Any) -> str:
    """What a declared gate (models.risk.gate_declare.Gate) asks for, in words; empty where it asks for no number."""
    if gate.kind == "benefit":
        return (
            f"the whole interval above {_hundred(gate.least_difference)}, with at least {gate.minimum_found} found;"
            f" failed where {_hundred(gate.detectable)} could have been told"
        )
    if gate.kind == "calibration":
        low, high = gate.slope
        return (
            f"slope {low:g} to {high:g}, calibration error beyond chance at most"
            f" {100 * gate.largest_relative_error:g} % of what was observed, at least"
            f" {gate.minimum_found} people with an outcome"
        )
    if gate.kind == "fairness":
        said = {"precision": "listings right at most {} less often", "missed": "missed at most {} more often"}
        margins = "; ".join(said[name].format(_hundred(value)) for name, value in gate.margins.items())
        return f"every group: {margins}; at least {gate.minimum_found} behind each figure"
    if gate.kind == "stability":
        return (
            f"at most {_hundred(gate.most_turnover)} new from week to week, at least {_hundred(gate.least_overlap)}"
            f" the same when fitted again, at least {gate.minimum_found} places"
        )
    if gate.kind == "linkage":
        least = ", ".join(f"{name} at least {100 * value:g} %" for name, value in gate.least.items())
        return f"{least}, each at the low end of its interval"
    terms = {
        "mode": f"live needs {gate.shadow_weeks} weeks in shadow",
        "inputs": f"{gate.quiet_weeks} weeks of silence",
    }
    return terms.get(gate.kind, "")


def _hundred(value: float) -> str:
    return f"{100 * value:g} of 100"
