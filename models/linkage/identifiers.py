"""Check digits of the two national numbers a child may carry.

Sources: NHS Data Dictionary, *NHS Number* (modulus 11); Department for Education, *Unique pupil numbers: guidance*
(the check letter is the remainder modulo 23 of the weighted sum of the other twelve characters).
"""

from __future__ import annotations

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
