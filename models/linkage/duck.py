"""What linkage reads from DuckDB and writes to it, and the private databases it works in.

Scoring happens in a database in memory that never spills (no temporary directory), so no name reaches a disk.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from models.linkage.settings import LinkageSettings


@contextlib.contextmanager
def scratch(settings: LinkageSettings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private database in memory, closed afterwards."""
    config: dict[str, Any] = {"threads": settings.threads, "memory_limit": settings.memory_limit, "temp_directory": ""}
    con = duckdb.connect(":memory:", config=config)
    try:
        yield con
    finally:
        con.close()


def arrow_type(column: str) -> pa.DataType:
    """What a column of nodes holds: a number, texts, or lists of texts."""
    if column == "node":
        return pa.int64()
    return pa.list_(pa.string()) if column.endswith(("_forms", "_parts", "_marks")) else pa.string()


def load_nodes(con: duckdb.DuckDBPyConnection, nodes: pd.DataFrame) -> None:
    """Make table ``node_plain`` of nodes; lists stay lists, NULL stays NULL."""
    arrays: dict[str, pa.Array] = {}
    for column in nodes.columns:
        kind = arrow_type(column)
        if pa.types.is_list(kind):
            # Few spellings, many nodes: each list is made once.
            code, distinct = pd.factorize(nodes[column])
            made = pa.array([*distinct, None], type=kind)
            arrays[column] = made.take(pa.array(np.where(code < 0, len(distinct), code)))
        else:
            arrays[column] = pa.array(nodes[column], type=kind, from_pandas=True)
    con.register("node_input", pa.table(arrays))
    con.execute("create or replace table node_plain as select * from node_input")
    con.unregister("node_input")


