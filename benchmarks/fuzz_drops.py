"""Thousands of damaged drops through the gate: each loaded, held, refused or waiting, and nothing else happens.

    python -m benchmarks.fuzz_drops --batches 500            # 20 drops a batch; stop it and start it again at will
    python -m benchmarks.fuzz_drops --only 137               # one batch again, findings in full

A batch is one night's agency: real drops of its feeds, shortened to a few rows, damaged in one to three ways, four of
them a sweep. Half of the feeds come in the agreed format, the others as Parquet, XLSX or XML. Beside them, in the same
sweep, another agency sends a good drop. Afterwards is asked, of every drop:

    crash         something stopped the gate, for this drop or for the sweep
    effect        a raw table or a held row of another agency changed, or its good drop did not load
    unaccounted   rows in <> loaded + unchanged + held, in the report, the three drop logs, or the tables themselves;
                  a count that plain Python does not share; a drop that nobody mentions
    wordless      a refusal that does not name the file, or a held row without a rule
    leak          a value of the file in a message, a report or a log line

A finding is told with its seed and what had been done to the drop.
"""

from __future__ import annotations

import argparse
import csv
import logging
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.fuzz_formats import FORMATS, in_format
from benchmarks.fuzz_mutations import CANARY, Draft, good_manifest, mutate, seal_manifest
from benchmarks.resume import PROGRESS, Progress, keep_result
from data_quality.code_sets import CodeSet, CodeSets
from data_quality.contract import FeedContract, load_pack_contracts
from data_quality.raw_tables import ensure_raw_tables
from data_quality.sweep import FeedSweep, sweep_landing
from governance.landing_archive import archive_with
from tests.gate_support import plain_zones

PACK = Path(__file__).absolute().parents[1] / "partnerships" / "northmere"
START = datetime(2026, 10, 5, 18, 0)
NOW = datetime(2026, 12, 1)
DROPS_PER_SWEEP, DROPS_PER_BATCH = 4, 20
ROWS = 8
_LOGS = ("quarantine", "warehouse", "identity")


@dataclass(frozen=True)
class Sample:
    """A real drop of a feed, shortened."""

    header: list[str]
    rows: list[list[str]]


