"""The whole record of a partnership in one encrypted file, and back.

Landing keeps drops for weeks only, so the databases are the record. A backup holds one moment of all of them: while
it starts, every DuckDB zone is held open, so that no run can write; the hub's SQLite file is copied by SQLite itself.
The keys are not in it: without the key file a backup opens nothing, and the two are kept apart.

The file is a tar stream cut into sealed pieces, each bound to this backup, its place and whether it is the last, so
that a changed, exchanged, missing or cut piece is noticed. The manifest with every file's hash comes last.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from governance import hub_schema
from governance.migrations import SchemaTooNew, migrations_of
from governance.seal import SealBroken, seal, unseal
from governance.zones import DATABASE_ZONES, Zones

_MAGIC = b"SGHBACKUP1\n"
_ID_BYTES = 16
_PIECE = 4 * 1024 * 1024
_MANIFEST = "manifest.json"
HUB_FILE = "hub.sqlite"
FOLDERS = ("landing", "models", "assurance")


class BackupProblem(Exception):
    """A backup could not be made, read or put back; the message says why and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: when it was taken, schema version by database, SHA-256 by file."""

    taken_at: str
    schema_versions: dict[str, int]
    files: dict[str, str]


def backup(zones: Zones, archive: Path, key: bytes, taken_at: datetime, folders: Sequence[str] = FOLDERS) -> Manifest:
    """Write one encrypted file with every database and the named folders of a partnership.

    Args:
        zones: the partnership's zones; `zones.root` is what is backed up.
        archive: the file to write; it must not exist.
        key: the key the archive's own key is derived from (the hub key).
        folders: further folders below `zones.root`; one that does not exist is left out.

    Raises:
        BackupProblem: the file exists already, or there is nothing to back up.
    """
    if archive.exists():
        raise BackupProblem(f"{archive} exists already; a backup never overwrites another.")
    present = [zone for zone in DATABASE_ZONES if zones.path(zone).exists()]
    if not present:
        raise BackupProblem(f"There is no database under {zones.root}: nothing to back up.")
    archive.parent.mkdir(parents=True, exist_ok=True)
    temporary = archive.with_name(f".{archive.name}.part")
    try:
        with temporary.open("wb") as file:
            temporary.chmod(0o600)
            manifest = _write(zones, present, folders, _SealedWriter(file, _archive_key(key)), taken_at)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(archive)
    finally:
        temporary.unlink(missing_ok=True)
    return manifest


def _write(
    zones: Zones, present: list[str], folders: Sequence[str], out: _SealedWriter, taken_at: datetime
) -> Manifest:
    versions: dict[str, int] = {}
    files: dict[str, str] = {}
    hub, hub_copy = zones.root / HUB_FILE, zones.root / "tmp" / "hub.backup.sqlite"
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        with zones.open(*present) as con:
            for zone in present:
                con.execute(f"checkpoint {zone}")
                rows = con.execute(f"select coalesce(max(number), 0) from {zone}.schema_version").fetchall()
                versions[zone] = int(rows[0][0])
            if hub.exists():
                versions["hub"] = _copy_sqlite(hub, hub_copy)
            for zone in present:
                path = zones.path(zone)
                files[path.name] = _add(tar, path, path.name)
        if hub.exists():
            files[HUB_FILE] = _add(tar, hub_copy, HUB_FILE)
            hub_copy.unlink()
        for folder in folders:
            for path in sorted((zones.root / folder).rglob("*")):
                if path.is_file() and not path.is_symlink():
                    name = path.relative_to(zones.root).as_posix()
                    files[name] = _add(tar, path, name)
        manifest = Manifest(taken_at.isoformat(), versions, files)
        content = json.dumps(asdict(manifest), sort_keys=True).encode()
        entry = tarfile.TarInfo(_MANIFEST)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    out.finish()
    return manifest


def _copy_sqlite(source: Path, target: Path) -> int:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(source, timeout=30)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        target.chmod(0o600)
        return int(new.execute("select coalesce(max(number), 0) from schema_version").fetchone()[0])


def _add(tar: tarfile.TarFile, path: Path, name: str) -> str:
    with path.open("rb") as file:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = os.fstat(file.fileno()).st_size, 0o600
        hashed = _Hashing(file)
        tar.addfile(entry, hashed)
    return hashed.digest.hexdigest()


def restore(archive: Path, root: Path, key: bytes, force: bool = False) -> Manifest:
    """Put a backup back into `root`, whole or not at all.

    Everything is unpacked and checked beside `root` first. With `force`, what was there is moved aside, to
    `<root>.before-restore-N`, never deleted.

    Raises:
        BackupProblem: the archive is damaged or for another key, or `root` holds something and `force` is not set.
        SchemaTooNew: the backup was made by a newer version of this system.
    """
    if root.exists() and any(root.iterdir()) and not force:
        raise BackupProblem(f"{root} is not empty. Use --force: what is there is then moved aside, not deleted.")
    root.parent.mkdir(parents=True, exist_ok=True)
    staging = root.with_name(f".{root.name}.restoring")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    try:
        manifest = _unpack(archive, staging, _archive_key(key))
        _refuse_newer(manifest)
        if root.exists():
            _move_aside(root)
        staging.replace(root)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return manifest


def _unpack(archive: Path, staging: Path, key: bytes) -> Manifest:
    found: dict[str, str] = {}
    manifest: Manifest | None = None
    try:
        with archive.open("rb") as file:
            reader = _SealedReader(file, key)
            with tarfile.open(fileobj=io.BufferedReader(reader), mode="r|") as tar:
                for entry in tar:
                    content = tar.extractfile(entry)
                    path = PurePosixPath(entry.name)
                    if content is None or path.is_absolute() or ".." in path.parts:
                        raise BackupProblem(f"{archive} holds an entry that is no file of a backup.")
                    if entry.name == _MANIFEST:
                        manifest = Manifest(**json.loads(content.read()))
                    else:
                        found[entry.name] = _extract(content, staging / path)
            reader.drain()
    except SealBroken:
        raise BackupProblem(f"{archive} was changed, is damaged, or belongs to another key.") from None
    except (tarfile.TarError, EOFError, ValueError, FileNotFoundError):
        raise BackupProblem(f"{archive} is not a whole backup of this system.") from None
    if manifest is None or manifest.files != found:
        raise BackupProblem(f"{archive} does not hold what its manifest says.")
    return manifest


def _extract(content: IO[bytes], path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        path.chmod(0o600)
        while piece := content.read(_PIECE):
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _refuse_newer(manifest: Manifest) -> None:
    for database, version in manifest.schema_versions.items():
        known = hub_schema.LATEST if database == "hub" else max((m[0] for m in migrations_of(database)), default=0)
        if version > known:
            raise SchemaTooNew(
                f"The backup's {database} has schema version {version}, this program knows {known}. "
                "Install the version of the hub that made the backup, or a newer one."
            )


def _move_aside(root: Path) -> None:
    number = 1
    while (aside := root.with_name(f"{root.name}.before-restore-{number}")).exists():
        number += 1
    root.replace(aside)


def _archive_key(key: bytes) -> bytes:
    return hmac.new(key, b"backup archive", hashlib.sha256).digest()


def _context(identity: bytes, number: int, last: bool) -> str:
    return f"backup/{identity.hex()}/{number}/{'last' if last else 'more'}"


class _Hashing:
    """Reads a file and hashes what was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self.digest.update(piece)
        return piece


