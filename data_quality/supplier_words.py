"""What a supplier's colleague reads: what to do about each rule, and numbers in words. No value of any row."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

_LONDON = ZoneInfo("Europe/London")
FEW = 5

# By rule of the gate. A rule that is not named here gets the last sentence, which is always true.
_ADVICE = {
    "not_to_be_shared": "These rows should not have left you; we kept nothing of them. Please leave them out.",
    "required": "Fill the column in your system, then let the row come again.",
    "date": "Write the date as agreed, or correct it where it is no real day.",
    "timestamp": "Write date and time as agreed, or correct it where it is no real moment.",
    "plausible_date": "Check the year, and day against month.",
    "integer": "Send a whole number, without text or decimals.",
    "number": "Send a number, with a point and without text.",
    "boolean": "Send one of the agreed words for yes and no.",
    "range": "Check the number: it is smaller or larger than it can be.",
    "pattern": "Check it for a slip of the keyboard or a shifted column.",
    "length": "Check for a shifted column or text that was cut off.",
    "json": "Ask whoever runs your export: this column has to be valid JSON of the agreed kind.",
    "code_set": "If the code is new, tell us what it means: once our list has it, the rows come in by themselves. "
    "If it is a slip, correct it.",
    "row_state": "The last column has to say new, updated, unchanged or deleted.",
    "control_character": "Remove the invisible character from this value.",
    "nhs_number": "Look the NHS number up again: its check digit does not fit.",
    "upn": "Look the pupil number up again: its check letter does not fit.",
    "postcode": "Correct the postcode, or leave it empty if it is not known.",
    "duplicate_key": "Send each record once; we cannot tell which of the two is right.",
    "duplicate_row": "Nothing: we kept one of the two.",
    "malformed_row": "A delimiter or quotation mark inside a text is not quoted. Ask whoever runs your export.",
}  # fmt: skip
_PATTERNS = {"%d": "DD", "%m": "MM", "%Y": "YYYY", "%y": "YY", "%H": "hh", "%M": "mm", "%S": "ss"}
_ELSE = "Correct it in your system and let the row come again."


def advice(rule: str) -> str:
    """What to do about rows that broke a rule."""
    return _ADVICE.get(rule, _ELSE)


def few(count: int) -> str:
    """A count about people; small ones are not told apart."""
    return f"fewer than {FEW}" if count < FEW else f"{count:,}"


def amount(count: int, one: str, many: str | None = None) -> str:
    """`1 file`, `3 files`, `no file`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}" if count else f"no {one}"


def local(moment: datetime) -> datetime:
    """London wall-clock time of a naive UTC instant."""
    return moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(_LONDON)


def day(moment: date | datetime) -> str:
    """`5 October 2026`; an instant by its London day."""
    on = local(moment) if isinstance(moment, datetime) else moment
    return f"{on.day} {on:%B %Y}"


def weekday(moment: date | datetime) -> str:
    """`Monday 5 October`."""
    on = local(moment) if isinstance(moment, datetime) else moment
    return f"{on:%A} {on.day} {on:%B}"


def moment(at: datetime) -> str:
    """`Monday 5 October, 18:00`, London time."""
    return f"{weekday(at)}, {local(at):%H:%M}"


def percent(share: float) -> str:
    """Whole percentages; one decimal under 10 % and over 90 %, where it can decide, and never a false 0 or 100."""
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.999 < share < 1:
        return "over 99.9 %"
    hundredths = 100 * share
    whole = share in (0.0, 1.0) or 10 <= hundredths <= 90 or round(hundredths, 1) == round(hundredths)
    return f"{hundredths:.0f} %" if whole else f"{hundredths:.1f} %"


def sentence_list(parts: list[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def plain(reason: str) -> str:
    """A rule's reason with date patterns as people write them, as a sentence."""
    for sign, words in _PATTERNS.items():
        reason = reason.replace(sign, words)
    return f"{reason[:1].upper()}{reason[1:].rstrip('.')}."
