"""A feed's contract: the sharing agreement as code, read from Open Data Contract Standard v3 YAML.

Everything the gate knows about a feed comes from here: columns, types, keys, code sets, the zone each column may
live in and why it is needed at all. A column without a zone or without a stated necessity refuses the contract,
because "we might need it" is not a lawful reason to hold a family's data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from open_data_contract_standard.model import OpenDataContractStandard, SchemaProperty
from pydantic import ValidationError

from data_quality.contract_model import Agreement, ColumnContract, Delivery, FeedContract
from data_quality.quality_rule import row_bounds, rules_of_table

__all__ = [
    "Agreement",
    "AgreementState",
    "ColumnContract",
    "ContractRefused",
    "Delivery",
    "FeedContract",
    "agreement_state",
    "load_contract",
    "load_pack_contracts",
]

ZONES = ("identity", "warehouse", "audit", "drop")
TYPES = ("string", "date", "timestamp", "integer", "number", "boolean")
CHECKS = ("nhs_number", "upn", "postcode")
IDENTIFIERS = (*CHECKS, "birth_date")
FORMATS = ("csv", "parquet", "xlsx", "xml")
SEVERITIES = ("inform", "quarantine", "refuse", "stop")
RELEASES = ("sealed", "ask_owner", "shareable")
META_COLUMNS = (
    "record_key", "drop_id", "row_no", "extracted_at", "known_from", "known_to", "known_basis", "is_deleted",
    "superseded_on_arrival", "content_hash",
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ROW_PATH = re.compile(r"[^/@.\s]+(/[^/@.\s]+)*")
# Steps up come first; an attribute comes last: `../../ChildIdentifiers/LAchildID`, `../@id`, `Reason`, `@id`, `.`.
_COLUMN_PATH = re.compile(r"\.|(\.\./)*([^/@.\s]+(/[^/@.\s]+)*(/@[^/@\s]+)?|@[^/@\s]+)")
_COLUMN_PROPERTIES = frozenset(
    {
        "zone", "alsoZone", "necessity", "references", "codeSet", "occurredOn", "endedOn", "recordedAt", "format",
        "jsonArray", "json", "jsonKeys", "path", "separator", "rejectValues", "tombstone", "check", "severity",
        "refuseAbove", "completeness", "identifier",
    }
)  # fmt: skip
# What a contract says of its feed. One that nobody reads would be a promise nobody keeps, such as a misspelt retention.
_FEED_PROPERTIES = frozenset(
    {
        "agency", "feed", "delivery", "agreement", "releaseDefault", "requiredForList", "landingRetentionDays",
        "assumedLagDays", "volume", "subject",
    }
)  # fmt: skip

AgreementState = Literal["valid", "missing", "expired"]


class ContractRefused(Exception):
    """A contract cannot be used; the message names the file, the column and what to write."""


def agreement_state(contract: FeedContract, on: date) -> AgreementState:
    """Whether a sharing agreement covers the feed on a day: valid, missing (none, or not yet signed) or expired."""
    agreement = contract.agreement
    if agreement is None or not agreement.id or agreement.signed is None or on < agreement.signed:
        return "missing"
    if agreement.expires is None or on > agreement.expires:
        return "expired"
    return "valid"


def load_pack_contracts(folder: Path) -> dict[str, FeedContract]:
    """Every contract of a pack by `agency__feed`, sorted by name; references between them are checked.

    Raises:
        ContractRefused: one of them cannot be used, or references a feed the pack does not have.
    """
    contracts: dict[str, FeedContract] = {}
    for path in sorted(folder.glob("*.odcs.yaml")):
        contract = load_contract(path)
        if contract.name in contracts:
            raise ContractRefused(f"{path.name}: there are two contracts for {contract.name}. Remove one.")
        contracts[contract.name] = contract
    for contract in contracts.values():
        _check_looked_up(contract, contracts)
        for column in contract.references:
            target = contracts.get(str(column.references))
            if target is None:
                raise ContractRefused(
                    f"{contract.name}.{column.name} references {column.references}, which has no contract in {folder}."
                )
            if len(target.keys) != 1:
                raise ContractRefused(
                    f"{contract.name}.{column.name} references {target.name}, whose key has {len(target.keys)} "
                    "columns; only feeds with a single key column can be referenced."
                )
    return contracts


def _check_looked_up(contract: FeedContract, contracts: Mapping[str, FeedContract]) -> None:
    """Columns a quality rule looks up in a referenced feed have to be there."""
    for rule in contract.quality:
        for reference, name in (part.split(".", 1) for part in rule.columns if "." in part):
            target = contracts.get(str(contract.column(reference).references))
            if target is not None and not any(column.name == name and column.zones for column in target.columns):
                raise ContractRefused(
                    f"{contract.name}: quality rule {rule.name} looks up {name}, which {target.name} does not keep."
                )


def load_contract(path: Path) -> FeedContract:
    """Read and check one contract.

    Raises:
        ContractRefused: not ODCS v3, a column lacks zone or necessity, no key, or a value is not understood.
    """
    try:
        # The loader of libyaml is as safe and ten times as fast; a run reads every contract several times.
        told = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        document = OpenDataContractStandard(**told)
    except (yaml.YAMLError, ValidationError, TypeError, UnicodeDecodeError) as error:
        raise ContractRefused(f"{path.name} is not an ODCS v3 contract: {error}") from None
    return _Reader(path.name, document).contract()


class _Reader:
    """Turns one ODCS document into a FeedContract, collecting every problem before refusing."""

    def __init__(self, file: str, document: OpenDataContractStandard) -> None:
        self._file = file
        self._document = document
        self._problems: list[str] = []
        self._custom = _properties(document.customProperties)

    def contract(self) -> FeedContract:
        document, custom = self._document, self._custom
        agency, feed = str(custom.get("agency") or ""), str(custom.get("feed") or "")
        if not (_NAME.fullmatch(agency) and _NAME.fullmatch(feed)):
            self._problems.append("customProperties `agency` and `feed` must name the feed (letters, digits, _)")
        if not (document.apiVersion or "").startswith("v3"):
            self._problems.append(f"apiVersion must be v3.x, not {document.apiVersion!r}")
        if document.name != f"{agency}__{feed}":
            self._problems.append(f"name must be {agency}__{feed}, not {document.name!r}")
        for key in sorted(custom.keys() - _FEED_PROPERTIES):
            self._problems.append(
                f"nobody reads the property {key!r}; write one of {', '.join(sorted(_FEED_PROPERTIES))}"
            )
        tables = document.schema_ or []
        if len(tables) != 1:
            self._problems.append("schema must describe exactly one table")
        columns = tuple(self._column(item) for item in (tables[0].properties or [])) if tables else ()
        self._check_table(columns)
        kept = {column.name for column in columns if column.zones}
        references = {column.name for column in columns if column.references and column.zones}
        quality = rules_of_table(tables[0], kept, references, self._problems.append) if tables else ()
        sla = {item.property: item for item in document.slaProperties or []}
        release = str(custom.get("releaseDefault", "ask_owner"))
        if release not in RELEASES:
            self._problems.append(f"releaseDefault must be one of {', '.join(RELEASES)}")
        delivery, agreement = self._delivery(), self._agreement()
        if self._problems:
            raise ContractRefused(f"{self._file}: the contract is refused: " + "; ".join(self._problems) + ".")
        volume, (least, most) = custom.get("volume") or {}, row_bounds(tables[0])
        retention = _days(sla.get("retention"))
        return FeedContract(
            name=f"{agency}__{feed}",
            agency=agency,
            feed=feed,
            version=document.version or "0",
            description=(tables[0].description or "").strip(),
            purpose=((document.description.purpose if document.description else "") or "").strip(),
            columns=columns,
            delivery=delivery,
            agreement=agreement,
            frequency_days=_days(sla.get("frequency")),
            latency_days=_days(sla.get("latency")),
            retention_months=None if retention is None else round(retention / 30.4375),
            landing_retention_days=int(custom.get("landingRetentionDays", 35)),
            assumed_lag_days=int(custom.get("assumedLagDays", 0)),
            release_default=release,
            required_for_list=bool(custom.get("requiredForList", False)),
            owners=tuple(_owners(document.team)),
            volume=(volume.get("min", least), volume.get("max", most)),
            quality=quality,
            extra=custom,
        )

    def _column(self, item: SchemaProperty) -> ColumnContract:
        name = item.name or ""
        custom = _properties(item.customProperties)
        options = item.logicalTypeOptions or {}
        zone, necessity = custom.get("zone"), str(custom.get("necessity") or "").strip()
        say = self._problems.append
        if not _NAME.fullmatch(name):
            say(f"column name {name!r} must be letters, digits and _")
        if name.lower() in META_COLUMNS:
            say(f"column {name} has a name the gate uses itself")
        if zone not in ZONES:
            say(f"column {name} has no zone: write one of {', '.join(ZONES)}")
        if not necessity:
            say(f"column {name} has no necessity: write why this field is needed, or take it out")
        kind = item.logicalType or "string"
        if kind not in TYPES:
            say(f"column {name} has type {kind!r}: write one of {', '.join(TYPES)}")
        also = custom.get("alsoZone")
        if also not in (None, "audit", "identity"):
            say(f"column {name}: alsoZone can only be audit or identity")
        check, severity = custom.get("check"), str(custom.get("severity", "quarantine"))
        if check not in (None, *CHECKS):
            say(f"column {name}: check must be one of {', '.join(CHECKS)}")
        identifier = custom.get("identifier", check)
        if identifier not in (None, *IDENTIFIERS):
            say(f"column {name}: identifier must be one of {', '.join(IDENTIFIERS)}")
        if severity not in SEVERITIES:
            say(f"column {name}: severity must be one of {', '.join(SEVERITIES)}")
        pattern = options.get("pattern")
        if pattern is not None:
            try:
                re.compile(str(pattern))
            except re.error:
                say(f"column {name}: its pattern is not a regular expression")
        known = ", ".join(sorted(_COLUMN_PROPERTIES))
        for key in sorted(custom.keys() - _COLUMN_PROPERTIES):
            say(f"column {name}: nobody reads the property {key!r}; write one of {known}")
        return ColumnContract(
            name=name,
            type=kind,
            zone=str(zone),
            necessity=necessity,
            description=(item.description or "").strip(),
            also_zone=also if also != zone else None,
            required=bool(item.required) or bool(item.primaryKey),
            key_position=(item.primaryKeyPosition or 1) if item.primaryKey else None,
            references=custom.get("references"),
            code_set=custom.get("codeSet"),
            occurred_on=bool(custom.get("occurredOn")),
            ended_on=bool(custom.get("endedOn")),
            recorded_at=bool(custom.get("recordedAt")),
            format=custom.get("format"),
            json_array=bool(custom.get("jsonArray")),
            json=bool(custom.get("json")) or bool(custom.get("jsonKeys")),
            json_keys=self._json_keys(name, custom.get("jsonKeys")),
            path=self._path(name, custom.get("path")),
            separator=custom.get("separator"),
            reject_values=tuple(str(value) for value in custom.get("rejectValues") or ()),
            tombstone=bool(custom.get("tombstone")),
            check=check,
            pattern=None if pattern is None else str(pattern),
            max_length=options.get("maxLength"),
            min_length=options.get("minLength"),
            minimum=options.get("minimum"),
            maximum=options.get("maximum"),
            severity=severity,
            refuse_above=self._share(name, custom.get("refuseAbove")),
            completeness=None if custom.get("completeness") is None else float(custom["completeness"]),
            identifier=identifier,
        )

    def _json_keys(self, name: str, given: Any) -> tuple[tuple[str, str], ...]:
        if given is None:
            return ()
        if not isinstance(given, dict) or not given:
            self._problems.append(f"column {name}: jsonKeys must name each key with a type or a code set")
            return ()
        return tuple((str(key), str(kind)) for key, kind in given.items())

    def _path(self, name: str, given: Any) -> str | None:
        if given is not None and not _COLUMN_PATH.fullmatch(str(given)):
            self._problems.append(f"column {name}: path must look like Reason, ../Child/LAchildID or ../@id")
        return None if given is None else str(given)

    def _share(self, name: str, given: Any) -> float:
        if given is None:
            return ColumnContract.refuse_above
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
            self._problems.append(f"column {name}: refuseAbove must be a share from 0 to 1")
            return ColumnContract.refuse_above
        return float(given)

    def _check_table(self, columns: tuple[ColumnContract, ...]) -> None:
        say = self._problems.append
        names = [column.name.lower() for column in columns]
        for name in sorted({name for name in names if names.count(name) > 1}):
            say(f"column {name} is described twice")
        positions = sorted(column.key_position for column in columns if column.key_position is not None)
        if not positions:
            say("no column is a primary key: versions of a row could not be told apart")
        elif positions != list(range(1, len(positions) + 1)):
            say("primaryKeyPosition must count 1, 2, 3 ... without gap or repeat")
        for what, chosen in (
            ("occurredOn", [c for c in columns if c.occurred_on]),
            ("endedOn", [c for c in columns if c.ended_on]),
            ("recordedAt", [c for c in columns if c.recorded_at]),
            ("tombstone", [c for c in columns if c.tombstone]),
        ):
            if len(chosen) > 1:
                say(f"more than one column is marked {what}")
            if what != "tombstone" and any(c.type not in ("date", "timestamp") for c in chosen):
                say(f"the {what} column must be a date or a timestamp")
        if columns and not any(column.zones for column in columns):
            say("every column is dropped: nothing would be kept")

    def _delivery(self) -> Delivery:
        given = self._custom.get("delivery") or {}
        delivery = Delivery(
            format=str(given.get("format", "csv")).lower(),
            encoding=str(given.get("encoding", "utf-8")).lower(),
            delimiter=str(given.get("delimiter", ",")),
            date_format=str(given.get("dateFormat", Delivery.date_format)),
            timestamp_format=str(given.get("timestampFormat", Delivery.timestamp_format)),
            mode=str(given.get("mode", "full")),
            timezone=str(given.get("timezone", Delivery.timezone)),
            sheet=None if given.get("sheet") is None else str(given["sheet"]),
            header_row=given.get("headerRow", 1),
            row_path=None if given.get("rowPath") is None else str(given["rowPath"]).strip("/"),
        )
        self._check_format(delivery)
        try:
            "".encode(delivery.encoding)
        except LookupError:
            self._problems.append(f"delivery.encoding {delivery.encoding!r} is not a known encoding")
        if len(delivery.delimiter) != 1:
            self._problems.append("delivery.delimiter must be one character")
        if delivery.mode not in ("full", "delta"):
            self._problems.append("delivery.mode must be full or delta")
        return delivery

    def _check_format(self, delivery: Delivery) -> None:
        say = self._problems.append
        if delivery.format not in FORMATS:
            say(f"delivery.format must be one of {', '.join(FORMATS)}")
        if not isinstance(delivery.header_row, int) or delivery.header_row < 1:
            say("delivery.headerRow must be the number of a row, 1 or more")
        if delivery.format == "xml" and not _ROW_PATH.fullmatch(delivery.row_path or ""):
            say("delivery.rowPath must be the path of the element that is one row, such as Children/Child/CINdetails")

    def _agreement(self) -> Agreement | None:
        given = self._custom.get("agreement")
        if not given:
            return None
        return Agreement(
            id=str(given.get("id") or ""),
            signed=self._day(given.get("signed"), "agreement.signed"),
            expires=self._day(given.get("expires"), "agreement.expires"),
            lawful_basis=str(given.get("lawfulBasis") or ""),
            purpose=str(given.get("purpose") or ""),
        )

    def _day(self, value: object, where: str) -> date | None:
        if value is None or isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self._problems.append(f"{where} must be a date such as 2026-04-01")
            return None


def _properties(items: Iterable[Any] | None) -> dict[str, Any]:
    return {str(item.property): item.value for item in items or ()}


def _days(item: Any) -> float | None:
    """An SLA duration in days; months count 30.4375 days (365.25 / 12)."""
    if item is None or item.value is None:
        return None
    factor = {"h": 1 / 24, "d": 1, "w": 7, "m": 30.4375, "y": 365.25}.get(str(item.unit or "d")[:1].lower(), 1)
    return float(item.value) * factor


def _owners(team: Any) -> list[str]:
    members = team if isinstance(team, list) else (team.members if team else None) or []
    return [member.username or member.name or "" for member in members if (member.role or "").lower() == "owner"]
