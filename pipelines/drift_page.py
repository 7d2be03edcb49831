"""What moved, as Dagster shows it and as one offline page for analysts: aggregates alone, nothing about a person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.assurance_pages import head, title, write_private
from pipelines.checks.watching import FEATURE_CHECKS, SCORE_CHECKS, drift_results
from pipelines.hub import Hub
from pipelines.metadata import numbers, picture, table
from review.render import render_page

FIGURES, PAGE = "drift.json", "drift.html"


def told_of_drift(run: Any, config: Any, hub: Hub) -> dict[str, Any]:
    """What a weekly run (models.risk.run.WeeklyRun) leaves for the page: what was watched, the pack's limits with their
    reasons, the leak check, and whom to ring about each agency."""
    return {
        **run.drift,
        "warnings": [_addressed(one, hub) for one in run.drift["warnings"]],
        "limits": config.drift.model_dump(mode="json"),
        "leak": {"passed": run.leak.passed, "words": run.leak.words},
        "titles": {name: title(hub, name) for name in {one["agency"] for one in run.drift["arrivals"]}},
    }


def _addressed(warning: Mapping[str, str], hub: Hub) -> dict[str, str]:
    """A warning about a feed with the agency's name for people and whom to ring."""
    agency, _, feed = warning["about"].partition(".")
    if not feed:
        return dict(warning)
    known = hub.agencies.get(agency)
    name = f"{title(hub, agency)} ({feed.replace('_', ' ')})"
    ring = f" Ring {known.whom_to_ring}." if known and known.whom_to_ring else ""
    words = warning["words"].replace(warning["about"], name, 1)
    return {**warning, "words": words, "do": warning["do"] + ring}


def feature_metadata(told: Mapping[str, Any]) -> dict[str, dg.MetadataValue]:
    """For the panel: how far features and feeds have moved, as numbers with their trend, tables and pictures."""
    from models.risk import drift_plots, plots_style

    features, arrivals = told["features"], told["arrivals"]
    found = numbers(
        {
            "features_moved": sum(bool(one["moved"]) for one in features),
            "largest_index_training": _largest(features, "index_training"),
            "largest_index_season": _largest(features, "index_season"),
            "feeds_moved": sum(bool(one["amount_moved"] or one["lateness_moved"]) for one in arrivals),
            **{f"in_time_{agency}": share for agency, share in _by_agency(arrivals).items()},
        }
    )
    if features:
        found["features_drift"] = table(FEATURE_HEADER, _feature_rows(features))
        drawn = drift_plots.features(features, told["limits"]["distribution"]["most"])
        found["features_drift_picture"] = picture(plots_style.png(drawn), "how far features lie from before")
    if arrivals:
        found["feeds_drift"] = table(FEED_HEADER, _feed_rows(arrivals, told["titles"]))
        drawn = drift_plots.feeds(arrivals, told["titles"])
        found["feeds_drift_picture"] = picture(plots_style.png(drawn), "rows of each week known in time")
    return found


def score_metadata(told: Mapping[str, Any]) -> dict[str, dg.MetadataValue]:
    """For the evaluation: score, base rate and expected precision, as numbers with their trend, and tables."""
    from models.risk import drift_plots, plots_style

    score, rate, estimate = (told[name] or {} for name in ("score", "base_rate", "estimate"))
    found = numbers(
        {
            "score_index_training": score.get("index_training"),
            "score_index_season": score.get("index_season"),
            "base_rate_newest_quarter": rate.get("now"),
            "base_rate_year_before": rate.get("before"),
            "expected_precision": estimate.get("precision"),
            "expected_in_need": estimate.get("in_need"),
            "estimate_was_off_by": estimate.get("off"),
        }
    )
    if rate.get("by_quarter"):
        found["base_rate_by_quarter"] = table(["quarter", "weeks looked at", "share"], _quarter_rows(rate))
    if estimate.get("checked"):
        found["expected_and_found"] = table(CHECKED_HEADER, _checked_rows(estimate))
        drawn = drift_plots.checked(estimate["checked"])
        found["expected_and_found_picture"] = picture(plots_style.png(drawn), "expected and found")
    return found


def check_results(told: Mapping[str, Any], features: dg.AssetKey, evaluation: dg.AssetKey) -> dict[str, list[Any]]:
    """The checks of both assets, by `features` and `evaluation`."""
    estimate = told["estimate"] or {}
    compared = {
        "features_as_learnt": len(told["features"]),
        "agencies_as_usual": sum(one["ratio_usual"] is not None for one in told["arrivals"]),
        "scores_as_learnt": int(told["score"] is not None),
        "base_rate_as_before": int((told["base_rate"] or {}).get("ratio") is not None),
        "estimates_held": len(estimate.get("checked", [])),
    }
    return {
        "features": drift_results(features, FEATURE_CHECKS, told["warnings"], compared),
        "evaluation": drift_results(evaluation, SCORE_CHECKS, told["warnings"], compared),
    }


