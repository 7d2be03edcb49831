"""Drops: a file and its manifest, as an agency left them in the landing folder.

The manifest is written last, so a file without one is still being written. A drop that is structurally bad (wrong
checksum, missing column, undecodable, truncated) is refused whole: half a file would look like children who vanished.
Every refusal names agency, feed, file and place, says what to do next, and never repeats a value of the file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from data_quality.contract import FORMATS

_MANIFEST = ".manifest.json"
# Nothing that leaves its folder, hides, or that a reader would take for a pattern of many files.
_PLAIN_NAME = re.compile(r"\w[\w.()+ -]{0,200}", re.ASCII)
_SHA256 = re.compile("[0-9a-fA-F]{64}")
_MOST_ROWS = 10**12
# Clocks of two machines differ; an extract from the future would stay the newest for ever.
_CLOCK_SLACK = timedelta(days=1)
_UNFINISHED = (".tmp", ".part", ".partial", ".filepart")
MODES = ("full", "delta")
# Where a feed's folder keeps what the gate is done with.
ARCHIVES = ("accepted", "refused")
UNKNOWN = "unknown"


class DropRefused(Exception):
    """A drop is refused whole.

    Attributes:
        rule: short name of what was broken (checksum, missing_column, encoding, ...).
        why: the reason, without any value of the file.
        next_step: what the supplier should do.
    """

    def __init__(self, agency: str, feed: str, file: str, rule: str, why: str, next_step: str) -> None:
        self.agency, self.feed, self.file = agency, feed, file
        self.rule, self.why, self.next_step = rule, why, next_step
        super().__init__(f"{agency} {feed}: {file} is refused ({rule}): {why} What to do: {next_step}")


@dataclass(frozen=True)
class Manifest:
    """What the supplier says about its file. Instants are naive UTC."""

    agency: str
    feed: str
    file: str
    mode: str
    history: bool
    extracted_at: datetime
    received_at: datetime
    rows: int
    sha256: str
    window_from: date | None = None
    window_to: date | None = None
    schema_version: str = ""
    code_set_version: str = ""

    @property
    def drop_id(self) -> UUID:
        """An id that sorts by `received_at`, made of the manifest alone: the same drop has it on every machine.

        48 bits of milliseconds, then a hash (RFC 9562 version 8). So of two drops with one `extracted_at`, the one
        received later is the newer.
        """
        millis = max(0, int((self.received_at - datetime(1970, 1, 1)).total_seconds() * 1000)) & ((1 << 48) - 1)
        text = "\x1f".join(
            (self.agency, self.feed, self.file, self.mode, str(self.history), self.sha256.lower(),
             self.extracted_at.isoformat(), self.received_at.isoformat())
        )  # fmt: skip
        tail = int.from_bytes(hashlib.sha256(text.encode()).digest()[:10], "big")
        return UUID(int=(millis << 80) | (0x8 << 76) | (tail & ((1 << 76) - 1)))


@dataclass(frozen=True)
class Drop:
    """A complete drop: its file, its manifest file and what the manifest says."""

    path: Path
    manifest_path: Path
    manifest: Manifest

    @property
    def drop_id(self) -> UUID:
        """See `Manifest.drop_id`."""
        return self.manifest.drop_id

    def refuse(self, rule: str, why: str, next_step: str) -> DropRefused:
        """The error that refuses this drop."""
        return DropRefused(self.manifest.agency, self.manifest.feed, self.path.name, rule, why, next_step)


@dataclass(frozen=True)
class Waiting:
    """Something in the landing folder that is not (yet) a drop, and why."""

    path: Path
    why: str


@dataclass(frozen=True)
class Unusable:
    """A manifest nothing can be done with, and the file beside it (None if there is none)."""

    manifest_path: Path
    path: Path | None
    refusal: DropRefused

    def stand_in(self, now: datetime) -> Manifest:
        """What the drop log says of it: mode `unknown`, known by its name and the bytes of both files.

        Args:
            now: knowledge instant of the run that met it; the manifest's own instants cannot be trusted.
        """
        digest = hashlib.sha256(self.manifest_path.read_bytes())
        if self.path is not None:
            with self.path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        refusal = self.refusal
        return Manifest(
            agency=refusal.agency, feed=refusal.feed, file=refusal.file, mode=UNKNOWN, history=False,
            extracted_at=now, received_at=now, rows=0, sha256=digest.hexdigest(),
        )  # fmt: skip


def feed_folders(landing: Path) -> Iterator[tuple[str, str, Path]]:
    """(agency, feed, folder) of every feed folder in the landing zone, sorted."""
    for agency in sorted(path for path in landing.glob("*") if path.is_dir()):
        for folder in sorted(path for path in agency.iterdir() if path.is_dir()):
            yield agency.name, folder.name, folder


def scan_folder(agency: str, feed: str, folder: Path) -> tuple[list[Drop], list[Waiting], list[Unusable]]:
    """Drops of one feed folder that are complete, things still waiting, and manifests that cannot be used."""
    drops, waiting, unusable = [], [], []
    files = {path.name: path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")}
    claimed = set()
    for name, manifest_path in files.items():
        if not name.endswith(_MANIFEST):
            continue
        try:
            manifest = read_manifest(manifest_path, agency, feed)
        except DropRefused as problem:
            unusable.append(Unusable(manifest_path, files.get(problem.file), problem))
            claimed.add(problem.file)
            continue
        claimed.add(manifest.file)
        data = folder / manifest.file
        if not data.is_file():
            waiting.append(Waiting(manifest_path, "manifest without its file"))
        else:
            drops.append(Drop(data, manifest_path, manifest))
    for name, path in files.items():
        if not name.endswith(_MANIFEST) and name not in claimed:
            unfinished = "still being written" if name.endswith(_UNFINISHED) else "no manifest yet"
            waiting.append(Waiting(path, unfinished))
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in ARCHIVES and not path.name.startswith("."):
            waiting += [
                Waiting(file, f"lies in the folder {path.name}; put it beside the feed's other files")
                for file in sorted(path.iterdir())
            ]
    return drops, waiting, unusable


def read_manifest(path: Path, agency: str, feed: str) -> Manifest:
    """Read and check a manifest.

    Raises:
        DropRefused: it is not JSON, a field is missing or senseless, or it belongs to another feed.
    """
    file = _file_of(path)

    def bad(why: str) -> DropRefused:
        return DropRefused(agency, feed, file, "manifest", why, "Send the file and its manifest again.")

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError
    except (ValueError, RecursionError):
        raise bad(f"{path.name} is not valid JSON.") from None
    file = str(content.get("file") or file)
    if (content.get("agency"), content.get("feed")) != (agency, feed):
        raise bad("the manifest names another agency or feed than the folder it lies in.")
    if not _PLAIN_NAME.fullmatch(file) or file.endswith(_MANIFEST):
        file = _file_of(path)
        raise bad("the manifest's `file` must be a plain file name (letters, digits, and . _ - between them).")
    if content.get("mode") not in MODES:
        raise bad("`mode` must be full or delta.")
    rows, sha256 = content.get("rows"), content.get("sha256")
    if not isinstance(rows, int) or isinstance(rows, bool) or not 0 <= rows < _MOST_ROWS:
        raise bad("`rows` must be a count.")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise bad("`sha256` must be 64 hex digits.")
    window = content.get("window") if isinstance(content.get("window"), dict) else {}
    try:
        manifest = Manifest(
            agency=agency,
            feed=feed,
            file=file,
            mode=content["mode"],
            history=content.get("history") is True,
            extracted_at=_instant(content.get("extracted_at")),
            received_at=_instant(content.get("received_at")),
            rows=rows,
            sha256=sha256.lower(),
            window_from=_day(window, "from"),
            window_to=_day(window, "to"),
            schema_version=str(content.get("schema_version") or ""),
            code_set_version=str(content.get("code_set_version") or ""),
        )
        is_too_new = manifest.extracted_at > manifest.received_at + _CLOCK_SLACK
    except (ValueError, OverflowError):
        raise bad("its instants must look like 2026-10-05T01:00:00Z and its window like 2026-10-04.") from None
    if is_too_new:
        raise bad("it says that the file was extracted after it was received.")
    return manifest


def _file_of(manifest: Path) -> str:
    """The file a manifest lies beside: its own name with the suffix of a format, csv if none is there."""
    stem = manifest.name.removesuffix(_MANIFEST)
    if stem.rpartition(".")[2] in FORMATS:
        return stem
    names = [f"{stem}.{suffix}" for suffix in FORMATS]
    return next((name for name in names if manifest.with_name(name).is_file()), names[0])


def _instant(value: Any) -> datetime:
    moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return moment.astimezone(UTC).replace(tzinfo=None)


def _day(window: Any, name: str) -> date | None:
    value = window.get(name)
    return None if value in (None, "") else date.fromisoformat(str(value)[:10])
