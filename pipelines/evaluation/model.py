"""Chapters of the evaluation page on the model itself: is it honest, steady, owed to who records, taught too early."""

from __future__ import annotations

from pipelines.evaluation.words import (
    HIDDEN,
    UNMEASURED,
    Picture,
    Section,
    Table,
    Told,
    Words,
    among,
    missing,
    number,
    percent,
    times,
)

HEAVIEST = 20


def calibration(told: Told) -> Section:
    """Slope, intercept, Brier score, expected calibration error and the curve."""
    part = told["evaluation"].get("calibration")
    title, id_ = "Are its chances honest?", "calibration"
    if part is None:
        return Section(id_, title, missing(told, "whether the model's chances are honest"))
    observed = HIDDEN if part["observed"] is None else percent(part["observed"], 2)
    lead = (
        f"On average the model expected {percent(part['mean'], 2)} of person-weeks to have an outcome; {observed}"
        " did. Where the points lie on the dashed line, what it expects happens as often as it says."
    )
    figures = [
        [
            "Slope (1 is honest; below 1: too sure of itself)",
            f"{part['slope']:.3f} ({part['slope_low']:.3f} to {part['slope_high']:.3f})",
        ],
        ["Intercept (0 is honest)", f"{part['intercept']:+.3f}"],
        ["Brier score (0 is perfect; to be compared on the same weeks alone)", f"{part['brier']:.5f}"],
        ["Expected calibration error (mean distance from the dashed line)", f"{part['ece']:.5f}"],
        ["The same beyond chance (what the gate asks about)", f"{part['beyond_chance']:.5f}"],
        ["Person-weeks with an outcome", number(part["outcomes"])],
        ["Least difference of the slope from 1 it could notice", f"{part['detectable']:.3f}"],
    ]
    curve = [[percent(c["mean"], 2), percent(c["observed"], 2), number(c["n"])] for c in part["curve"]]
    return Section(
        id_,
        title,
        lead,
        [
            Picture(
                "calibration",
                "Observed against expected share with an outcome, in bins; the table below has the figures.",
            ),
            Table("Calibration", ["Measure", "Value (95 %)"], figures),
            Table(
                "The curve",
                ["Expected", "Observed", "Person-weeks"],
                curve,
                "Tenths of all person-weeks by expected chance; the top tenth is split once more, because lists are"
                " drawn from it.",
            ),
        ],
    )


def spread(told: Told) -> Section:
    """How scores are spread and where lists end."""
    part = told["evaluation"].get("score_histogram")
    title, id_ = "How scores are spread, and where lists end", "spread"
    if part is None:
        return Section(id_, title, missing(told, "how scores are spread"))
    rows = [
        [f"{100 * low:.3g} to {100 * high:.3g} %", number(n), number(hit)]
        for low, high, n, hit in zip(
            part["edges"], part["edges"][1:], part["counts"], part["with_outcome"], strict=False
        )
        if n != 0
    ]
    lead = (
        "Scores are not kept: what is shown are counts of person-weeks made while they were in memory. Each team's"
        " cut-off is the lowest chance that got a place."
    )
    table = Table(
        "Person-weeks by the model's chance", ["Chance of an outcome", "Person-weeks", "With an outcome"], rows
    )
    picture = Picture(
        "score_distribution",
        "Person-weeks by the model's chance on logarithmic scales, with each team's cut-off below; tables have the"
        " figures.",
    )
    return Section(id_, title, lead, [picture, table])


def steadiness(told: Told) -> Section:
    """Turnover with reasons, refits, reasons under small changes."""
    part = told["evaluation"].get("stability")
    title, id_ = "Is it steady?", "steadiness"
    if part is None:
        return Section(id_, title, missing(told, "how steady the list is"))
    reasons = part["reasons"]
    rows = [
        ["Of those pointed to, the share who were not a week before", times(part["turnover"])],
        ["Least difference of that share from its limit it could notice", times(part["detectable"])],
        ["The same where a new model took over", times(part["at_new_model"])],
        ["Fitted again with other draws: the share it still points to (seed stability)", times(part["refit_overlap"])],
        ["Places that rests on", number(part["places"])],
        [
            "Small changes of what was recorded: the share of the three heaviest themes that stay",
            times(reasons["kept"]),
        ],
        ["The same for the heaviest theme alone", times(reasons["first_kept"])],
    ]
    moves = [
        [{"entry": "come", "exit": "leave"}[way], one["reason"], number(one["times"])]
        for way in ("entry", "exit")
        for one in part[way]
    ]
    lead = (
        "Whom the model points to within each team's capacity, before the rule that nobody is listed again within"
        " some weeks. A list that changes altogether from week to week, or with the draws of a fit, is chance."
    )
    return Section(
        id_,
        title,
        lead,
        [
            Table("How steady", ["What", "Share"], rows),
            Picture("movements", "Why people come and leave, counted; the table below has the figures."),
            Table(
                "Why people come and go",
                ["They", "Because of", "Times"],
                moves,
                "The theme whose contribution moved most; others came before: nothing of theirs moved, somebody"
                " else's did.",
            ),
        ],
    )


