"""The evaluation page's first lines and its gates: what a reader must know before any figure."""

from __future__ import annotations

from collections import Counter

from pipelines.evaluation.words import (
    WAYS,
    Section,
    Table,
    Told,
    among,
    lower,
    missing,
    more,
    share,
)

VERDICTS = {"passed": "passed", "failed": "FAILED", "not enough evidence": "not enough evidence"}


def first_lines(told: Told) -> list[str]:
    """What a reader must know, in a few sentences."""
    lines = [" ".join(told["basis"])]
    verdicts = Counter(g["status"] for g in told["gates"])
    open_ = [lower(g["title"]) for g in told["gates"] if g["status"] != "passed"]
    line = f"{verdicts['passed']} of {len(told['gates'])} gates have passed."
    if open_:
        line += (
            f" {verdicts['failed']} failed and {verdicts['not enough evidence']} cannot be told yet: {among(open_)}."
        )
    lines.append(line)
    evaluation = told["evaluation"]
    if not evaluation:
        return [*lines, missing(told, "what lists find")]
    found = evaluation["at_capacity"]
    said = [f"{WAYS[name].lower()} {share(found[name]['precision'])}" for name in WAYS if name in found]
    lines.append(
        f"Of those whom lists of the teams' size would have named in the {evaluation['weeks']} weeks from"
        f" {evaluation['from']} to {evaluation['to']}, this many were found in need: {'; '.join(said)}."
    )
    if "difference" not in evaluation:
        lines.append(missing(told, "what a model would have found"))
        return lines
    lines += [f"{_beyond_chance(name, part)}" for name, part in evaluation["difference"].items() if name != "random"]
    if evaluation.get("words"):
        lines.append(evaluation["words"])
    return lines


def _beyond_chance(name: str, part) -> str:
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
    """Every gate with its verdict, its words, who accepted it, and what it could have noticed."""
    rows = []
    for gate in told["gates"]:
        accepted = gate["accepted"]
        said = f"by {accepted['by']} until {accepted['until']}: {accepted['reason']}" if accepted else ""
        could = "" if gate["could_have_found"] is None else f"{100 * gate['could_have_found']:.1f} of 100"
        if gate["kind"] == "calibration" and gate["could_have_found"] is not None:
            could = f"slope off by {gate['could_have_found']:.2f}"
        rows.append(
            [
                gate["title"],
                VERDICTS[gate["status"]],
                gate["words"],
                said or "nobody",
                could or "not a question of size",
            ]
        )
    note = (
        f"Version {told['declared']['version']}, registered on {told['declared']['registered_on']}. A model list is"
        " issued only when every gate has passed or a named"
        " person has accepted, until a day, that one has not. Last column: the least true difference that four in"
        " five such"
        " tests would have noticed."
    )
    header = ["Gate", "Verdict", "In words", "Accepted", "Could have noticed"]
    return Section(
        "gates",
        "Gates",
        "What had to hold before the model may name anybody, written down beforehand.",
        [Table("Gates this week", header, rows, note)],
    )
