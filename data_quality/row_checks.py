"""Identifiers that can be checked without asking anybody: SQL over a text that is true where it is none.

Each is NULL for NULL.
"""

from __future__ import annotations

from data_quality.sql import literal

# GOV.UK bulk data transfer shape, plus GIR 0AA and the NHS ZZ99 pseudo-postcodes, which have the same shape.
_POSTCODE = r"(GIR ?0AA|[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2})"
_UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


def bad_nhs_number(text: str) -> str:
    """Modulus 11 of the NHS Data Dictionary: weights 10 to 1 (the check digit) must sum to a multiple of 11.

    A digit is n // 10^k - 10 * (n // 10^(k+1)), so the sum of weighted digits is a sum of weighted quotients, at half
    the divisions. Ten plain digits that do not begin with 0 are judged without a regular expression: they are the
    number that reads as the text. Bits, because DuckDB computes what conditions joined by AND share again for each.
    """
    plain = _sum_to_eleven(f"try_cast({text} as bigint)")
    number = f"try_cast({text} as bigint)"
    is_plain = f"(({number} between 1000000000 and 9999999999)::utinyint & ({number}::varchar = {text})::utinyint)"
    digits = f"replace(replace({text}, ' ', ''), '-', '')"
    other = f"not regexp_full_match({digits}, '[0-9]{{10}}') or not {_sum_to_eleven(f'try_cast({digits} as bigint)')}"
    return f"case when ({is_plain} & {plain}::utinyint) = 1 then false else {other} end"


def _sum_to_eleven(number: str) -> str:
    weights = [(power + 1 - 10 * power) % 11 for power in range(10)]
    total = " + ".join(f"{weight} * ({number} // {10**power})" for power, weight in enumerate(weights) if weight)
    return f"(({total}) % 11 = 0)"


def bad_upn(text: str) -> str:
    """DfE UPN guide: the letter is table[sum of weights 2 to 13 times characters 2 to 13, modulo 23].

    The 13th character of a temporary UPN is a letter, which counts as its place in the same table.
    """
    upn = f"upper({text})"
    number = f"try_cast(substr({upn}, 2, 11) as bigint)"
    values = [_digit(number, power) for power in range(10, -1, -1)]
    last = f"substr({upn}, 13, 1)"
    letter_value = f"strpos('{_UPN_LETTERS}', {last})"
    values.append(f"(case when {letter_value} > 0 then {letter_value} - 1 else ascii({last}) - 48 end)")
    total = " + ".join(f"{weight} * {value}" for weight, value in zip(range(2, 14), values, strict=True))
    letter = f"substr('{_UPN_LETTERS}', ({total}) % 23 + 1, 1)"
    shape = f"[{_UPN_LETTERS}][0-9]{{11}}[0-9{_UPN_LETTERS}]"
    return f"case when not regexp_full_match({upn}, '{shape}') then true else {letter} <> substr({upn}, 1, 1) end"


def _digit(number: str, power: int) -> str:
    return f"(({number} // {10**power}) % 10)"


def bad_postcode(text: str) -> str:
    """Shaped like a postcode; whether it exists is not asked."""
    return f"not regexp_full_match(upper({text}), {literal(_POSTCODE)})"


CHECKS = {
    "nhs_number": (bad_nhs_number, "it is not an NHS number (10 digits, modulus 11)"),
    "upn": (bad_upn, "it is not a UPN (check letter)"),
    "postcode": (bad_postcode, "it is not shaped like a postcode"),
}
