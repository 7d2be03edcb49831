"""One fuzzed batch: what is sent, swept, and asked of every drop afterwards. See fuzz_drops.py for the questions."""

from __future__ import annotations

import logging
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.fuzz_mutations import CANARY, Draft
from benchmarks.fuzz_sending import Fuzz, Sender
from data_quality.code_sets import CodeSet, CodeSets
from data_quality.contract import FeedContract
from data_quality.raw_tables import ensure_raw_tables
from data_quality.sweep import FeedSweep, sweep_landing
from governance.landing_archive import archive_with
from tests.gate_support import plain_zones

NOW = datetime(2026, 12, 1)
DROPS_PER_SWEEP, DROPS_PER_BATCH = 4, 20
_LOGS = ("quarantine", "warehouse", "identity")


@dataclass
class Result:
    """What one batch came to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    by_mutation: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    findings: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "outcomes": dict(self.outcomes),
            "by_mutation": dict(self.by_mutation),
            "rows": dict(self.rows),
            "findings": self.findings,
        }


class Batch:
    """Twenty damaged drops of one agency, with another agency's good ones beside them."""

    def __init__(self, fuzz: Fuzz, seed: int, folder: Path) -> None:
        self._fuzz, self._seed = fuzz, seed
        self._sender = Sender(fuzz, seed, folder / "landing")
        self.result = Result()

    def run(self) -> Result:
        """All sweeps of the batch and every question asked of them."""
        with plain_zones() as con, _heard() as heard:
            sender = self._sender
            ensure_raw_tables(con, sender.contracts.values())
            sender.send_good()
            self._sweep(con, [])
            before = _content(con, sender.witness)
            while (left := DROPS_PER_BATCH - len(sender.drafts)) > 0:
                drafts = [sender.send_damaged() for _ in range(min(DROPS_PER_SWEEP, left))]
                good = sender.send_good()
                if not self._sweep(con, drafts, good):
                    break
            self._sweep(con, [], codes=_updated(self._fuzz.code_sets))
            if _content(con, sender.witness) != before:
                self._find("effect", None, f"the raw tables or held rows of {sender.witness.name} changed")
            self._account(con)
            for line in heard:
                self._no_leak(line, None)
        return self.result

    def _sweep(
        self,
        con: duckdb.DuckDBPyConnection,
        drafts: list[Draft],
        good: Draft | None = None,
        codes: CodeSets | None = None,
    ) -> bool:
        """One sweep and what it says; false when the gate came to a stop."""
        try:
            report = sweep_landing(
                con,
                self._sender.landing,
                self._sender.contracts,
                codes or self._fuzz.code_sets,
                now=NOW,
                archive=archive_with(bytes(32)),
            )
        except Exception as error:
            self._find("crash", drafts, f"{type(error).__name__} in {_where(error)}")
            return False
        for draft in drafts:
            self._judge(draft, report.feeds[draft.contract.name])
        for feed in report.feeds.values():
            if feed.problem:
                self._find("crash", drafts, feed.problem)
                self._find("crash", drafts, f"rule of {feed.name}")
            self._no_leak(repr([replace(one, columns_dropped=()) for one in feed.reports]), drafts)
            for message in [*feed.refused, *feed.waiting, feed.problem or ""]:
                self._no_leak(message, drafts)
        if good is not None:
            taken = [one for one in report.feeds[good.contract.name].reports if one.file == good.file]
            if [one.outcome for one in taken] != ["loaded"] or taken[0].rows_in != len(good.rows):
                self._find("effect", drafts, f"the good drop of {good.contract.name} was not loaded whole")
        return True

    def _judge(self, draft: Draft, feed: FeedSweep) -> None:
        """Which way a drop went, and whether it was told in words."""
        names = {draft.file, draft.manifest_name, str(draft.manifest.get("file"))}
        reports = [one for one in feed.reports if one.file in names]
        refusals = [why for why in feed.refused if any(name in why for name in names)]
        outcome = "nobody mentions it"
        if reports:
            outcome = reports[-1].outcome
            for one in reports:
                self._balance(draft, one)
        elif refusals:
            outcome = "refused"
        elif any(name in why for why in feed.waiting for name in names):
            outcome = "waiting"
        elif feed.problem:
            outcome = "stopped"
        self.result.outcomes[outcome] += 1
        for step in (draft.contract.delivery.format, *draft.steps):
            self.result.by_mutation[f"{step}: {outcome}"] += 1
        if outcome == "nobody mentions it":
            self._find("unaccounted", [draft], f"a drop that nobody mentions ({draft.placement})")
        if outcome == "refused" and not any(
            draft.contract.agency in why and draft.contract.feed in why for why in refusals
        ):
            self._find("wordless", [draft], "a refusal that does not name agency, feed and file")

    def _balance(self, draft: Draft, report: Any) -> None:
        if report.outcome == "loaded":
            self.result.rows["held"] += report.quarantined
            self.result.rows["loaded"] += report.loaded
            self.result.rows["unchanged"] += report.unchanged
            if report.rows_in != report.loaded + report.unchanged + report.quarantined:
                self._find("unaccounted", [draft], "rows in are not loaded + unchanged + held")
            counted = draft.count()
            if counted is not None and counted != report.rows_in:
                self._find("unaccounted", [draft], f"{report.rows_in} rows in, plain Python counts {counted}")
        elif report.outcome == "refused":
            self.result.rows["refused"] += report.rows_in
        self.result.rows["in"] += report.rows_in

    def _account(self, con: duckdb.DuckDBPyConnection) -> None:
        """The drop logs against one another and against what lies in the tables."""
        logs = [
            con.execute(
                "select drop_id, file_name, feed, status, rows_in, rows_loaded, rows_unchanged, rows_quarantined, mode "
                f"from {database}.gate.drop_log where agency = ? order by drop_id",
                [self._sender.agency],
            ).fetchall()
            for database in _LOGS
        ]
        if logs[0] != logs[1] or logs[0] != logs[2]:
            self._find("unaccounted", None, "the three drop logs differ")
        kept = _rows_by_drop(con, [self._fuzz.contracts[name] for name in self._sender.feeds])
        for drop_id, file, feed, status, rows_in, loaded, unchanged, held, mode in logs[0]:
            drafts = [draft for draft in self._sender.drafts if draft.contract.feed == feed and draft.file == file]
            if status == "loaded":
                if mode != "retry" and rows_in != loaded + unchanged + held:
                    self._find("unaccounted", drafts, "the drop log's rows do not add up")
                wrong = {zone for zone in self._fuzz.contracts[f"{self._sender.agency}__{feed}"].zones
                         if kept.get((feed, zone, drop_id), 0) != loaded}  # fmt: skip
                if wrong:
                    self._find("unaccounted", drafts, f"rows of {', '.join(sorted(wrong))} are not those loaded")
            elif any(kept.get((feed, zone, drop_id)) for zone in ("identity", "warehouse", "audit")):
                self._find("effect", drafts, "a refused drop left rows")
            if kept.get((feed, "quarantine", drop_id), 0) != (held if status == "loaded" else 0):
                self._find("unaccounted", drafts, "held rows are not those counted")
        for column, feed, file in con.execute(
            "select case when rule is null or rule = '' or reason is null or file_name is null then 'no rule' "
            "else 'leak' end, feed, file_name from quarantine.gate.quarantined_row where agency = ? and "
            f"(rule is null or rule = '' or reason is null or file_name is null or contains(reason, '{CANARY}'))",
            [self._sender.agency],
        ).fetchall():
            drafts = [draft for draft in self._sender.drafts if draft.contract.feed == feed and draft.file == file]
            self._find("leak" if column == "leak" else "wordless", drafts, f"a held row: {column}")

    def _no_leak(self, text: str, drafts: list[Draft] | None) -> None:
        if CANARY in text:
            self._find("leak", drafts, "a value of the file in a message, a report or a log line")

    def _find(self, kind: str, drafts: list[Draft] | None, what: str) -> None:
        done = [f"{draft.contract.name} {draft.file!r}: {', '.join(draft.steps)}" for draft in drafts or ()]
        self.result.findings.append({"kind": kind, "what": what, "batch": self._seed, "drops": done})


