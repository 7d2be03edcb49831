"""Long simulations that may be stopped and started again: one JSON line for each finished piece of work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import machine

RESULTS = Path(__file__).parent / "results"
PROGRESS = Path(__file__).parents[1] / "var" / "benchmarks"


class Progress:
    """What has been done so far, by the name of the piece.

    Args:
        path: JSON lines `{"piece": name, ...}`; a half-written last line of a killed run is left out.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: dict[str, dict[str, Any]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                self.done[record["piece"]] = record

    def remaining(self, pieces: Iterable[str]) -> Iterator[str]:
        """The pieces not done yet, in order."""
        return (piece for piece in pieces if piece not in self.done)

    def add(self, piece: str, record: dict[str, Any]) -> None:
        """Remember a finished piece."""
        self.done[piece] = {"piece": piece, **record}
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" if _ends_torn(self.path) else "")
            file.write(json.dumps(self.done[piece]) + "\n")


def keep_result(name: str, result: dict[str, Any], say: Callable[[str], None] = print) -> Path:
    """Write a benchmark's result with the machine it was measured on into `results/<name>_<day>.json`."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = RESULTS / f"{name}_{now:%Y%m%d}.json"
    whole = {"measured_at": now.isoformat(timespec="seconds"), "machine": machine(), **result}
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    say(f"kept in {path.name}")
    return path


def _ends_torn(path: Path) -> bool:
    content = path.read_bytes() if path.exists() else b""
    return bool(content) and not content.endswith(b"\n")
