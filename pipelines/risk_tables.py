"""The figures of a week's evaluation as short tables for the run page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from pipelines.metadata import table

WAYS = {"model": "model", "contact_count": "counting contacts", "rules": "named patterns", "random": "a draw"}
HIDDEN = "withheld"


def evaluation_tables(
    evaluation: Mapping[str, Any], splits: Sequence[Mapping[str, Any]] = ()
) -> dict[str, dg.MetadataValue]:
    """Tables for what the evaluation holds; nothing for what it does not. splits: figures of each split alone."""
    out = {"at_capacity": table(["chosen by", "listed", "found in need", *_BOTH], at_capacity(evaluation))}
    if len(splits) > 1:
        rows = [
            [
                one["split"],
                _count(one["base_rate"]),
                *(_count(one["average_precision"][n]) if n in one["average_precision"] else "" for n in WAYS),
                _interval(one["at_capacity"].get("model", {}).get("precision")),
            ]
            for one in splits
        ]
        header = ["split", "base rate", *(f"average precision: {words}" for words in WAYS.values()), "precision (95 %)"]
        out["month_by_month"] = table(header, rows)
    if evaluation.get("by_team"):
        teams = sorted(evaluation["by_team"].items())
        rows = [[team, _count(t["listed"]), _interval(t["precision"]), _interval(t["recall"])] for team, t in teams]
        out["at_capacity_by_team"] = table(["team", "listed", *_BOTH], rows)
    for name, what in (("missed_by_theme", "something recorded under"), ("missed_by_pattern", "named pattern")):
        rows = [[m["name"], _count(m["in_need"]), _interval(m["missed"])] for m in evaluation.get(name, [])]
        if rows:
            out[name] = table([what, "in need", "of them missed (95 %)"], rows)
    if evaluation.get("lead_time"):
        rows = [
            [WAYS[n], _count(t["people"]), t["quarter"], t["median"], t["three_quarters"], t["early"]]
            for n, t in evaluation["lead_time"].items()
        ]
        header = ["chosen by", "people", "days: quarter", "median", "three quarters", "share 8 weeks before or more"]
        out["days_from_first_flag_to_outcome"] = table(header, rows)
    if evaluation.get("fairness"):
        out["fairness"] = _fairness(evaluation["fairness"])
    if evaluation.get("stability"):
        out["why_people_enter_and_leave"] = _steadiness(evaluation["stability"])
    if evaluation.get("recorders"):
        rows = [
            [way, r["recorders"], r["raw"], r["beyond_amount"], "look into it" if r["warning"] else ""]
            for way, r in evaluation["recorders"].items()
        ]
        header = ["recorded by", "recorders", "share of the score", "beyond the amount recorded", "warning"]
        out["does_it_matter_who_records"] = table(header, rows)
    if evaluation.get("maturation", {}).get("curve"):
        rows = [[c["days"], c["share"]] for c in evaluation["maturation"]["curve"]]
        out["outcomes_known_after_the_window"] = table(["days", "share known"], rows)
    return out


_BOTH = ("precision (95 %)", "recall (95 %)")


def at_capacity(evaluation: Mapping[str, Any]) -> list[list[Any]]:
    """Rows for people: what each way of choosing found at the teams' capacity in the weeks judged by."""
    return [
        [words, _count(one["listed"]), _count(one["found"]), _interval(one["precision"]), _interval(one["recall"])]
        for name, words in WAYS.items()
        if (one := evaluation.get("at_capacity", {}).get(name))
    ]


def trends(evaluation: Mapping[str, Any]) -> dict[str, float | None]:
    """The few figures worth a line over the weeks."""
    if not evaluation:
        return {}
    found = evaluation["at_capacity"]
    calibration, steady = evaluation.get("calibration") or {}, evaluation.get("stability") or {}
    return {
        "base_rate": evaluation["base_rate"],
        "precision_model": _estimate(found, "model", "precision"),
        "precision_contact_count": _estimate(found, "contact_count", "precision"),
        "recall_model": _estimate(found, "model", "recall"),
        "average_precision": evaluation["average_precision"].get("model"),
        "calibration_slope": calibration.get("slope"),
        "calibration_error": calibration.get("ece"),
        "turnover": steady.get("turnover"),
        "refit_overlap": steady.get("refit_overlap"),
        "reasons_kept": (steady.get("reasons") or {}).get("kept"),
        "outcomes_not_yet_known": (evaluation.get("hindsight") or {}).get("not_yet_known"),
        **_widest_gaps(evaluation.get("fairness") or {}),
    }


def _widest_gaps(audit: Mapping[str, Any]) -> dict[str, float]:
    """By audited attribute how far the worst served group is behind all others, of the groups whose figures are shown:
    precision that it lacks, and need missed beyond theirs. One run has its groups; the lines show runs side by side."""
    out: dict[str, float] = {}
    for attribute in audit.get("attributes", []):
        for measure, worse in (("precision", -1), ("missed", 1)):
            apart = [g["difference"][measure] for g in attribute["groups"]]
            gaps = [worse * one["estimate"] for one in apart if one is not None and one.get("estimate") is not None]
            if gaps:
                out[f"widest_gap_{measure}_{attribute['name']}"] = round(max(gaps), 6)
    return out


def _estimate(found: Mapping[str, Any], way: str, measure: str) -> float | None:
    """A share at capacity, None where it is withheld or there is none."""
    part = (found.get(way) or {}).get(measure)
    return None if part is None else part["estimate"]


def _fairness(audit: Mapping[str, Any]) -> dg.MetadataValue:
    """A row a group, with its differences from everybody else."""
    rows = [
        [
            attribute["title"],
            g["group"],
            _count(g["people"]),
            *(_interval(g[k]) for k in ("selection", "precision", "missed", "calibration")),
            *(_interval(g["difference"][k]) for k in ("precision", "missed")),
            _count(g["recording"]["listed_without_need"]),
            _count(g["recording"]["given_recording"]),
        ]
        for attribute in audit["attributes"]
        for g in attribute["groups"]
    ]
    header = ["by", "group", "people", "ever listed", "precision", "missed", "observed / expected"]
    header += ["precision less the others'", "missed less the others'"]
    header += ["listed without need, of 1,000 weeks", "given how much is recorded"]
    return table(header, rows)


def _steadiness(steady: Mapping[str, Any]) -> dg.MetadataValue:
    rows = [[way, r["reason"], _count(r["times"])] for way in ("entry", "exit") for r in steady[way]]
    return table(["", "for", "times"], rows)


def _interval(part: Mapping[str, float] | None) -> str:
    return HIDDEN if part is None else f"{part['estimate']:.3f} ({part['low']:.3f} to {part['high']:.3f})"


def _count(number: float | None) -> Any:
    return HIDDEN if number is None else number
