"""What a pack declares about drift: how far things may move before a person is told, each limit with its reason.

No limit of this section is registered: a warning stops nothing and lets nothing pass, it asks somebody to look.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from models.risk.gate_declare import Strict


class Limit(Strict):
    """How far something may move, and why just so far."""

    most: Annotated[float, Field(gt=0)]
    why: Annotated[str, Field(min_length=10)]


class Drift(Strict):
    """Limits of drift.

    distribution: population stability index beyond chance, of a feature or of the score. recorded: by what factor the
    share of people with something recorded may grow or shrink. base_rate: the same of the share with an outcome.
    arrivals: the same of rows that arrive in time. lateness: by how much the share known in time may fall or rise.
    estimate: by how much the expected precision may miss what is found. known_within_days: what "in time" means.
    complete_after_days: from when on a week's rows count as all there. recent_weeks: how many weeks are compared.
    least: the fewest people, outcomes or rows on which a warning may rest.
    """

    distribution: Limit = Limit(most=0.25, why="the customary bound: below it a distribution counts as the same")
    recorded: Limit = Limit(most=1.6, why="half as many, or two thirds more, is no ordinary week")
    base_rate: Limit = Limit(most=1.3, why="calibrated chances would be wrong by a third")
    arrivals: Limit = Limit(most=1.6, why="half of a feed missing is told, an ordinary swing is not")
    lateness: Limit = Limit(most=0.15, why="one row in seven comes too late for the week it belongs to")
    estimate: Limit = Limit(most=0.1, why="one listing in ten is right where it was expected not to be, or the reverse")
    known_within_days: int = Field(default=7, ge=1, le=60)
    complete_after_days: int = Field(default=28, ge=2, le=180)
    recent_weeks: int = Field(default=4, ge=1, le=26)
    least: int = Field(default=20, ge=5)

    @model_validator(mode="after")
    def _complete_later(self) -> Drift:
        if self.complete_after_days <= self.known_within_days:
            raise ValueError("drift: complete_after_days must be more than known_within_days")
        return self
