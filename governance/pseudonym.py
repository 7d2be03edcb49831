"""Keyed pseudonyms: the same text always gives the same opaque key, and nobody without the key can go back.

HMAC-SHA-256 (RFC 2104) cut to 128 bits and kept as UUID, which DuckDB stores and joins as a 16-byte number.
The text is made of parts joined with the unit separator (U+001F), which no field of a feed may contain.

>>> Pseudonym(bytes(32)).key_of("csc", "person", "1") == Pseudonym(bytes(32)).key_of("csc", "person", "1")
True
"""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

import duckdb

SEPARATOR = "\x1f"
_BLOCK = 64


class Pseudonym:
    """Makes keys in Python and, through an SQL macro, a million a second inside DuckDB."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def key_of(self, *parts: str) -> UUID:
        """The pseudonym of the parts, in order."""
        return UUID(hmac.new(self._key, SEPARATOR.join(parts).encode(), hashlib.sha256).hexdigest()[:32])

    def install(self, con: duckdb.DuckDBPyConnection, macro: str = "pseudonym") -> None:
        """Define `macro(text) -> UUID` on a connection; the key stays in session variables, never in SQL text.

        DuckDB has SHA-256 but no HMAC, so the two nested hashes of RFC 2104 are written out.
        """
        padded = self._key.ljust(_BLOCK, b"\0")
        con.execute(f"set variable {macro}_inner = ?", [bytes(byte ^ 0x36 for byte in padded)])
        con.execute(f"set variable {macro}_outer = ?", [bytes(byte ^ 0x5C for byte in padded)])
        con.execute(
            f"create or replace temp macro {macro}(part) as left(sha256(getvariable('{macro}_outer') || "
            f"unhex(sha256(getvariable('{macro}_inner') || encode(part)))), 32)::uuid"
        )
