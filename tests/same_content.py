"""Everything a partnership holds, as fingerprints that can be held against those of another run with the same keys."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
from tests.demo_hub import DemoHub

ZONES = ("identity", "warehouse", "quarantine")
# Which run wrote a row, and when that machine's clock said it did, are no content.
_NOT_CONTENT = frozenset({"run_id", "applied_at"})


def fingerprints(hub: DemoHub) -> dict[str, object]:
    """One fingerprint a table of every zone, a frozen list, a released file and a landed drop, by its name."""
    return {**dict(table_hashes(hub)), **list_hashes(hub), **dict(_files(hub.root))}


def differences(one: dict[str, object], other: dict[str, object]) -> list[str]:
    """Names of what is not the same in both."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def row_counts(hub: DemoHub) -> dict[str, int]:
    """Rows of every table of every zone: the same under other keys."""
    return {table: rows for table, (rows, _) in table_hashes(hub)}


def list_hashes(hub: DemoHub) -> dict[str, object]:
    """Content hash of the newest version of each frozen document, and which version it is."""
    keys = hub.keys
    store = HubStore(hub.root / "hub.sqlite", keys.hub, Pseudonym(keys.pseudonym).key_of)
    try:
        return {f"{one.kind} {one.area_team} {one.slot}": (one.version, one.content_hash) for one in store.issued()}
    finally:
        store.close()


def table_hashes(hub: DemoHub) -> Iterator[tuple[str, tuple[int, int]]]:
    """(zone.schema.table, (rows, a sum over them)) of every table; which run wrote a row, and when, is left out."""
    for zone in ZONES:
        with hub.zones.open(zone, read_only=True) as con:
            columns: dict[str, list[str]] = {}
            for schema, table, column in con.execute(
                "select schema_name, table_name, column_name from duckdb_columns() join duckdb_tables() "
                "using (database_name, schema_name, table_name) where database_name = ? order by all",
                [zone],
            ).fetchall():
                if column not in _NOT_CONTENT:
                    columns.setdefault(f'{zone}."{schema}"."{table}"', []).append(f'"{column}"')
            for table, names in columns.items():
                # A sum does not care for order and, unlike xor, sees a row that stands there twice more.
                told = f"select count(*), sum(hash({', '.join(names)})::hugeint) from {table}"
                yield table, con.execute(told).fetchall()[0]


def _files(root: Path) -> Iterator[tuple[str, object]]:
    for folder in ("outbox", "assurance", "models"):
        for path in sorted((root / folder).rglob("*")):
            if path.is_file():
                yield path.relative_to(root).as_posix(), _digest(path)
    # Sealed files differ by their nonce; which of them lie where may not.
    for path in sorted((root / "landing").rglob("*")):
        yield path.relative_to(root).as_posix(), "there"


def _digest(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            content = b"".join(book.read(name) for name in sorted(book.namelist()) if not name.startswith("docProps"))
    return hashlib.sha256(content).hexdigest()
