"""The evaluation page's chapter on the splits of a back-test: what was fitted, and how figures moved over time."""

from __future__ import annotations

from pipelines.evaluation.words import (
    Picture,
    Section,
    Table,
    Told,
    missing,
    number,
    percent,
    share,
)


def splits(told: Told) -> Section:
    """Each split of a rolling back-test, or that there is one."""
    parts = [one for one in told["evaluations"] if one.get("at_capacity")]
    title, id_ = "Month by month", "splits"
    if len(told["evaluations"]) < 2:
        fitted = told["evaluations"][0] if told["evaluations"] else None
        if fitted is None or "training_weeks" not in fitted:
            return Section(id_, title, missing(told, "how figures moved over time"))
        lead = (
            f"The back-test has one split: a model learnt from {fitted['training_weeks']} weeks as known on"
            f" {fitted['trained_on']}, with {fitted['embargo_days']} days between the last of them and the day of"
            " training, so that their outcomes could be known. There is no course over time to show."
        )
        return Section(id_, title, lead, [_candidates(told)])
    rows = []
    for one in parts:
        at, calibration = one["at_capacity"], one.get("calibration")
        rows.append(
            [
                f"{one['from']} to {one['to']}",
                number(one["people_with_outcome"]),
                percent(one["base_rate"], 2),
                percent(one["average_precision"].get("model"), 2)
                if "model" in one["average_precision"]
                else "no model",
                *(share(at[n]["precision"]) if n in at else "no model" for n in ("model", "contact_count", "rules")),
                f"{calibration['slope']:.2f} ({calibration['slope_low']:.2f} to {calibration['slope_high']:.2f})"
                if calibration
                else "no model",
                f"{calibration['ece']:.4f}" if calibration else "no model",
            ]
        )
    header = [
        "Weeks judged",
        "People with an outcome",
        "Base rate",
        "Average precision",
        "Precision: model",
        "counting contacts",
        "named patterns",
        "Calibration slope",
        "Calibration error",
    ]
    table = Table(
        "Each split by itself",
        header,
        rows,
        "A new model each time, learnt from what was known on its day. The figures of all weeks together take each week"
        " from the newest model there could have been.",
    )
    picture = Picture(
        "by_split",
        "Precision at capacity, average precision and calibration slope of each split; the table has the figures.",
    )
    return Section(
        id_,
        title,
        "How the figures moved over time: one line for each model.",
        [table, picture, _candidates(told)],
    )


def _candidates(told: Told) -> Table:
    """What was fitted for each split."""
    rows = []
    for one in told["evaluations"]:
        compared = "; ".join(
            ", ".join(f"{name} {100 * value:.2f} %" for name, value in sorted(found.items()))
            for found in one.get("candidates_compared", [])
        )
        rows.append(
            [
                one["split"],
                str(one["trained_on"]),
                str(one.get("training_weeks", "")),
                str(one.get("embargo_days", "")),
                ", ".join(one.get("candidates", [])) or "no model",
                compared,
                number(one["rows_left_out"]),
            ]
        )
    header = [
        "Split",
        "Learnt on",
        "Training weeks",
        "Embargo, days",
        "Taken, by part",
        "Average precision in training, by part",
        "Person-weeks left out",
    ]
    note = (
        "Families are dealt into parts, each scored by a model that did not learn from it; families that came together"
        " across parts are left out."
    )
    apart = told["declared"]["family_folds"] > 1
    return Table("What was fitted", header, rows, note if apart else "Nobody is left out for their family.")
