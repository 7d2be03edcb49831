"""Every call of linkage that only DuckDB understands; another engine replaces this module and nothing else.

Scoring happens in a database in memory that never spills (no temporary directory), so no name reaches a disk.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from splink import Linker
from splink.backends.duckdb import DuckDBAPI
from splink.internals.splink_dataframe import SplinkDataFrame

from models.linkage.blocking import block
from models.linkage.model import BLOCKING_KEYS, LinkageModel
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


def load_nodes(con: duckdb.DuckDBPyConnection, nodes: pd.DataFrame) -> None:
    """Make table ``node_plain`` of nodes; lists stay lists, NULL stays NULL."""
    arrays: dict[str, pa.Array] = {}
    for column in nodes.columns:
        lists = column.endswith(("_forms", "_parts", "_marks"))
        if lists:
            # Few spellings, many nodes: each list is made once.
            code, distinct = pd.factorize(nodes[column])
            made = pa.array([*distinct, None], type=pa.list_(pa.string()))
            arrays[column] = made.take(pa.array(np.where(code < 0, len(distinct), code)))
        else:
            kind = pa.int64() if column == "node" else pa.string()
            arrays[column] = pa.array(nodes[column], type=kind, from_pandas=True)
    con.register("node_input", pa.table(arrays))
    con.execute("create or replace table node_plain as select * from node_input")
    con.unregister("node_input")


def blocking_keys(con: duckdb.DuckDBPyConnection) -> dict[str, np.ma.MaskedArray]:
    """The hash of every blocking key of the nodes of ``node_plain``, by node, masked where a node has none."""
    keys = ", ".join(f"case when {sql} is not null then hash({sql}) end as {key}" for key, sql in BLOCKING_KEYS.items())
    hashes = con.sql(f"select {keys} from node_plain order by node").fetchnumpy()
    return {key: np.ma.asarray(hashes[key]) for key in BLOCKING_KEYS}


# What the family rules (adjust.py) ask of a pair; `a` and `b` are its two nodes. The condition of a CASE puts its dear
# questions only to the pairs that the cheap ones before them left open; elsewhere OR puts every question to all.
FAMILY_FEATURES = """
    coalesce(a.birth_date = b.birth_date, false) as same_birth,
    case when a.birth_date <> b.birth_date then abs(a.birth_date[1:4]::int - b.birth_date[1:4]::int) else 0 end
        as years_apart,
    case when a.birth_date = b.birth_date or damerau_levenshtein(a.birth_date, b.birth_date) <= 1
        or (a.birth_date[1:4] = b.birth_date[1:4] and '01-01' in (a.birth_date[6:10], b.birth_date[6:10]))
        or (a.birth_date[1:4] = b.birth_date[1:4] and a.birth_date[6:7] = b.birth_date[9:10]
            and a.birth_date[9:10] = b.birth_date[6:7])
        then true else false end as near_birth,
    a.birth_date is not null and b.birth_date is not null as both_birth,
    coalesce(a.postcode = b.postcode, false) as same_postcode,
    coalesce(a.sex <> b.sex, false) as other_sex,
    case when a.surname = b.surname or list_has_any(a.surname_parts, b.surname_parts)
        or jaro_winkler_similarity(a.surname, b.surname) >= 0.9
        then true else false end as near_surname,
    a.surname is not null and b.surname is not null as both_surname,
    a.forename is not null and b.forename is not null as both_forename,
    coalesce(a.forename = b.forename, false) as same_forename,
    case when a.forename = b.forename or list_has_any(a.forename_forms, b.forename_forms)
        or (least(length(a.forename), length(b.forename)) = 1 and a.forename[1:1] = b.forename[1:1])
        or (a.forename = b.surname and a.surname = b.forename)
        then true else false end as forename_meets,
    case when a.forename = b.forename then 1.0::double
        when a.forename <> b.forename then jaro_winkler_similarity(a.forename, b.forename)
        else 0 end as forename_likeness,
    case when a.forename = b.forename then 0
        when a.forename <> b.forename then damerau_levenshtein(a.forename, b.forename)
        else 99 end as forename_edits
"""
_PAIR_FEATURES = (
    """
select
    node_l, node_r, match_weight,
    {weights} as weights,
    coalesce(a.nhs_number = b.nhs_number, false) as same_nhs,
    coalesce(a.nhs_number <> b.nhs_number, false) as other_nhs,
    coalesce(a.upn = b.upn, false) as same_upn,
    coalesce(a.upn <> b.upn, false) as other_upn,
"""
    + FAMILY_FEATURES
    + """
