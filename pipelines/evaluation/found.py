"""What lists of this size would have found: chapters of the evaluation page on benefit, and by team."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.evaluation.words import (
    HIDDEN,
    UNMEASURED,
    WAYS,
    Picture,
    Section,
    Table,
    Told,
    Words,
    lift,
    missing,
    more,
    number,
    percent,
    share,
)


def at_capacity(told: Told) -> Section:
    """Precision, recall, difference and lift at capacity; average precision beside the base rate."""
    evaluation = told["evaluation"]
    title, id_ = "What lists of this size would have found", "found"
    if not evaluation:
        return Section(id_, title, missing(told, "what lists find"))
    places = sum(evaluation["capacity"].values())
    lead = (
        f"{number(evaluation['people'])} people in {evaluation['weeks']} weeks ({number(evaluation['rows'])}"
        f" person-weeks), {number(evaluation['people_with_outcome'])} of them with an outcome afterwards; {places}"
        " places a week in all teams. Lists are drawn up as they would have been: within each team's places, nobody"
        f" again within {told['declared']['relist_after_weeks']} weeks, from what was known then."
    )
    at = evaluation["at_capacity"]
    rows = [
        [WAYS[n], number(p["listed"]), number(p["found"]), share(p["precision"]), share(p["recall"])]
        for n, p in ((n, at[n]) for n in WAYS if n in at)
    ]
    blocks: list = [
        Table(
            "At the teams' capacity",
            ["Chosen by", "Listed", "With an outcome", "Precision (95 %)", "Recall (95 %)"],
            rows,
            "Precision: of those listed, the share with an outcome. Recall: of the people with an outcome, the"
            " share ever on a list before it. Intervals draw whole families again.",
        )
    ]
    if "difference" in evaluation:
        rows = [
            [WAYS[n], more(p), lift(p), HIDDEN if p is None else f"{100 * p['detectable']:.1f} of 100"]
            for n, p in ((n, evaluation["difference"][n]) for n in WAYS if n in evaluation["difference"])
        ]
        blocks.append(
            Table(
                "The model against each comparator",
                ["Against", "More right of 100 listed (95 %)", "Lift (95 %)", "Least difference it could notice"],
                rows,
            )
        )
        blocks.append(
            Picture(
                "more_than_comparators",
                "Difference in precision against each comparator with its interval and a line at no difference; the"
                " table above has the figures.",
            )
        )
    else:
        blocks.append(Words(missing(told, "how a model compares")))
    ap = evaluation["average_precision"]
    rows = [[WAYS[n], percent(ap[n], 2)] for n in WAYS if n in ap] + [
        ["Base rate", percent(evaluation["base_rate"], 2)]
    ]
    blocks.append(
        Table(
            "Average precision beside the base rate",
            ["Ordered by", "Average precision"],
            rows,
            "Over the whole order, not only its top. A draw comes near the base rate: the share of person-weeks"
            " with an outcome.",
        )
    )
    if evaluation.get("curves"):
        blocks.append(
            Picture(
                "precision_recall",
                "Precision against recall of the model, counting contacts and named patterns, with their places at"
                " capacity and the base rate.",
            )
        )
    return Section(id_, title, lead, blocks)


def teams(told: Told) -> Section:
    """Precision, recall and the cut-off of each team."""
    evaluation = told["evaluation"]
    title, id_ = "Each team at its capacity", "teams"
    if not evaluation.get("by_team"):
        return Section(id_, title, missing(told, "what each team's list finds"))
    capacity = evaluation["capacity"]
    rows = [
        [
            name or "no team",
            str(capacity.get(name, 0)),
            number(t["listed"]),
            share(t["precision"]),
            share(t["recall"]),
            _cut_off(t["cut_off"]),
        ]
        for name, t in sorted(evaluation["by_team"].items())
    ]
    header = [
        "Team",
        "Places a week",
        "Listed",
        "Precision (95 %)",
        "Recall (95 %)",
        "Lowest chance listed: middle week (middle half)",
    ]
    table = Table(
        "The model's list by team",
        header,
        rows,
        f"{HIDDEN}: fewer than {told['declared']['smallest_cell']} people, or a team that would give another away.",
    )
    picture = Picture(
        "precision_by_team", "Precision and recall of every team with intervals; the table has the figures."
    )
    return Section(
        id_,
        title,
        "Teams differ in places and in whom they know: a low figure of one team with a wide interval says little.",
        [table, picture],
    )


def _cut_off(part: Mapping[str, float] | None) -> str:
    """The lowest chance that got a place, over the weeks."""
    if part is None:
        return UNMEASURED
    return f"{percent(part['median'], 2)} ({100 * part['quarter']:.2f} to {100 * part['three_quarters']:.2f})"
