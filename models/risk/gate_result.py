"""What a gate looks at and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from models.risk.gate_declare import Gate
from models.risk.labels import HistorySum

PASSED, FAILED, UNPROVEN = "passed", "failed", "not enough evidence"


@dataclass(frozen=True)
class Acceptance:
    """A named person's decision to go on although a gate has not passed, until a day (inclusive)."""

    gate: str
    status: str
    by: str
    reason: str
    until: date

    def sentence(self) -> str:
        """For the list and the card."""
        # People write a reason with a full stop or without one.
        return f"Accepted until {self.until:%d %B %Y} by {self.by}: {self.reason.rstrip(' .')}."


@dataclass(frozen=True)
class GateResult:
    """What one gate says; `words` is a sentence fit for the list, `numbers` what it rests on, with `could_have_found`:
    the least true difference that four in five tests like this one would have noticed. accepted: whose decision lets
    the model speak all the same."""

    id: str
    title: str
    kind: str
    status: str
    words: str
    numbers: dict[str, Any] = field(default_factory=dict)
    accepted: Acceptance | None = None

    @property
    def lets_pass(self) -> bool:
        """Whether the model may speak as far as this gate goes."""
        return self.status == PASSED or self.accepted is not None

    def as_dict(self) -> dict[str, Any]:
        """Plain dict, JSON-able."""
        out = asdict(self)
        if self.accepted is not None:
            out["accepted"]["until"] = self.accepted.until.isoformat()
        return out


@dataclass(frozen=True)
class GateInput:
    """What the gates look at.

    partnership: partnership.yml with `capacity: {team: places}` and perhaps `gate_overrides`; feeds: whether each is
    late; evaluation: figures of the back-test; linkage: {measure: {estimate, low, high}}, None when it is not known;
    registration: what is wrong with it, None when it holds; shadow_weeks: weeks judged in shadow so far; inputs: what
    is wrong with what the model reads, a sentence each.
    """

    as_of: date
    partnership: Mapping[str, Any]
    teams: tuple[str, ...]
    history: HistorySum
    no_model_because: str | None
    feeds: Mapping[str, bool | None]
    evaluation: Mapping[str, Any] | None
    linkage: Mapping[str, Mapping[str, float]] | None = None
    registration: str | None = None
    shadow_weeks: int = 0
    inputs: tuple[str, ...] = ()


def result(gate: Gate, status: str, words: str, **numbers: Any) -> GateResult:
    """A verdict of a gate."""
    return GateResult(gate.id, gate.title, gate.kind, status, words, numbers)


def in_a_hundred(difference: float) -> str:
    """A difference of shares in plain words."""
    whole = round(100 * difference)
    return "less than 1 in a hundred" if whole == 0 else f"{whole} in a hundred"