def _frame(rows: duckdb.DuckDBPyRelation | duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Rows as a frame whose texts stay in Arrow: a million of them take a fraction of the time and memory."""
    table = rows.to_arrow_table()
    frame = table.to_pandas(date_as_object=False)
    dates = [field.name for field in table.schema if pa.types.is_date(field.type)]
    return frame.astype(dict.fromkeys(dates, "datetime64[us]"))


def term_frequencies(nodes: pd.DataFrame, column: str) -> pd.DataFrame:
    """``value, frequency`` of a column over nodes, most frequent first, ties by value."""
    counts = nodes[column].dropna().value_counts()
    frame = pd.DataFrame({"value": counts.index.astype(str), "frequency": (counts / counts.sum()).round(9).to_numpy()})
    return frame.sort_values(["frequency", "value"], ascending=[False, True]).reset_index(drop=True)


_RECORDS = """
with known as (select * from {canonical}.person_record where known_from <= $now),
since as (select record_key, min(known_from) as first_known from known group by 1)
select known.record_key::varchar as record_key, agency, feed, source_key, forename, surname, birth_date, sex, postcode,
    uprn, nhs_number, upn, local_id, names_a_person, known_from, first_known
from known join since using (record_key)
where {current} and not coalesce(professional, false)
order by agency, feed, source_key
"""
_NOW = "known_to > $now"
# The last version of records that have a person and are not sent any more.
_OR_LAST = """(known_to > $now or (
    record_key in (
        select record_key from {canonical}.person_record where known_from <= $now
        group by 1 having max(known_to) <= $now
        intersect select record_key from {state}.person_assignment where known_to = timestamp '9999-12-31'
    ) and (record_key, known_to) in (select (record_key, max(known_to)) from {canonical}.{table} group by record_key)
))"""
_KEY = "record_key::varchar as record_key"
_CURRENT = {
    "address_spell": f"{_KEY}, postcode, uprn, address_type, started_on, ended_on, known_from",
    "relationship": f"{_KEY}, other_record_key::varchar as other_record_key, relationship",
    "linkage_barrier": "record_key_before::varchar as record_key_before, record_key_after::varchar as record_key_after",
}
_PAIR = "record_key_l::varchar as record_key_l, record_key_r::varchar as record_key_r"
_STATE = {
    "person_assignment": f"{_KEY}, person_id, known_from, known_to, link_basis, reason, run_id",
    "person_event": "person_id, event, other_person_id, happened_at, run_id",
    "household_spell": "person_id, household_id, started_on, ended_on, known_from, known_to",
    "record_household": f"{_KEY}, household_id, known_from, known_to",
    "person_area": "person_id, area_team, known_from, known_to",
    "clerical_decision": f"decision_id, {_PAIR}, decision, decided_at, expires_on",
    "review_queue": (
        f"item_id, kind, {_PAIR}, person_id_l, person_id_r, since, value, records_l, records_r, evidence, reason, "
        "match_weight, adjusted_weight, adjusted_by"
    ),
    "needs_attention": "attention_id, reason_code, reason, person_ids, record_keys, since",
}
_EDGE = {
    "edge": (
        "record_key_l::varchar as record_key_l, record_key_r::varchar as record_key_r, kind, rule, match_weight, "
        "adjusted_weight, adjusted_by, weights"
    )
}


def read_records(
    con: duckdb.DuckDBPyConnection, now: Any, canonical: str, state: str, *, gone: bool = False
) -> pd.DataFrame:
    """The records as known at ``now``, in content order.

    ``gone``: those that have a person and are not sent any more are read as they last were.
    """
    current = _current("person_record", canonical, state, gone)
    return _frame(con.execute(_RECORDS.format(canonical=canonical, current=current), {"now": now}))


def read(
    con: duckdb.DuckDBPyConnection, now: Any, canonical: str, state: str, *, gone: bool = False
) -> dict[str, pd.DataFrame]:
    """What linkage needs besides records, as known at ``now``: the other canonical tables, the ledger.

    ``gone``: what belongs to records that have gone is read as it last was, and the edges too.
    """
    out = {}
    for table, columns in _CURRENT.items():
        current = _current(table, canonical, state, gone and table != "linkage_barrier")
        sql = f"select {columns} from {canonical}.{table} where known_from <= $now and {current}"
        out[table] = _frame(con.execute(sql, {"now": now}))
    for table, columns in (_STATE | (_EDGE if gone else {})).items():
        out[table] = _frame(con.sql(f"select {columns} from {state}.{table}"))
    return out


def _current(table: str, canonical: str, state: str, gone: bool) -> str:
    return _OR_LAST.format(canonical=canonical, state=state, table=table) if gone else _NOW


def write(
    con: duckdb.DuckDBPyConnection,
    replaced: dict[str, pd.DataFrame],
    appended: dict[str, pd.DataFrame],
    state: str,
    beside: Callable[[], None] = lambda: None,
) -> None:
    """Store a result in one transaction: ``replaced`` tables hold full content, ``appended`` ones new rows.

    ``beside`` stores what belongs to the result, in the same transaction.
    """
    con.execute("begin transaction")
    try:
        for table, made in _one_ahead({**replaced, **appended}):
            if table in replaced:
                con.execute(f"delete from {state}.{table}")
            con.register("linkage_out", made)
            columns = ", ".join(made.column_names)
            # A person merged, reinstated and merged again has one redirect: the last.
            con.execute(
                f"insert {'or replace ' if table == 'person_redirect' else ''}into {state}.{table} ({columns}) "
                f"select {columns} from linkage_out"
            )
            con.unregister("linkage_out")
        beside()
        con.execute("commit")
    except Exception:
        con.execute("rollback")
        raise


def _one_ahead(frames: dict[str, pd.DataFrame]) -> Iterator[tuple[str, pa.Table]]:
    """The tables as DuckDB takes them, the next one made while it takes the one before."""
    with ThreadPoolExecutor(1) as beside:
        coming = None
        for before, name in pairwise([None, *frames, None]):
            made = coming.result() if coming else None
            coming = beside.submit(pa.Table.from_pandas, frames[name], preserve_index=False) if name else None
            if before is not None and made is not None:
                yield before, made
