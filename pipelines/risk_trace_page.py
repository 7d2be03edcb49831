"""The readable part of a model's trace: what it pointed to in counts, who saw it, what was decided, what followed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from models.risk.standing import Retirement, Week
from pipelines.assurance_pages import head
from pipelines.hub import Hub
from review.render import render_page

_NOTHING = "nothing has come back"


def summary_page(
    hub: Hub,
    model: str,
    weeks: Sequence[Week],
    people: Sequence[Mapping[str, Any]],
    looks: Sequence[Mapping[str, Any]],
    retired: Retirement | None,
    until: date,
) -> str:
    """The page as HTML: counts of what the two tables hold row by row."""
    newest: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in people:
        newest[one["person_key"], one["week"]] = one
    rows = list(newest.values())
    page = {
        **head(hub),
        "title": f"What came of model {model}",
        "people_word": hub.people,
        "people": len({one["person_key"] for one in rows}),
        "weeks": [one.as_of.isoformat() for one in {w.as_of: w for w in weeks if w.spoke}.values()],
        "silent": len({w.as_of for w in weeks if not w.spoke}),
        "retired": f"on {retired.on.isoformat()} by {retired.by}: {retired.reason}" if retired else "",
        "until": until.isoformat(),
        "by_team": _counts(f"{one['week']}, {one['team']}" for one in rows),
        "decisions": _counts(one["decision"] or _NOTHING for one in rows),
        "outcomes": _counts(one.get("outcome") or "none known so far" for one in rows),
        "became": _counts(str(one.get("person_today", "")).split(" ")[0] or "unknown" for one in rows),
        "looks": _counts(f"{one['who']}: {one['what']}" for one in looks),
        "recipients": _counts(one["released_to"] or "not released" for one in rows),
    }
    return render_page("trace", page)


def _counts(values: Any) -> list[dict[str, Any]]:
    return [{"name": name, "cells": [count], "is_all": False} for name, count in sorted(Counter(values).items())]
