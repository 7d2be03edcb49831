"""Every picture that can be drawn from an evaluation's aggregates, by name. The beeswarm needs rows (report.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from models.risk import plots_fairness, plots_found, plots_people, plots_score

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pictures(
    evaluation: Mapping[str, Any], splits: Sequence[Mapping[str, Any]], limits: Mapping[str, Any]
) -> dict[str, Figure]:
    """Figures by name (letters and underscores); what the evaluation does not hold is not drawn.

    evaluation, splits: as of a weekly run (run.py); limits: of the fairness gate
    (plots_fairness.margins).
    """
    if not evaluation:
        return {}
    audit = evaluation.get("fairness") or {}
    by_theme, by_pattern = (evaluation.get(f"missed_by_{what}", []) for what in ("theme", "pattern"))
    drawn = {
        "precision_recall": plots_found.precision_recall(evaluation),
        "precision_by_team": plots_found.precision_by_team(evaluation),
        "more_than_comparators": plots_found.differences(evaluation),
        "calibration": plots_score.calibration(evaluation),
        "score_distribution": plots_score.score_distribution(evaluation),
        "influence": plots_score.influence(evaluation),
        "missed_by_theme": plots_people.missed(by_theme, "Who is missed, by what had been recorded about them"),
        "missed_by_pattern": plots_people.missed(by_pattern, "Who is missed, by named pattern"),
        "lead_time": plots_people.lead_time(evaluation),
        "movements": plots_people.movements(evaluation),
        "fairness_margins": plots_fairness.margins(audit, limits),
        "fairness_over_time": plots_fairness.over_time(audit),
        "maturation": plots_people.maturation(evaluation),
        "by_split": plots_found.by_split(splits),
    }
    return {name: figure for name, figure in drawn.items() if figure is not None}
