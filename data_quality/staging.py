"""The batch on its way in: temporary tables between a file's text and the zones.

    gate_batch     the file, one row a record: trimmed text and typed values (reader)
    gate_typed     view: the same with row numbers and one name per value
    gate_staged    typed content, record keys, content hash, is_bad      one pass over the batch
    gate_repeated  rows that repeat a key of their own batch
    gate_prior     for each key of interest, its version just before this drop
    gate_verdict   per accepted row: unchanged? superseded?

Everything lives in the connection's memory (spill files are encrypted) and is dropped when the drop is done.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from data_quality.code_sets import CodeSets
from data_quality.contract import ColumnContract, FeedContract
from data_quality.drop import Manifest
from data_quality.raw_tables import day_column, key_column
from data_quality.row_rules import (
    SEPARATOR,
    RowRule,
    is_deletion,
    rules_of,
    source_key,
    text_of,
)
from data_quality.sql import literal, quoted, raw_table

_VIEWS = ("gate_new", "gate_accepted", "gate_typed")
_TABLES = (
    "gate_batch", "gate_staged", "gate_repeated", "gate_prior", "gate_verdict", "gate_vanished", "gate_held",
    "gate_rules",
)  # fmt: skip
NO_CONTENT = "'00000000-0000-0000-0000-000000000000'::uuid"
_FEW_ROWS = 10_000


@dataclass(frozen=True)
class Position:
    """Where a drop stands among the accepted drops of its feed, ordered by (extracted_at, drop_id)."""

    earlier: int
    later_full: int
    later: int


def roll_back(con: duckdb.DuckDBPyConnection) -> None:
    """End a transaction that an error has left open."""
    try:
        con.execute("rollback")
    except duckdb.TransactionException:
        return


def clear(con: duckdb.DuckDBPyConnection) -> None:
    """Forget the batch."""
    for view in _VIEWS:
        con.execute(f"drop view if exists temp.{view}")
    for table in _TABLES:
        con.execute(f"drop table if exists temp.{table}")
    for (table,) in con.execute(
        "select table_name from duckdb_tables() where database_name = 'temp' and starts_with(table_name, 'gate_map_')"
    ).fetchall():
        con.execute(f"drop table temp.{table}")


def stage(
    con: duckdb.DuckDBPyConnection, contract: FeedContract, code_sets: CodeSets, manifest: Manifest
) -> list[RowRule]:
    """Type, key, hash and judge the batch in one pass; returns the rules that were applied."""
    rules = rules_of(contract, code_sets, manifest.extracted_at.date())
    has_numbers = con.execute(
        "select count(*) from duckdb_columns() where table_name = 'gate_batch' and column_name = 'row_no'"
    ).fetchall()[0][0]
    texts = "".join(f", {text_of(c)} as {quoted(c.name)}" for c in contract.columns if c.type == "string")
    con.execute(
        f"create or replace temp view gate_typed as select *{texts}, {is_deletion(contract)} as is_deletion"
        f"{'' if has_numbers else ', rowid + 1 as row_no'} from temp.gate_batch"
    )
    maps = _reference_maps(con, contract)
    # A CASE makes DuckDB copy a selection of every column behind it, so it is written only where it is needed.
    deletions = con.execute("select coalesce(bool_or(is_deletion), false) from temp.gate_typed").fetchall()[0][0]
    con.execute(f"create or replace temp table gate_staged as {_staged_sql(contract, rules, maps, bool(deletions))}")
    _find_repeats(con)
    return rules


def _reference_maps(con: duckdb.DuckDBPyConnection, contract: FeedContract) -> dict[str, str]:
    """Temporary tables text -> key for references that repeat, because a keyed hash costs more than a join.

    Six marks a week name one pupil again and again; hashing each name once takes a fifth of the time.
    """
    if not contract.references:
        return {}
    rows, *distinct = con.execute(
        "select count(*), "
        + ", ".join(f"approx_count_distinct({text_of(column)})" for column in contract.references)
        + " from temp.gate_batch"
    ).fetchall()[0]
    maps = {}
    for place, (column, values) in enumerate(zip(contract.references, distinct, strict=True)):
        if rows > _FEW_ROWS and values * 2 < rows:
            maps[column.name] = f"gate_map_{place}"
            con.execute(
                f"create or replace temp table gate_map_{place} as select sent, {_reference(column, 'sent')} as key "
                f"from (select distinct {text_of(column)} as sent from temp.gate_batch)"
            )
    return maps


def _staged_sql(contract: FeedContract, rules: list[RowRule], maps: dict[str, str], deletions: bool) -> str:
    kept = [column for column in contract.columns if column.zones]
    content = []
    for column in kept:
        content.append(quoted(column.name))
        if column.type == "timestamp":
            content.append(quoted(day_column(column)))
    joins = ""
    for column in contract.references:
        key = f"{maps[column.name]}.key" if column.name in maps else _reference(column, text_of(column))
        content.append(f"{key} as {quoted(key_column(column))}")
        if column.name in maps:
            name = maps[column.name]
            joins += f" left join temp.{name} as {name} on {name}.sent = {text_of(column)}"
    holding = [rule for rule in rules if rule.severity == "quarantine"]
    on_deletion = _any([rule.bad for rule in holding if rule.on_deletions])
    on_content = _any([rule.bad for rule in holding])
    bad = f"case when is_deletion then {on_deletion} else {on_content} end" if deletions else on_content
    prefix = literal(f"{contract.agency}\x1f{contract.feed}\x1f")
    hashed = (
        f"case when is_deletion then {NO_CONTENT} else {_content_hash(kept)} end" if deletions else _content_hash(kept)
    )
    return (
        f"select row_no, {', '.join(content)}, is_deletion, "
        f"pseudonym({prefix} || {source_key(contract)}) as record_key, {hashed} as content_hash, "
        f"{bad} as is_bad from temp.gate_typed{joins}"
    )


def _any(conditions: list[str]) -> str:
    """True if any condition is. Bits, because OR passes the remaining rows on by copying a selection each time."""
    return f"({' | '.join(f'({condition})::utinyint' for condition in conditions)}) > 0" if conditions else "false"


def _reference(column: ColumnContract, text: str) -> str:
    agency, feed = str(column.references).split("__", 1)
    return f"pseudonym({literal(f'{agency}{chr(31)}{feed}{chr(31)}')} || {text})"


def _content_hash(columns: list[ColumnContract]) -> str:
    """MD5 of the values in contract order; a column added at the end and left empty changes nothing."""
    values = f", {SEPARATOR}, ".join(quoted(column.name) for column in columns)
    return f"md5(rtrim(concat({values}), {SEPARATOR}))::uuid"


def _find_repeats(con: duckdb.DuckDBPyConnection) -> None:
    """Rows that repeat a key: exact repeats keep their first row, contradicting rows are all held."""
    con.execute(
        "create or replace temp table gate_repeated as with again as (select record_key from temp.gate_staged "
        "where not is_bad group by record_key having count(*) > 1), ranked as (select row_no, "
        "row_number() over (partition by record_key order by row_no) as nth, "
        "min(content_hash) over same <> max(content_hash) over same as contradict "
        "from temp.gate_staged where not is_bad and record_key in (select record_key from again) "
        "window same as (partition by record_key)) select row_no, contradict from ranked where contradict or nth > 1"
    )
    held = con.execute("select count(*) from temp.gate_repeated").fetchall()[0][0]
    but = "and row_no not in (select row_no from temp.gate_repeated)" if held else ""
    con.execute(f"create or replace temp view gate_accepted as select * from temp.gate_staged where not is_bad {but}")


def position_of(con: duckdb.DuckDBPyConnection, contract: FeedContract, manifest: Manifest) -> Position:
    """Count the accepted drops of the feed before and after this one."""
    earlier, later_full, later = con.execute(
        f"with others as (select mode, (extracted_at, drop_id) < {_place(manifest)} as is_earlier "
        f"from {database_of(contract)}.gate.drop_log where agency = ? and feed = ? and status = 'loaded' "
        "and is_complete and drop_id <> ?) select count(*) filter (is_earlier), "
        "count(*) filter (not is_earlier and mode = 'full'), count(*) filter (not is_earlier) from others",
        [contract.agency, contract.feed, manifest.drop_id],
    ).fetchall()[0]
    return Position(int(earlier), int(later_full), int(later))


def compare(con: duckdb.DuckDBPyConnection, contract: FeedContract, manifest: Manifest, position: Position) -> None:
    """Compare the accepted rows with what was known just before this drop, in extraction order.

    Makes `gate_new` (rows to append, with `superseded_on_arrival`), `gate_verdict` and `gate_vanished`.
    """
    con.execute("create or replace temp table gate_vanished (record_key uuid)")
    if not position.earlier and not position.later:
        con.execute(
            "create or replace temp view gate_new as select *, false as superseded_on_arrival from temp.gate_accepted"
        )
        con.execute("create or replace temp table gate_verdict (row_no bigint, record_key uuid, is_unchanged boolean)")
        return
    _prior(con, contract, manifest, only_batch=manifest.mode != "full")
    overruled = _overruled(contract, manifest, position)
    con.execute(
        "create or replace temp table gate_verdict as select accepted.row_no, accepted.record_key, "
        "prior.record_key is not null and prior.is_deleted = accepted.is_deletion "
        "and prior.content_hash = accepted.content_hash as is_unchanged, "
        f"{overruled.format(key='accepted.record_key')} as superseded_on_arrival "
        "from temp.gate_accepted as accepted left join temp.gate_prior as prior using (record_key)"
    )
    con.execute(
        "create or replace temp view gate_new as select accepted.*, verdict.superseded_on_arrival "
        "from temp.gate_accepted as accepted join temp.gate_verdict as verdict using (row_no) "
        "where not verdict.is_unchanged"
    )
    if manifest.mode == "full":
        con.execute(
            "insert into temp.gate_vanished select record_key from temp.gate_prior where not is_deleted "
            "and record_key not in (select record_key from temp.gate_staged where record_key is not null) "
            f"and not {overruled.format(key='record_key')}"
        )


def _prior(con: duckdb.DuckDBPyConnection, contract: FeedContract, manifest: Manifest, only_batch: bool) -> None:
    """Each key's version just before this drop; versions that never counted are left out."""
    of_batch = "and raw.record_key in (select record_key from temp.gate_accepted)" if only_batch else ""
    con.execute(
        "create or replace temp table gate_prior as with ordered as (select drop_id, "
        f"row_number() over (order by extracted_at, drop_id) as place from {database_of(contract)}.gate.drop_log "
        f"where agency = ? and feed = ? and status = 'loaded' and is_complete "
        f"and (extracted_at, drop_id) < {_place(manifest)}) "
        "select raw.record_key, arg_max(raw.content_hash, ordered.place) as content_hash, "
        "arg_max(raw.is_deleted, ordered.place) as is_deleted "
        f"from {raw_table(contract.home_zone, contract.name)} as raw join ordered using (drop_id) "
        f"where not raw.superseded_on_arrival {of_batch} group by raw.record_key",
        [contract.agency, contract.feed],
    )


