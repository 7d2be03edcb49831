"""The formats agencies deliver in. Nothing behind this package knows which one a row came in.

`inspect` looks at a file as a whole and refuses what is structurally bad; `read_file` hands its rows to the gate as
text, whatever they were written in, beside those that are no rows.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb

from data_quality.contract import FeedContract
from data_quality.drop import Drop, Waiting
from data_quality.formats import csv_file, parquet_file, xlsx_file, xml_file
from data_quality.formats.common import Batch, MalformedLine, Shape, Take, Unreadable

__all__ = ["Batch", "MalformedLine", "Shape", "Take", "Unreadable", "inspect", "read_file"]

_CHUNK = 4 << 20
_SIGNS = {"parquet": parquet_file.MAGIC, "xlsx": xlsx_file.MAGIC, "xml": b"<?xml"}
_READERS = {"csv": csv_file.read, "parquet": parquet_file.read, "xlsx": xlsx_file.read, "xml": xml_file.read}


def inspect(drop: Drop, contract: FeedContract) -> Shape | Waiting:
    """Check a file as a whole: checksum, format, columns. Nothing of it is kept.

    A file whose checksum differs while it is younger than its manifest is being sent again: it waits.

    Raises:
        DropRefused: structurally bad.
    """
    agreed = contract.delivery.format
    scan = csv_file.Scan(contract) if agreed == "csv" else None
    digest, first, size = hashlib.sha256(), b"", 0
    with drop.path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            first = first or chunk
            size += len(chunk)
            if scan:
                scan.feed(chunk)
    if scan:
        scan.feed(b"", final=True)
    if digest.hexdigest() != drop.manifest.sha256:
        if drop.path.stat().st_mtime_ns > drop.manifest_path.stat().st_mtime_ns:
            return Waiting(drop.path, "younger than its manifest and not yet as announced: still being written")
        raise drop.refuse(
            "checksum", f"its {size:,} bytes are not those the manifest was made for.", "Send file and manifest again."
        )
    for name, sign in _SIGNS.items():
        if name != agreed and first.startswith(sign):
            raise drop.refuse("format", f"it is {name}, the contract says {agreed}.", f"Send the rows as {agreed}.")
    if scan:
        return csv_file.look(drop, contract, scan, first, size)
    if not size:
        raise drop.refuse("empty", "it has no bytes.", "Send the file again.")
    look = {"parquet": parquet_file.look, "xlsx": xlsx_file.look, "xml": xml_file.look}[agreed]
    return look(drop, contract, size)


def read_file(con: duckdb.DuckDBPyConnection, path: Path, shape: Shape, contract: FeedContract, take: Take) -> Batch:
    """Hand a file's rows to the gate.

    Args:
        take: gets a relation and how its columns read; makes table `gate_staged` of it, one row a row.

    Raises:
        Unreadable: no row can be told from another.
    """
    return _READERS[contract.delivery.format](con, path, shape, contract, take)
