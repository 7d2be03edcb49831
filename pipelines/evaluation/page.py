"""The week's evaluation as one offline page for analysts and the governance board, from aggregates kept beside it.

`assurance/evaluation.json` is what the weekly step leaves: figures with small counts withheld, verdicts, yields;
nothing about a person, no score. `assurance/evaluation.html` is drawn from it, and from
`oracle.json` where a synthetic world's truth was asked (`hub demo oracle`): it can be drawn again without a run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.assurance_pages import head, write_private
from pipelines.evaluation import found, model, people, verdict
from pipelines.evaluation.best_possible import best_possible
from pipelines.evaluation.fairness import fairness
from pipelines.evaluation.splits import splits
from pipelines.evaluation.withheld import withheld, withheld_splits, withheld_yields
from pipelines.evaluation.words import Section, Told
from pipelines.hub import Hub
from review.render import render_page

# Raised when the figures that are left take another shape: those of an earlier one cannot be drawn any more.
FORM = 2
FIGURES, PAGE, ORACLE = "evaluation.json", "evaluation.html", "oracle.json"

LEFT_OUT = {
    "difference.*.half_width": "half of the interval that is shown",
    "theme_yields[].id": "the theme's title is shown",
    "fairness.attributes[].name": "the attribute's title is shown",
    "fairness.attributes[].groups[].difference.*.half_width": "half of the interval that is shown",
    "fairness.attributes[].groups[].difference.*.lift": "the difference is what was agreed on",
}
"""What of an evaluation is not on the page, and why; a test holds that all else is."""

SECTIONS: tuple[Callable[[Told], Section], ...] = (
    verdict.gates,
    found.at_capacity,
    found.teams,
    people.missed,
    people.lead_time,
    model.calibration,
    model.spread,
    model.steadiness,
    model.influence,
    model.recorders,
    fairness,
    people.yields,
    model.known_when,
    splits,
    best_possible,
)

BACK_TEST = (splits, *(one for one in SECTIONS if one not in (splits, verdict.gates, best_possible)))
"""Chapters of a back-test by itself: its course over time first; no gate is asked, and truth is not looked up."""


def told_of(run: Any, basis: list[str], config: Any) -> dict[str, Any]:
    """What a weekly run (models.risk.run.WeeklyRun) leaves for the page, JSON-able. basis: where the list comes from,
    in sentences; config: the declarations it was judged by."""
    kinds = ("id", "title", "kind", "status", "words", "accepted")
    gates = [
        {k: g[k] for k in kinds}
        | {"could_have_found": g["numbers"].get("could_have_found"), "limit": verdict.limit_of(declared)}
        for g, declared in zip(run.gates, config.gates, strict=True)
    ]
    figures = figures_of(run.as_of_date, run.evaluation, run.evaluations, run.rule_yields, config)
    return figures | {"form": FORM, "basis": basis, "gates": gates}


def figures_of(
    as_of: date,
    evaluation: Mapping[str, Any],
    evaluations: Sequence[Mapping[str, Any]],
    rule_yields: Sequence[Mapping[str, Any]],
    config: Any,
) -> dict[str, Any]:
    """Figures with small counts withheld, and what they were judged by; arguments as of a weekly run."""
    from models.risk.missed import EARLY_DAYS

    least = config.evaluation.smallest_cell
    gate = next((g for g in config.gates if g.kind == "fairness"), None)
    return {
        "as_of_date": as_of.isoformat(),
        "evaluation": withheld(evaluation, least),
        "evaluations": withheld_splits(evaluations, least),
        "rule_yields": withheld_yields(rule_yields),
        "declared": {
            "version": config.version,
            "registered_on": config.registered_on.isoformat(),
            "target": config.target.description,
            "outcome_words": config.outcome_words,
            "horizon_days": config.target.horizon_days,
            "maturity_days": config.target.maturity_days,
            "smallest_cell": least,
            "recorder_share": config.evaluation.recorder_share,
            "family_folds": config.evaluation.family_folds,
            "fairness": {
                "margins": dict(gate.margins) if gate else {},
                "minimum_found": gate.minimum_found if gate else least,
            },
            "relist_after_weeks": config.channels.relist_after_weeks,
            "early_days": EARLY_DAYS,
        },
    }


def keep(hub: Hub, told: Told) -> Path:
    """Put the week's aggregates into assurance/."""
    target = hub.settings.root / "assurance" / FIGURES
    write_private(target, json.dumps(told, indent=1, sort_keys=True) + "\n")
    return target


def read(hub: Hub) -> dict[str, Any] | None:
    """The aggregates of the newest weekly run, with the oracle's where there are some; None before the first run, and
    where they were left in a form of before."""
    folder = hub.settings.root / "assurance"
    if not (folder / FIGURES).is_file():
        return None
    told = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    if told.get("form") != FORM:
        return None
    if (folder / ORACLE).is_file():
        told["oracle"] = json.loads((folder / ORACLE).read_text(encoding="utf-8"))
    return told


def write_page(hub: Hub, told: Told) -> Path:
    """Draw the page. Returns its path."""
    target = hub.settings.root / "assurance" / PAGE
    write_private(target, render(told, head(hub)))
    return target


def drawn_of(told: Told) -> dict[str, bytes]:
    """The page's pictures as PNG, by name, for the run page."""
    from models.risk.plots_style import png

    return {name: png(figure) for name, figure in _figures(told).items()}


def render(told: Told, heading: Mapping[str, str]) -> str:
    """The page as HTML: of a week, or of a back-test that stands behind no list (`told["back_test"]`).
    heading: as of `assurance_pages.head`."""
    from models.risk.plots_style import svg

    alone = bool(told.get("back_test"))
    page = {
        **heading,
        "title": "Rolling back-test of the model" if alone else "Evaluation of the weekly list",
        "weekly": not alone,
        "as_of": told["as_of_date"],
        "lines": verdict.first_lines(told),
        "sections": [section(told) for section in (BACK_TEST if alone else SECTIONS)],
        "pictures": {name: svg(drawn, name) for name, drawn in _figures(told).items()},
        "declared": told["declared"],
    }
    return render_page("evaluation", page)


def _figures(told: Told) -> dict[str, Any]:
    from models.risk.plots import pictures

    return pictures(told["evaluation"], told["evaluations"], told["declared"]["fairness"])
