"""What is lost and what is false, by kind: how two records differ and what linkage made of the pair. Counts only."""

from __future__ import annotations

from typing import Any

import duckdb
import pandas as pd

from models.linkage import LinkageSettings

_COMPARED = ("forename", "surname", "birth_date", "postcode", "nhs_number", "upn")
_MOST = 25

_PAIRS = """
create table pair as
select
    l.node as node_l, r.node as node_r, l.person = r.person as together, l.truth = r.truth as one,
    l.family = r.family as same_family, {differences} as differ
from person as l join person as r on l.{by} = r.{by} and l.n < r.n and l.{apart} <> r.{apart}
"""

_KINDS = """
with told as (
    select
        pair.*,
        case
            when edge.adjusted_weight is null then 'not an edge'
            when edge.kind = 'id_conflict' then 'id_conflict'
            when edge.adjusted_by is not null then edge.adjusted_by
            when edge.kind = 'deterministic' then edge.rule
            when edge.adjusted_weight >= {join} then 'joins'
            else 'too weak to join'
        end as edge
    from pair left join edge
        on least(pair.node_l, pair.node_r) = edge.l and greatest(pair.node_l, pair.node_r) = edge.r
)
select edge, differ, same_family, count(*) as pairs
from told group by all order by pairs desc, edge, differ limit {most}
"""


def _differences() -> str:
    """SQL text of what differs and which columns one of the two records lacks."""
    words = [
        f"case when l.{c} is null or r.{c} is null then 'no {c}' when l.{c} <> r.{c} then 'other {c}' end"
        for c in _COMPARED
    ]
    return f"concat_ws(', ', {', '.join(words)})"


def losses(rows: pd.DataFrame, edges: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """``lost`` and ``false``: the commonest kinds with the number of pairs of records, most frequent first.

    ``rows``: standardised records with ``record_key, person, truth, family``. ``edges``: linkage's edge table.
    """
    equal = edges[edges["rule"] == "identical"].set_index("record_key_r")["record_key_l"]
    frame = rows[["record_key", "person", "truth", "family", *_COMPARED]].copy()
    frame["node"] = equal.reindex(frame["record_key"]).to_numpy()
    frame["node"] = frame["node"].where(frame["node"].notna(), frame["record_key"])
    scored = edges.loc[edges["rule"] != "identical", ["kind", "rule", "adjusted_weight", "adjusted_by"]]
    ends = edges.loc[scored.index, ["record_key_l", "record_key_r"]]
    scored = scored.assign(l=ends.min(axis=1), r=ends.max(axis=1))
    out = {}
    with duckdb.connect(config={"threads": 2}) as con:
        con.register("sent", frame)
        con.execute("create table person as select *, row_number() over () as n from sent")
        con.register("scored", scored)
        con.execute("create table edge as select * from scored")
        for name, by, apart in (("lost", "truth", "person"), ("false", "person", "truth")):
            con.execute(_PAIRS.format(differences=_differences(), by=by, apart=apart))
            out[name] = con.sql(_KINDS.format(most=_MOST, join=LinkageSettings().join_weight)).df().to_dict("records")
            con.execute("drop table pair")
    return out
