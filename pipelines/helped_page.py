"""`assurance/was_anyone_helped.html`: the figures of `risk_helped` in words and tables, small counts withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.risk.queue import MODEL_CHANNEL
from pipelines.assurance_pages import head, write_private
from pipelines.hub import Hub
from pipelines.risk_helped import Helped
from review.render import render_page
from review.words import on_words

PAGE = "was_anyone_helped.html"
WITHHELD, UNKNOWN = "withheld", "not known yet"
_BY = {MODEL_CHANNEL: "the model", "rules": "named patterns"}
_SIDES = {"near": {"listed": "last listed", "missed": "first not listed"}, "by_lot": {"listed": "in", "missed": "out"}}


def write_page(hub: Hub, found: Helped) -> Path:
    """Write the page; returns its path."""
    target = hub.settings.root / "assurance" / PAGE
    write_private(target, render_page("helped", page_of(hub, found)))
    return target


def page_of(hub: Hub, found: Helped) -> dict[str, Any]:
    """What the template needs."""
    synthetic = hub.partnership.label is not None
    near, by_lot = (
        [r for c in found.compared if c["way"] == way for r in _rows(c)] if _any(found.compared, way) else []
        for way in ("near", "by_lot")
    )
    return {
        **head(hub),
        "title": "Was anyone helped?",
        "answer": _answer(found, synthetic),
        "taken_up": _taken_up(found),
        "near": near,
        "by_lot": by_lot,
        "listed": [{"by": "any", "side": "listed", "cells": _cells(found.listed), "difference": ""}],
        "draws": [
            {"by": _BY[one["channel"]], "cells": [WITHHELD if n is None else n for n in one["counts"]]}
            for one in found.draws
        ],
        "lottery_rule": found.lottery_rule,
        "seed": found.seed,
        "note": f"Shares with 95 % intervals. {WITHHELD.capitalize()}: a count behind it is too small to be shown.",
        "how": _how(found),
    }


def _answer(found: Helped, synthetic: bool) -> list[str]:
    lines = []
    if not found.decided:
        lines.append(
            "No decision has come back yet: take the meetings' workbooks with `hub decisions take`. Until then nobody"
            " can say what was offered."
        )
    shown = [c for c in found.compared if c["difference"]]
    if not found.weeks_compared:
        when = f" Of the first list it can be known on {on_words(found.first_known)}." if found.first_known else ""
        lines.append(
            f"What came of the lists is not known yet: need is counted for {found.horizon_days} days after a list, and"
            f" recording takes time.{when}"
        )
    elif not shown:
        lines.append("Too few families stood beside a margin so far for a comparison that may be shown.")
    for one in shown:
        gap = one["difference"]
        how = "beside the margin" if one["way"] == "near" else "parted by the draw"
        sure = "This may be chance." if gap["low"] <= 0 <= gap["high"] else "This is beyond chance."
        number = round(100 * abs(gap["estimate"]))
        more = f"{number} {'more' if gap['estimate'] > 0 else 'fewer'}" if number else "as many"
        lines.append(
            f"Chosen by {_BY[one['channel']]}, {how}: of a hundred families listed"
            f" {more} were found in need later {'than' if number else 'as'} of a hundred just missed"
            f" ({_points(gap)}). {sure}"
        )
    if synthetic:
        lines.append(
            "These people are invented. Their world was made before any list and goes on whatever is decided, so the"
            " true effect of a list here is none; anything else on this page is chance, or need that lists follow."
        )
    return lines


def _how(found: Helped) -> list[str]:
    lines = [
        f"Weeks compared: {len(found.weeks_compared)}. Too young for what followed to be known: {found.weeks_young}.",
        *(f"Left out: {number}, because {why}." for why, number in found.left_out.items()),
        f"Found in need: an outcome within {found.horizon_days} days for anybody of the family, as known today.",
        "Help offered: by a decision on that list; for a family just missed, on the list of a later week.",
        "A family counts once for each way of choosing, on the side where it first stood.",
        "Who was just missed is made again from the registered model and the records as known then, counted, and"
        " forgotten. A week whose list does not come out the same is left out.",
    ]
    if found.taken_up_days is not None:
        lines.insert(
            3, f"{_taken_up(found)}: within {found.taken_up_days} days, as agencies recorded it, on both sides."
        )
    return lines


def _taken_up(found: Helped) -> str:
    return "Help taken up" if found.taken_up_days is not None else "Help taken up (not declared)"


def _any(compared: Sequence[Mapping[str, Any]], way: str) -> bool:
    return any(c["way"] == way and (c["listed"]["families"] != 0 or c["missed"]["families"] != 0) for c in compared)


def _rows(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    words = _SIDES[one["way"]]
    by = _BY[one["channel"]]
    rows: list[dict[str, Any]] = [
        {"by": by, "side": words[side], "cells": _cells(one[side]), "difference": ""} for side in ("listed", "missed")
    ]
    rows[1]["difference"] = _points(one["difference"]) if one["difference"] else ""
    return rows


def _cells(side: Mapping[str, Any]) -> list[str]:
    families = WITHHELD if side["families"] is None else f"{side['families']:,}"
    return [families, *(_share(side[name]) for name in ("offered", "taken_up", "need", "listed_later"))]


def _share(share: Mapping[str, Any] | None) -> str:
    if share is None:
        return UNKNOWN
    if share.get("withheld"):
        return WITHHELD
    low, high = (100 * share[k] for k in ("low", "high"))
    return f"{100 * share['estimate']:.0f} % ({low:.0f} to {high:.0f}) of {share['of']:,}"


def _points(gap: Mapping[str, float]) -> str:
    return f"{100 * gap['estimate']:+.0f} in a hundred, {100 * gap['low']:+.0f} to {100 * gap['high']:+.0f}"
