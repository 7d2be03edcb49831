"""What a feed's contract says, as values: columns, delivery, agreement, promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from data_quality.quality_rule import QualityRule


@dataclass(frozen=True)
class ColumnContract:
    """One column of a feed as the agreement describes it.

    Attributes:
        zone: where the column lives after the gate; `drop` columns are read, checked and forgotten.
        also_zone: a second zone that gets a copy (`audit` or `identity`), else None.
        key_position: 1-based place in the primary key, None outside it.
        references: `agency__feed` whose record this value names.
        code_set: name of the code set its values come from.
        occurred_on / recorded_at: the column that says when it happened / when it was written down.
        ended_on: the column that says when it was over; empty while it goes on. Retention counts from it.
        path: where the value stands below (or, with `..`, above) the row's element; None: the element of its name.
        json_keys: what a JSON object may hold: (key, a type of `contract.TYPES` or the name of a code set).
        separator: splits a text of several codes; joins repeated XML elements.
        reject_values: values whose row must not enter, not even as quarantined content.
        severity: of a failing row. `inform` loads and counts it, `quarantine` holds it, `refuse` holds it and refuses
            the whole drop when more than `refuse_above` of its rows fail one rule of this column; `stop` loads it (what
            it stops is a list, and is judged over the batch).
        refuse_above: share of failing rows (0..1) past which `refuse` refuses.
        completeness: share of filled values the agreement promises (0..1), None if it promises nothing.
        identifier: what it identifies a person by (nhs_number, upn, birth_date, postcode), None if nothing: how full
            these columns are is followed by agency.
    """

    name: str
    type: str
    zone: str
    necessity: str
    description: str = ""
    also_zone: str | None = None
    required: bool = False
    key_position: int | None = None
    references: str | None = None
    code_set: str | None = None
    occurred_on: bool = False
    ended_on: bool = False
    recorded_at: bool = False
    format: str | None = None
    json_array: bool = False
    json: bool = False
    json_keys: tuple[tuple[str, str], ...] = ()
    path: str | None = None
    separator: str | None = None
    reject_values: tuple[str, ...] = ()
    tombstone: bool = False
    check: str | None = None
    pattern: str | None = None
    max_length: int | None = None
    min_length: int | None = None
    minimum: Any = None
    maximum: Any = None
    severity: str = "quarantine"
    refuse_above: float = 0.2
    completeness: float | None = None
    identifier: str | None = None

    @property
    def zones(self) -> frozenset[str]:
        """The zones that keep this column."""
        return frozenset(zone for zone in (self.zone, self.also_zone) if zone and zone != "drop")


@dataclass(frozen=True)
class Delivery:
    """How the agency writes its files.

    Attributes:
        format: csv, parquet, xlsx or xml; also the suffix of the files.
        sheet, header_row: the worksheet (None: the only visible one) and the 1-based row of its column names.
        row_path: slash path from the root element to the XML element that is one row.
    """

    format: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    date_format: str = "%Y-%m-%d"
    timestamp_format: str = "%Y-%m-%d %H:%M:%S"
    mode: str = "full"
    timezone: str = "Europe/London"
    sheet: str | None = None
    header_row: int = 1
    row_path: str | None = None


@dataclass(frozen=True)
class Agreement:
    """The signed information sharing agreement behind a feed."""

    id: str
    signed: date | None
    expires: date | None
    lawful_basis: str
    purpose: str


@dataclass(frozen=True)
class FeedContract:
    """All the engine knows about one feed."""

    name: str
    agency: str
    feed: str
    version: str
    description: str
    purpose: str
    columns: tuple[ColumnContract, ...]
    delivery: Delivery
    agreement: Agreement | None
    frequency_days: float | None
    latency_days: float | None
    retention_months: int | None
    landing_retention_days: int
    assumed_lag_days: int
    release_default: str
    required_for_list: bool
    owners: tuple[str, ...]
    volume: tuple[int | None, int | None] = (None, None)
    quality: tuple[QualityRule, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def column(self, name: str) -> ColumnContract:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def keys(self) -> tuple[ColumnContract, ...]:
        """Primary-key columns in key order."""
        keyed = [column for column in self.columns if column.key_position is not None]
        return tuple(sorted(keyed, key=lambda column: column.key_position or 0))

    @property
    def references(self) -> tuple[ColumnContract, ...]:
        """Columns that name a record of another feed (or of this one)."""
        return tuple(column for column in self.columns if column.references)

    @property
    def tombstone(self) -> ColumnContract | None:
        """The column that marks a deletion in a delta."""
        return next((column for column in self.columns if column.tombstone), None)

    @property
    def occurred_on(self) -> ColumnContract | None:
        """The column that says when it happened."""
        return next((column for column in self.columns if column.occurred_on), None)

    @property
    def ended_on(self) -> ColumnContract | None:
        """The column that says when it was over."""
        return next((column for column in self.columns if column.ended_on), None)

    @property
    def recorded_at(self) -> ColumnContract | None:
        """The column that says when it was recorded."""
        return next((column for column in self.columns if column.recorded_at), None)

    def zone_columns(self, zone: str) -> tuple[ColumnContract, ...]:
        """Columns kept in a zone, in file order."""
        return tuple(column for column in self.columns if zone in column.zones)

    @property
    def zones(self) -> tuple[str, ...]:
        """Zones this feed writes raw rows to."""
        return tuple(zone for zone in ("identity", "warehouse", "audit") if self.zone_columns(zone))

    @property
    def home_zone(self) -> str:
        """The zone whose raw table carries the content hash that versions are compared by."""
        return self.zones[0]
