"""The evaluation page's chapter on fairness: groups beside everybody else, over time, and the watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipelines.evaluation.words import (
    HIDDEN,
    UNMEASURED,
    Block,
    Picture,
    Section,
    Table,
    Told,
    Words,
    day,
    missing,
    more,
    number,
    ratio,
    share,
)

NO_GATE = {False: "No gate on fairness is declared.", True: "The gate on fairness is not asked of a back-test."}


def fairness(told: Told) -> Section:
    """The audit by every attribute, and whether a group is listed for being watched."""
    audit = told["evaluation"].get("fairness")
    title, id_ = "Whom does it serve less well?", "fairness"
    gate = next((g for g in told["gates"] if g["kind"] == "fairness"), None)
    verdict = f"The gate says {gate['status']}: {gate['words']}" if gate else NO_GATE[bool(told.get("back_test"))]
    if gate and gate["accepted"]:
        until, by, why = (gate["accepted"][k] for k in ("until", "by", "reason"))
        verdict += f" Accepted until {day(until)} by {by}: {why}"
    if audit is None:
        return Section(id_, title, f"{missing(told, 'whom the model serves less well')} {verdict}")
    margin = told["declared"]["fairness"]["margins"]
    agreed = "; ".join(
        f"{100 * margin[k]:.0f} of 100 {words}"
        for k, words in (("precision", "listings fewer right"), ("missed", "with an outcome more missed"))
        if k in margin
    )
    lead = (
        f"{verdict} Margin agreed beforehand: {agreed or 'none'}. A group whose whole interval lies inside it is"
        " served as well; otherwise that is not proven."
    )
    blocks: list[Block] = [
        Picture(
            "fairness_margins",
            "Each group's differences in precision and in people missed from everybody else, with intervals and the"
            " margin; the tables have the figures.",
        ),
    ]
    for attribute in audit["attributes"]:
        blocks += _attribute(told, attribute, audit["smallest_cell"])
    blocks.append(
        Picture(
            "fairness_over_time", "Share missed by group and quarter for each attribute; the tables have the figures."
        )
    )
    return Section(id_, title, lead, blocks)


def _attribute(told: Told, attribute: Mapping[str, Any], least: int) -> list:
    """The tables of one attribute: figures, differences with the recording check, and quarters."""
    groups = attribute["groups"]
    name = attribute["title"]
    if len(groups) < 2:
        return (
            [
                Words(
                    f"{name}: everybody stands in one group ({groups[0]['group']}), so there is nothing to compare."
                    " It is open.",
                    loud=True,
                )
            ]
            if groups
            else []
        )
    rows = [
        [
            g["group"],
            *(number(g[k]) for k in ("people", "listed_people", "people_in_need")),
            *(share(g[k]) for k in ("selection", "precision", "missed")),
            ratio(g["calibration"]),
        ]
        for g in groups
    ]
    header = [
        "Group",
        "People",
        "Ever listed",
        "With an outcome",
        "Share ever listed",
        "Precision",
        "Missed, of those with an outcome",
        "Observed for each expected",
    ]
    blocks: list = [
        Table(
            f"{name}: figures of each group (95 %)",
            header,
            rows,
            f"{HIDDEN}: fewer than {least} people, or a group that would give another away.",
        )
    ]
    rows = []
    for g in groups:
        r, d = g["recording"], g["difference"]
        rows.append(
            [
                g["group"],
                *(_difference(d[k]) for k in ("precision", "missed")),
                f"{number(r['contacts'], 2)}"
                f" ({UNMEASURED if r['contacts_of_others'] is None else number(r['contacts_of_others'], 2)})",
                number(r["listed_without_need"], 2),
                number(r["given_recording"], 2),
            ]
        )
    header = [
        "Group",
        "Precision less the others'",
        "Missed less the others'",
        "Recorded contacts a head (the others)",
        "Listed without an outcome, of 1,000 person-weeks",
        "The same, were the amount recorded all that counts",
    ]
    note = (
        "Flagged because watched? Where the last column but one exceeds the last, a group is listed for more than"
        " being recorded about often. In brackets: the figures it rests on, and the least difference it could"
        " notice."
    )
    blocks.append(Table(f"{name}: differences from everybody else, and the check on recording", header, rows, note))
    for measure, words, told_as in (
        ("selection", "share ever listed", share),
        ("precision", "precision", share),
        ("missed", "missed, of those with an outcome", share),
        ("calibration", "observed for each expected", ratio),
    ):
        blocks += _quarters(groups, measure, f"{name}, quarter by quarter: {words}", told_as)
    return blocks


def _quarters(
    groups: Sequence[Mapping[str, Any]], measure: str, caption: str, told_as: Callable[[Any], str]
) -> list[Block]:
    """A row a group, a column a quarter; a sentence where every figure is withheld, nothing for one stretch of time."""
    told = {g["group"]: {t["period"]: t[measure] for t in g["over_time"]} for g in groups}
    periods = sorted({period for one in told.values() for period in one})
    if not periods:
        return []
    if not any(part for one in told.values() for part in one.values()):
        return [Words(f"{caption}: withheld for every group, too few people.")]
    rows = [[group, *(told_as(one.get(period)) for period in periods)] for group, one in told.items()]
    return [Table(caption, ["Group", *periods], rows)]


def _difference(part: Mapping[str, Any] | None) -> str:
    """A difference with what it rests on; None is withheld or has nobody to differ from."""
    if part is None:
        return "cannot be told"
    return f"{more(part)} [{part['events']:,}; {100 * part['detectable']:.0f} of 100]"