from {scored}
inner join node_plain as a on a.node = node_l
inner join node_plain as b on b.node = node_r
order by node_l, node_r
"""
)


def score(
    nodes: pd.DataFrame, extra_pairs: pd.DataFrame, model: LinkageModel, settings: LinkageSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score node pairs with the frozen model.

    ``extra_pairs`` (``node_l, node_r``) are pairs compared even if no blocking rule finds them (shared agency ids,
    people's decisions). Returns edges (one row a pair, ``node_l < node_r``, with the features adjust.py needs and
    ``weights``: JSON of bits per column) and the blocking counts.
    """
    with scratch(settings) as con:
        load_nodes(con, nodes)
        pairs, blocking = block(blocking_keys(con), model.blocking_keys, settings.block_cap)
        linker = _linker(con, model.settings)
        for column, frame in model.frequencies.items():
            table = frame.rename(columns={"value": column, "frequency": f"tf_{column}"})
            con.register("tf_input", pa.Table.from_pandas(table, preserve_index=False))
            con.execute(f"create or replace table frozen_tf_{column} as select * from tf_input")
            known = _splink_table(con, f"frozen_tf_{column}", f"tf_in_{column}")
            linker.table_management.register_term_frequency_lookup(known, column)
        con.register("pair_input", pa.table({"join_key_l": pairs[:, 0], "join_key_r": pairs[:, 1]}))
        con.execute("create table blocked as select '0' as match_key, join_key_l, join_key_r from pair_input")
        known = linker.table_management.register_blocked_pairs_for_predict(_splink_table(con, "blocked", "pairs"))
        # Splink would copy the nodes twice, to leave out those that are in no pair.
        known.metadata["registered_for_predict"] = False
        scored = linker.inference.predict(threshold_match_weight=settings.keep_weight).physical_name
        _score_extra(con, extra_pairs, scored)
        columns = [c for (c,) in con.sql(f"select column_name from (describe {scored})").fetchall() if c[:3] == "mw_"]
        weights = "to_json(struct_pack(" + ", ".join(f'"{c[3:]}" := round({c}, 2)' for c in columns) + "))::varchar"
        edges = _frame(con.sql(_PAIR_FEATURES.format(weights=weights if columns else "'{}'", scored=scored)))
        drop_splink_tables(con)
    return edges, blocking


def _frame(rows: duckdb.DuckDBPyRelation | duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Rows as a frame whose texts stay in Arrow: a million of them take a fraction of the time and memory."""
    table = rows.to_arrow_table()
    frame = table.to_pandas(date_as_object=False)
    dates = [field.name for field in table.schema if pa.types.is_date(field.type)]
    return frame.astype(dict.fromkeys(dates, "datetime64[us]"))


def _score_extra(con: duckdb.DuckDBPyConnection, extra: pd.DataFrame, scored: str) -> None:
    """Pairs that must be looked at but were not blocked enter with no probabilistic weight of their own."""
    if extra.empty:
        return
    con.register("extra_input", pa.Table.from_pandas(extra[["node_l", "node_r"]], preserve_index=False))
    con.execute(
        f"insert into {scored} by name select distinct node_l, node_r, 0.0 as match_weight from extra_input e "
        f"where not exists (select 1 from {scored} s where s.node_l = e.node_l and s.node_r = e.node_r)"
    )
    con.unregister("extra_input")


def _splink_table(con: duckdb.DuckDBPyConnection, table: str, called: str) -> SplinkDataFrame:
    return DuckDBAPI(connection=con).register(con.table(table), dataset_display_name=called)


def _linker(con: duckdb.DuckDBPyConnection, settings: dict[str, Any]) -> Linker:
    """A linker over ``node_plain``. Its blocking rules name keys that :func:`block` alone makes: they go unchecked."""
    linker = Linker(_splink_table(con, "node_plain", "node_scored"), settings, validate_settings=False)
    # Splink turns its own logger up when a linker is made, and its warnings quote column values.
    logging.getLogger("splink").setLevel(logging.ERROR)
    return linker


def drop_splink_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Remove what Splink leaves behind; it never cleans up after itself."""
    rows = con.sql(
        "select table_name, table_type from information_schema.tables "
        "where table_name like '\\_\\_splink\\_\\_%' escape '\\'"
    ).fetchall()
    for name, kind in rows:
        con.execute(f'drop {"view" if kind == "VIEW" else "table"} if exists "{name}"')


def train_linker(con: duckdb.DuckDBPyConnection, nodes: pd.DataFrame, untrained: dict[str, Any]) -> Linker:
    """A Splink linker over ``nodes``, ready to be trained."""
    load_nodes(con, nodes)
    return _linker(con, untrained)


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
        for table, frame in {**replaced, **appended}.items():
            if table in replaced:
                con.execute(f"delete from {state}.{table}")
            con.register("linkage_out", pa.Table.from_pandas(frame, preserve_index=False))
            columns = ", ".join(frame.columns)
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
