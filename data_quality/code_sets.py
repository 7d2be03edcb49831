"""Dated code sets: which codes were valid on which day.

A code set is one CSV in the pack's `codes/` with the columns `code`, `valid_from`, `valid_to` and whatever else helps
a reader. `valid_to` is the last valid day; blank dates are open. Standards change every September and old rows must
still be judged by the codes of their own day, so a code is asked for *with a date*.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

EARLIEST, LATEST = date(1, 1, 1), date(9999, 12, 31)


class CodeSetProblem(Exception):
    """A code-set file cannot be read, or a contract names one that does not exist."""


@dataclass(frozen=True)
class CodeSet:
    """One code set: (code, first valid day, last valid day), sorted."""

    name: str
    codes: tuple[tuple[str, date, date], ...]

    def is_valid(self, code: str, on: date) -> bool:
        """Whether the code may be used on that day."""
        return any(code == known and first <= on <= last for known, first, last in self.codes)

    def spells(self) -> dict[tuple[date, date], list[str]]:
        """Codes grouped by their validity, which keeps generated SQL short."""
        grouped: dict[tuple[date, date], list[str]] = {}
        for code, first, last in self.codes:
            grouped.setdefault((first, last), []).append(code)
        return grouped


class CodeSets:
    """All code sets of a pack."""

    def __init__(self, sets: Mapping[str, CodeSet]) -> None:
        self._sets = dict(sets)

    @classmethod
    def from_folder(cls, folder: Path) -> CodeSets:
        """Read every `*.csv` of a folder that has a `code` column; the file's stem is the code set's name.

        Other tables of the folder (calendars, areas) are no code sets and are left alone.

        Raises:
            CodeSetProblem: a date is not ISO.
        """
        found = ((path.stem, _read(path)) for path in sorted(folder.glob("*.csv")))
        return cls({name: codes for name, codes in found if codes is not None})

    def get(self, name: str) -> CodeSet:
        """The code set of that name.

        Raises:
            CodeSetProblem: there is none.
        """
        if name not in self._sets:
            raise CodeSetProblem(
                f"There is no code set {name!r}: add codes/{name}.csv with a column `code` to the pack."
            )
        return self._sets[name]

    def every_code(self) -> frozenset[str]:
        """Every code of every set, whatever its dates: the pack's public vocabulary."""
        return frozenset(code for one in self._sets.values() for code, _, _ in one.codes)

    @property
    def fingerprint(self) -> str:
        """Changes when any code or any of its dates changes (order of lines does not matter)."""
        digest = hashlib.sha256()
        for name in sorted(self._sets):
            digest.update(repr((name, self._sets[name].codes)).encode())
        return digest.hexdigest()[:32]


def _read(path: Path) -> CodeSet | None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if "code" not in (reader.fieldnames or ()):
            return None
        rows = list(reader)
    codes = {
        (row["code"].strip(), _day(path, row.get("valid_from"), EARLIEST), _day(path, row.get("valid_to"), LATEST))
        for row in rows
    }
    return CodeSet(path.stem, tuple(sorted(codes)))


def _day(path: Path, text: str | None, default: date) -> date:
    if not (text or "").strip():
        return default
    try:
        return date.fromisoformat(str(text).strip())
    except ValueError:
        raise CodeSetProblem(f"codes/{path.name}: {text!r} is not a date such as 2026-09-01.") from None
