"""The gate: one drop in, versions in every zone, held rows in quarantine, and a drop log that says it is complete.

Worked example. Monday's delta says contact 7 is `A`; Wednesday's delta says it is `C`; Tuesday's, late, says `B`.

    arrival    extracted   content   what is appended                     what is current
    Mon        Mon         A         (7, Mon, A)                          A
    Wed        Wed         C         (7, Wed, C)                          C
    Thu        Tue         B         (7, Tue, B) known_from Thu           C   (Tue lies before Wed in extraction order)

Versions are ordered by (extracted_at, drop_id); `known_from` says when each became known. Nothing is overwritten, so
the current state does not depend on the order of arrival and the history tells that order truthfully.

A drop is written one database after another, each in one transaction that ends with its drop-log line. It counts when
all of them have it; `recover` undoes the others. So a run killed anywhere and started again ends in the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import duckdb

from data_quality.code_sets import CodeSets
from data_quality.contract import FeedContract
from data_quality.drop import Drop, DropRefused, Manifest, Waiting
from data_quality.drop_log import DATABASES, GateFailed, is_loaded, write_refusal
from data_quality.expectations import history
from data_quality.expectations.history import CheckRow
from data_quality.formats import MalformedLine, Unreadable, inspect, read_file
from data_quality.row_rules import RowRule, rules_of
from data_quality.sql import quoted
from data_quality.staging import clear, compare, position_of, refuse_broken_column, roll_back, settle, staging
from data_quality.writing import (
    Counts,
    collect_held,
    write_confirmations,
    write_log,
    write_quarantine,
    write_versions,
)

if TYPE_CHECKING:
    import pandas as pd

OBSERVED_ROWS = 200_000

Outcome = Literal["loaded", "refused", "waiting", "already_loaded"]
Step = Callable[[str], None]


@dataclass(frozen=True)
class BatchFacts:
    """What an observer is told of a batch besides its rows.

    Attributes:
        dropped: names in the file that the contract does not know.
    """

    manifest: Manifest
    dropped: tuple[str, ...]
    is_reordered: bool


# What it answers is written with the drop.
Observer = Callable[[FeedContract, "pd.DataFrame", BatchFacts], Sequence[CheckRow]]


@dataclass(frozen=True)
class DropReport:
    """What the gate did with one drop. Counts only, no value of any row.

    `rows_in = loaded + unchanged + quarantined` for a loaded drop; a refused one has refused all of its rows.
    `vanished` counts keys a full drop no longer has; `informed` counts failures of rules that do not hold a row.
    `observer_problem` names the error of an observer that failed, which never keeps a drop out.
    """

    agency: str
    feed: str
    file: str
    outcome: Outcome
    mode: str
    rows_in: int = 0
    loaded: int = 0
    unchanged: int = 0
    quarantined: int = 0
    vanished: int = 0
    columns_dropped: tuple[str, ...] = ()
    is_reordered: bool = False
    reason: str | None = None
    rule: str | None = None
    held_by_rule: tuple[tuple[str, str, int], ...] = ()
    informed: tuple[tuple[str, str, int], ...] = ()
    observer_problem: str | None = None


def accept_drop(
    con: duckdb.DuckDBPyConnection,
    drop: Drop,
    contract: FeedContract,
    code_sets: CodeSets,
    *,
    observe: Observer | None = None,
    step: Step | None = None,
) -> DropReport:
    """Take one complete drop into the zones.

    Args:
        con: has `identity`, `warehouse`, `quarantine` attached and the macro `pseudonym(text)`.
        observe: gets the accepted rows (at most 200,000, evenly spread) before they are written, while
            `temp.gate_accepted` and `temp.gate_new` hold all of them; its answers are written with the drop.
        step: called with a name between any two steps; tests raise from it to play a killed process.

    Returns:
        a report; a refusal is a report with outcome `refused`, and is logged, not raised.

    Raises:
        GateFailed: an unforeseen database error.
    """
    step = step or _no_step
    manifest = drop.manifest
    try:
        if is_loaded(con, manifest):
            return _report(manifest, "already_loaded")
        clear(con)
        shape = inspect(drop, contract)
        step("inspected")
        if isinstance(shape, Waiting):
            return _report(manifest, "waiting", reason=shape.why)
        _refuse_empty(drop, contract)
        rules = rules_of(contract, code_sets, manifest.extracted_at.date())
        try:
            batch = read_file(con, drop.path, shape, contract, staging(con, contract, rules, shape.is_tidy))
        except Unreadable:
            raise drop.refuse(
                "unreadable", "its rows cannot be told apart.", "Check quotes and delimiters, and export it again."
            ) from None
        if batch.rows_in != manifest.rows:
            raise drop.refuse(
                "truncated" if batch.rows_in < manifest.rows else "row_count",
                f"it has {batch.rows_in:,} rows, the manifest announces {manifest.rows:,}.",
                "Check that the export ended, and that quotes inside text are doubled; send both files again.",
            )
        step("read")
        settle(con, contract)
        refuse_broken_column(con, drop, rules, batch.rows_in)
        return take_batch(
            con, manifest, contract, rules, batch.malformed, manifest.mode, shape.dropped, shape.is_reordered,
            observe, step,
        )  # fmt: skip
    except DropRefused as refusal:
        write_refusal(con, manifest, refusal, step)
        return _report(manifest, "refused", reason=str(refusal), rule=refusal.rule, rows_in=manifest.rows)
    except duckdb.Error as error:
        raise GateFailed(
            f"{manifest.agency} {manifest.feed}: {manifest.file} stopped the gate ({type(error).__name__}). "
            "Nothing of it counts; the next run tries again."
        ) from None
    finally:
        roll_back(con)
        clear(con)


def take_batch(
    con: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    contract: FeedContract,
    rules: list[RowRule],
    malformed: tuple[MalformedLine, ...],
    logged_mode: str,
    dropped: tuple[str, ...],
    is_reordered: bool,
    observe: Observer | None,
    step: Step,
) -> DropReport:
    """Compare and write the rows in `gate_staged`; the part that files and re-tried rows have in common."""
    compare(con, contract, manifest, position_of(con, contract, manifest))
    collect_held(con, contract, rules)
    counts = _count(con, len(malformed), len(dropped))
    step("staged")
    checks, observer_problem = _observe(con, contract, BatchFacts(manifest, dropped, is_reordered), observe)
    for database in DATABASES:
        con.execute("begin transaction")
        if database == "quarantine":
            write_quarantine(con, contract, manifest, malformed)
        for zone in contract.zones:
            if database == ("identity" if zone == "identity" else "warehouse"):
                write_versions(con, contract, manifest, zone)
                if zone == contract.home_zone:
                    write_confirmations(con, contract, manifest)
        if database == "warehouse":
            history.write(con, checks)
        step(f"{database} written")
        write_log(con, database, manifest, logged_mode, counts, None)
        con.execute("commit")
        step(f"{database} complete")
    return _report(
        manifest,
        "loaded",
        rows_in=counts.rows_in,
        loaded=counts.loaded,
        unchanged=counts.unchanged,
        quarantined=counts.quarantined,
        vanished=counts.vanished,
        columns_dropped=dropped,
        is_reordered=is_reordered,
        held_by_rule=_held_by_rule(con, len(malformed)),
        informed=_informed(con, rules),
        observer_problem=observer_problem,
    )


def _refuse_empty(drop: Drop, contract: FeedContract) -> None:
    if drop.manifest.mode == "full" and drop.manifest.rows == 0 and (contract.volume[0] or 0) > 0:
        raise drop.refuse(
            "empty",
            "an empty full drop would say that everybody is gone, and the contract promises rows.",
            "Send the full extract, or tell the hub that the feed has ended.",
        )


def _count(con: duckdb.DuckDBPyConnection, malformed: int, dropped: int) -> Counts:
    staged, held, unchanged, vanished = con.execute(
        "select (select count(*) from temp.gate_staged), (select count(*) from temp.gate_held), "
        "(select count(*) from temp.gate_verdict where is_unchanged), (select count(*) from temp.gate_vanished)"
    ).fetchall()[0]
    return Counts(
        rows_in=staged + malformed,
        loaded=staged - held - unchanged,
        unchanged=unchanged,
        quarantined=held + malformed,
        vanished=vanished,
        columns_dropped=dropped,
    )


def _observe(
    con: duckdb.DuckDBPyConnection, contract: FeedContract, facts: BatchFacts, observe: Observer | None
) -> tuple[Sequence[CheckRow], str | None]:
    if observe is None:
        return (), None
    try:
        return observe(contract, _observed(con, contract), facts), None
    except Exception as error:
        # Its words may quote the batch, and a broken suite must not cost an agency's night.
        return (), type(error).__name__


def _observed(con: duckdb.DuckDBPyConnection, contract: FeedContract) -> pd.DataFrame:
    rows = con.execute("select count(*) from temp.gate_accepted").fetchall()[0][0]
    stride = max(1, -(-rows // OBSERVED_ROWS))
    names = ", ".join(quoted(column.name) for column in contract.columns if column.zones)
    return con.execute(
        f"select {names} from temp.gate_accepted where not is_deletion and row_no % {stride} = 0"
        if stride > 1
        else f"select {names} from temp.gate_accepted where not is_deletion"
    ).df()


def _held_by_rule(con: duckdb.DuckDBPyConnection, malformed: int) -> tuple[tuple[str, str, int], ...]:
    rows = con.execute(
        "select coalesce(column_name, ''), rule, count(*) from temp.gate_held group by all order by all"
    ).fetchall()
    held = tuple((str(column), str(rule), int(count)) for column, rule, count in rows)
    return (*held, ("", "malformed_row", malformed)) if malformed else held


def _informed(con: duckdb.DuckDBPyConnection, rules: list[RowRule]) -> tuple[tuple[str, str, int], ...]:
    telling = [rule for rule in rules if rule.severity == "inform"]
    if not telling:
        return ()
    counts = con.execute(
        "select "
        + ", ".join(f"count_if({rule.bad})" for rule in telling)
        + " from temp.gate_typed where not is_deletion"
    ).fetchall()[0]
    return tuple((rule.column, rule.rule, int(n)) for rule, n in zip(telling, counts, strict=True) if n)


def _report(manifest: Manifest, outcome: Outcome, **values: object) -> DropReport:
    return DropReport(manifest.agency, manifest.feed, manifest.file, outcome, manifest.mode, **values)  # type: ignore[arg-type]


def _no_step(name: str) -> None:
    """Nothing happens between steps outside tests."""
