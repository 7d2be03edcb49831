"""Chapters of the evaluation page on people: who is missed, how early lists point, what each pattern finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.evaluation.words import (
    HIDDEN,
    WAYS,
    Picture,
    Section,
    Table,
    Told,
    Words,
    missing,
    number,
    percent,
    share,
    weeks,
)

SMALL = "withheld: fewer than {least} people behind it, or a figure that would give one away"


def missed(told: Told) -> Section:
    """Who is missed, by what had been recorded and by pattern."""
    evaluation = told["evaluation"]
    title, id_ = "Who is missed", "missed"
    themes, patterns = evaluation.get("missed_by_theme", []), evaluation.get("missed_by_pattern", [])
    if not evaluation:
        return Section(id_, title, missing(told, "who is missed"))
    whose = "the model's lists" if "difference" in evaluation else "the lists of named patterns"
    lead = (
        f"Of the people with an outcome, the share whom none of {whose} reached in time, by what had been recorded"
        " about them when a list could first have helped. Most are missed whatever is done: there are far more such"
        " people than places."
    )
    nothing = next((one for one in themes if one["name"] == "nothing recorded"), None)
    blocks: list = []
    if nothing is not None and nothing["in_need"] != 0:
        blocks.append(
            Words(
                f"About {number(nothing['in_need'])} people with an outcome nothing had been recorded by anybody: no"
                " list made from records can find them."
                if nothing["in_need"] is not None
                else "There were people with an outcome about whom nothing had been recorded (how many is withheld): no"
                " list made from records can find them."
            )
        )
    for name, parts, words, head in (
        ("missed_by_theme", themes, "By what had been recorded", "Something recorded under"),
        ("missed_by_pattern", patterns, "By named pattern", "Pattern that held"),
    ):
        if parts:
            rows = [
                [m["name"], number(m["in_need"]), "nobody" if m["in_need"] == 0 else share(m["missed"])] for m in parts
            ]
            blocks += [
                Picture(name, f"Share missed, {words.lower()}, with intervals; the table has the figures."),
                Table(
                    words,
                    [head, "With an outcome", "Of them missed (95 %)"],
                    rows,
                    _small(told) + " A person may stand in several rows.",
                ),
            ]
    return Section(id_, title, lead, blocks)


def lead_time(told: Told) -> Section:
    """How early lists point, by way of choosing."""
    parts = told["evaluation"].get("lead_time")
    title, id_ = "How early", "early"
    if not parts:
        return Section(id_, title, missing(told, "how early lists point"))
    rows = [
        [
            WAYS[n],
            number(p["people"]),
            *("nobody" if p["people"] == 0 else weeks(p[k]) for k in ("quarter", "median", "three_quarters")),
            "nobody" if p["people"] == 0 else percent(p["early"], 0),
        ]
        for n in WAYS
        if (p := parts.get(n))
    ]
    header = [
        "Chosen by",
        "People",
        "A quarter within",
        "Half within",
        "Three quarters within",
        f"At least {told['declared']['early_days'] // 7} weeks before",
    ]
    lead = (
        "From a person's first place on a list to the outcome, among those listed before one. Early is worth more"
        " only with as many found: read it beside precision."
    )
    picture = Picture(
        "lead_time", "Weeks from first listing to the outcome by way of choosing; the table has the figures."
    )
    return Section(id_, title, lead, [picture, Table("From first listing to the outcome", header, rows, _small(told))])


def yields(told: Told) -> Section:
    """What each named pattern, and each theme of the model, led to."""
    title, id_ = "What each pattern and each reason led to", "yields"
    blocks: list = [_yields("Each named pattern by itself", "Pattern", told["rule_yields"])]
    themes = told["evaluation"].get("theme_yields")
    if themes:
        blocks.append(
            _yields("People listed by the model, by the themes among their heaviest reasons", "Theme", themes)
        )
    else:
        blocks.append(Words(missing(told, "what came of the model's reasons")))
    lead = (
        "Of the people a pattern pointed to, each counted at the first time, how many had an outcome. These"
        " sentences stand on the lists."
    )
    return Section(id_, title, lead, blocks)


def _yields(caption: str, head: str, parts: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        [
            one["title"],
            number(one["shown"]),
            number(one["found"]),
            HIDDEN if one["low"] is None else f"{100 * one['low']:.1f} to {100 * one['high']:.1f} %",
            one["words"],
        ]
        for one in parts
    ]
    return Table(caption, [head, "Shown", "With an outcome", "Interval (95 %)", "In words"], rows)


def _small(told: Told) -> str:
    return f"{SMALL.format(least=told['declared']['smallest_cell'])}."
