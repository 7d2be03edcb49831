"""What a pack declares about judging: the back-test, the fairness audit, the gates and their registration."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """Base of every declaration: unknown keys are refused, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Evaluation(Strict):
    """The back-test: `test_weeks` consecutive Sundays a split, `splits` splits, `split_step_weeks` apart.

    family_folds: into how many parts families are dealt, each scored by a model that learnt from the others alone;
    1 turns this off, for persons who have no families. refits: how often the newest model is fitted again with other
    draws, to see how much of a list is owed to them. recorder_share: the share of the score that who records may
    explain, beyond how much is recorded, before the page warns.
    """

    test_weeks: int = Field(default=26, ge=1)
    splits: int = Field(default=1, ge=1)
    split_step_weeks: int = Field(default=4, ge=1)
    family_folds: int = Field(default=2, ge=1, le=10)
    refits: int = Field(default=1, ge=0, le=10)
    bootstrap: int = Field(default=400, ge=50)
    level: float = Field(default=0.95, gt=0.5, lt=1)
    smallest_cell: int = Field(default=6, ge=1)
    recorder_share: float = Field(default=0.2, gt=0, le=1)

    @property
    def judged_weeks(self) -> int:
        """Weeks from the first to the last that some split looks at."""
        return self.test_weeks + (self.splits - 1) * self.split_step_weeks


class AuditAttribute(Strict):
    """One attribute by which fairness is measured: a column of the audit frame, or bands of a declared feature.

    edges: the first value of every band but the lowest, such as [2, 5] for "under 2", "2 to 4", "5 and over".
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,59}$")]
    title: str
    feature: str | None = None
    edges: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> AuditAttribute:
        if (self.feature is None) == bool(self.edges) or list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"attribute {self.name}: bands need a feature and rising edges, and both or neither")
        return self


class Fairness(Strict):
    """The audit: attributes, and the name of the group of those about whom one is not recorded."""

    attributes: tuple[AuditAttribute, ...] = ()
    missing: str = "not recorded"


class Registration(Strict):
    """When a version of target, gates and evaluation was written down, and the hash of what was written."""

    version: int
    registered_on: date
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


Measure = Literal["precision", "missed"]
# The terms under which any model runs: no pack may leave out a gate on one of them. What the evidence has to show is
# the pack's to declare, and stands on its card.
ASKED_ANYWHERE = ("registration", "mode", "sign_offs", "capacity", "sunset")


class Gate(Strict):
    """One pre-registered condition of issuing a model list; which settings it needs depends on its kind (gates.py)."""

    id: str
    kind: Literal[
        "registration",
        "mode",
        "sign_offs",
        "capacity",
        "sunset",
        "history",
        "feeds",
        "inputs",
        "benefit",
        "calibration",
        "fairness",
        "stability",
        "linkage",
    ]
    title: str
    against: Literal["contact_count", "rules", "random"] | None = None
    least_difference: float = 0.0
    detectable: float = Field(default=0.1, gt=0)
    minimum_found: int = Field(default=20, ge=1)
    slope: tuple[float, float] = (0.8, 1.25)
    # Mean distance of expected from observed beyond chance, over what was observed: an absolute limit is wide where
    # need is rare and narrow where it is common.
    largest_relative_error: float = Field(default=0.25, gt=0)
    required: tuple[str, ...] = ()
    shadow_weeks: int = Field(default=26, ge=0)
    quiet_weeks: int = Field(default=13, ge=1)
    margins: dict[Measure, float] = Field(default_factory=dict)
    most_turnover: float = Field(default=0.5, gt=0, le=1)
    least_overlap: float = Field(default=0.6, ge=0, le=1)
    least: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Gate:
        if self.kind == "benefit" and self.against is None:
            raise ValueError(f"gate {self.id}: a benefit gate says against which comparator")
        if self.kind == "sign_offs" and not self.required:
            raise ValueError(f"gate {self.id}: no sign-off is named")
        if self.kind == "fairness" and not self.margins:
            raise ValueError(f"gate {self.id}: no margin is named")
        if self.kind == "linkage" and not self.least:
            raise ValueError(f"gate {self.id}: no least value is named")
        return self