def influence(told: Told) -> Section:
    """What moves the score, by theme and by feature."""
    part = told["evaluation"].get("influence")
    title, id_ = "What moves the score", "influence"
    if part is None:
        return Section(id_, title, missing(told, "what moves the score"))
    lead = (
        "How much each theme, and each feature, raises or lowers the chance on average (log-odds, Shapley values),"
        f" over {number(part['rows'])} person-weeks drawn from those the newest model judged. It says what the model"
        " reads, not what causes harm."
    )
    themes = [[one["theme"], number(one["size"], 3)] for one in part["themes"]]
    features = [[one["label"], one["theme"], number(one["size"], 3)] for one in part["features"][:HEAVIEST]]
    more = len(part["features"]) - len(features)
    note = f"{more} more move it less." if more else ""
    return Section(
        id_,
        title,
        lead,
        [
            Picture("influence", "Mean size of the contribution of each theme and of the heaviest features, as bars."),
            Table("By theme", ["Theme", "Mean size"], themes, "Features of one theme that pull both ways cancel out."),
            Table("By feature", ["Feature", "Theme", "Mean size"], features, note),
        ],
    )


def recorders(told: Told) -> Section:
    """Whether who records explains the score."""
    parts = told["evaluation"].get("recorders")
    title, id_ = "Does it matter who writes things down?", "recorders"
    if not parts:
        return Section(id_, title, missing(told, "whether who records explains the score"))
    limit = percent(told["declared"]["recorder_share"], 0)
    warned = [way for way, one in parts.items() if one["warning"]]
    words = (
        f"Warning: by {among(warned)}, who records explains more than {limit} of the score beyond how much is"
        " recorded. It is no verdict: a recorder may meet more people who come to need help. Somebody has to look"
        " at how they record before the model is trusted there."
        if warned
        else f"No warning: beyond how much is recorded, who records explains no more than {limit} of the score, as"
        " far as it could be measured."
    )
    rows = [
        [
            way,
            number(one["recorders"]),
            times(one["raw"]),
            times(one["beyond_amount"]),
            UNMEASURED if one["beyond_amount"] is None else "yes" if one["warning"] else "no",
        ]
        for way, one in parts.items()
    ]
    header = ["Recorded by", "Recorders", "Share of the score between them", "Beyond how much is recorded", "Warning"]
    lead = (
        "Two people with as many recorded contacts should not differ because one is known to somebody who records more."
    )
    note = f"{UNMEASURED}: fewer than two recorders with enough people each. In the newest week judged."
    return Section(
        id_, title, lead, [Words(words, loud=bool(warned)), Table("How much who records explains", header, rows, note)]
    )


def known_when(told: Told) -> Section:
    """The hindsight gap and the maturation curve."""
    evaluation = told["evaluation"]
    curve, gap = evaluation.get("maturation"), evaluation.get("hindsight")
    title, id_ = "What was known when", "hindsight"
    if curve is None:
        return Section(id_, title, missing(told, "how late outcomes are known"))
    blocks: list = []
    if curve["curve"]:
        rows = [[str(c["days"]), percent(c["share"])] for c in curve["curve"]]
        note = (
            f"Of {number(curve['outcomes'])} people whose outcome is known by now. Declared maturity:"
            f" {curve['maturity_days']} days, by which {percent(curve['at_maturity'])} were known: to training and"
            " judging the rest look like people without an outcome."
        )
        blocks += [
            Picture(
                "maturation", "The share of outcomes known by so many days after the window; the table has the figures."
            ),
            Table("How long outcomes take to be known", ["Days after the window", "Known by then"], rows, note),
        ]
    else:
        blocks.append(
            Words(
                "No outcome is old enough to say how long outcomes take, or too few to tell"
                f" ({number(curve['outcomes'])} people)."
            )
        )
    if gap is None:
        blocks.append(Words(missing(told, "what hindsight would have added to training")))
    else:
        rows = [
            ["Person-weeks with an outcome known on the day of training", number(gap["known_then"])],
            ["The same, known since", number(gap["known_since"])],
            ["Not yet known then", _share(gap["not_yet_known"])],
            ["Withdrawn since", _share(gap["withdrawn"])],
            [
                "Not yet known, had the newest window been used as soon as it ended",
                _share(gap["not_yet_known_without_embargo"]),
            ],
        ]
        note = (
            "A model that learns from outcomes not yet known looks better in a back-test than it will be in use:"
            " this one waits. The last line is what waiting avoids."
        )
        blocks.append(Table("The hindsight gap of the newest model", ["What", "Figure"], rows, note))
    return Section(id_, title, "Nothing here was judged by what could not have been known on the day.", blocks)


def _share(value: float | None) -> str:
    return "withheld or nothing to share" if value is None else percent(value)
