"""The only door to the encrypted databases.

DuckDB has no users and no row security, so the firewall is made of files and keys: `identity.duckdb` holds names,
`warehouse.duckdb` holds facts under pseudonyms, `quarantine.duckdb` holds refused rows as they were sent. A caller
names the zones it needs and gets a connection with those attached and nothing else.

>>> with zones.open("warehouse") as con:                              # doctest: +SKIP
...     con.sql("select count(*) from warehouse.marts.event").fetchall()
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import duckdb

from governance.keys import Keys
from governance.migrations import migrate_database

DATABASE_ZONES = ("quarantine", "identity", "warehouse")
_LOCK_WAIT_SECONDS = 20.0


class ZoneProblem(Exception):
    """A zone could not be opened; the message says which and what to do."""


@cache
def httpfs_extension() -> Path:
    """The OpenSSL build of DuckDB's `httpfs` inside its own wheel: it brings the audited cipher, no network.

    Raises:
        ZoneProblem: the wheel holds no build for this DuckDB version.
    """
    import duckdb_extension_httpfs

    root = Path(str(duckdb_extension_httpfs.__file__)).parent / "extensions" / f"v{duckdb.__version__}"
    found = sorted(root.rglob("httpfs.duckdb_extension"))
    if not found:
        raise ZoneProblem(
            f"duckdb-extension-httpfs has no build for DuckDB {duckdb.__version__} on {platform.system()} "
            f"{platform.machine()}; install the pinned pair from requirements.lock."
        )
    return found[0]


class Zones:
    """Opens the databases of one partnership, each under its own key.

    Args:
        root: the partnership's state folder, `var/<partnership>`.
        keys: its keys.
        threads: DuckDB threads for every connection opened here.
        memory_limit: DuckDB memory for every connection, as DuckDB writes it ("6GB").
    """

    def __init__(self, root: Path, keys: Keys, threads: int = 2, memory_limit: str = "6GB") -> None:
        self.root = root
        self._keys = keys
        self._threads = threads
        self._memory_limit = memory_limit

    def path(self, zone: str) -> Path:
        """The database file of a zone."""
        if zone not in DATABASE_ZONES:
            raise ZoneProblem(f"{zone!r} is not a database zone; there are {', '.join(DATABASE_ZONES)}.")
        return self.root / f"{zone}.duckdb"

    @contextmanager
    def open(self, *zones: str, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with the named zones attached, the first being the default database.

        Raises:
            ZoneProblem: another process holds the file for longer than a short wait, or the key does not fit.
        """
        con = duckdb.connect(":memory:")
        try:
            self._configure(con)
            for zone in zones:
                self._attach(con, zone, read_only)
            if zones:
                con.execute(f"use {zones[0]}")
            yield con
        finally:
            con.close()

    def migrate(self) -> None:
        """Bring every database to this version's schema; a newer schema is refused."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for zone in DATABASE_ZONES:
            with self.open(zone) as con:
                migrate_database(con, zone)

    def dbt_environment(self, target: str) -> dict[str, str]:
        """The environment dbt needs to open one zone: its file, its key and the cipher extension.

        The key's name starts with `DBT_ENV_SECRET_`, which makes dbt scrub it from its own logs.
        """
        return {
            f"HUB_{target.upper()}_PATH": str(self.path(target).resolve()),
            f"DBT_ENV_SECRET_{target.upper()}_KEY": self._keys.zone(target).hex(),
            "HUB_HTTPFS_EXTENSION": str(httpfs_extension()),
            "HUB_TEMP_DIRECTORY": str((self.root / "tmp").resolve()),
            "HUB_DUCKDB_THREADS": str(self._threads),
            "HUB_DUCKDB_MEMORY_LIMIT": self._memory_limit,
        }

    def _configure(self, con: duckdb.DuckDBPyConnection) -> None:
        temporary = self.root / "tmp"
        temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
        con.execute(f"load '{httpfs_extension()}'")
        con.execute(f"set threads = {int(self._threads)}")
        con.execute(f"set memory_limit = '{self._memory_limit}'")
        con.execute(f"set temp_directory = '{temporary}'")
        con.execute("set temp_file_encryption = true")
        con.execute("set TimeZone = 'UTC'")
        con.execute("set autoinstall_known_extensions = false")

    def _attach(self, con: duckdb.DuckDBPyConnection, zone: str, read_only: bool) -> None:
        path = self.path(zone)
        options = f"encryption_key '{self._keys.zone(zone).hex()}'" + (", read_only" if read_only else "")
        deadline = time.monotonic() + _LOCK_WAIT_SECONDS
        while True:
            try:
                con.execute(f"attach '{path}' as {zone} ({options})")
                return
            except duckdb.Error as error:
                # The statement holds the key, so neither it nor DuckDB's own message may travel further.
                locked = "lock" in str(error).lower()
                if not locked or time.monotonic() > deadline:
                    raise ZoneProblem(_why(zone, path, locked)) from None
            time.sleep(0.25)


def _why(zone: str, path: Path, locked: bool) -> str:
    if locked:
        return (
            f"Zone {zone!r} is in use by another process for more than {_LOCK_WAIT_SECONDS:.0f} seconds. "
            "Wait for the run in the Dagster UI to end, or end the program that holds the file."
        )
    if not path.exists():
        return f"Zone {zone!r} does not exist yet: run `hub run nightly` first."
    return (
        f"Zone {zone!r} cannot be opened with the present key. Check HUB_KEY_{zone.upper()} or the key file; "
        "if the file itself is damaged, use `hub restore`."
    )
