"""Which pairs of records are compared at all: those that share a key, of many kinds of key.

A key may be one of several a record has (each form of a name, each spelling of it with one letter left out), so that
"ernie pool" meets "ernest pool" and "thomas fteeman" meets "thomas freeman" with no date and no address between them.
A key that too many records share says nothing and would cost a square of them: it is cut, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pandas as pd

_NAMES = "list_concat(coalesce(forename_forms, []), coalesce(surname_parts, []))"

# Rule -> SQL expression for the list of a record's keys; NULL keys are left out.
RULES: dict[str, str] = {
    "a name and the birth date": f"list_transform({_NAMES}, lambda x: x || birth_date)",
    "a name and the postcode": f"list_transform({_NAMES}, lambda x: x || postcode)",
    "a name, the sector and the year": f"list_transform({_NAMES}, lambda x: x || postcode[:-3] || birth_year)",
    "both names, in any order": "[least(forename, surname) || '|' || greatest(forename, surname)]",
    "any form of the forename, the surname": "list_transform(forename_forms, lambda x: x || '|' || surname)",
    "forename, surname but for a letter": "list_transform(surname_marks, lambda x: forename || '|' || x)",
    "surname, forename but for a letter": "list_transform(forename_marks, lambda x: surname || '|' || x)",
    "any form of the forename, the year, an initial": (
        "list_transform(forename_forms, lambda x: x || birth_year || surname[1:1])"
    ),
    "surname but for a letter, the year, an initial": (
        "list_transform(surname_marks, lambda x: x || birth_year || forename[1:1])"
    ),
    "surname and year": "[surname || birth_year]",
    "birth date and district": "[birth_date || postcode[:-4]]",
    "birth date, sex and initial": "[birth_date || sex || forename[1:1]]",
    "postcode and year": "[postcode || birth_year]",
    "postcode": "[postcode]",
}


def make_candidates(con: duckdb.DuckDBPyConnection, identifiers: Sequence[str], cap: int) -> pd.DataFrame:
    """Make table ``candidate(join_key_l, join_key_r, match_key)`` from table ``node_plain``.

    Returns ``rule, pairs, cut_keys, cut_pairs`` per rule: pairs its keys of at most ``cap`` records make (a pair may
    be made by several rules), and the keys and pairs that the cap cut.
    """
    rules = {**{f"equal {column}": f"[{column}]" for column in identifiers}, **RULES}
    con.execute("create or replace temp table block_key (rule utinyint, key_hash ubigint, node bigint)")
    for number, keys in enumerate(rules.values()):
        con.execute(
            f"insert into block_key select distinct {number}, hash({number}, key), node "
            f"from (select node, unnest({keys}) as key from node_plain) where key is not null"
        )
    con.execute(
        "create or replace temp table block as select rule, key_hash, count(*) as n from block_key "
        "group by all having n > 1"
    )
    con.execute(
        "create or replace temp table kept as select key_hash, node from block_key "
        f"semi join (select key_hash from block where n <= {cap}) using (key_hash)"
    )
    con.execute(
        "create or replace table candidate as select distinct l.node as join_key_l, r.node as join_key_r, "
        "'0' as match_key from kept as l join kept as r on l.key_hash = r.key_hash and l.node < r.node"
    )
    counts = con.sql(
        f"select rule, coalesce(sum(n * (n - 1) / 2) filter (n <= {cap}), 0)::bigint as pairs, "
        f"count(*) filter (n > {cap}) as cut_keys, "
        f"coalesce(sum(n * (n - 1) / 2) filter (n > {cap}), 0)::bigint as cut_pairs from block group by rule order by 1"
    ).df()
    for table in ("block_key", "block", "kept"):
        con.execute(f"drop table {table}")
    names = list(rules)
    counts["rule"] = [names[number] for number in counts["rule"]]
    return counts
