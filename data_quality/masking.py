"""Values told without being told: enough for a supplier to recognise a row, not enough to learn it from the report.

A row is *found* by file and row number; its masked key confirms that it is the right one. So neither needs more than
the end of the key and the shape of the value.

>>> shape("31/02/2016"), shape("ZM7 2J"), shape("O'Neill")
('99/99/9999', 'AA9 9A', "A'Aaaaa")
>>> key_ending("PPN0010064"), key_ending("2")
('…064', '9')
"""

from __future__ import annotations

from collections.abc import Collection

_LONGEST_SHAPE = 24
_KEY_SHOWN = 3
_KEY_LONG_ENOUGH = 8
_SHORT_CODE = 4


def shape(value: str | None) -> str:
    """Letters as A or a, digits as 9, everything else as it is, cut after 24 characters; `(empty)` for nothing."""
    if value is None or value == "":
        return "(empty)"
    shown = "".join(_class_of(sign) for sign in value[:_LONGEST_SHAPE])
    return shown if len(value) <= _LONGEST_SHAPE else f"{shown}… ({len(value)} characters)"


def key_ending(value: str | None) -> str:
    """The last three characters of a record key; the shape alone where the key is too short to hide the rest."""
    if value is None or len(value) < _KEY_LONG_ENOUGH:
        return shape(value)
    return f"…{value[-_KEY_SHOWN:]}"


def code_or_shape(value: str | None, vocabulary: Collection[str]) -> str:
    """A code as it was sent where it cannot be anything about a person, else its shape.

    A code that some code set of the pack knows (last year's, or another column's) is public; so is a short one with a
    digit in it. Anything else may be a name that slipped into the column.
    """
    if value is not None and (
        value in vocabulary or (0 < len(value) <= _SHORT_CODE and value.isascii() and any(map(str.isdigit, value)))
    ):
        return value
    return shape(value)


def _class_of(sign: str) -> str:
    if sign.isdigit():
        return "9"
    if sign.isalpha():
        return "A" if sign.isupper() else "a"
    return sign if sign.isprintable() else "?"
