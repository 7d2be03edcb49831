"""What may speak and what has spoken: approvals, champion, challengers and retirement, read from a list of acts.

Every week's model is fitted anew and has a hash of its own, so nobody can approve it beforehand. What a person
approves is its *recipe*: the code and all that risk.yml declares. The champion is the newest model that spoke and was
not retired; its challengers are the other candidates fitted beside it. A model is retired by its hash, or with its
whole recipe; neither is ever taken back, a new recipe is another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

WEEKLY_LIST = "weekly list"


@dataclass(frozen=True)
class Week:
    """One run of a week: which model stood behind it, whether it spoke, and the batch of candidates it made.

    card_hash, recipe, batch_id: empty where the run did not say.
    """

    as_of: date
    model: str
    spoke: bool
    content_hash: str = ""
    card_hash: str = ""
    recipe: str = ""
    batch_id: str = ""


@dataclass(frozen=True)
class Approval:
    """Somebody stands for a recipe, for a purpose, until a day; `model` is the one they looked at."""

    model: str
    recipe: str
    purpose: str
    by: str
    reason: str
    on: date
    until: date


@dataclass(frozen=True)
class Retirement:
    """Somebody took a model's word from it; with `recipe`, every later one's made alike."""

    model: str
    content_hash: str
    recipe: str | None
    by: str
    reason: str
    on: date


@dataclass(frozen=True)
class Standing:
    """All acts on models, each in order of time."""

    weeks: Sequence[Week]
    approvals: Sequence[Approval]
    retirements: Sequence[Retirement]

    def retirement_of(self, content_hash: str, recipe: str) -> Retirement | None:
        """The first retirement that concerns a model, by its hash or by its recipe."""
        for one in self.retirements:
            if (content_hash and one.content_hash == content_hash) or (recipe and one.recipe == recipe):
                return one
        return None

    def approvals_in_force(self, recipe: str, purpose: str, on: date) -> list[Approval]:
        """Who stands for a recipe on a day."""
        return [a for a in self.approvals if a.recipe == recipe and a.purpose == purpose and a.on <= on <= a.until]

    def champion(self) -> Week | None:
        """The newest week whose model spoke and was not retired; None when nobody speaks."""
        spoke = [w for w in self.weeks if w.spoke and not self.retirement_of(w.content_hash, w.recipe)]
        return max(enumerate(spoke), key=lambda one: (one[1].as_of, one[0]))[1] if spoke else None

    def by_model(self) -> dict[str, list[Week]]:
        """Every model's weeks, the model first seen last coming first."""
        found: dict[str, list[Week]] = {}
        for week in self.weeks:
            found.setdefault(week.model, []).append(week)
        return dict(reversed(found.items()))

    def why_silent(self, content_hash: str, recipe: str, on: date, approval_needed: bool) -> str:
        """Why a model may not speak on a day, in a sentence for every list; empty when it may."""
        gone = self.retirement_of(content_hash, recipe)
        if gone is not None:
            what = "Its model was" if gone.recipe is None else "Models made like this one were"
            return f"{what} retired on {gone.on:%d %B %Y}."
        if approval_needed and not self.approvals_in_force(recipe, WEEKLY_LIST, on):
            return "No named person has approved models made like this one for live lists, or the approval has ended."
        return ""


def read_acts(acts: Sequence[tuple[str, Mapping[str, Any]]]) -> Standing:
    """The standing out of (what, detail) of every act, oldest first; what: judged, approved or retired."""
    weeks, approvals, retirements = [], [], []
    for what, detail in acts:
        if what == "judged" and detail.get("model"):
            weeks.append(
                Week(
                    as_of=date.fromisoformat(detail["as_of_date"]),
                    model=str(detail["model"]),
                    spoke=detail["channel"] == "model+rules",
                    **{k: str(detail.get(k) or "") for k in ("content_hash", "card_hash", "recipe", "batch_id")},
                )
            )
        elif what == "approved":
            words = {k: str(detail[k]) for k in ("model", "recipe", "purpose", "by", "reason")}
            approvals.append(
                Approval(**words, on=date.fromisoformat(detail["on"]), until=date.fromisoformat(detail["until"]))
            )
        elif what == "retired":
            words = {k: str(detail[k]) for k in ("model", "content_hash", "by", "reason")}
            on = date.fromisoformat(detail["on"])
            retirements.append(Retirement(**words, recipe=detail.get("recipe"), on=on))
    return Standing(tuple(weeks), tuple(approvals), tuple(retirements))


def challengers(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The candidates that were fitted in a model's parts, best first in each: candidate, average precision, chosen."""
    return [
        {"part": number, "candidate": name, "average_precision": value, "chosen": name == part["candidate"]}
        for number, part in enumerate(card.get("parts") or [], start=1)
        for name, value in sorted(part["candidates_compared"].items(), key=lambda c: (-c[1], c[0]))
    ]
