"""A small feed, its drops and its zones, for the tests of the gate."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import yaml

from data_quality.code_sets import CodeSet, CodeSets
from data_quality.contract import FeedContract, load_contract
from data_quality.drop import Drop, read_manifest
from governance.keys import KEY_NAMES, Keys
from governance.pseudonym import Pseudonym
from governance.zones import Zones

START = datetime(2026, 10, 5, 18, 0)
COLUMNS = ["contact_id", "person_id", "contact_date", "source_code", "note", "row_state"]
CODES = CodeSets({"referral_source": CodeSet("referral_source", (
    ("1A", date(1, 1, 1), date(9999, 12, 31)),
    ("OLD", date(1, 1, 1), date(2026, 8, 31)),
))})  # fmt: skip


def column(name: str, zone: str, kind: str = "string", key: int | None = None, **custom: Any) -> dict[str, Any]:
    """One property of a contract."""
    options = {name: custom.pop(name) for name in ("pattern", "maxLength", "minimum", "maximum") if name in custom}
    item: dict[str, Any] = {"name": name, "logicalType": kind, "required": custom.pop("required", False)}
    if key:
        item |= {"primaryKey": True, "primaryKeyPosition": key}
    if options:
        item["logicalTypeOptions"] = options
    custom = {"zone": zone, "necessity": "to test the gate", **custom}
    item["customProperties"] = [{"property": name, "value": value} for name, value in custom.items()]
    return item


def contacts_columns() -> list[dict[str, Any]]:
    """The columns of a front-door contact feed."""
    return [
        column("contact_id", "identity", key=1),
        column("person_id", "identity", required=True, references="csc__person"),
        column("contact_date", "warehouse", "date", occurredOn=True),
        column("source_code", "warehouse", codeSet="referral_source"),
        column("note", "warehouse", rejectValues=["SECRET"]),
        column("row_state", "drop", tombstone=True),
    ]


def contract_text(
    columns: list[dict[str, Any]] | None = None, agency: str = "csc", feed: str = "contacts", **changes: Any
) -> str:
    """A whole contract as YAML; `quality` declares rules of the table."""
    quality = changes.pop("quality", [])
    custom = {
        "agency": agency,
        "feed": feed,
        "delivery": {"encoding": "utf-8", "delimiter": ",", "mode": "delta"},
        "agreement": {"id": "ISA-1", "signed": date(2026, 4, 1), "expires": date(2027, 12, 31)},
        **changes,
    }
    return yaml.safe_dump(
        {
            "apiVersion": "v3.0.2",
            "kind": "DataContract",
            "id": f"test.{agency}.{feed}",
            "name": f"{agency}__{feed}",
            "version": "1.0.0",
            "status": "active",
            "description": {"purpose": "test"},
            "schema": [
                {"name": feed, "quality": quality, "properties": contacts_columns() if columns is None else columns}
            ],
            "slaProperties": [
                {"property": "frequency", "value": 1, "unit": "d"},
                {"property": "latency", "value": 2, "unit": "d"},
            ],
            "customProperties": [
                {"property": name, "value": value} for name, value in custom.items() if value is not None
            ],
        },
        sort_keys=False,
    )


def make_contract(folder: Path, columns: list[dict[str, Any]] | None = None, **changes: Any) -> FeedContract:
    """A contract through the real reader."""
    name = f"{changes.get('agency', 'csc')}__{changes.get('feed', 'contacts')}"
    path = folder / f"{name}.odcs.yaml"
    path.write_text(contract_text(columns, **changes), encoding="utf-8")
    return load_contract(path)


def write_drop(
    landing: Path,
    rows: list[list[str]] | bytes,
    *,
    extracted: datetime,
    received: datetime | None = None,
    mode: str = "delta",
    name: str | None = None,
    agency: str = "csc",
    feed: str = "contacts",
    header: list[str] = COLUMNS,
    encoding: str = "utf-8",
    count: int | None = None,
    history: bool = False,
    sha256: str | None = None,
) -> Drop:
    """Put a drop into the landing folder as an agency would: the manifest last."""
    folder = landing / agency / feed
    folder.mkdir(parents=True, exist_ok=True)
    file = name or f"{feed}_{extracted:%Y%m%d%H%M}_{mode}.csv"
    if isinstance(rows, bytes):
        content = rows
    else:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        content = text.getvalue().encode(encoding)
    (folder / file).write_bytes(content)
    manifest = {
        "agency": agency, "feed": feed, "file": file, "mode": mode, "history": history,
        "extracted_at": f"{extracted.isoformat()}Z",
        "received_at": f"{(received or extracted + timedelta(hours=1)).isoformat()}Z",
        "window": {"from": "2026-10-01", "to": "2026-10-05"},
        "rows": (len(rows) if count is None else count), "sha256": sha256 or hashlib.sha256(content).hexdigest(),
        "schema_version": "1.0.0", "code_set_version": "2026-09",
    }  # fmt: skip
    path = folder / f"{Path(file).stem}.manifest.json"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return Drop(folder / file, path, read_manifest(path, agency, feed))


def row(
    key: str, source: str = "1A", *, person: str = "P1", on: str = "2026-10-01", note: str = "", state: str = ""
) -> list[str]:
    """One contact as sent."""
    return [key, person, on, source, note, state]


def some_keys(fill: int = 7) -> Keys:
    """Keys for tests, all different."""
    return Keys(**{name: bytes([fill + place]) * 32 for place, name in enumerate(KEY_NAMES)})


@contextmanager
def plain_zones() -> Iterator[duckdb.DuckDBPyConnection]:
    """The three databases in memory, migrated: quick enough for Hypothesis."""
    from governance.migrations import migrate_database

    con = duckdb.connect()
    try:
        for zone in ("quarantine", "identity", "warehouse"):
            con.execute(f"attach ':memory:' as {zone}")
            migrate_database(con, zone)
        con.execute("use identity")
        con.execute("set threads = 1")
        Pseudonym(bytes(32)).install(con)
        yield con
    finally:
        con.close()


@contextmanager
def sealed_zones(root: Path, keys: Keys | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The three encrypted databases on disk."""
    keys = keys or some_keys()
    zones = Zones(root, keys)
    zones.migrate()
    with zones.open("identity", "warehouse", "quarantine") as con:
        Pseudonym(keys.pseudonym).install(con)
        yield con


def current(con: duckdb.DuckDBPyConnection, name: str = "csc__contacts") -> set[tuple[Any, ...]]:
    """Current content as marts see it: the latest version that counts, by extraction order, deletions left out."""
    return set(
        con.execute(
            "with ranked as (select *, row_number() over (partition by record_key "
            "order by extracted_at desc, drop_id desc) as nth "
            f"from warehouse.raw.{name} where not superseded_on_arrival) "
            "select identity.contact_id, contact_date, source_code, note from ranked "
            f"join identity.raw.{name} as identity using (record_key, drop_id) where nth = 1 and not ranked.is_deleted"
        ).fetchall()
    )


def plain_archive(folder_of: Path) -> Callable[[Path, str], None]:
    """Stands in for sealing: moves the file into accepted/ or refused/."""

    def archive(path: Path, outcome: str) -> None:
        target = path.parent / outcome
        target.mkdir(exist_ok=True)
        path.replace(target / f"{path.name}.enc")

    return archive