class _SealedWriter(io.RawIOBase):
    """Seals what is written to it piece by piece; `finish` writes the last one."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        self._file, self._key, self._number = file, key, 0
        self._identity = os.urandom(_ID_BYTES)
        self._buffer = bytearray()
        file.write(_MAGIC + self._identity)

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._buffer += data
        while len(self._buffer) > _PIECE:
            self._piece(bytes(self._buffer[:_PIECE]), last=False)
            del self._buffer[:_PIECE]
        return len(data)

    def finish(self) -> None:
        self._piece(bytes(self._buffer), last=True)
        self._buffer.clear()

    def _piece(self, data: bytes, last: bool) -> None:
        sealed = seal(self._key, data, _context(self._identity, self._number, last))
        self._file.write(bytes([last]) + len(sealed).to_bytes(4, "big") + sealed)
        self._number += 1


class _SealedReader(io.RawIOBase):
    """Gives back what `_SealedWriter` sealed, in order and whole."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise EOFError("not a backup")
        self._identity = file.read(_ID_BYTES)
        self._pieces = self._read_pieces(file, key)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        taken = min(len(buffer), len(self._rest))
        buffer[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken

    def drain(self) -> None:
        """Read to the last piece, so that a cut end is noticed even where tar had enough."""
        for _ in self._pieces:
            pass

    def _read_pieces(self, file: BinaryIO, key: bytes) -> Iterator[bytes]:
        number, last = 0, False
        while not last:
            head = file.read(5)
            if len(head) < 5:
                raise EOFError("the archive ends early")
            last = bool(head[0])
            sealed = file.read(int.from_bytes(head[1:], "big"))
            yield unseal(key, sealed, _context(self._identity, number, last))
            number += 1
        if file.read(1):
            raise EOFError("something follows the end")
