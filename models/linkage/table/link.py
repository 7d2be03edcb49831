"""Who is who in any table, without a trained model and without code: the one public function.

The way through::

    standardise -> equal rows are one node -> candidates -> weights (stated chances) -> first persons, with a high bar
        -> twice: learn from the persons found -> weights -> family rules -> persons
                  -> describe every person by one line, compare those lines, join; until nothing joins

Every union is made by average linkage (:mod:`models.linkage.cluster`), never by connected components, and no union
joins two records that the caller says are ``apart``.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from splink import Linker
from splink.backends.duckdb import DuckDBAPI

from models.linkage import duck, nodes
from models.linkage.adjust import adjust, forenames_differ
from models.linkage.cluster import Constraints, cluster
from models.linkage.edges import quarantine_shared
from models.linkage.settings import LinkageSettings
from models.linkage.table import comparisons, learn
from models.linkage.table.candidates import make_candidates
from models.linkage.table.profiles import describe
from models.linkage.table.standardise import standardise_table

COLUMNS = ("forename", "surname", "birth_date", "sex", "postcode")
# Even odds join: a table names its own errors, and the family rules have already spoken against the dangerous pairs.
TABLE_SETTINGS = LinkageSettings(
    join_weight=0.0, stay_weight=0.0, unscored_weight=-1.0, max_cluster_nodes=200, block_cap=150, keep_weight=-10.0
)
_FIRST_BAR = 3.0
# Of two siblings about this share are twins (1.5 % of UK maternities are multiple: ONS, Birth characteristics).
_TWINS_AMONG_SIBLINGS = 0.04
_LEARNING_STEPS = 2
_ROUNDS = 4
_FEATURES = """
select
    node_l, node_r, match_weight, {weights} as weights,
    case when {numbered} then 'deterministic' else 'probabilistic' end as kind,
    false as other_nhs, false as other_upn,
""" + (
    duck.FAMILY_FEATURES
    + """
