"""The batch on its way in: temporary tables between a file's text and the zones.

    gate_staged    the file, one row a row: text as sent, typed values, record key, content hash, is_bad
    gate_typed     view: the same with row numbers and one name per value
    gate_repeated  rows that repeat a key of their own batch
    gate_accepted  view: rows that are neither bad nor repeated
    gate_prior     for each key of interest, its version just before this drop
    gate_verdict   per accepted row: unchanged? superseded?
    gate_new       view: rows to append, with the keys their references point to

`gate_staged` is made in one pass over the file, which is where the gate's time goes; all later steps look at little of
it. Everything lives in the connection's memory (spill files are encrypted) and is dropped when the drop is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import duckdb

from data_quality.contract import ColumnContract, FeedContract
from data_quality.drop import Drop, Manifest
from data_quality.raw_tables import day_column, key_column
from data_quality.row_rules import (
    SEPARATOR,
    RowRule,
    is_deletion,
    local_column,
    local_time,
    source_key,
    text_of,
    typed,
)
from data_quality.sql import literal, quoted, raw_table

_VIEWS = ("gate_new", "gate_accepted", "gate_typed")
_TABLES = (
    "gate_staged", "gate_repeated", "gate_prior", "gate_verdict", "gate_vanished", "gate_held", "gate_rules",
)  # fmt: skip
NO_CONTENT = "'00000000-0000-0000-0000-000000000000'::uuid"
_FEW_ROWS = 10_000
# Two bad rows of three say nothing about a column.
_FEWEST_FOR_SHARE = 20


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


def staging(
    con: duckdb.DuckDBPyConnection, contract: FeedContract, rules: list[RowRule], is_tidy: bool = False
) -> Callable[[str, Mapping[str, str], str | None], None]:
    """What turns a relation of texts into `gate_staged` (the `take` of a format's reader).

    Args:
        is_tidy: no text has blanks around it, so trimming, which costs as much as reading, is left out.
    """

    def take(relation: str, sent: Mapping[str, str], row_no: str | None) -> None:
        sql = _staged_sql(contract, rules, relation, sent, row_no, is_tidy)
        con.execute(f"create or replace temp table gate_staged as {sql}")

    return take


def settle(con: duckdb.DuckDBPyConnection, contract: FeedContract) -> None:
    """Make the views over `gate_staged` and find the rows that repeat a key."""
    has_numbers = con.execute(
        "select count(*) from duckdb_columns() where database_name = 'temp' and table_name = 'gate_staged' "
        "and column_name = 'row_no'"
    ).fetchall()[0][0]
    if contract.tombstone:
        # Not in the one pass: a CASE there makes DuckDB copy a selection of every column behind it.
        con.execute(f"update temp.gate_staged set content_hash = {NO_CONTENT} where is_deletion")
    texts = "".join(f", {text_of(c)} as {quoted(c.name)}" for c in contract.columns if c.type == "string")
    con.execute(
        f"create or replace temp view gate_typed as select *{texts}{'' if has_numbers else ', rowid + 1 as row_no'} "
        "from temp.gate_staged"
    )
    _find_repeats(con)


def refuse_broken_column(con: duckdb.DuckDBPyConnection, drop: Drop, rules: list[RowRule], rows_in: int) -> None:
    """Refuse a drop in which a column of severity `refuse` is broken as a whole, not in a row here and there.

    Raises:
        DropRefused: more of its rows fail one rule of that column than `refuseAbove` allows.
    """
    grave = [rule for rule in rules if rule.severity == "refuse"]
    if not grave or rows_in < _FEWEST_FOR_SHARE:
        return
    tests = ", ".join(f"count(*) filter (where {rule.fails})" for rule in grave)
    counts = con.execute(f"select {tests} from temp.gate_typed where is_bad").fetchall()[0]
    for rule, count in zip(grave, counts, strict=True):
        if count > rule.refuse_above * rows_in:
            raise drop.refuse(
                "rule_share",
                f"in column {rule.column}, {count:,} of {rows_in:,} rows break the rule {rule.rule} ({rule.why}).",
                "Check how the column is exported, or agree a new contract version first; send the file again.",
            )


def _staged_sql(
    contract: FeedContract,
    rules: list[RowRule],
    relation: str,
    sent: Mapping[str, str],
    row_no: str | None,
    is_tidy: bool,
) -> str:
    """Each stage is a projection of its own, so that what several expressions share is computed once."""
    texts, locals_, values, names = [], [], [], []
    for column in contract.columns:
        text, value = text_of(column), quoted(column.name)
        as_sent = sent.get(column.name, "null::varchar")
        texts.append(f"{as_sent if is_tidy else f'nullif(trim({as_sent}), {chr(39) * 2})'} as {text}")
        names.append(text)
        if column.type == "timestamp":
            locals_.append(f"{local_time(column, contract, text)} as {local_column(column)}")
            values.append(f"{typed(column, contract, text)} as {value}")
            values.append(f"{local_column(column)}::date as {quoted(day_column(column))}")
            names += [value, quoted(day_column(column))]
        elif column.type == "string":
            values.append(f"{text} as {value}")
        else:
            values.append(f"{typed(column, contract, text)} as {value}")
            names.append(value)
    kept = [quoted(column.name) for column in contract.columns if column.zones]
    numbered = f", {row_no} as row_no" if row_no else ""
    holding = [rule for rule in rules if rule.holds]
    lasting = _bits([rule.bad for rule in holding if rule.on_deletions])
    on_content = _bits([rule.bad for rule in holding if not rule.on_deletions])
    return (
        f"with sent as (select {', '.join(texts)}{numbered} from {relation}), "
        f"wall_clock as (select {', '.join(['*', *locals_])} from sent), "
        f"typed as (select *, {', '.join(values)}, {is_deletion(contract)} as is_deletion from wall_clock), "
        f"joined as (select *, concat({f', {SEPARATOR}, '.join(kept)}) as content from typed) "
        f"select {', '.join(names)}{', row_no' if row_no else ''}, is_deletion, "
        f"pseudonym({literal(f'{contract.agency}{chr(31)}{contract.feed}{chr(31)}')} || {source_key(contract)}) "
        f"as record_key, {_CONTENT_HASH} as content_hash, "
        f"({lasting} | ({on_content} * (not is_deletion)::utinyint)) > 0 as is_bad from joined"
    )


# MD5 of the values in contract order. A column added at the end and left empty changes nothing: separators at the end
# are cut, which is slow, so only where there are any.
_CONTENT_HASH = (
    f"md5(case when ends_with(content, {SEPARATOR}) then rtrim(content, {SEPARATOR}) else content end)::uuid"
)


def _bits(conditions: list[str]) -> str:
    """1 if any condition is. Bits, because OR passes the remaining rows on by copying a selection each time."""
    return f"({' | '.join(f'({condition})::utinyint' for condition in conditions)})" if conditions else "0::utinyint"


def _find_repeats(con: duckdb.DuckDBPyConnection) -> None:
    """Rows that repeat a key: exact repeats keep their first row, contradicting rows are all held."""
    con.execute(
        "create or replace temp table gate_repeated as with again as (select record_key from temp.gate_staged "
        "where not is_bad group by record_key having count(*) > 1), ranked as (select row_no, "
        "row_number() over (partition by record_key order by row_no) as nth, "
        "min(content_hash) over same <> max(content_hash) over same as contradict "
        "from temp.gate_typed where not is_bad and record_key in (select record_key from again) "
        "window same as (partition by record_key)) select row_no, contradict from ranked where contradict or nth > 1"
    )
    held = con.execute("select count(*) from temp.gate_repeated").fetchall()[0][0]
    but = "and row_no not in (select row_no from temp.gate_repeated)" if held else ""
    con.execute(f"create or replace temp view gate_accepted as select * from temp.gate_typed where not is_bad {but}")


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
        con.execute("create or replace temp table gate_verdict (row_no bigint, record_key uuid, is_unchanged boolean)")
        _make_new(con, contract, "select *, false as superseded_on_arrival from temp.gate_accepted")
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
    _make_new(
        con,
        contract,
        "select accepted.*, verdict.superseded_on_arrival from temp.gate_accepted as accepted "
        "join temp.gate_verdict as verdict using (row_no) where not verdict.is_unchanged",
    )
    if manifest.mode == "full":
        con.execute(
            "insert into temp.gate_vanished select record_key from temp.gate_prior where not is_deleted "
            "and record_key not in (select record_key from temp.gate_staged where record_key is not null) "
            f"and not {overruled.format(key='record_key')}"
        )


def _make_new(con: duckdb.DuckDBPyConnection, contract: FeedContract, rows: str) -> None:
    """View `gate_new`: the rows to append, with the record keys their references point to.

    A keyed hash costs more than a join, and six marks a week name one pupil again and again: where names repeat, each
    is hashed once into a table (text -> key), which takes a fifth of the time.
    """
    keys, joins = [], ""
    counts = "".join(f", approx_count_distinct({text_of(column)})" for column in contract.references)
    total, *distinct = con.execute(f"select count(*){counts} from ({rows})").fetchall()[0] if counts else (0,)
    for place, (column, values) in enumerate(zip(contract.references, distinct, strict=True)):
        if total > _FEW_ROWS and values * 2 < total:
            name = f"gate_map_{place}"
            con.execute(
                f"create or replace temp table {name} as select sent, {_reference(column, 'sent')} as key "
                f"from (select distinct {text_of(column)} as sent from ({rows}))"
            )
            keys.append(f"{name}.key as {quoted(key_column(column))}")
            joins += f" left join temp.{name} as {name} on {name}.sent = new.{text_of(column)}"
        else:
            keys.append(f"{_reference(column, text_of(column))} as {quoted(key_column(column))}")
    con.execute(
        f"create or replace temp view gate_new as select {', '.join(['new.*', *keys])} from ({rows}) as new{joins}"
    )


def _reference(column: ColumnContract, text: str) -> str:
    agency, feed = str(column.references).split("__", 1)
    return f"pseudonym({literal(f'{agency}{chr(31)}{feed}{chr(31)}')} || {text})"


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
