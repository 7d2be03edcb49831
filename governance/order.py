"""An order that no file key can influence.

Lists, folds and draws need ties broken the same way on two machines with different keys. Persons are therefore ordered
by a hash of what their records are called at source, under the *order seed*: it is neither a file key nor the pseudonym
key, and it is the one secret that two machines share when they must agree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

_BITS = 53  # the largest whole number that every tool on the way (JSON, double) keeps exactly


def order_hash_with(order_seed: bytes) -> Callable[[Sequence[str]], list[int]]:
    """A function from texts to numbers in [0, 2**53): the first 53 bits of HMAC-SHA-256(order seed, text).

    >>> import hmac
    >>> text = "csc/person/1"
    >>> order_hash_with(b"seed")([text])[0] == int(hmac.digest(b"seed", text.encode(), "sha256").hex(), 16) >> 203
    True
    """
    # Both halves of HMAC (RFC 2104) begin with the key alone: hashed once, a text costs less than half.
    block = (order_seed if len(order_seed) <= 64 else hashlib.sha256(order_seed).digest()).ljust(64, b"\0")
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))

    def one(text: str) -> int:
        inside, outside = inner.copy(), outer.copy()
        inside.update(text.encode())
        outside.update(inside.digest())
        return int.from_bytes(outside.digest()[:8], "big") >> (64 - _BITS)

    return lambda texts: [one(text) for text in texts]
