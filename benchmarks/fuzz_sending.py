"""What a fuzzed batch sends: real drops of one agency, shortened and damaged, and another agency's good ones."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.fuzz_formats import FORMATS, in_format
from benchmarks.fuzz_mutations import Draft, good_manifest, mutate, seal_manifest
from data_quality.code_sets import CodeSets
from data_quality.contract import FeedContract, load_pack_contracts

PACK = Path(__file__).absolute().parents[1] / "partnerships" / "northmere"
START = datetime(2026, 10, 5, 18, 0)
ROWS = 8


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


class Sender:
    """Delivers a batch's drops into a landing folder.

    Attributes:
        agency, feeds: whose drops are damaged; witness: the other agency's feed that comes whole.
        contracts: of all of them, each in the format drawn for it. drafts: every damaged drop sent so far.
    """

    def __init__(self, fuzz: Fuzz, seed: int, landing: Path) -> None:
        self._fuzz, self.landing = fuzz, landing
        self._draw = random.Random(seed)  # noqa: S311  a seeded draw is what is wanted
        self._good = 0
        feed = self._draw.choice(sorted(fuzz.samples))
        self.agency = fuzz.contracts[feed].agency
        self.feeds = [name for name in sorted(fuzz.samples) if fuzz.contracts[name].agency == self.agency]
        others = [name for name in sorted(fuzz.samples) if fuzz.contracts[name].agency != self.agency]
        witness = self._draw.choice(others)
        formats = {name: self._draw.choice((*[fuzz.contracts[name].delivery.format] * 3, *FORMATS[1:]))
                   for name in [*self.feeds, witness]}  # fmt: skip
        self.contracts = {name: in_format(fuzz.contracts[name], kind) for name, kind in formats.items()}
        self.witness = self.contracts[witness]
        self.drafts: list[Draft] = []

    def send_damaged(self) -> Draft:
        """One drop of the agency, damaged in one to three ways."""
        draw = self._draw
        contract = self.contracts[draw.choice(self.feeds)]
        draft = self._draft(contract, draw.choice(("full", "delta", "delta")))
        mutate(draft, draw)
        content, manifest = draft.written(), seal_manifest(draft)
        self._place(draft, content, manifest)
        self.drafts.append(draft)
        return draft

    def send_good(self) -> Draft:
        """The witness's same rows again, as a full drop: taken in, and nothing changes."""
        self._good += 1
        draft = self._draft(self.witness, "full")
        draft.file = f"good_{self._good}_{draft.file}"
        instant = (START + timedelta(days=20, minutes=self._good)).isoformat()
        draft.manifest |= {"file": draft.file, "extracted_at": f"{instant}Z", "received_at": f"{instant}Z"}
        self._place(draft, draft.written(), seal_manifest(draft))
        return draft

    def _draft(self, contract: FeedContract, mode: str) -> Draft:
        sample = self._fuzz.samples[contract.name]
        extracted = START + timedelta(minutes=self._draw.randrange(20_000))
        number = len(self.drafts)
        file = f"{contract.feed}_{number:03d}_{mode}.{contract.delivery.format}"
        return Draft(
            contract=contract,
            file=file,
            header=list(sample.header),
            rows=[list(row) for row in sample.rows],
            manifest=good_manifest(contract, file, mode, extracted, extracted + timedelta(minutes=number + 1)),
            encoding=contract.delivery.encoding,
            delimiter=contract.delivery.delimiter,
            types=self._draw.choice(("text", "agreed")),
        )

    def _place(self, draft: Draft, content: bytes, manifest: bytes) -> None:
        """Put the two files where and how the draft says."""
        folder = self.landing / draft.contract.agency / draft.contract.feed
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


def _sample(file: Path, contract: FeedContract) -> Sample:
    with file.open(encoding=contract.delivery.encoding, newline="") as text:
        header, *rows = csv.reader(text, delimiter=contract.delivery.delimiter)
    step = max(1, len(rows) // ROWS)
    return Sample(header, rows[::step][:ROWS])


def demo_landing(folder: Path) -> Path:
    """First drops of a small synthetic authority."""
    from synthetic.demo import create_demo

    create_demo(folder / "drops", folder / "landing", children=400, years=5, seed=1)
    return folder / "landing"