@dataclass
class Fuzz:
    """What every batch shares: the pack's contracts and code sets, and a sample of each feed."""

    contracts: dict[str, FeedContract]
    code_sets: CodeSets
    samples: dict[str, Sample]

    @classmethod
    def from_landing(cls, landing: Path) -> Fuzz:
        """Samples from the first drops of a demo in its landing folder."""
        contracts = load_pack_contracts(PACK / "feeds")
        samples = {}
        for name, contract in contracts.items():
            file = next(iter(sorted((landing / contract.agency / contract.feed).glob("*.csv"))), None)
            if file is not None:
                samples[name] = _sample(file, contract)
        return cls(contracts, CodeSets.from_folder(PACK / "codes"), samples)


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
        self._fuzz, self._seed, self._landing = fuzz, seed, folder / "landing"
        self._draw = random.Random(seed)  # noqa: S311  a seeded draw is what is wanted
        self._sent = self._good = 0
        feed = self._draw.choice(sorted(fuzz.samples))
        self._agency = fuzz.contracts[feed].agency
        self._feeds = [name for name in sorted(fuzz.samples) if fuzz.contracts[name].agency == self._agency]
        others = [name for name in sorted(fuzz.samples) if fuzz.contracts[name].agency != self._agency]
        self._witness = fuzz.contracts[self._draw.choice(others)]
        formats = {name: self._draw.choice((*[fuzz.contracts[name].delivery.format] * 3, *FORMATS[1:]))
                   for name in [*self._feeds, self._witness.name]}  # fmt: skip
        self._contracts = {name: in_format(fuzz.contracts[name], kind) for name, kind in formats.items()}
        self._witness = self._contracts[self._witness.name]
        self._drafts: list[Draft] = []
        self.result = Result()

    def run(self) -> Result:
        """All sweeps of the batch and every question asked of them."""
        with plain_zones() as con, _heard() as heard:
            ensure_raw_tables(con, self._contracts.values())
            self._send_good(self._witness)
            self._sweep(con, [])
            before = _content(con, self._witness)
            while self._sent < DROPS_PER_BATCH:
                drafts = [self._send_damaged() for _ in range(min(DROPS_PER_SWEEP, DROPS_PER_BATCH - self._sent))]
                good = self._send_good(self._witness)
                if not self._sweep(con, drafts, good):
                    break
            self._sweep(con, [], codes=_updated(self._fuzz.code_sets))
            if _content(con, self._witness) != before:
                self._find("effect", None, f"the raw tables or held rows of {self._witness.name} changed")
            self._account(con)
            for line in heard:
                self._no_leak(line, None)
        return self.result

    def _send_damaged(self) -> Draft:
        draw = self._draw
        contract = self._contracts[draw.choice(self._feeds)]
        draft = self._draft(contract, draw.choice(("full", "delta", "delta")))
        mutate(draft, draw)
        content, manifest = draft.written(), seal_manifest(draft)
        self._place(draft, content, manifest)
        self._sent += 1
        self._drafts.append(draft)
        return draft

    def _send_good(self, contract: FeedContract) -> Draft:
        """The same rows again, as a full drop: taken in, and nothing changes."""
        self._good += 1
        draft = self._draft(contract, "full")
        draft.file = f"good_{self._good}_{draft.file}"
        instant = (START + timedelta(days=20, minutes=self._good)).isoformat()
        draft.manifest |= {"file": draft.file, "extracted_at": f"{instant}Z", "received_at": f"{instant}Z"}
        self._place(draft, draft.written(), seal_manifest(draft))
        return draft

    def _draft(self, contract: FeedContract, mode: str) -> Draft:
        sample = self._fuzz.samples[contract.name]
        extracted = START + timedelta(minutes=self._draw.randrange(20_000))
        file = f"{contract.feed}_{self._sent:03d}_{mode}.{contract.delivery.format}"
        return Draft(
            contract=contract,
            file=file,
            header=list(sample.header),
            rows=[list(row) for row in sample.rows],
            manifest=good_manifest(contract, file, mode, extracted, extracted + timedelta(minutes=self._sent + 1)),
            encoding=contract.delivery.encoding,
            delimiter=contract.delivery.delimiter,
            types=self._draw.choice(("text", "agreed")),
        )

    def _place(self, draft: Draft, content: bytes, manifest: bytes) -> None:
        """Put the two files where and how the draft says."""
        folder = self._landing / draft.contract.agency / draft.contract.feed
        folder.mkdir(parents=True, exist_ok=True)
        if "odd_name" in draft.steps and draft.manifest_bytes is None:
            draft.manifest["file"] = draft.file
            manifest = seal_manifest(draft)
        file = folder / draft.file
        told = folder / draft.manifest_name
        match draft.placement:
            case "subfolder":
                folder = folder / "new"
                folder.mkdir(exist_ok=True)
                file, told = folder / file.name, folder / told.name
            case "half sent":
                file = file.with_name(f"{file.name}.part")
            case "second manifest":
                (folder / f"{file.stem}_again.manifest.json").write_bytes(manifest)
        match draft.placement:
            case "no file":
                pass
            case "folder for a file":
                file.mkdir()
            case "dangling link":
                file.symlink_to(folder / f"nowhere{draft.suffix}")
            case _:
                file.write_bytes(content)
        match draft.placement:
            case "no manifest":
                pass
            case "folder for a manifest":
                told.mkdir()
            case _:
                told.write_bytes(manifest)
        if draft.placement == "younger file":
            file.write_bytes(content + b"\n")

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
                self._landing,
                self._contracts,
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
                [self._agency],
            ).fetchall()
            for database in _LOGS
        ]
        if logs[0] != logs[1] or logs[0] != logs[2]:
            self._find("unaccounted", None, "the three drop logs differ")
        kept = _rows_by_drop(con, [self._fuzz.contracts[name] for name in self._feeds])
        for drop_id, file, feed, status, rows_in, loaded, unchanged, held, mode in logs[0]:
            drafts = [draft for draft in self._drafts if draft.contract.feed == feed and draft.file == file]
            if status == "loaded":
                if mode != "retry" and rows_in != loaded + unchanged + held:
                    self._find("unaccounted", drafts, "the drop log's rows do not add up")
                wrong = {zone for zone in self._fuzz.contracts[f"{self._agency}__{feed}"].zones
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
            [self._agency],
        ).fetchall():
            drafts = [draft for draft in self._drafts if draft.contract.feed == feed and draft.file == file]
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