from (
    select p.*, l as a, r as b
    from scored as p
    inner join node_plain as l on l.node = p.node_l
    inner join node_plain as r on r.node = p.node_r
)
order by node_l, node_r
"""
)


@dataclass(frozen=True)
class LinkedTable:
    """Who is who in a table.

    Attributes:
        persons: ``record_id, person`` (number from 0, by first record), in the table's order.
        edges: ``record_id_l, record_id_r, match_weight, adjusted_weight`` (bits), ``adjusted_by`` (family rule or
            None), ``weights`` (JSON, bits per column): the compared pairs of distinct rows, prior included.
        placeholders: ``reason, records``: values set to NULL.
        blocking: ``rule, pairs, cut_keys, cut_pairs``: what was compared and what the size guard cut.
        model: Splink settings with the chances learnt from this table.
    """

    persons: pd.DataFrame
    edges: pd.DataFrame
    placeholders: pd.DataFrame
    blocking: pd.DataFrame
    model: dict[str, Any]


@dataclass(frozen=True)
class _Found:
    """One comparison of nodes: weighted, adjusted pairs and what was cut."""

    pairs: pd.DataFrame
    blocking: pd.DataFrame


def link_table(
    records: pd.DataFrame,
    *,
    record_id: str = "record_id",
    columns: Mapping[str, str] | None = None,
    identifiers: Sequence[str] = (),
    apart: Iterable[tuple[Any, Any]] = (),
    settings: LinkageSettings = TABLE_SETTINGS,
) -> LinkedTable:
    """Find out which rows of a table are one person; the model is learnt from the table, nothing is labelled.

    Args:
        records: one row a record. Any column but ``record_id`` may be partly or wholly missing, or absent.
        record_id: column with a unique id per row.
        columns: our name -> the table's, for ``forename, surname, birth_date, sex, postcode``; a name not given is
            looked for as it stands. Dates may be dates or text in any usual order.
        identifiers: columns of near-unique numbers (NHS number, UPN, social security number), none by default.
            ``nhs_number`` and ``upn`` are held to their check digits.
        apart: pairs of record ids that may never be one person (barriers, people's decisions).
        settings: thresholds in bits; see :class:`models.linkage.LinkageSettings`.

    Raises:
        ValueError: the record id is missing, empty or not unique, or a named column is not in the table.

    >>> rows = pd.DataFrame({"record_id": [1, 2, 3], "forename": ["Jo", "Jo", "Al"], "surname": ["Ray", "Ray", "Low"],
    ...     "birth_date": ["2011-02-03", "03/02/2011", None], "postcode": ["NM1 1AA", "nm11aa", None]})
    >>> link_table(rows).persons["person"].tolist()
    [0, 0, 1]
    """
    named = _checked(records, record_id, columns or {}, identifiers)
    known, placeholders = standardise_table(records, named, identifiers)
    known, shared = quarantine_shared(known, settings, tuple(identifiers))
    position = {value: place for place, value in enumerate(records[record_id].tolist())}
    kept_apart = np.array(
        [(position[a], position[b]) for a, b in apart if a in position and b in position], dtype="int64"
    ).reshape(-1, 2)
    node = _nodes(known, identifiers, kept_apart)
    first = np.unique(node, return_index=True)[1]
    frame = known.iloc[first].reset_index(drop=True)
    frame.insert(0, "node", np.arange(len(frame), dtype="int64"))
    person, found, model = _solve(frame, np.bincount(node), node[kept_apart], identifiers, settings)
    ids = records[record_id].to_numpy()
    of_record = _by_first_appearance(person[node]) if len(node) else node
    pairs = found.pairs
    edges = pairs[["match_weight", "adjusted_weight", "adjusted_by", "weights"]].copy()
    edges.insert(0, "record_id_l", ids[first[pairs["node_l"]]])
    edges.insert(1, "record_id_r", ids[first[pairs["node_r"]]])
    return LinkedTable(
        persons=pd.DataFrame({"record_id": ids, "person": of_record}),
        edges=edges,
        placeholders=pd.concat([placeholders, shared], ignore_index=True),
        blocking=found.blocking,
        model=model,
    )


def _checked(
    records: pd.DataFrame, record_id: str, columns: Mapping[str, str], identifiers: Sequence[str]
) -> dict[str, str]:
    if record_id not in records.columns:
        raise ValueError(f"the table has no column {record_id!r} that tells its records apart; name it by record_id=")
    if records[record_id].isna().any() or records[record_id].duplicated().any():
        raise ValueError(f"column {record_id!r} must give every record an id of its own")
    unknown = sorted(set(columns) - set(COLUMNS))
    absent = [name for name in [*columns.values(), *identifiers] if name not in records.columns]
    if unknown or absent:
        raise ValueError(f"not compared: {', '.join(unknown) or '-'}; not in the table: {', '.join(absent) or '-'}")
    return {name: columns.get(name, name) for name in COLUMNS}


def _nodes(known: pd.DataFrame, identifiers: Sequence[str], apart: np.ndarray) -> np.ndarray:
    """Rows that say the same, and say enough, are one node: three of name, date and place, or one and an identifier."""
    if not len(known):
        return np.zeros(0, dtype="int64")
    said = known[["forename", "surname", "birth_date", "postcode"]].notna().sum(axis=1).to_numpy()
    numbered = known[list(identifiers)].notna().any(axis=1).to_numpy() if identifiers else np.zeros(len(known), bool)
    alone = ~((said >= 3) | (numbered & (said >= 1)))
    alone[apart.ravel()] = True
    return nodes.equal_rows(
        known[["forename", "forename_forms", "surname", "birth_date", "birth_year", "sex", "postcode", *identifiers]],
        alone,
    )


def _solve(
    frame: pd.DataFrame, records: np.ndarray, apart: np.ndarray, identifiers: Sequence[str], settings: LinkageSettings
) -> tuple[np.ndarray, _Found, dict[str, Any]]:
    """Person of every node, the last comparison of nodes, and the model."""
    model = comparisons.settings(identifiers)
    frequencies = {column: learn.frequencies(frame, column) for column in comparisons.TF_COLUMNS}
    with duck.scratch(settings) as con:
        duck.load_nodes(con, frame)
        blocking = make_candidates(con, identifiers, settings.block_cap)
        among_all = learn.all_pair_shares(con, model["comparisons"])
        model = learn.learn(con, model, among_all, np.arange(len(frame)))
        found = _Found(_weigh(con, model, frequencies, identifiers, settings), blocking)
        bar = dataclasses.replace(settings, join_weight=settings.join_weight + _FIRST_BAR)
        person = _cluster(len(frame), found.pairs, apart, bar)
        for _ in range(_LEARNING_STEPS):
            model = learn.learn(con, model, among_all, person)
            found = _Found(_weigh(con, model, frequencies, identifiers, settings), blocking)
            person = _cluster(len(frame), found.pairs, apart, settings)
            person = _join_persons(frame, records, person, apart, model, frequencies, identifiers, settings)
    return person, found, model


def _join_persons(
    frame: pd.DataFrame,
    records: np.ndarray,
    person: np.ndarray,
    apart: np.ndarray,
    model: dict[str, Any],
    frequencies: dict[str, pd.DataFrame],
    identifiers: Sequence[str],
    settings: LinkageSettings,
) -> np.ndarray:
    """Compare persons as if they were records until no two of them join."""
    for _ in range(_ROUNDS):
        people = describe(frame, person, records)
        with duck.scratch(settings) as con:
            duck.load_nodes(con, people)
            make_candidates(con, identifiers, settings.block_cap)
            pairs = _weigh(con, model, frequencies, identifiers, settings)
        joined = _cluster(len(people), pairs, person[apart], settings)
        if joined.max(initial=-1) + 1 == len(people):
            break
        person = joined[person]
    return person


def _cluster(n: int, pairs: pd.DataFrame, apart: np.ndarray, settings: LinkageSettings) -> np.ndarray:
    left, right, weight = (pairs[c].to_numpy() for c in ("node_l", "node_r", "adjusted_weight"))
    return cluster(n, left, right, weight.astype(float), Constraints(np.full(n, -1), apart), settings)


def _weigh(
    con: duckdb.DuckDBPyConnection,
    model: dict[str, Any],
    frequencies: dict[str, pd.DataFrame],
    identifiers: Sequence[str],
    settings: LinkageSettings,
) -> pd.DataFrame:
    """Weights of the candidate pairs of ``node_plain``: raw, adjusted by the family rules, and by column."""
    if not con.sql("select count(*) from candidate").fetchall()[0][0]:
        con.execute("create or replace table scored as select 0::bigint node_l, 0::bigint node_r, 0.0 match_weight")
        con.execute("delete from scored")
        return adjust(con.sql(_FEATURES.format(weights="'{}'", numbered="false")).df(), settings)
    api = DuckDBAPI(connection=con)
    linker = Linker(api.register(con.table("node_plain"), dataset_display_name="table_node"), model)
    logging.getLogger("splink").setLevel(logging.ERROR)
    for column, known in frequencies.items():
        if known.empty:
            continue
        con.register("frequency", pa.table({column: known["value"], f"tf_{column}": known["frequency"]}))
        con.execute(f"create or replace table term_{column} as select * from frequency")
        con.unregister("frequency")
        registered = api.register(con.table(f"term_{column}"), dataset_display_name=f"table_term_{column}")
        linker.table_management.register_term_frequency_lookup(registered, column)
    blocked = api.register(con.table("candidate"), dataset_display_name="table_candidate")
    linker.table_management.register_blocked_pairs_for_predict(blocked)
    scored = linker.inference.predict(threshold_match_weight=settings.keep_weight)
    columns = [name for name in scored.as_duckdbpyrelation().columns if name.startswith("mw_")]
    con.execute(
        f"create or replace table scored as select node_l, node_r, match_weight, {', '.join(columns)} "
        f"from {scored.physical_name}"
    )
    weights = "to_json({" + ", ".join(f"'{c[3:]}': round({c}, 2)" for c in columns) + "})"
    numbered = " or ".join(f"coalesce(a.{column} = b.{column}, false)" for column in identifiers) or "false"
    out = con.sql(_FEATURES.format(weights=weights, numbered=numbered)).df()
    con.execute("drop table scored")
    for view in ("table_node", "table_candidate", *(f"table_term_{c}" for c in frequencies)):
        con.execute(f"drop view if exists {view}")
    duck.drop_splink_tables(con)
    # Siblings and twins where there are families, neither where there are not.
    weight = settings.twin_weight if twins_expected(out) else None
    return adjust(out, dataclasses.replace(settings, twin_weight=weight, sibling_weight=weight))


def twins_expected(pairs: pd.DataFrame) -> bool:
    """Whether pairs of one home and one birth date with two forenames are twins, or one person misnamed.

    Both look alike, and a table of strangers has no twins: there such a pair is a typing error. The pairs of one home
    with two forenames *and* two birth dates, siblings, tell how many twins to expect.

    >>> home = dict.fromkeys(["near_surname", "same_postcode", "both_forename", "both_birth"], True)
    >>> differ = {"same_forename": False, "forename_meets": False, "forename_edits": 5, "forename_likeness": 0.3,
    ...     "other_sex": False, "kind": "probabilistic"}
    >>> siblings = [home | differ | {"same_birth": False, "near_birth": False}] * 50
    >>> alike = [home | differ | {"same_birth": True, "near_birth": True}]
    >>> twins_expected(pd.DataFrame(siblings + alike)), twins_expected(pd.DataFrame(alike * 9))
    (True, False)
    """
    two = pairs["near_surname"] & pairs["same_postcode"] & forenames_differ(pairs) & pairs["both_birth"]
    two &= pairs["kind"] == "probabilistic"
    siblings, alike = int((two & ~pairs["near_birth"]).sum()), int((two & pairs["same_birth"]).sum())
    return _TWINS_AMONG_SIBLINGS * siblings >= 0.5 * alike


def _by_first_appearance(labels: np.ndarray) -> np.ndarray:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype="int64")
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