def run_batch(fuzz: Fuzz, seed: int) -> Result:
    """One batch in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="hub_fuzz_") as folder:
        return Batch(fuzz, seed, Path(folder)).run()


def _content(con: duckdb.DuckDBPyConnection, contract: FeedContract) -> list[Any]:
    """Everything the zones hold of a feed but for its drop log."""
    found: list[Any] = []
    for zone in contract.zones:
        table = f"warehouse.audit.{contract.name}" if zone == "audit" else f"{zone}.raw.{contract.name}"
        found.append(con.execute(f"select count(*), bit_xor(hash(kept)) from {table} as kept").fetchall())
    # A row that is bad in the sample is held anew by every good drop.
    held = "select distinct row_as_sent, row_no, rule from quarantine.gate.quarantined_row where agency = ?"
    return [
        *found,
        con.execute(f"select count(*), bit_xor(hash(kept)) from ({held}) as kept", [contract.agency]).fetchall(),
    ]


def _rows_by_drop(con: duckdb.DuckDBPyConnection, contracts: list[FeedContract]) -> dict[tuple[str, str, Any], int]:
    """(feed, zone, drop) -> rows that stand in the zone's table, keys that vanished left out."""
    parts = []
    for contract in contracts:
        for zone in contract.zones:
            table = f"warehouse.audit.{contract.name}" if zone == "audit" else f"{zone}.raw.{contract.name}"
            parts.append(f"select '{contract.feed}', '{zone}', drop_id, count(*) from {table} where row_no is not null "
                         "group by drop_id")  # fmt: skip
    agency = contracts[0].agency
    parts.append(
        "select feed, 'quarantine', drop_id, count(*) from quarantine.gate.quarantined_row "
        f"where agency = '{agency}' group by all"
    )
    rows = con.execute(" union all ".join(parts)).fetchall()
    return {(feed, zone, drop_id): count for feed, zone, drop_id, count in rows}


def _updated(code_sets: CodeSets) -> CodeSets:
    """The same code sets and one more, which makes the gate try held rows again."""
    return CodeSets({**code_sets._sets, "news": CodeSet("news", (("ZZ", date(1, 1, 1), date(9999, 12, 31)),))})


def _where(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    own = [one for one in traceback.extract_tb(error.__traceback__) if "data_quality" in one.filename]
    last = own[-1] if own else frame
    return f"{Path(last.filename).name}:{last.lineno} {last.name}"


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Everything logged meanwhile."""
    lines: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    ear, root = Ear(), logging.getLogger()
    root.addHandler(ear)
    try:
        yield lines
    finally:
        root.removeHandler(ear)
