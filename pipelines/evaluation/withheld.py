"""An evaluation as anybody may see it: counts under the smallest cell go, and with them what would give them away.

A share beside the number it is a share of is a count. Where exactly one part of a whole is withheld, the next smallest
goes with it, because the whole is published. None means withheld; what was never measured is absent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

Figures = dict[str, Any]


def withheld(evaluation: Mapping[str, Any], least: int) -> Figures:
    """A copy without small counts. evaluation: of a weekly run, or of one split; least: `evaluation.smallest_cell`."""
    out = deepcopy(dict(evaluation))
    if small(out.get("rows_left_out"), least):
        out["rows_left_out"] = None
    if "at_capacity" not in out:
        return out
    rate, rows, people = out["base_rate"], out["rows"], out["people_with_outcome"]
    outcomes = round(rate * rows)
    if small(people, least) or small(outcomes, least):
        out["people_with_outcome"] = out["base_rate"] = None
        out["average_precision"] = dict.fromkeys(out["average_precision"])
    for part in out["at_capacity"].values():
        reached = round(part["recall"]["estimate"] * people)
        if small(reached, least) or small(people, least):
            part["recall"] = None
        if small(part["found"], least) or small(part["listed"], least):
            part["found"] = part["precision"] = part["recall"] = None
    for name in ("missed_by_theme", "missed_by_pattern"):
        for part in out.get(name, []):
            # Those of whom it does not hold are a count too.
            if part["in_need"] is not None and small(people - part["in_need"], least):
                part["in_need"] = part["missed"] = None
    _differences(out)
    _teams(out, least)
    if "calibration" in out:
        _calibration(out["calibration"], least)
    for name, points in out.get("curves", {}).items():
        out["curves"][name] = [[round(r, 3), round(p, 3)] for r, p in points if not small(round(r * outcomes), least)]
    spread = out.get("score_histogram", {})
    for name in ("counts", "with_outcome"):
        if name in spread:
            spread[name] = counts(spread[name], least)
    for part in out.get("lead_time", {}).values():
        if part["early"] is not None and small(round(part["early"] * part["people"]), least):
            part["early"] = None
    _outcomes_in_time(out, least)
    if out["at_capacity"].get("model", {}).get("recall") is None:
        out.pop("words", None)
    for one in out.get("theme_yields", []):
        _yield(one)
    return out


def withheld_splits(evaluations: Sequence[Mapping[str, Any]], least: int) -> list[Figures]:
    """Each split of a back-test without small counts. Where one alone cannot tell its outcomes, that with the fewest
    others is treated as it is: all weeks together are published, and the rest would give it away."""
    out = [withheld(one, least) for one in evaluations]
    judged = [place for place, one in enumerate(evaluations) if "at_capacity" in one]
    shown = [place for place in judged if out[place]["base_rate"] is not None]
    if shown and len(judged) - len(shown) == 1:
        outcomes = {place: round(evaluations[place]["base_rate"] * evaluations[place]["rows"]) for place in shown}
        fewest = min(shown, key=lambda place: outcomes[place])
        out[fewest] = withheld(evaluations[fewest], max(least, outcomes[fewest] + 1))
    return out


def withheld_yields(yields: Sequence[Mapping[str, Any]]) -> list[Figures]:
    """Yields of named patterns: where the number found is withheld its interval goes too, which would tell it."""
    out = [dict(one) for one in yields]
    for one in out:
        _yield(one)
    return out


def small(number: float | None, least: int) -> bool:
    """Whether a count is one that may not be shown; nobody at all may be."""
    return number is not None and 0 < number < least


def counts(parts: Sequence[int], least: int) -> list[int | None]:
    """Counts that add up to a known whole: small ones withheld, and never one alone."""
    hidden = {place for place, n in enumerate(parts) if small(n, least)}
    others = [place for place, n in enumerate(parts) if n >= least]
    if len(hidden) == 1 and others:
        hidden.add(min(others, key=lambda place: parts[place]))
    return [None if place in hidden else n for place, n in enumerate(parts)]


def _differences(out: Figures) -> None:
    """A difference or a quotient goes when either of its sides is withheld."""
    ours = out["at_capacity"].get("model", {}).get("precision")
    for name in out.get("difference", {}):
        if ours is None or out["at_capacity"][name]["precision"] is None:
            out["difference"][name] = None


def _teams(out: Figures, least: int) -> None:
    """Teams add up to everybody listed and found."""
    teams = out.get("by_team", {})
    ours = out["at_capacity"].get("model", {})
    for part in teams.values():
        if small(part["listed"], least):
            part["listed"] = None
    for measure in ("precision", "recall"):
        hidden = [t for t in teams.values() if t[measure] is None and t["listed"] != 0]
        shown = [t for t in teams.values() if t[measure] is not None]
        if len(hidden) == 1 and shown:
            min(shown, key=lambda t: (t["listed"], t[measure]["estimate"]))[measure] = None
    if ours.get("precision") is None:
        for part in teams.values():
            part["precision"] = part["recall"] = None


def _calibration(part: Figures, least: int) -> None:
    """Bins add up to all rows with an outcome."""
    bins = part["curve"]
    shown = counts([round(c["n"] * c["observed"]) for c in bins], least)
    for one, n in zip(bins, shown, strict=True):
        if n is None:
            one["observed"] = None
    if small(part["outcomes"], least):
        part["outcomes"] = part["observed"] = None


def _outcomes_in_time(out: Figures, least: int) -> None:
    """Outcomes known then and since, and in the end."""
    curve = out.get("maturation", {})
    if small(curve.get("outcomes"), least):
        curve |= {"outcomes": None, "curve": [], "at_maturity": None}
    gap = out.get("hindsight")
    if gap is None:
        return
    shares = {"not_yet_known": gap["known_since"], "withdrawn": gap["known_then"]}
    for share, whole in shares.items():
        if gap[share] is not None and small(round(gap[share] * whole), least):
            gap[share] = None
    if small(gap["known_then"], least) or small(gap["known_since"], least):
        out["hindsight"] = dict.fromkeys(gap)
    elif small(abs(gap["known_since"] - gap["known_then"]), least):
        # Their difference would be what the shares no longer say.
        gap["known_then"] = None


def _yield(one: Figures) -> None:
    if one["found"] is None:
        one["low"] = one["high"] = None
