"""Data of the past as agencies' drops: what a pack's own files say, sent again in the weeks in which it became known.

A partnership may stand on data that exist already (published, or exported once) and not on a synthetic world. Its pack
then holds, by convention and without a line of Python:

    data/<table>.csv.gz            the data as they were published; every column is text
    codes/<set>.csv                code lists, to be read as code_<set>
    replay/<agency>__<feed>.sql    a query over these tables: the columns of the feed's contract, and `sent_on`, the day
                                   on which the agency could have told the row

A key may come several times with different days: the later row replaces the earlier one, as a correction does. The
first drop of a feed holds all that could be told by `history_from` of partnership.yml (a Sunday) as its history; from
then on each Sunday evening brings what became known in the week. Nothing is told before its `sent_on`, so the two
clocks of the hub (docs/decisions/0003) run as they would have run then.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from data_quality.contract import FeedContract
from data_quality.sql import literal, quoted

_EXTRACTED, _RECEIVED = "18:00:00Z", "19:00:00Z"
_WEEK = timedelta(weeks=1)


class ReplayProblem(Exception):
    """A pack cannot be replayed; the message names the file and what to change."""


@dataclass(frozen=True)
class Replayed:
    """What was delivered: files, rows, and the Sunday up to which everything is now told."""

    drops: int
    rows: int
    until: date


def replay(
    pack: Path,
    contracts: Mapping[str, FeedContract],
    landing: Path,
    first: date,
    after: date | None = None,
    until: date | None = None,
) -> Replayed:
    """Deliver the drops of the Sundays after `after` up to `until` into `landing`.

    Args:
        first: the Sunday of the first drops, which hold the history.
        after: the last Sunday delivered before; None when nothing was.
        until: the last Sunday to deliver; None: until everything is told.

    Raises:
        ReplayProblem: there is no query, a query lacks a column of its contract, or tells a key twice on one day.
    """
    if first.isoweekday() != 7:
        raise ReplayProblem(f"history_from of partnership.yml is {first:%A} {first}: the first drops come on a Sunday.")
    queries = {name: path for name in contracts if (path := pack / "replay" / f"{name}.sql").is_file()}
    if not queries:
        raise ReplayProblem(f"{pack.name} has no replay/<agency>__<feed>.sql: there is nothing to send again.")
    with duckdb.connect() as con:
        _open_tables(con, pack)
        newest = max(_tell(con, contracts[name], path) for name, path in queries.items())
        last = min(filter(None, (until, _sunday_from(newest))))
        drops = rows = 0
        for sunday in _sundays(first, after, last):
            for name in queries:
                sent = _deliver(con, contracts[name], landing, sunday, is_history=sunday == first)
                drops, rows = drops + (sent is not None), rows + (sent or 0)
    return Replayed(drops, rows, max(last, after or last))


def _open_tables(con: duckdb.DuckDBPyConnection, pack: Path) -> None:
    """The pack's data and code lists under their names."""
    for path in sorted((pack / "data").glob("*.csv.gz")):
        con.execute(
            f"create view {quoted(path.name.removesuffix('.csv.gz'))} as"
            f" select * from read_csv({literal(str(path))}, header = true, all_varchar = true)"
        )
    for path in sorted((pack / "codes").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            types = "{'code': 'VARCHAR'}" if "code" in next(csv.reader(file)) else "{}"
        con.execute(
            f"create view {quoted(f'code_{path.stem}')} as"
            f" select * from read_csv({literal(str(path))}, header = true, types = {types})"
        )


def _tell(con: duckdb.DuckDBPyConnection, contract: FeedContract, path: Path) -> date:
    """Make the table of all that a feed will tell; returns the day of the last row."""
    table = quoted(f"told {contract.name}")
    con.execute(f"create table {table} as {path.read_text(encoding='utf-8')}")
    held = {name for name, *_ in con.execute(f"describe {table}").fetchall()}
    missing = sorted({"sent_on", *(column.name for column in contract.columns)} - held)
    if missing:
        raise ReplayProblem(f"replay/{path.name} lacks {', '.join(missing)}, which the contract of the feed describes.")
    keys = ", ".join(quoted(column.name) for column in contract.keys)
    twice, empty, newest = con.execute(
        f"select (select count(*) from (select 1 from {table} group by {keys}, sent_on having count(*) > 1)),"
        f" count_if(sent_on is null), cast(max(sent_on) as date) from {table}"
    ).fetchall()[0]
    if twice or empty or newest is None:
        raise ReplayProblem(
            f"replay/{path.name} tells {twice} keys twice on one day and {empty} rows without a day: a row needs a "
            "sent_on, and a key at most one row for each."
        )
    return newest


def _sunday_from(day: date) -> date:
    """The first Sunday that is not before a day."""
    return day + timedelta(days=-day.isoweekday() % 7)


def _sundays(first: date, after: date | None, last: date) -> Iterator[date]:
    """The Sundays to deliver."""
    day = first if after is None else max(first, after + _WEEK)
    while day <= last:
        yield day
        day += _WEEK


def _deliver(
    con: duckdb.DuckDBPyConnection, contract: FeedContract, landing: Path, sunday: date, is_history: bool
) -> int | None:
    """Write one feed's file and manifest of a Sunday; returns its rows, None where there was nothing to tell."""
    names = [column.name for column in contract.columns]
    keys = ", ".join(quoted(column.name) for column in contract.keys)
    rows = con.execute(
        f"select {', '.join(_written(contract, name) for name in names)}"
        f" from {quoted(f'told {contract.name}')}"
        " where sent_on <= $sunday and ($history or sent_on > $sunday - 7)"
        f" qualify row_number() over (partition by {keys} order by sent_on desc) = 1 order by {keys}",
        {"sunday": sunday, "history": is_history},
    ).fetchall()
    if not rows and not is_history:
        return None
    if contract.delivery.format != "csv":
        raise ReplayProblem(f"{contract.name} is delivered as {contract.delivery.format}; a replay writes CSV alone.")
    mode = "full" if is_history else "delta"
    folder = landing / contract.agency / contract.feed
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{contract.feed}_{sunday:%Y%m%d}_{mode}.csv"
    with file.open("w", newline="", encoding=contract.delivery.encoding) as handle:
        writer = csv.writer(handle, delimiter=contract.delivery.delimiter, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
    manifest = {
        "agency": contract.agency,
        "feed": contract.feed,
        "file": file.name,
        "mode": mode,
        "history": is_history,
        "extracted_at": f"{sunday.isoformat()}T{_EXTRACTED}",
        "received_at": f"{sunday.isoformat()}T{_RECEIVED}",
        "rows": len(rows),
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    # The manifest comes last and whole: a file without one is still being written.
    draft = file.with_suffix(".json.part")
    draft.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    draft.replace(file.with_suffix(".manifest.json"))
    return len(rows)


def _written(contract: FeedContract, name: str) -> str:
    """SQL of a column as the agency writes it."""
    column = contract.column(name)
    form = {"date": contract.delivery.date_format, "timestamp": contract.delivery.timestamp_format}.get(column.type)
    held = quoted(name)
    return f"cast({held} as varchar)" if form is None else f"strftime(cast({held} as timestamp), {literal(form)})"