def write(hub: Hub, told: Mapping[str, Any]) -> Path:
    """Write assurance/drift.json and the page drawn from it. Returns the page's path."""
    folder = hub.settings.root / "assurance"
    write_private(folder / FIGURES, json.dumps(told, indent=1, sort_keys=True))
    page = folder / PAGE
    write_private(page, render_page("drift", {**head(hub), **page_of(told, hub.people)}))
    return page


def page_of(told: Mapping[str, Any], people: str) -> dict[str, Any]:
    """What the template shows."""
    from models.risk import drift_plots, plots_style

    estimate, rate = told["estimate"] or {}, told["base_rate"] or {}
    pictures = {}
    if told["features"]:
        drawn = drift_plots.features(told["features"], told["limits"]["distribution"]["most"])
        pictures["features"] = plots_style.svg(drawn, "features")
    if any(map(drift_plots.drawn_apart, told["arrivals"])):
        pictures["feeds"] = plots_style.svg(drift_plots.feeds(told["arrivals"], told["titles"]), "feeds")
    if estimate.get("checked"):
        pictures["checked"] = plots_style.svg(drift_plots.checked(estimate["checked"]), "checked")
    return {
        "title": "Has the world moved away from what the model learnt?",
        "as_of": told["as_of_date"],
        "season": told["season"],
        "people": people,
        "warnings": told["warnings"],
        "leak": told["leak"],
        "pictures": pictures,
        "features": {"header": FEATURE_HEADER, "rows": _feature_rows(told["features"])},
        "feeds": {"header": FEED_HEADER, "rows": _feed_rows(told["arrivals"], told["titles"])},
        "score": told["score"],
        "quarters": {"header": ["Quarter", "Weeks looked at", "Share"], "rows": _quarter_rows(rate)},
        "rate": rate,
        "estimate": estimate,
        "checked": {"header": CHECKED_HEADER, "rows": _checked_rows(estimate)},
        "limits": [
            {"what": _LIMITS[name], "most": one["most"], "why": one["why"]}
            for name, one in told["limits"].items()
            if name in _LIMITS
        ],
        "within": told["limits"]["known_within_days"],
        "complete": told["limits"]["complete_after_days"],
        "recent": told["limits"]["recent_weeks"],
    }


FEATURE_HEADER = ["Feature", "Index: training", "Index: season", "Recorded now", "Training", "Season", "Moved"]
FEED_HEADER = ["Feed", "Rows a week", "Usual", "Known in time", "Usual", "A year before", "Moved"]
CHECKED_HEADER = ["Weeks", "Listed", "Expected right", "Found right", "Expected in need", "In need"]
_LIMITS = {
    "distribution": "Index of a feature or of the score",
    "recorded": "Factor of the share with something recorded",
    "base_rate": "Factor of the share with an outcome",
    "arrivals": "Factor of rows a week that come in time",
    "lateness": "Change of the share known in time",
    "estimate": "Expected less found precision",
}


def _feature_rows(features: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Those that moved first, then the others by how far they did."""
    ordered = sorted(features, key=lambda f: (not f["moved"], -min(f["index_training"] or 0, f["index_season"] or 9)))
    return [
        [
            f["label"],
            _decimal(f["index_training"]),
            _decimal(f["index_season"]),
            *(_share(f[name]) for name in ("recorded_now", "recorded_training", "recorded_season")),
            f["moved"] or "",
        ]
        for f in ordered
    ]


def _feed_rows(arrivals: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> list[list[str]]:
    return [
        [
            f"{titles[one['agency']]}: {one['feed'].replace('_', ' ')}",
            _amount(one["weekly_rows"]) or "few",
            _amount(one["weekly_rows_usual"]) or "few",
            *(_share(one[name]) for name in ("in_time", "in_time_usual", "in_time_season")),
            ", ".join(filter(None, (one["amount_moved"], one["lateness_moved"]))),
        ]
        for one in arrivals
    ]


def _quarter_rows(rate: Mapping[str, Any]) -> list[list[str]]:
    return [
        [one["quarter"], str(one["weeks"]), "withheld" if one["share"] is None else f"{100 * one['share']:.2f} %"]
        for one in rate.get("by_quarter", [])
    ]


def _checked_rows(estimate: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            f"{one['first']} to {one['last']}",
            "few" if one["listed"] is None else str(one["listed"]),
            _share(one["expected"]),
            "withheld" if one["found"] is None else _share(one["found"]),
            _amount(one["expected_in_need"]),
            "withheld" if one["in_need"] is None else _amount(one["in_need"]),
        ]
        for one in estimate.get("checked", [])
    ]


def _by_agency(arrivals: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """By agency the share in time of its latest feed: the one an agency is asked about."""
    found: dict[str, float] = {}
    for one in arrivals:
        if one["in_time"] is not None:
            found[one["agency"]] = min(found.get(one["agency"], 1.0), one["in_time"])
    return found


def _largest(rows: Sequence[Mapping[str, Any]], name: str) -> float | None:
    return max((one[name] for one in rows if one[name] is not None), default=None)


def _decimal(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _amount(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"
