"""The chapter of the evaluation page on the best there could be, which a synthetic world's truth alone can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.evaluation.words import HIDDEN, Section, Table, Told, day, number, percent, share

NOT_HERE = (
    "How near the model comes to the best there could be can be known in a synthetic world alone, whose true"
    " histories are known. It was not asked about this week: the command “hub demo oracle” asks, after a weekly run."
)


def best_possible(told: Told) -> Section:
    """Average precision and precision at capacity beside those of the best possible chance."""
    part = told.get("oracle")
    title, id_ = "Distance to the best there could be", "oracle"
    if part is None:
        return Section(id_, title, NOT_HERE)
    if part["as_of_date"] != told["as_of_date"]:
        last = f"The last answer is of the week that ended on {day(part['as_of_date'])}."
        return Section(id_, title, f"{NOT_HERE} {last}")
    rows = [
        [words, *((HIDDEN,) * 3 if part[k] is None else _figures(part[k]))]
        for k, words in (("average_precision", "Average precision"), ("precision", "Precision at the teams' capacity"))
    ]
    lead = (
        "Known in this synthetic world alone: no real authority can be told this. The best possible chance is"
        f" worked out from the true event histories and the laws of the made world. {number(part['weeks'])} of the"
        f" weeks judged have it, with {number(part['rows'])} person-weeks and {number(part['rows_with_outcome'])}"
        " outcomes."
    )
    header = ["Measure", "Model", "Best possible", "Share of the best reached (95 %)"]
    note = (
        "At capacity: those each would point to in these weeks, whoever was listed before. The best is an estimate"
        " from just below, so a share may come out a little high; what an interval has above 100 % is chance."
    )
    return Section(id_, title, lead, [Table("Beside the best possible", header, rows, note)])


def _figures(one: Mapping[str, Any]) -> list[str]:
    """Model, best, and the share of it."""
    reached = one["share"]
    bounded = reached["low"] is not None and reached["high"] is not None
    told = share(reached) if bounded else f"{percent(reached['estimate'])} (no interval: too few found)"
    return [percent(one["model"], 2), percent(one["oracle"], 2), told]