def _sample(file: Path, contract: FeedContract) -> Sample:
    with file.open(encoding=contract.delivery.encoding, newline="") as text:
        header, *rows = csv.reader(text, delimiter=contract.delivery.delimiter)
    step = max(1, len(rows) // ROWS)
    return Sample(header, rows[::step][:ROWS])


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


def demo_landing(folder: Path) -> Path:
    """First drops of a small synthetic authority."""
    from synthetic.demo import create_demo

    create_demo(folder / "drops", folder / "landing", children=400, years=5, seed=1)
    return folder / "landing"


def main() -> int:
    """Run, print a summary, keep it; 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=500, help=f"{DROPS_PER_BATCH} drops each")
    parser.add_argument("--first", type=int, default=0, help="seed of the first batch")
    parser.add_argument("--only", type=int, help="run one batch and print its findings")
    parser.add_argument("--progress", type=Path, default=PROGRESS / "fuzz_drops.jsonl")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier start has done")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hub_fuzz_demo_") as folder:
        fuzz = Fuzz.from_landing(demo_landing(Path(folder)))
    if arguments.only is not None:
        for finding in run_batch(fuzz, arguments.only).findings:
            print(finding)
        return 0
    if arguments.fresh:
        arguments.progress.unlink(missing_ok=True)
    progress = Progress(arguments.progress)
    pieces = [str(seed) for seed in range(arguments.first, arguments.first + arguments.batches)]
    for piece in progress.remaining(pieces):
        started = time.monotonic()
        result = run_batch(fuzz, int(piece))
        progress.add(piece, {**result.as_dict(), "seconds": round(time.monotonic() - started, 3)})
        if result.findings:
            print(f"batch {piece}: {result.findings[0]}", flush=True)
    summary = summarise([progress.done[piece] for piece in pieces])
    keep_result("fuzz_drops", {"first_batch": arguments.first, **summary})
    for name in ("drops", "seconds", "drops_per_second", "outcomes", "rows", "findings_by_kind"):
        print(f"{name}: {summary[name]}")
    return 1 if summary["findings"] else 0


def summarise(batches: list[dict[str, Any]]) -> dict[str, Any]:
    """All batches in one."""
    totals: dict[str, Counter[str]] = {name: Counter() for name in ("outcomes", "by_mutation", "rows")}
    for batch in batches:
        for name, total in totals.items():
            total.update(batch[name])
    findings = [finding for batch in batches for finding in batch["findings"]]
    drops = sum(totals["outcomes"].values())
    seconds = sum(batch["seconds"] for batch in batches)
    return {
        "batches": len(batches),
        "drops": drops,
        "seconds": round(seconds, 1),
        "drops_per_second": round(drops / max(seconds, 1e-9), 1),
        **{name: dict(sorted(total.items())) for name, total in totals.items()},
        "findings_by_kind": dict(Counter(finding["kind"] for finding in findings)),
        "findings": findings,
    }


if __name__ == "__main__":
    sys.exit(main())
