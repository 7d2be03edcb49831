"""The keys of one partnership: one per zone, one for pseudonyms, one that only orders.

A zone is a file with its own key (docs/decisions/0001), so a process that was handed the warehouse key cannot
read names. The pseudonym key and the order seed are separate from the file keys, because they rotate separately:
a new file key re-encrypts a file, a new pseudonym key renames every person.

Keys come from the environment (`HUB_KEY_IDENTITY=<64 hex digits>` ...) or from one file outside the source tree,
readable by its owner alone. Only the demo makes that file by itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

KEY_NAMES = ("landing", "quarantine", "identity", "warehouse", "hub", "pseudonym", "order_seed")
KEY_BYTES = 32


class KeyProblem(Exception):
    """The keys are missing, malformed or readable by others; the message says what to do, never a key."""


@dataclass(frozen=True, repr=False)
class Keys:
    """All keys of one partnership, each 32 bytes."""

    landing: bytes
    quarantine: bytes
    identity: bytes
    warehouse: bytes
    hub: bytes
    pseudonym: bytes
    order_seed: bytes

    def __repr__(self) -> str:
        return "Keys(<hidden>)"

    def zone(self, name: str) -> bytes:
        """The file key of a zone: landing, quarantine, identity, warehouse or hub."""
        if name not in ("landing", "quarantine", "identity", "warehouse", "hub"):
            raise KeyProblem(f"There is no zone called {name!r}.")
        return getattr(self, name)


def key_file(partnership: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the key file of a partnership lies: `HUB_KEY_FILE`, else the user's configuration folder."""
    if environ.get("HUB_KEY_FILE"):
        return Path(environ["HUB_KEY_FILE"]).expanduser()
    base = Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    return base / "safeguarding-hub" / f"{partnership}.keys.json"


def load_keys(partnership: str, create: bool = False, environ: Mapping[str, str] = os.environ) -> Keys:
    """Read the keys of a partnership; with `create`, make the key file of a demo when there is none.

    A key set in the environment wins over the file.

    Raises:
        KeyProblem: a key is missing, is not 64 hex digits, or the file can be read by others.
    """
    path = key_file(partnership, environ)
    stored = _read(path) if path.exists() else {}
    wanted = {name: environ.get(f"HUB_KEY_{name.upper()}") or stored.get(name) for name in KEY_NAMES}
    missing = [name for name, value in wanted.items() if not value]
    if missing and create and not stored:
        for name in missing:
            wanted[name] = secrets.token_hex(KEY_BYTES)
        wanted["order_seed"] = demo_order_seed(partnership)
        _write(path, {name: str(value) for name, value in wanted.items()})
        missing = []
    if missing:
        raise KeyProblem(
            f"Keys are missing for partnership {partnership!r}: {', '.join(missing)}. "
            f"Set HUB_KEY_{missing[0].upper()} (64 hex digits) and the others, or restore the key file {path}. "
            "Without the old keys the existing databases cannot be read."
        )
    return Keys(**{name: _decode(name, str(value)) for name, value in wanted.items()})


def demo_order_seed(partnership: str) -> str:
    """The order seed of keys made for a demo: the same everywhere, so that two machines draw the same lists.

    It is no secret, which is right for people who do not exist. A partnership in service sets one of its own: whoever
    knows the seed and an agency's record numbers could recompute the order of persons.
    """
    return hashlib.sha256(f"demo order of {partnership}".encode()).hexdigest()


def _decode(name: str, text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyProblem(f"Key {name!r} must be {2 * KEY_BYTES} hex digits.")
    return key


def _read(path: Path) -> dict[str, str]:
    if path.stat().st_mode & 0o077:
        raise KeyProblem(f"The key file {path} can be read by others: run `chmod 600` on it.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise KeyProblem(f"The key file {path} is not valid JSON; restore it from its backup.") from None
    return {str(name): str(value) for name, value in content.items()}


def _write(path: Path, content: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
