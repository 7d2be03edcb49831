"""Which pairs of records are compared at all: those that share a key, of many kinds of key.

A key may be one of several a record has (each form of a name, each spelling of it with one letter left out), so that
"ernie pool" meets "ernest pool" and "thomas fteeman" meets "thomas freeman" with no date and no address between them.
A key that too many records share says nothing and would cost a square of them: it is cut, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

_NAMES = "list_concat(coalesce(forename_forms, []), coalesce(surname_parts, []))"

# Rule -> SQL expression for the list of a record's keys; NULL keys are left out. What shares one of these is soon one
# person: only the cap on a key's records limits them.
SURE: dict[str, str] = {
    "a name and the birth date": f"list_transform({_NAMES}, lambda x: x || birth_date)",
    "a name and the postcode": f"list_transform({_NAMES}, lambda x: x || postcode)",
    "a name, the sector and the year": f"list_transform({_NAMES}, lambda x: x || postcode[:-3] || birth_year)",
    "any form of the forename, the surname": "list_transform(forename_forms, lambda x: x || '|' || surname)",
}
# What shares one of these may be anybody: they may make so many pairs a record on average, the rarest keys first.
WIDE: dict[str, str] = {
    "both names, in any order": "[least(forename, surname) || '|' || greatest(forename, surname)]",
    "forename, surname but for a letter": "list_transform(surname_marks, lambda x: forename || '|' || x)",
    "surname, forename but for a letter": "list_transform(forename_marks, lambda x: surname || '|' || x)",
    "any form of the forename, the year, an initial": (
        "list_transform(forename_forms, lambda x: x || birth_year || surname[1:1])"
    ),
    "surname but for a letter, the year, an initial": (
        "list_transform(surname_marks, lambda x: x || birth_year || forename[1:1])"
    ),
    "surname and year": "[surname || birth_year]",
    "a name and the year": f"list_transform({_NAMES}, lambda x: x || birth_year)",
    "a name": _NAMES,
    "birth date and district": "[birth_date || postcode[:-4]]",
    "birth date, sex and initial": "[birth_date || sex || forename[1:1]]",
    "birth date": "[birth_date]",
    "postcode and year": "[postcode || birth_year]",
    "postcode": "[postcode]",
}
_PAIRS_A_NODE = 1
_PAIRS_AT_LEAST = 500_000


def candidate_pairs(
    con: duckdb.DuckDBPyConnection, identifiers: Sequence[str], cap: int, touched: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Both nodes ``left < right`` of pairs of table ``node_plain``, in order, never two of one ``source``; and counts.

    ``touched``: nodes of which every pair must have one; all pairs by default. Counts: ``rule, pairs, cut_keys,
    cut_pairs`` per rule: pairs its keys of few enough records make (a pair may be made by several rules), and the keys
    and pairs that the size guard cut.
    """
    nodes = con.sql("select count(*) from node_plain").fetchall()[0][0]
    wide = max(_PAIRS_AT_LEAST, _PAIRS_A_NODE * nodes)
    rules = {f"equal {column}": f"[{column}]" for column in identifiers}
    con.execute("create or replace temp table pair (l integer, r integer)")
    if touched is not None:
        con.register("touched_input", pa.table({"node": pa.array(touched, type=pa.int64())}))
        con.execute("create or replace temp table touched as select node::integer as node from touched_input")
        con.unregister("touched_input")
    new = "" if touched is None else "and (l.node in (from touched) or r.node in (from touched))"
    counts = []
    for name, keys in {**rules, **SURE, **WIDE}.items():
        con.execute(
            "create or replace temp table block_key as "
            "select distinct hash(key) as key_hash, node::integer as node, source::smallint as source "
            f"from (select node, source, unnest({keys}) as key from node_plain) where key is not null"
        )
        con.execute(
            "create or replace temp table block as select key_hash, sum(m) as n, "
            "(n * (n - 1) - sum(case when source is null then 0 else m * (m - 1) end)) / 2 as pairs "
            "from (select key_hash, source, count(*) as m from block_key group by all) group by 1 having n > 1"
        )
        sizes = con.sql("select n, count(*) as keys, sum(pairs) as pairs from block group by n order by n").fetchnumpy()
        n, blocks, made = (np.asarray(sizes[column], dtype="float64") for column in ("n", "keys", "pairs"))
        few = (n <= cap) & ((made.cumsum() <= wide) | (name not in WIDE))
        con.execute(
            "insert into pair select l.node, r.node from block "
            "inner join block_key as l using (key_hash) inner join block_key as r using (key_hash) "
            f"where n <= {int(n[few].max(initial=0))} and l.node < r.node and (l.source <> r.source) is not false {new}"
        )
        counts.append((name, int(made[few].sum()), int(blocks[~few].sum()), int(made[~few].sum())))
    found = con.sql("select distinct l::bigint * $n + r as pair from pair", params={"n": nodes}).fetchnumpy()["pair"]
    for table in ("block_key", "block", "pair"):
        con.execute(f"drop table {table}")
    code = np.sort(np.asarray(found))
    told = pd.DataFrame(counts, columns=["rule", "pairs", "cut_keys", "cut_pairs"])
    return code // max(nodes, 1), code % max(nodes, 1), told
