"""What a page of figures is made of, and how its numbers read: per cent with an interval, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar

from review.words import on_words

WAYS = {"model": "Model", "contact_count": "Counting contacts", "rules": "Named patterns", "random": "A draw"}
HIDDEN = "withheld"
UNMEASURED = "not measured"
NONE = "–"

Told = Mapping[str, Any]
"""What a weekly run left for the page: see `pipelines.evaluation.page.told_of`."""


@dataclass(frozen=True)
class Words:
    """A paragraph; loud ones are set apart."""

    text: str
    loud: bool = False
    kind: ClassVar[str] = "words"


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows. note: what must be known to read it."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Picture:
    """A picture by its name in `models.risk.plots`, and what it shows for those who cannot see it."""

    name: str
    alt: str
    kind: ClassVar[str] = "picture"


Block = Words | Table | Picture


@dataclass(frozen=True)
class Section:
    """A chapter of the page: `lead` says in plain words what its figures say."""

    id: str
    title: str
    lead: str
    blocks: Sequence[Block] = field(default_factory=tuple)


def share(part: Mapping[str, float] | None) -> str:
    """`12.3 % (8.1 to 17.0)`."""
    if part is None:
        return HIDDEN
    if part["low"] == part["high"]:
        return f"{percent(part['estimate'])} (no interval)"
    return f"{100 * part['estimate']:.1f}\u00a0% ({100 * part['low']:.1f} to {100 * part['high']:.1f})"


def percent(value: float | None, digits: int = 1) -> str:
    """`12.3 %`."""
    return HIDDEN if value is None else f"{100 * value:.{digits}f}\u00a0%"


def more(part: Mapping[str, float] | None) -> str:
    """`+4.2 of 100 (+0.5 to +9.1)`: a difference of two shares."""
    if part is None:
        return HIDDEN
    low, high = 100 * part["low"], 100 * part["high"]
    return f"{100 * part['estimate']:+.1f} of 100 ({low:+.1f} to {high:+.1f})"


def ratio(part: Mapping[str, float] | None) -> str:
    """`1.10 (0.95 to 1.27)`."""
    return HIDDEN if part is None else f"{part['estimate']:.2f} ({part['low']:.2f} to {part['high']:.2f})"


def lift(part: Mapping[str, float | None] | None) -> str:
    """`1.8 times (1.1 to 2.9)`; an open end is said to be open."""
    if part is None:
        return HIDDEN
    if part["lift_low"] is None:
        return "cannot be told" if not part["lift"] else f"{part['lift']:.1f} times (no interval: too few found)"
    high = "no upper end" if part["lift_high"] is None else f"{part['lift_high']:.1f}"
    return f"{part['lift']:.1f} times ({part['lift_low']:.1f} to {high})"


def number(value: float | None, digits: int = 0) -> str:
    """`1,234`, or that it is withheld."""
    return HIDDEN if value is None else f"{value:,.{digits}f}"


def weeks(days: float | None) -> str:
    """Days as `12 weeks`."""
    return HIDDEN if days is None else f"{days / 7:.0f} weeks"


def times(value: float | None) -> str:
    """A share in words a table has room for, or that it was not measured."""
    return UNMEASURED if value is None else percent(value, 0)


def day(text: str) -> str:
    """An ISO date as `4 October 2026`."""
    return on_words(date.fromisoformat(text))


def among(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def lower(text: str) -> str:
    """A title inside a sentence."""
    return text[:1].lower() + text[1:]


def missing(told: Told, what: str) -> str:
    """Why figures are absent, in a sentence: `what` is what cannot be said, such as "how early lists point"."""
    gate = next((f" (see the gate “{g['title']}”)" for g in told["gates"] if g["kind"] == "history"), "")
    if not told["evaluation"]:
        return f"It cannot be said {what}: no past week could be judged{gate}."
    if "calibration" not in told["evaluation"]:
        return f"It cannot be said {what}: there was no model in the weeks judged{gate}."
    return f"It cannot be said {what}: it was not measured {'here' if told.get('back_test') else 'this week'}."
