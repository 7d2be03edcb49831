"""Parquet: typed columns are compared with the contract, then written as the text the contract agrees.

So a date that came typed and a date that came as text pass the same rules. A type that cannot be the contract's (a
number where text was agreed has lost its leading zeros) refuses the file: every row of it would be wrong.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from data_quality.contract import ColumnContract, FeedContract
from data_quality.drop import Drop
from data_quality.formats.common import Batch, Shape, Take, Unreadable, match_columns, refuse_large, starts
from data_quality.sql import literal, quoted

MAGIC = b"PAR1"
_WHOLE = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
)
_REAL = frozenset({"FLOAT", "DOUBLE"})
_MOMENT = frozenset({"TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"})
_ZONED = "TIMESTAMP WITH TIME ZONE"


def look(drop: Drop, contract: FeedContract, size: int) -> Shape:
    """Read the footer: columns and their types.

    Raises:
        DropRefused: no Parquet file or cut short, columns missing, or of a type that is not the contract's.
    """
    con = duckdb.connect()
    try:
        found = con.execute(f"describe from {_file(drop.path)}").fetchall()
        unfolded = con.execute(
            f"select coalesce(sum(total_uncompressed_size), 0) from parquet_metadata({literal(str(drop.path))})"
        ).fetchall()[0][0]
    except duckdb.Error:
        short = starts(drop.path, 4) == MAGIC
        raise drop.refuse(
            "not_parquet",
            "it is cut short or damaged." if short else "it is no Parquet file.",
            "Check that the export ended; send file and manifest again.",
        ) from None
    finally:
        con.close()
    refuse_large(drop, int(unfolded), "its columns unfold to")
    shape = match_columns(drop, contract, [str(name) for name, *_ in found], size)
    for column in contract.columns:
        kind = str(found[shape.columns[column.name]][1])
        if text_of(column, contract, "x", kind) is None:
            raise drop.refuse(
                "type_mismatch",
                f"column {column.name} has the type {_broad(kind)}, the contract says {column.type}.",
                f"Export {column.name} as {column.type} or as text in the agreed form.",
            )
    return shape


def read(con: duckdb.DuckDBPyConnection, path: Path, shape: Shape, contract: FeedContract, take: Take) -> Batch:
    """Hand the rows over.

    Raises:
        Unreadable: a page of the file is damaged.
    """
    try:
        found = con.execute(f"describe from {_file(path)}").fetchall()
        sent = {}
        for column in contract.columns:
            name, kind, *_ = found[shape.columns[column.name]]
            sent[column.name] = str(text_of(column, contract, quoted(name), kind))
        take(_file(path, "file_row_number = true"), sent, "file_row_number + 1")
        rows = con.execute("select count(*) from temp.gate_staged").fetchall()[0][0]
    except duckdb.Error:
        raise Unreadable from None
    return Batch(int(rows), ())


def text_of(column: ColumnContract, contract: FeedContract, value: str, kind: str) -> str | None:
    """SQL that writes a typed value as the contract's text; None where the type is not the contract's.

    A time of day where a date was agreed is written out, so that the row rule sees it and holds the row.
    """
    delivery = contract.delivery
    if kind == "VARCHAR":
        return value
    if column.type == "string":
        if kind == "VARCHAR[]" and (column.json_array or column.separator):
            return f"to_json({value})::varchar" if column.json_array else (
                f"array_to_string({value}, {literal(str(column.separator))})"
            )  # fmt: skip
        return f"{value}::varchar" if kind in ("JSON", "UUID") or kind.startswith("ENUM") else None
    if column.type == "date":
        form = literal(column.format or delivery.date_format)
        if kind == "DATE":
            return f"strftime({value}, {form})"
        if kind in _MOMENT:
            return (
                f"case when {value}::date::timestamp = {value}::timestamp then strftime({value}, {form}) "
                f"else {value}::varchar end"
            )
        return None
    if column.type == "timestamp":
        form = literal(column.format or delivery.timestamp_format)
        if kind == _ZONED:
            return f"strftime(timezone({literal(delivery.timezone)}, {value}), {form})"
        return f"strftime({value}, {form})" if kind in _MOMENT else None
    if column.type == "boolean":
        return f"{value}::varchar" if kind == "BOOLEAN" or kind in _WHOLE else None
    if kind in _REAL and column.type == "integer":
        # Tools without a nullable whole number write 12 as 12.0.
        return f"case when {value} = trunc({value}) and abs({value}) < 1e15 then {value}::bigint::varchar " + (
            f"else {value}::varchar end"
        )
    return f"{value}::varchar" if kind in _WHOLE | _REAL or kind.startswith("DECIMAL") else None


def _file(path: Path, options: str = "") -> str:
    return f"read_parquet({literal(str(path))}{', ' + options if options else ''})"


def _broad(kind: str) -> str:
    """The type without its parts: an enum's or a struct's may be data."""
    return kind.split("(")[0].lower()
