"""Rules about all current rows of a feed: dates against the record a reference points to, and spells of one child.

They are judged after a sweep, when everything that came tonight is in, and their counts stand under the feed's newest
drop: how many current records break the rule *now*. A record that was put right leaves the count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

import duckdb
import pandas as pd

from data_quality.contract import FeedContract
from data_quality.expectations import history
from data_quality.expectations.history import CheckRow
from data_quality.expectations.observer import Receipt
from data_quality.quality_rule import SPELLS, QualityRule
from data_quality.raw_tables import key_column
from data_quality.sql import quoted, raw_table
from data_quality.staging import roll_back

# Beyond this many records a sample is judged: all records of every so-manyth person, so that spells stay together.
_MOST_ROWS = 200_000


def judge_standing(
    con: duckdb.DuckDBPyConnection, contracts: Mapping[str, FeedContract], every: Mapping[str, FeedContract]
) -> dict[str, str]:
    """Judge the standing rules of every feed whose newest drop has not been judged, and keep the counts.

    Args:
        contracts: feeds to judge. every: all feeds of the pack, where references point to.

    Returns:
        by name the feeds whose rules could not be judged, and the kind of error; its words may quote a row.
    """
    failed = {}
    for contract in contracts.values():
        receipt = _pending(con, contract)
        if receipt is None:
            continue
        try:
            rows = _judge(con, contract, every, *receipt)
            con.execute("begin transaction")
            history.write(con, rows)
            con.execute("commit")
        except Exception as error:
            roll_back(con)
            failed[contract.name] = type(error).__name__
    return failed


def _pending(con: duckdb.DuckDBPyConnection, contract: FeedContract) -> tuple[UUID, datetime, datetime] | None:
    """The newest drop of a feed with standing rules, if they were not judged since it came."""
    if not any(rule.is_standing for rule in contract.quality):
        return None
    newest = con.execute(
        "select drop_id, received_at, extracted_at from warehouse.gate.drop_log where agency = ? and feed = ? "
        "and status = 'loaded' and is_complete order by received_at desc, drop_id desc limit 1",
        [contract.agency, contract.feed],
    ).fetchone()
    if newest is None:
        return None
    judged = con.execute(
        "select count(*) from warehouse.quality.batch_check where drop_id = ? and scope = 'standing'", [newest[0]]
    ).fetchall()[0][0]
    return None if judged else newest


def _judge(
    con: duckdb.DuckDBPyConnection,
    contract: FeedContract,
    every: Mapping[str, FeedContract],
    drop_id: UUID,
    received_at: datetime,
    extracted_at: datetime,
) -> list[CheckRow]:
    from data_quality.expectations.suite import declared
    from data_quality.expectations.validate import validate

    rules = [rule for rule in contract.quality if rule.is_standing]
    columns = tuple(dict.fromkeys(name for rule in rules for name in rule.columns))
    lookups = dict(_lookups(con, rules, every))
    asked = [
        declared(rule, extracted_at.date(), **({"others": rule.name} if rule.name in lookups else {})) for rule in rules
    ]
    person = next((rule.columns[0] for rule in rules if rule.expectation in SPELLS), contract.keys[0].name)
    frame = current_rows(con, contract, columns if person in columns else (*columns, person), every, person)
    return list(Receipt(contract, drop_id, received_at).rows("standing", validate(asked, frame, lookups)))


def _lookups(
    con: duckdb.DuckDBPyConnection, rules: list[QualityRule], every: Mapping[str, FeedContract]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Spells of the other feed a rule names, under the rule's name."""
    for rule in rules:
        others = rule.kwargs.get("others")
        if rule.expectation in SPELLS and isinstance(others, dict):
            columns = tuple(others["column_list"])
            spells = current_rows(con, every[others["feed"]], columns, every)
            yield rule.name, spells.set_axis(["person", "starts", "ends"], axis=1)


def current_rows(
    con: duckdb.DuckDBPyConnection,
    contract: FeedContract,
    columns: tuple[str, ...],
    every: Mapping[str, FeedContract],
    person: str | None = None,
) -> pd.DataFrame:
    """Columns of all current rows of a feed; `reference.column` is looked up in the record the reference points to.

    Current is the latest version that counts, in extraction order. Where a reference names no record that is here, its
    columns are empty.

    Args:
        person: column to sample by when there are more than 200,000 rows; all rows if absent.
    """
    own = [name for name in columns if "." not in name]
    references = list(dict.fromkeys(name.split(".")[0] for name in columns if "." in name))
    con.execute(f"create or replace temp table standing as {_current(contract, own, references)}")
    joins = ""
    for reference in references:
        target = every[str(contract.column(reference).references)]
        wanted = [name.split(".")[1] for name in columns if name.startswith(f"{reference}.")]
        joins += (
            f" left join ({_current(target, wanted, [])}) as {quoted(reference)} "
            f"on {quoted(reference)}.record_key = standing.{quoted(key_column(contract.column(reference)))}"
        )
    parts = [f"{quoted(name.split('.')[0])}.{quoted(name.split('.')[1])} as {quoted(name)}" if "." in name
             else f"standing.{quoted(name)}" for name in columns]  # fmt: skip
    rows = con.execute("select count(*) from temp.standing").fetchall()[0][0]
    stride = max(1, -(-int(rows) // _MOST_ROWS)) if person else 1
    sample = f" where hash(standing.{quoted(str(person))}) % {stride} = 0" if stride > 1 else ""
    try:
        return con.execute(f"select {', '.join(parts)} from temp.standing as standing{joins}{sample}").df()
    finally:
        con.execute("drop table temp.standing")


def _current(contract: FeedContract, columns: list[str], references: list[str]) -> str:
    """SQL: record_key, columns and keys of references of all current rows of a feed, across its zones."""
    home = raw_table(contract.home_zone, contract.name)
    parts = [f"home.{quoted(key_column(contract.column(name)))}" for name in references]
    joins = ""
    for zone in contract.zones:
        mine = [name for name in columns if zone == _zone_of(contract, name)]
        place = "home" if zone == contract.home_zone else zone
        parts += [f"{place}.{quoted(name)}" for name in mine]
        if mine and place != "home":
            joins += f" join {raw_table(zone, contract.name)} as {place} using (record_key, drop_id)"
    return (
        "with version as (select record_key, arg_max(drop_id, (extracted_at, drop_id)) as drop_id, "
        f"arg_max(is_deleted, (extracted_at, drop_id)) as is_deleted from {home} where not superseded_on_arrival "
        f"group by record_key) select {', '.join(['record_key', *parts])} from version "
        f"join {home} as home using (record_key, drop_id){joins} where not version.is_deleted"
    )


def _zone_of(contract: FeedContract, name: str) -> str:
    """The zone a column is read from: the first that keeps it."""
    return next(zone for zone in contract.zones if zone in contract.column(name).zones)
