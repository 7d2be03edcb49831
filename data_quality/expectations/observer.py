"""What the gate asks of every batch before it is written: its suite, its volume, its columns, its silent groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import duckdb
import pandas as pd

from data_quality.code_sets import CodeSets
from data_quality.contract import FeedContract
from data_quality.expectations.history import CheckRow, Scope, Severity
from data_quality.expectations.usual_groups import SILENT_FOR, silent_groups
from data_quality.expectations.volume import LAST, EarlierDrop, QuietDay, day_of, like_drops, usual_band
from data_quality.sql import quoted, raw_table

if TYPE_CHECKING:
    from data_quality.expectations.validate import Answer
    from data_quality.gate import BatchFacts

# A share of three rows says nothing; a promise is judged on this many at least.
ENOUGH_ROWS = 20


def no_quiet_days(contract: FeedContract, day: date) -> bool:
    """Every day is an ordinary one."""
    return False


@dataclass(frozen=True)
class Receipt:
    """Which drop an answer belongs to."""

    contract: FeedContract
    drop_id: UUID
    received_at: datetime

    def row(
        self,
        name: str,
        column: str,
        scope: Scope,
        severity: Severity,
        passed: bool,
        checked: int | None,
        unexpected: int | None,
        promised: float | None = None,
    ) -> CheckRow:
        """One row of the history."""
        return CheckRow(
            self.drop_id, self.contract.agency, self.contract.feed, self.received_at, name, column, scope, severity,
            passed, checked, unexpected, promised,
        )  # fmt: skip

    def rows(self, scope: Scope, answers: Iterable[Answer]) -> Iterator[CheckRow]:
        """Rows for the answers of a suite, but for shares of too few rows.

        A rule that could not be asked did not pass, and never stops a list.
        """
        few = {rule.name for rule in self.contract.quality if rule.is_of_groups}
        for one in answers:
            asked, promised = one.asked, one.promised
            is_share = promised is not None and promised < 1 and asked.name not in few
            if is_share and one.checked is not None and one.checked < ENOUGH_ROWS:
                continue
            severity = asked.severity if one.checked is not None or one.passed else "inform"
            yield self.row(asked.name, asked.column, scope, severity, one.passed, one.checked, one.unexpected, promised)


class Observe:
    """The gate's observer: called with every batch, answers with the rows of the history.

    Args:
        con: the gate's connection; its temporary tables hold the whole batch.
        quiet: days on which a feed has no reason to bring its usual rows (holidays): volume is not judged then.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, code_sets: CodeSets, quiet: QuietDay = no_quiet_days) -> None:
        self._con, self._code_sets, self._quiet = con, code_sets, quiet

    def __call__(self, contract: FeedContract, frame: pd.DataFrame, facts: BatchFacts) -> Sequence[CheckRow]:
        """See the class. What a broken suite raises, the gate notes and goes on."""
        from data_quality.expectations.suite import suite_of
        from data_quality.expectations.validate import validate

        manifest = facts.manifest
        receipt = Receipt(contract, manifest.drop_id, manifest.received_at)
        rows = list(_schema(receipt, facts))
        groups: dict[str, pd.DataFrame] = {}
        if not manifest.history:
            earlier = like_drops(self._con, contract, manifest)
            day = day_of(manifest.extracted_at)
            rows += _volume(receipt, manifest.rows, earlier, None if self._quiet(contract, day) else day, self._quiet)
            groups = dict(self._groups(contract, earlier))
        asked = suite_of(contract, frame, self._code_sets, manifest.extracted_at.date(), groups)
        rows += receipt.rows("row", validate(asked, frame, groups))
        return list({(row.expectation, row.column_name): row for row in rows}.values())

    def _groups(self, contract: FeedContract, earlier: Sequence[EarlierDrop]) -> Iterator[tuple[str, pd.DataFrame]]:
        """For every rule about groups: the usual groups and whether the drop, or one shortly before, had any rows new
        of them. Rules for which there is nothing to compare with are left out."""
        for rule in (rule for rule in contract.quality if rule.is_of_groups):
            column = contract.column(str(rule.kwargs["column"]))
            name, drops = quoted(column.name), [one.drop_id for one in earlier][: int(rule.kwargs.get("loads", LAST))]
            if not drops:
                continue
            spoke: dict[str, set[str]] = {drop_id: set() for drop_id in drops}
            for drop_id, group in self._con.execute(
                f"select distinct drop_id::varchar, {name}::varchar from {raw_table(column.zone, contract.name)} "
                f"where drop_id in ({', '.join('?' * len(drops))}) and not is_deleted and {name} is not null",
                drops,
            ).fetchall():
                spoke[drop_id].add(group)
            now = self._con.execute(
                f"select distinct {name}::varchar from temp.gate_new where not is_deletion and {name} is not null"
            ).fetchall()
            silent_for = int(rule.kwargs.get("silent_for", SILENT_FOR))
            found = silent_groups({group for (group,) in now}, [spoke[drop_id] for drop_id in drops], silent_for)
            if found:
                yield rule.name, pd.DataFrame({"name": list(found), "seen": list(found.values())})


def _schema(receipt: Receipt, facts: BatchFacts) -> Iterator[CheckRow]:
    columns, dropped = len(receipt.contract.columns), len(facts.dropped)
    yield receipt.row("dropped_column", "", "schema", "inform", not dropped, columns + dropped, dropped)
    yield receipt.row("reordered", "", "schema", "inform", not facts.is_reordered, columns, int(facts.is_reordered))


def _volume(
    receipt: Receipt, rows: int, earlier: Sequence[EarlierDrop], day: date | None, quiet: QuietDay
) -> Iterator[CheckRow]:
    """Agreed and usual volume; on a quiet day (`day` is None) only the agreed one."""
    contract = receipt.contract
    least, most = contract.volume
    if least is not None or most is not None:
        passed = (least is None or rows >= least) and (most is None or rows <= most)
        yield receipt.row("volume_agreed", "", "volume", "inform", passed, rows, 0 if passed else 1)
    band = usual_band([one for one in earlier if not quiet(contract, one.day)], day) if day else None
    if band:
        few, many = rows < band.least, rows > band.most
        severity: Severity = "stop" if contract.required_for_list else "inform"
        yield receipt.row("volume_collapse", "", "volume", severity, not few, rows, int(few), band.expected)
        yield receipt.row("volume_surge", "", "volume", "inform", not many, rows, int(many), band.expected)