def _overruled(contract: FeedContract, manifest: Manifest, position: Position) -> str:
    """SQL with a `{key}` hole: has something newer already spoken about that key?

    A newer full drop has, about every key but those whose row it held in quarantine; a newer delta has, if it
    repeated what was known (it left no version then, only a confirmation).
    """
    if not position.later:
        return "false"
    feed = f"agency = {literal(contract.agency)} and feed = {literal(contract.feed)}"
    place = _place(manifest)
    confirmed = (
        f"{{key}} in (select record_key from {database_of(contract)}.gate.confirmed "
        f"where {feed} and (extracted_at, drop_id) > {place})"
    )
    if not position.later_full:
        return f"({confirmed})"
    silent = (
        f"{{key}} in (select held.source_key_hash from quarantine.gate.quarantined_row as held "
        f"join quarantine.gate.drop_log as log using (drop_id) where log.{feed.replace(' and ', ' and log.')} "
        f"and log.mode = 'full' and log.status = 'loaded' and (log.extracted_at, log.drop_id) > {place} "
        f"and held.source_key_hash is not null group by held.source_key_hash "
        f"having count(distinct log.drop_id) >= {position.later_full})"
    )
    return f"(not {silent} or {confirmed})"


def database_of(contract: FeedContract) -> str:
    """The attached database of the feed's home zone."""
    return "identity" if contract.home_zone == "identity" else "warehouse"


def _place(manifest: Manifest) -> str:
    return f"(timestamp '{manifest.extracted_at.isoformat(sep=' ')}', '{manifest.drop_id}'::uuid)"
