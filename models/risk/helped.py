"""Was anyone helped? Families that were listed beside families that just missed, and what came of both.

Near the margin of a team's places two families differ little in what was known of them, so that what came later may be
compared, as in a regression discontinuity. Where families stood equal and a draw decided, nothing but the draw parts
them, and the comparison is as good as a trial of that size. Each family counts once for a channel, on the side on
which it first stood; that it was listed later is told, not corrected for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.risk.margin import Near
from models.risk.measures import rounded, wilson

COMPARED = ("near", "by_lot")


@dataclass(frozen=True)
class Followed:
    """What came of a family within the horizon. None: not known (yet), or not asked of this side.

    offered: help was offered by a decision; taken_up: help began; need: an outcome was recorded; listed_later.
    """

    offered: bool | None
    taken_up: bool | None
    need: bool | None
    listed_later: bool


def first_stand(near: Iterable[Near]) -> list[Near]:
    """Each family once a channel, on the day it first stood beside the margin; by its members, who may come and go."""
    seen: dict[str, set[str]] = {}
    out = []
    for one in sorted(near, key=lambda n: (n.day, n.channel, n.team, not n.listed)):
        known = seen.setdefault(one.channel, set())
        if known.isdisjoint(one.members):
            out.append(one)
        known.update(one.members)
    return out


def compare(near: Sequence[Near], followed: Sequence[Followed], least: int) -> list[dict[str, Any]]:
    """By channel and way of comparing: each side's figures and the difference in later need, with 95 % intervals.

    near, followed: a family each, of one length. Shares that rest on fewer than `least` families, found or not found,
    are withheld (None). Newcombe (1998) for the difference of two shares, Wilson (1927) for one.
    """
    out = []
    for channel in sorted({n.channel for n in near}):
        for way in COMPARED:
            mine = [(n, f) for n, f in zip(near, followed, strict=True) if n.channel == channel and getattr(n, way)]
            sides = {
                name: _side([f for n, f in mine if n.listed is listed], least)
                for name, listed in (("listed", True), ("missed", False))
            }
            out.append({"channel": channel, "way": way, **sides, "difference": _difference(sides)})
    return out


def listed_figures(followed: Sequence[Followed], least: int) -> dict[str, Any]:
    """The same figures of all listed families, compared with nobody."""
    return _side(followed, least)


def _side(followed: Sequence[Followed], least: int) -> dict[str, Any]:
    """One side's families and shares."""
    return {
        "families": _count(len(followed), least),
        **{name: _share([getattr(f, name) for f in followed], least) for name in ("offered", "taken_up", "need")},
        "listed_later": _share([f.listed_later for f in followed], least),
    }


def _share(values: Sequence[bool | None], least: int) -> dict[str, Any] | None:
    """Of those of whom it is known the share that had it; None where nobody is known of, or a count is too small."""
    known = [v for v in values if v is not None]
    found = sum(known)
    if not known:
        return None
    if _small(len(known), least) or _small(found, least) or _small(len(known) - found, least):
        return {"withheld": True}
    low, high = wilson(found, len(known))
    return {"of": len(known), "estimate": rounded(found / len(known)), "low": rounded(low), "high": rounded(high)}


def _difference(sides: Mapping[str, Mapping[str, Any]]) -> dict[str, float] | None:
    """Later need of the listed less that of the missed."""
    ours, theirs = (sides[name]["need"] for name in ("listed", "missed"))
    if not ours or not theirs or ours.get("withheld") or theirs.get("withheld"):
        return None
    a, b = ours["estimate"], theirs["estimate"]
    low = a - b - np.hypot(a - ours["low"], theirs["high"] - b)
    high = a - b + np.hypot(ours["high"] - a, b - theirs["low"])
    return {"estimate": rounded(a - b), "low": rounded(low), "high": rounded(high)}


def _count(number: int, least: int) -> int | None:
    return None if _small(number, least) else number


def _small(number: int, least: int) -> bool:
    return 0 < number < least
