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
    """A function from texts to numbers in [0, 2**53): the first 53 bits of HMAC-SHA-256(order seed, text).

    >>> text = "csc/person/1"
    >>> order_hash_with(b"seed")([text])[0] == int(hmac.digest(b"seed", text.encode(), "sha256").hex(), 16) >> 203
    True
    """
    keyed = hmac.new(order_seed, digestmod=hashlib.sha256)

    def one(text: str) -> int:
        # The key is hashed once, not for every text.
        hashed = keyed.copy()
        hashed.update(text.encode())
        return int.from_bytes(hashed.digest()[:8], "big") >> (64 - _BITS)

    return lambda texts: [one(text) for text in texts]
