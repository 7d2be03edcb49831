"""All waiting drops of all feeds through the gate, one bad feed never stopping another.

Drops are taken in order of `extracted_at`, so a backlog of several nights tells its history in order, and only those
received by the run's knowledge instant. A feed without a valid agreement is not read: its files stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from data_quality.code_sets import CodeSetProblem, CodeSets
from data_quality.contract import AgreementState, FeedContract, agreement_state
from data_quality.drop import Drop, DropRefused, Manifest, Unusable, Waiting, feed_folders, read_manifest, scan_folder
from data_quality.drop_log import GateFailed, is_refused_already, outcome_of, recover, write_refusal
from data_quality.gate import DropReport, Observer, Step, accept_drop
from data_quality.raw_tables import RawTableConflict, ensure_raw_tables
from data_quality.retry import retry_held

Archive = Callable[[Path, str], None]
LONDON = ZoneInfo("Europe/London")


@dataclass
class FeedSweep:
    """What one sweep did with one feed."""

    name: str
    agreement: AgreementState = "valid"
    reports: list[DropReport] = field(default_factory=list)
    refused_manifests: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    unread: int = 0
    problem: str | None = None

    @property
    def loaded(self) -> list[DropReport]:
        """Drops that went in."""
        return [report for report in self.reports if report.outcome == "loaded"]

    @property
    def refused(self) -> list[str]:
        """Reasons of the drops that were refused."""
        return [report.reason or "" for report in self.reports if report.outcome == "refused"] + self.refused_manifests

    @property
    def is_carrying_last_good_load(self) -> bool:
        """Whether marts go on with older data of this feed although something newer was sent."""
        return bool(self.refused or self.problem or self.unread)


@dataclass
class SweepReport:
    """One sweep of the landing folder."""

    now: datetime
    undone: int
    feeds: dict[str, FeedSweep]
    unknown_folders: list[str] = field(default_factory=list)

    @property
    def rows_loaded(self) -> int:
        """New versions written over all feeds."""
        return sum(report.loaded for feed in self.feeds.values() for report in feed.reports)

    @property
    def rows_quarantined(self) -> int:
        """Rows held over all feeds."""
        return sum(report.quarantined for feed in self.feeds.values() for report in feed.reports)


def sweep_landing(
    con: duckdb.DuckDBPyConnection,
    landing: Path,
    contracts: Mapping[str, FeedContract],
    code_sets: CodeSets,
    *,
    now: datetime,
    archive: Archive,
    observe: Observer | None = None,
    step: Step | None = None,
) -> SweepReport:
    """Undo unfinished drops, then take in everything received by `now`.

    Args:
        con: identity, warehouse and quarantine attached; macro `pseudonym(text)` installed.
        now: knowledge instant, naive UTC; later drops stay for a later run.
        archive: seals one file (`accepted` or `refused`) and removes the plain one; must be repeatable. It is
            called after every zone is complete, first for the data file, then for the manifest.
        observe, step: see `gate.accept_drop`.
    """
    step = step or (lambda name: None)
    report = SweepReport(now, recover(con), {name: FeedSweep(name) for name in contracts})
    today = now.replace(tzinfo=ZoneInfo("UTC")).astimezone(LONDON).date()
    for feed_name, feed_contract in contracts.items():
        report.feeds[feed_name].agreement = agreement_state(feed_contract, today)
    usable = _prepare(con, contracts, report)
    queue: list[tuple[Drop, FeedContract]] = []
    for agency, feed, folder in feed_folders(landing):
        name = f"{agency}__{feed}"
        contract = contracts.get(name)
        if contract is None:
            report.unknown_folders.append(name)
        elif name in usable:
            sweep = report.feeds[name]
            drops = _waiting_drops(con, contract, folder, sweep, archive, now, step)
            if sweep.agreement == "valid":
                queue += [(drop, contract) for drop in drops]
            else:
                sweep.unread += len(drops)
    queue.sort(key=lambda item: (item[0].manifest.extracted_at, item[0].drop_id))
    for drop, contract in queue:
        _take(con, drop, contract, code_sets, report.feeds[contract.name], archive, observe, step)
    for name in sorted(usable):
        if report.feeds[name].agreement == "valid":
            _retry(con, contracts[name], code_sets, now, report.feeds[name], step)
    return report


def _prepare(con: duckdb.DuckDBPyConnection, contracts: Mapping[str, FeedContract], report: SweepReport) -> set[str]:
    """Raw tables for all feeds; a feed whose table cannot follow its contract is left out and says so."""
    try:
        ensure_raw_tables(con, contracts.values())
        return set(contracts)
    except RawTableConflict:
        usable = set()
        for name, contract in contracts.items():
            try:
                ensure_raw_tables(con, [contract])
                usable.add(name)
            except RawTableConflict as conflict:
                report.feeds[name].problem = str(conflict)
        return usable


def _waiting_drops(
    con: duckdb.DuckDBPyConnection,
    contract: FeedContract,
    folder: Path,
    sweep: FeedSweep,
    archive: Archive,
    now: datetime,
    step: Step,
) -> list[Drop]:
    drops, waiting, unusable = scan_folder(contract.agency, contract.feed, folder)
    for manifest in unusable:
        if sweep.agreement == "valid":
            _log_unusable(con, manifest, sweep, archive, now, step)
        else:
            sweep.unread += 1
    for item in waiting:
        if not _finish_archiving(con, contract, item, archive):
            sweep.waiting.append(f"{item.path.name}: {item.why}")
    known = [drop for drop in drops if drop.manifest.received_at <= now]
    sweep.waiting += [f"{drop.path.name}: received after this run's knowledge" for drop in drops if drop not in known]
    return known


def _log_unusable(
    con: duckdb.DuckDBPyConnection, item: Unusable, sweep: FeedSweep, archive: Archive, now: datetime, step: Step
) -> None:
    """Refuse a drop by its manifest: logged by the first run that meets it, put away by the next.

    In between it can still be mended where it lies (a manifest that was half copied): other bytes are another drop.
    """
    stand_in = item.stand_in(now)
    if is_refused_already(con, stand_in):
        if item.path is not None:
            archive(item.path, "refused")
        step("between archives")
        archive(item.manifest_path, "refused")
        return
    try:
        write_refusal(con, stand_in, item.refusal, step)
    except GateFailed as problem:
        recover(con)
        sweep.problem = str(problem)
        return
    sweep.refused_manifests.append(str(item.refusal))


def _finish_archiving(con: duckdb.DuckDBPyConnection, contract: FeedContract, item: Waiting, archive: Archive) -> bool:
    """A manifest whose file a killed run had already sealed follows its file."""
    if not item.path.name.endswith(".manifest.json"):
        return False
    try:
        manifest: Manifest = read_manifest(item.path, contract.agency, contract.feed)
    except DropRefused:
        return False
    outcome = outcome_of(con, manifest)
    if outcome is None:
        return False
    archive(item.path, "accepted" if outcome == "loaded" else "refused")
    return True


def _take(
    con: duckdb.DuckDBPyConnection,
    drop: Drop,
    contract: FeedContract,
    code_sets: CodeSets,
    sweep: FeedSweep,
    archive: Archive,
    observe: Observer | None,
    step: Step,
) -> None:
    if not drop.path.exists():
        # A second manifest of a file that this sweep has just taken in or refused.
        left = Waiting(drop.manifest_path, "its file was taken in under another manifest")
        if not _finish_archiving(con, contract, left, archive):
            sweep.waiting.append(f"{left.path.name}: {left.why}")
        return
    try:
        report = accept_drop(con, drop, contract, code_sets, observe=observe, step=step)
    except (GateFailed, CodeSetProblem) as problem:
        recover(con)
        sweep.problem = str(problem)
        return
    except OSError as problem:
        recover(con)
        sweep.problem = f"{contract.name}: {drop.path.name} cannot be read from disk ({type(problem).__name__})."
        return
    if report.outcome == "waiting":
        sweep.waiting.append(f"{report.file}: {report.reason}")
        return
    sweep.reports.append(report)
    outcome = "refused" if report.outcome == "refused" else "accepted"
    step("before archive")
    archive(drop.path, outcome)
    step("between archives")
    archive(drop.manifest_path, outcome)


def _retry(
    con: duckdb.DuckDBPyConnection,
    contract: FeedContract,
    code_sets: CodeSets,
    now: datetime,
    sweep: FeedSweep,
    step: Step,
) -> None:
    try:
        sweep.reports += retry_held(con, contract, code_sets, now, step)
    except (GateFailed, CodeSetProblem) as problem:
        recover(con)
        sweep.problem = str(problem)
