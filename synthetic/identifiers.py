"""NHS numbers, UPNs, UPRNs and postcodes that are well formed and can belong to no real person or place.

NHS numbers lie in 900 000 0000 to 999 999 9999, which is never issued (synthetic and test patients). UPNs carry
authority code 005, which passes the published CIN rule 1530 but is no upper-tier authority today. Postcode area `ZM`
does not exist: no area in the United Kingdom starts with Z, so no generated address can be somebody's home. UPRNs
start with 0005, a range not in use.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
INWARD_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"


def _scattered(size: int, span: int, start: int) -> NDArray[np.int64]:
    """`size` distinct numbers in [0, span), scattered: an affine walk with a prime step that does not divide the
    span.
    """
    step = 61_803_399 if span % 61_803_399 else 15_485_863
    return (np.arange(size, dtype=np.int64) * step + start) % span


def _digits(numbers: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    return np.stack([numbers // 10**k % 10 for k in range(width - 1, -1, -1)], axis=1)


def _text(digits: NDArray[np.int64]) -> NDArray[np.str_]:
    """Rows of digits as fixed-width text."""
    codes = (digits + ord("0")).astype(np.uint32)
    return np.ascontiguousarray(codes).view(f"U{digits.shape[1]}").ravel()


def nhs_numbers(size: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """`size` distinct ten-digit NHS numbers of the synthetic range, with their modulus-11 check digit.

    Rule (NHS Data Dictionary): weights 10 to 2 on the first nine digits; check = 11 - sum mod 11;
    11 becomes 0, 10 is not used.
    """
    start = int(rng.integers(0, 10**8))
    stems = _digits(900_000_000 + _scattered(size + size // 8 + 64, 10**8, start), 9)
    check = (11 - (stems * np.arange(10, 1, -1)).sum(axis=1) % 11) % 11
    keep = check < 10
    return _text(np.concatenate([stems, check[:, None]], axis=1)[keep][:size])


def upns(size: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """`size` distinct UPNs: check letter, authority 005, nine digits.

    Rule (DfE, as CIN rule 1510): characters 2 to 13 times weights 2 to 13, sum modulo 23, indexes
    `ABCDEFGHJKLMNPQRTUVWXYZ`.
    """
    start = int(rng.integers(0, 10**9))
    digits = _digits(5 * 10**9 + _scattered(size, 10**9, start), 12)
    letters = np.array(list(UPN_LETTERS))[(digits * np.arange(2, 14)).sum(axis=1) % 23]
    return np.char.add(letters, _text(digits))


def uprns(size: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """`size` distinct twelve-digit UPRNs starting 0005."""
    return _text(_digits(5 * 10**8 + _scattered(size, 10**8, int(rng.integers(0, 10**8))), 12))


def postcodes(outward: NDArray[np.int64], unit: NDArray[np.int64]) -> NDArray[np.object_]:
    """Postcodes `ZM<outward> <digit><two letters>`; `unit` in [0, 4000) numbers the postcode inside its outward
    code.
    """
    letters = np.array(list(INWARD_LETTERS))
    scattered = unit * 1237 % 4000
    inward = np.char.add(
        np.char.add((scattered // 400).astype(str), letters[scattered // 20 % 20]), letters[scattered % 20]
    )
    return np.char.add(np.char.add(np.char.add("ZM", outward.astype(str)), " "), inward).astype(object)
