"""Zone Z0 after the gate: the file as it was sent, sealed, until its contract's retention ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from governance.seal import seal, unseal

SEALED_SUFFIX = ".enc"


def archive_with(landing_key: bytes) -> Callable[[Path, str], None]:
    """A function that puts one landed file away.

    The file is sealed into `<folder>/<outcome>/<name>.enc` (outcome: accepted or refused) and the plain one removed.
    Killed at any moment and called again, it ends the same: the sealed copy is complete before the plain file goes.
    """

    def archive(path: Path, outcome: str) -> None:
        if not path.exists():
            return
        target = path.parent / outcome / (path.name + SEALED_SUFFIX)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        partial = target.with_suffix(".partial")
        partial.write_bytes(seal(landing_key, path.read_bytes(), _context(path)))
        partial.replace(target)
        path.unlink()

    return archive


def read_archived(path: Path, landing_key: bytes) -> bytes:
    """The file as it was sent, from its sealed copy `<feed folder>/<outcome>/<name>.enc`."""
    original = path.parent.parent / path.name.removesuffix(SEALED_SUFFIX)
    return unseal(landing_key, path.read_bytes(), _context(original))


def _context(path: Path) -> str:
    feed, agency = path.parent, path.parent.parent
    return f"landing/{agency.name}/{feed.name}/{path.name}"


def remove_archived(landing: Path, agency: str, feed: str, file_name: str) -> int:
    """Remove the sealed copies of one drop (file and manifest) whose retention has ended; returns how many went."""
    folder = landing / agency / feed
    manifests = (f"{Path(file_name).stem}.manifest.json", f"{file_name}.manifest.json")
    gone = 0
    for outcome in ("accepted", "refused"):
        for name in (file_name, *manifests):
            sealed = folder / outcome / (name + SEALED_SUFFIX)
            if sealed.exists():
                sealed.unlink()
                gone += 1
    return gone
