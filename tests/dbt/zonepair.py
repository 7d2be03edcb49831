"""A tiny pair of encrypted zones with hand-made raw rows, and dbt run on it in this process."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd

from data_quality.contract import Agreement, ColumnContract, Delivery, FeedContract
from governance.keys import Keys
from governance.zones import Zones
from pipelines.dbt_assembly import Assembled, assemble
from pipelines.hub import Hub
from pipelines.settings import Settings

REPOSITORY = Path(__file__).parent.parent.parent
PACK = Path(__file__).parent / "pack"
NORTHMERE = REPOSITORY / "partnerships" / "northmere"
OPEN = datetime(9999, 12, 31)
META = """record_key uuid, drop_id uuid, row_no bigint, extracted_at timestamp, known_from timestamp,
          known_basis varchar, is_deleted boolean, superseded_on_arrival boolean"""
TABLES = {
    ("identity", "raw.alpha__person"): "person_id varchar, forename varchar, surname varchar, birth_date date",
    ("warehouse", "audit.alpha__person"): "sex varchar",
    ("warehouse", "raw.alpha__event"): "kind varchar, happened_on date, detail_code varchar, person_id_key uuid",
    ("warehouse", "raw.alpha__episode"): "kind varchar, started_on date, ended_on date, person_id_key uuid",
}


def key(*parts: object) -> uuid.UUID:
    """A stand-in pseudonym, the same in every run."""
    return uuid.uuid5(uuid.NAMESPACE_OID, ":".join(map(str, parts)))


def contract(feed: str, columns: Mapping[str, str], **more: Any) -> FeedContract:
    """A contract of agency alpha with the given columns and their zones."""
    return FeedContract(
        name=f"alpha__{feed}",
        agency="alpha",
        feed=feed,
        version="1.0.0",
        description=f"One row per {feed}; it's alpha's.",
        purpose="test",
        columns=tuple(
            ColumnContract(name=name, type="string", zone=zone, necessity="test") for name, zone in columns.items()
        ),
        delivery=Delivery(),
        agreement=Agreement(id="A-1", signed=date(2020, 1, 1), expires=date(2027, 1, 1), lawful_basis="b", purpose="p"),
        frequency_days=1,
        latency_days=2,
        retention_months=72,
        landing_retention_days=35,
        assumed_lag_days=0,
        release_default="ask_owner",
        required_for_list=True,
        owners=("alpha.owner",),
        **more,
    )


CONTRACTS = (
    contract("person", {"person_id": "identity", "forename": "identity", "surname": "identity", "sex": "audit"}),
    contract("event", {"event_id": "identity", "kind": "warehouse", "happened_on": "warehouse"}),
    contract("episode", {"episode_id": "identity", "kind": "warehouse", "started_on": "warehouse"}),
)


@dataclass
class ZonePair:
    """Zones of a partnership made for a test, and its assembled dbt project."""

    root: Path
    zones: Zones
    project: Assembled

    def load(self, zone: str, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace the rows of a table."""
        frame = pd.DataFrame(list(rows))
        with self.zones.open(zone) as con:
            con.execute(f"delete from {table}")
            if len(frame):
                frame = frame.map(lambda value: str(value) if isinstance(value, uuid.UUID) else value)
                con.register("frame", frame)
                con.execute(f"insert into {table} by name select * from frame")

    def read(self, zone: str, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.zones.open(zone) as con:
            return con.execute(sql).fetchall()

    def dbt(self, target: str, *arguments: str, variables: Mapping[str, str] | None = None) -> Any:
        """Run dbt for one target, with the environment of that target alone; its result."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        environment = {name: value for name, value in os.environ.items() if "HUB_" not in name and "_KEY" not in name}
        environment |= self.zones.dbt_environment(target) | dict(variables or {})
        here = str(self.project.project_dir)
        with patch.dict(os.environ, environment, clear=True):
            try:
                return dbtRunner().invoke(
                    [*arguments, "--target", target, "--project-dir", here, "--profiles-dir", here,
                     "--target-path", f"target/{target}", "--quiet"]
                )  # fmt: skip
            finally:
                DuckDBConnectionManager.close_all_connections()


def make(root: Path) -> ZonePair:
    """Two empty zones with their raw tables, and the assembled project of the pack beside this file."""
    zones = empty_zones(root)
    for (zone, table), columns in TABLES.items():
        with zones.open(zone) as con:
            con.execute(f"create table {table} ({META}, {columns})")
    project = assemble(PACK, REPOSITORY / "dbt_project", root / "dbt", CONTRACTS)
    return ZonePair(root, zones, project)


def of_northmere(root: Path) -> ZonePair:
    """Two empty zones, and the assembled project of the demo partnership."""
    hub = Hub(Settings(partnership=str(NORTHMERE), var=root))
    contracts = hub.declared_contracts.values()
    project = assemble(NORTHMERE, REPOSITORY / "dbt_project", root / "dbt", contracts, subjects=hub.subjects)
    return ZonePair(root, empty_zones(root), project)


def empty_zones(root: Path) -> Zones:
    """Zones with keys of their own and nothing in them."""
    zones = Zones(root, Keys(**{item.name: os.urandom(32) for item in fields(Keys)}), memory_limit="2GB")
    zones.migrate()
    return zones


def raw(record: object, known_from: datetime, extracted_at: datetime | None = None, **values: Any) -> dict[str, Any]:
    """A raw row as the gate would append it."""
    extracted = extracted_at or known_from
    return {
        "record_key": key("record", record),
        "drop_id": key("drop", extracted, known_from),
        "row_no": 1,
        "extracted_at": extracted,
        "known_from": known_from,
        "known_basis": "received",
        "is_deleted": values.pop("is_deleted", False),
        "superseded_on_arrival": values.pop("superseded", False),
        **values,
    }
