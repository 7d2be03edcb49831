"""Check digits of the two national numbers a child may carry.

Sources: NHS Data Dictionary, *NHS Number* (modulus 11); Department for Education, *Unique pupil numbers: guidance*
(the check letter is the remainder modulo 23 of the weighted sum of the other twelve characters).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


def nhs_number(value: str) -> str | None:
    """The ten digits of an NHS number whose last digit checks, else ``None``.

    >>> nhs_number("943 476 5919"), nhs_number("943 476 5918"), nhs_number("0000000000")
    ('9434765919', None, None)
    """
    digits = "".join(c for c in value if c.isdigit())
    if len(digits) != 10 or len(set(digits)) == 1:
        return None
    check = 11 - sum(int(d) * (10 - i) for i, d in enumerate(digits[:9])) % 11
    if check == 11:
        check = 0
    return digits if check != 10 and check == int(digits[9]) else None


def upn_check_letter(rest: str) -> str:
    """The letter that must stand before the other twelve characters of a UPN.

    >>> upn_check_letter("823432103012")
    'B'
    """
    total = 0
    for weight, char in enumerate(rest, start=2):
        total += weight * (int(char) if char.isdigit() else _UPN_LETTERS.index(char))
    return _UPN_LETTERS[total % 23]


def upn(value: str) -> str | None:
    """A thirteen-character UPN, permanent or temporary (letter at the end), whose check letter is right, else ``None``.

    >>> upn(upn_check_letter("823432103012") + "823432103012") == upn_check_letter("823432103012") + "823432103012"
    True
    >>> upn("I823432103012") is None
    True
    """
    text = "".join(value.upper().split())
    if len(text) != 13 or not text[1:12].isdigit() or not (text[12].isdigit() or text[12] in _UPN_LETTERS):
        return None
    return text if text[0] == upn_check_letter(text[1:]) else None


def nhs_numbers(values: list[str]) -> list[str | None]:
    """:func:`nhs_number` of many values; those already written as ten digits are checked all at once.

    >>> nhs_numbers(["9434765919", "943 476 5919", "9434765918", "0000000000"])
    ['9434765919', '9434765919', None, None]
    """
    places, digits = _codes(values, 10)
    rest = digits[:, :9] @ np.arange(10, 1, -1) % 11
    good = (digits < 10).all(axis=1) & ((11 - rest) % 11 == digits[:, 9]) & (digits != digits[:, :1]).any(axis=1)
    return _those(values, places, good, nhs_number)


def upns(values: list[str]) -> list[str | None]:
    """:func:`upn` of many values; those of thirteen capitals and digits are checked all at once.

    >>> upns(["B823432103012", "b823432103012", "C823432103012", "B82343210301B"]) == [
    ...     upn(v) for v in ("B823432103012", "b823432103012", "C823432103012", "B82343210301B")]
    True
    """
    places, codes = _codes(values, 13)
    letter = np.full(128, 99)
    letter[[ord(c) - 48 for c in _UPN_LETTERS]] = np.arange(23)
    last = np.where(codes[:, 12] < 10, codes[:, 12], letter[codes[:, 12]])
    rest = (codes[:, 1:12] @ np.arange(2, 13) + 13 * last) % 23
    good = (codes[:, 1:12] < 10).all(axis=1) & (last < 23) & (letter[codes[:, 0]] == rest)
    return _those(values, places, good, upn)


def _codes(values: list[str], width: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the values of ``width`` plain characters from "0" on, and their characters counted from "0"."""
    plain = [i for i, v in enumerate(values) if len(v) == width and v.isascii() and v.isalnum()]
    text = "".join([values[i] for i in plain]).encode("ascii")
    codes = np.frombuffer(text, dtype="uint8").reshape(-1, width).astype("int64") - ord("0")
    return np.array(plain, dtype="int64"), codes


def _those(
    values: list[str], places: np.ndarray, good: np.ndarray, one: Callable[[str], str | None]
) -> list[str | None]:
    """The values at ``places`` where ``good``; of all others what ``one`` says."""
    out: list[str | None] = list(values)
    sure = np.zeros(len(values), dtype=bool)
    sure[places[good]] = True
    for i in np.flatnonzero(~sure).tolist():
        out[i] = one(values[i])
    return out
