"""What a model card and an ATRS record are written from: the pack's declarations, and few helpers to write Markdown.

What only people can answer stands in partnership.yml under `transparency:`. What is not there is shown as not
answered, with whose answer it is, and never filled in by a machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from models.risk.declare import RiskConfig, RuleBook


@dataclass(frozen=True)
class Feed:
    """One feed's agreement: what is sent, why, on what lawful ground, for how long; columns: names by zone."""

    name: str
    agency: str
    description: str
    purpose: str
    lawful_basis: str
    agreement: str
    expires: date | None
    retention_months: int | None
    columns: Mapping[str, tuple[str, ...]]
    subject: str | None = None


@dataclass(frozen=True)
class Pack:
    """partnership: partnership.yml; cohort: cohort.yml; feeds: those that are on, in the pack's order; people: what the
    pack calls those its lists are about (`children`); looks_up_deprivation: whether it has a table of areas for the
    audit."""

    partnership: Mapping[str, Any]
    cohort: Mapping[str, Any]
    feeds: Sequence[Feed]
    config: RiskConfig
    book: RuleBook
    people: str
    looks_up_deprivation: bool = False

    @property
    def transparency(self) -> Mapping[str, Any]:
        """What people have answered."""
        return self.partnership.get("transparency") or {}

    def answer(self, key: str, whose: str) -> str:
        """An answer under `transparency:`, or that it is not answered and whose it is."""
        given = self.transparency.get(key)
        if isinstance(given, list):
            return "\n".join(f"- {one}" for one in given) if given else not_answered(key, whose)
        return str(given).strip() if given else not_answered(key, whose)


def titled(pack: Pack, feed: Feed) -> str:
    """A feed under its agency's name for people, never its key: a sealed agency's key may say what it is."""
    agency = (pack.partnership.get("agencies") or {}).get(feed.agency, {}).get("title", feed.agency)
    return f"{agency}: {feed.name.split('__')[-1].replace('_', ' ')}"


def looked_up(pack: Pack) -> str:
    """What no agency sends and the audit is told all the same, as a sentence to append; else nothing."""
    if not pack.looks_up_deprivation:
        return ""
    return (
        " The deprivation of the home's area is sent by nobody: it is looked up by postcode where addresses are kept,"
        " and the fifth alone is told, to the audit alone."
    )


def not_answered(key: str, whose: str) -> str:
    """Instead of an answer nobody has given."""
    return f"**Not answered.** It is for the {whose} to say (`transparency: {key}` in partnership.yml)."


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; cells on one line, without a bar."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(_cell(one) for one in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return " ".join(str("" if value is None else value).replace("|", "/").split())


def joined(parts: Iterable[str]) -> str:
    """The parts that are not empty, as one text with a blank line between them and one at the end."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def day(value: Any) -> str:
    """`1 September 2026`, from a date or ISO text; empty for nothing."""
    if not value:
        return ""
    known = value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
    return f"{known.day} {known:%B %Y}"


def share(part: Mapping[str, float] | None) -> str:
    """An estimate with its interval, in per cent; withheld where it is None."""
    if part is None:
        return "withheld"
    return f"{100 * part['estimate']:.1f} % ({100 * part['low']:.1f} to {100 * part['high']:.1f})"


def percent(value: float | None, decimals: int = 2) -> str:
    """A share in per cent; withheld where it is None."""
    return "withheld" if value is None else f"{100 * value:.{decimals}f} %"


def number(value: float | None) -> str:
    """A count; withheld where it is None."""
    return "withheld" if value is None else f"{value:,}"


SYNTHETIC = "> **Everything here is invented**: the authority, its people, its signatures and every figure."
REPLAY = (
    "> **Published data of the past, replayed.** Its figures show that the evaluation works on real people, and nothing"
    " about safeguarding."
)


def notice(pack: Pack) -> str:
    """That the data are invented, or replayed; empty for a real partnership."""
    return {"synthetic": SYNTHETIC, "replay": REPLAY}.get(str(pack.partnership.get("label")), "")
