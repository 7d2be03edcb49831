"""AES-256-GCM around files and single fields.

The context is authenticated with the content: a sealed field moved to another row or column, or a sealed file
renamed into another feed, no longer opens.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_MAGIC = b"SGH1"


class SealBroken(Exception):
    """The content was changed, moved, or sealed with another key."""


def seal(key: bytes, data: bytes, context: str) -> bytes:
    """Encrypt `data`, bound to `context`; the result starts with a format mark and a random nonce."""
    nonce = os.urandom(_NONCE_BYTES)
    return _MAGIC + nonce + AESGCM(key).encrypt(nonce, data, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """The content that was sealed under the same key and context.

    Raises:
        SealBroken: the content, its context or the key is not the one it was sealed with.
    """
    start = len(_MAGIC) + _NONCE_BYTES
    if not sealed.startswith(_MAGIC):
        raise SealBroken(f"What is kept under {context!r} was not sealed by this system.")
    try:
        return AESGCM(key).decrypt(sealed[len(_MAGIC) : start], sealed[start:], context.encode())
    except InvalidTag:
        raise SealBroken(
            f"What is kept under {context!r} cannot be opened: it was changed, moved, or sealed with another key."
        ) from None
