"""What every format has in common: the shape of a file, the batch that was read, and how columns are matched.

A format module has two functions. `look` checks a file as a whole and gives its header; `read` hands its rows, as
text, to a `Take`. Nothing behind them knows which format a row came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from data_quality.contract import FeedContract
from data_quality.drop import Drop

if TYPE_CHECKING:
    import pyarrow as pa

# An authority's largest yearly extract stays far below; a bomb does not.
LARGEST = 2 << 30
_ROWS_AT_ONCE = 8_192

# (relation, column -> SQL of its text as sent or NULL, SQL of the row number or None if rows are in file order)
Take = Callable[[str, Mapping[str, str], str | None], None]


class Unreadable(Exception):
    """The reader gave up on the file; the cause is not repeated because it may quote the file."""


@dataclass(frozen=True)
class Shape:
    """What a file looks like before its rows are read.

    Attributes:
        header: column names as sent, in file order.
        columns: contract column name -> position in the header; a column the file may leave out is absent.
        dropped: names in the file that the contract does not know.
        is_tidy: no value can begin or end with a blank (known for CSV only), so nothing has to be trimmed.
        sheet: the worksheet its rows stand in.
    """

    header: tuple[str, ...]
    columns: dict[str, int]
    dropped: tuple[str, ...]
    is_reordered: bool
    bytes: int
    is_tidy: bool = False
    sheet: str | None = None


@dataclass(frozen=True)
class MalformedLine:
    """A line that is no row: its 1-based number, what is wrong, the line as sent, and the column if one is to blame."""

    row_no: int
    why: str
    text: str
    column: str | None = None


@dataclass(frozen=True)
class Batch:
    """What was read: `rows` that were taken, and the malformed lines beside them."""

    rows: int
    malformed: tuple[MalformedLine, ...]

    @property
    def rows_in(self) -> int:
        """Every row of the file."""
        return self.rows + len(self.malformed)


def match_columns(
    drop: Drop, contract: FeedContract, header: Iterable[str], size: int, may_lack: frozenset[str] = frozenset()
) -> Shape:
    """Find the contract's columns in a header, upper and lower case alike.

    Args:
        may_lack: columns this format leaves out where they are empty.

    Raises:
        DropRefused: no header, a column that comes twice, or one that is missing.
    """
    names = [name.strip() for name in header]
    if not any(names):
        raise drop.refuse("empty", "it has no header line.", "Send the file again, with its column names.")
    folded = [name.casefold() for name in names]
    known = {column.name.casefold(): column.name for column in contract.columns}
    twice = sorted({known[name] for name in folded if folded.count(name) > 1 and name in known})
    if twice:
        raise drop.refuse("repeated_column", f"column {', '.join(twice)} comes twice.", "Send each column once.")
    missing = [c.name for c in contract.columns if c.name.casefold() not in folded and c.name not in may_lack]
    if missing:
        raise drop.refuse(
            "missing_column",
            f"column {', '.join(missing)} of the contract (version {contract.version}) is missing.",
            "Send the column under its agreed name, or agree a new contract version first.",
        )
    columns = {known[name]: position for position, name in enumerate(folded) if name in known}
    order = sorted(columns, key=lambda name: columns[name])
    return Shape(
        header=tuple(names),
        columns=columns,
        dropped=tuple(name for name, fold in zip(names, folded, strict=True) if fold not in known),
        is_reordered=order != [column.name for column in contract.columns if column.name in columns],
        bytes=size,
    )


def take_rows(
    con: duckdb.DuckDBPyConnection,
    contract: FeedContract,
    rows: Iterator[tuple[int, Mapping[str, str | None]] | MalformedLine],
    take: Take,
) -> Batch:
    """Hand rows made in Python to the gate, some thousand at a time, so that a long file needs little memory."""
    import pyarrow as pa

    names = [column.name for column in contract.columns]
    schema = pa.schema([("row_no", pa.int64()), *((f"c{place}", pa.string()) for place in range(len(names)))])
    malformed: list[MalformedLine] = []
    taken = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal taken
        held: list[tuple[int, Mapping[str, str | None]]] = []
        for row in rows:
            if isinstance(row, MalformedLine):
                malformed.append(row)
                continue
            held.append(row)
            taken += 1
            if len(held) == _ROWS_AT_ONCE:
                yield _batch(held, names, schema)
                held = []
        yield _batch(held, names, schema)

    con.register("gate_arrow", pa.RecordBatchReader.from_batches(schema, batches()))
    try:
        take("gate_arrow", {name: f"c{place}" for place, name in enumerate(names)}, "row_no")
    finally:
        con.unregister("gate_arrow")
    return Batch(taken, tuple(malformed))


def _batch(rows: list[tuple[int, Mapping[str, str | None]]], names: list[str], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    columns: list[Any] = [pa.array([row_no for row_no, _ in rows], pa.int64())]
    columns += [pa.array([values.get(name) for _, values in rows], pa.string()) for name in names]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def refuse_large(drop: Drop, size: int, what: str) -> None:
    """Refuse a file that says it would unfold to more than the gate reads.

    Raises:
        DropRefused: larger than `LARGEST`.
    """
    if size > LARGEST:
        raise drop.refuse(
            "too_large",
            f"{what} {size:,} bytes, the gate reads at most {LARGEST:,}.",
            "Send it in several drops, or as CSV.",
        )


def starts(path: Path, count: int = 8) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(count)
