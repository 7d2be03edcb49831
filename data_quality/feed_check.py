"""`hub feed check FILE`: what the gate would say about a file, for the supplier, before it is sent.

Nothing is stored. Findings name columns, rules, counts and row numbers, never a value.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from data_quality.code_sets import CodeSets
from data_quality.contract import FeedContract
from data_quality.drop import Drop, DropRefused, Manifest, Waiting
from data_quality.formats import MalformedLine, Unreadable, inspect, read_file
from data_quality.row_rules import rules_of
from data_quality.staging import clear, refuse_broken_column, settle, staging
from data_quality.writing import collect_held

_ROWS_SHOWN = 10


@dataclass(frozen=True)
class Finding:
    """One rule that rows of the file break."""

    column: str
    rule: str
    severity: str
    why: str
    count: int
    first_rows: tuple[int, ...]


@dataclass
class FileFindings:
    """What a dry run found.

    Attributes:
        refusal: why the whole file would be refused, None if it would be read.
        held: rows that would be held in quarantine.
    """

    file: str
    feed: str
    rows: int = 0
    held: int = 0
    refusal: str | None = None
    dropped_columns: tuple[str, ...] = ()
    is_reordered: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_acceptable(self) -> bool:
        """The file would be loaded, every row of it."""
        return self.refusal is None and self.held == 0

    def lines(self) -> list[str]:
        """The findings in sentences."""
        if self.refusal:
            return [self.refusal]
        said = [f"{self.file}: {self.rows:,} rows read as {self.feed}; {self.held:,} would be held in quarantine."]
        if self.dropped_columns:
            said.append(f"{len(self.dropped_columns)} columns are not in the contract and would be dropped.")
        if self.is_reordered:
            said.append("The columns come in another order than agreed, which does no harm.")
        for finding in self.findings:
            rows = ", ".join(str(row) for row in finding.first_rows)
            more = " ..." if finding.count > len(finding.first_rows) else ""
            effect = "held" if finding.severity == "quarantine" else "loaded, but noted"
            said.append(
                f"{finding.column or 'line'}: {finding.count:,} rows {effect}, {finding.why} (rows {rows}{more})."
            )
        return said


def check_file(path: Path, contract: FeedContract, code_sets: CodeSets, on: datetime | None = None) -> FileFindings:
    """Read a file by its contract and report what the gate would refuse or hold.

    Args:
        on: extraction instant to judge dates and codes by (naive UTC); now if absent.
    """
    moment = on or datetime.now(UTC).replace(tzinfo=None)
    manifest = Manifest(
        agency=contract.agency, feed=contract.feed, file=path.name, mode=contract.delivery.mode, history=False,
        extracted_at=moment, received_at=moment, rows=0, sha256=_sha256(path),
    )  # fmt: skip
    drop = Drop(path, path, manifest)
    result = FileFindings(path.name, contract.name)
    con = duckdb.connect()
    try:
        # Keys are only compared with one another here, so any pseudonym will do.
        con.execute("create temp macro pseudonym(part) as md5(part)::uuid")
        shape = inspect(drop, contract)
        if isinstance(shape, Waiting):
            result.refusal = f"{path.name}: {shape.why}."
            return result
        result.dropped_columns, result.is_reordered = shape.dropped, shape.is_reordered
        rules = rules_of(contract, code_sets, manifest.extracted_at.date())
        batch = read_file(con, path, shape, contract, staging(con, contract, rules, shape.is_tidy))
        settle(con, contract)
        refuse_broken_column(con, drop, rules, batch.rows_in)
        collect_held(con, contract, rules)
        result.rows = batch.rows_in
        held = con.execute("select count(*) from temp.gate_held").fetchall()[0][0]
        result.held = int(held) + len(batch.malformed)
        result.findings += _malformed(batch.malformed)
        for rule in rules:
            source = f"from temp.gate_typed where {rule.fails}"
            result.findings += _finding(con, rule.column, rule.rule, rule.severity, rule.why, source)
        for kind in ("duplicate_key", "duplicate_row"):
            why = (
                "its key comes again with different content" if kind == "duplicate_key" else "the same row comes again"
            )
            result.findings += _finding(
                con, contract.keys[0].name, kind, "quarantine", why, f"from temp.gate_held where rule = '{kind}'"
            )
    except DropRefused as refusal:
        result.refusal = str(refusal)
    except Unreadable:
        result.refusal = f"{path.name}: its rows cannot be told apart; check quotes and delimiters."
    finally:
        clear(con)
        con.close()
    return result


def _finding(
    con: duckdb.DuckDBPyConnection, column: str, rule: str, severity: str, why: str, source: str
) -> list[Finding]:
    count, first = con.execute(f"select count(*), list(row_no order by row_no)[:{_ROWS_SHOWN}] {source}").fetchall()[0]
    return [Finding(column, rule, severity, why, int(count), tuple(first))] if count else []


def _malformed(lines: tuple[MalformedLine, ...]) -> list[Finding]:
    if not lines:
        return []
    rows = tuple(line.row_no for line in lines[:_ROWS_SHOWN])
    return [Finding("", "malformed_row", "quarantine", "the line is no row", len(lines), rows)]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
