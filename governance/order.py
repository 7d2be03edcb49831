"""An order that no file key can influence.

Lists, folds and draws need ties broken the same way on two machines with different keys. Persons are therefore ordered
by a hash of what their records are called at source, under the *order seed*: it is neither a file key nor the pseudonym
key, and it is the one secret that two machines share when they must agree.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence

_BITS = 53  # the largest whole number that every tool on the way (JSON, double) keeps exactly


def order_hash_with(order_seed: bytes) -> Callable[[Sequence[str]], list[int]]:
    """A function from texts to numbers in [0, 2**53): the first 53 bits of HMAC-SHA-256(order seed, text)."""

    def order_hash(texts: Sequence[str]) -> list[int]:
        return [
            int.from_bytes(hmac.digest(order_seed, text.encode(), hashlib.sha256)[:8], "big") >> (64 - _BITS)
            for text in texts
        ]

    return order_hash
