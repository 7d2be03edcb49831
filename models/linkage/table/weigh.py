"""What the evidence of each candidate pair weighs, in bits, as Splink's model says it.

A pair's *levels* ("same surname", "one digit out") do not change while a model is learnt; only what each level is worth
does. So DuckDB finds the levels of all pairs once, and every step of learning weighs them anew by looking them up. The
sum is Splink's own (Fellegi and Sunter 1969, with its term frequency adjustment): ``LinkedTable.model`` are settings
that give the same weights in a Splink linker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from models.linkage import duck

Rarity = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""By column: code of each node's value, -1 none; how common the value of each code is."""

_FEATURES = (
    """
select
    case when {numbered} then 'deterministic' else 'probabilistic' end as kind,
    false as other_nhs, false as other_upn,
    a.sex is not null and b.sex is not null as both_sex,
"""
    + duck.FAMILY_FEATURES
    + """
from pair_input as p
inner join node_plain as a on a.node = p.node_l
inner join node_plain as b on b.node = p.node_r
order by row
"""
)


@dataclass(frozen=True)
class Compared:
    """Pairs ``left < right`` of nodes, and per comparison the level of each (its place among the levels)."""

    left: np.ndarray
    right: np.ndarray
    levels: Sequence[np.ndarray]

    def take(self, rows: np.ndarray) -> Compared:
        """Some of the pairs."""
        return Compared(self.left[rows], self.right[rows], [of[rows] for of in self.levels])


def compare(con: duckdb.DuckDBPyConnection, comparisons: Sequence[Mapping[str, Any]]) -> Compared:
    """The levels of every pair of table ``candidate``, in order of the pairs."""
    columns = ", ".join(f"level_{number}" for number in range(len(comparisons)))
    table = con.sql(
        f"select l, r, {columns} from (select l, r, {level_cases(comparisons)} from (select p.l, p.r, {sides(con)} "
        "from candidate as p inner join node_plain as l on l.node = p.l inner join node_plain as r on r.node = p.r))"
    ).fetchnumpy()
    left, right = (np.asarray(table[side]).astype("int64") for side in ("l", "r"))
    order = np.argsort(left * (int(right.max(initial=0)) + 1) + right, kind="stable")
    levels = [np.asarray(table[f"level_{number}"]).astype("uint8")[order] for number in range(len(comparisons))]
    return Compared(left[order], right[order], levels)


def level_cases(comparisons: Sequence[Mapping[str, Any]]) -> str:
    """SQL for ``level_0, level_1, ...`` over rows that hold both sides' columns (see :func:`sides`)."""
    cases = []
    for number, comparison in enumerate(comparisons):
        conditions = [level["sql_condition"] for level in comparison["comparison_levels"]]
        whens = " ".join(f"when {sql} then {place}" for place, sql in enumerate(conditions) if sql != "ELSE")
        cases.append(f"(case {whens} else {len(conditions) - 1} end)::utinyint as level_{number}")
    return ", ".join(cases)


def sides(con: duckdb.DuckDBPyConnection) -> str:
    """SQL for the compared columns of the nodes ``l`` and ``r``, by the names that comparisons use."""
    columns = [row[0] for row in con.sql("describe node_plain").fetchall()]
    kept = [column for column in columns if column not in ("node", "source") and not column.endswith("_marks")]
    return ", ".join(f'l."{c}" as "{c}_l", r."{c}" as "{c}_r"' for c in kept)


def match_weights(compared: Compared, model: Mapping[str, Any], rarity: Rarity, only: str = "") -> np.ndarray:
    """Bits of each pair, the prior included; with ``only``, those of one column and the rarity of its values."""
    prior = float(model["probability_two_random_records_match"])
    total = np.full(len(compared.left), 0.0 if only else np.log2(prior / (1 - prior)))
    for _, bits in _parts(compared, model, rarity, only):
        total += bits
    return total


def weights_by_column(
    con: duckdb.DuckDBPyConnection, compared: Compared, model: Mapping[str, Any], rarity: Rarity
) -> pd.Series:
    """Bits by column, and of the rarity of its value (``tf_adj_...``), as JSON."""
    parts = dict(_parts(compared, model, rarity))
    con.register("bits_input", pa.table({"row": np.arange(len(compared.left)), **parts}))
    named = ", ".join(f"'{name}': round({name}, 2)" for name in parts)
    out = con.sql(f"select to_json({{{named}}})::varchar as weights from bits_input order by row").df()["weights"]
    con.unregister("bits_input")
    return out


def _parts(
    compared: Compared, model: Mapping[str, Any], rarity: Rarity, only: str = ""
) -> list[tuple[str, np.ndarray]]:
    out = []
    for comparison, level in zip(model["comparisons"], compared.levels, strict=True):
        made, name = comparison["comparison_levels"], comparison["output_column_name"]
        if only and name != only:
            continue
        bits = [
            0.0 if one.get("is_null_level") else np.log2(one["m_probability"] / one["u_probability"]) for one in made
        ]
        out.append((name, np.array(bits)[level]))
        rare = [place for place, one in enumerate(made) if "tf_adjustment_column" in one]
        if rare:
            adjusted = np.zeros(len(level))
            for place in rare:
                rows = np.flatnonzero(level == place)
                adjusted[rows] = _rarity(compared.left[rows], compared.right[rows], made[place], made, rarity)
            out.append((f"tf_adj_{name}", adjusted))
    return out


def _rarity(
    left: np.ndarray, right: np.ndarray, level: Mapping[str, Any], levels: Sequence[Mapping[str, Any]], rarity: Rarity
) -> np.ndarray:
    """Bits by which a value is rarer than values are; the commoner of two counts, nothing where neither is known."""
    column = level["tf_adjustment_column"]
    code, frequency = rarity[column]
    known = np.append(frequency, 0.0)
    common = np.maximum(known[code[left]], known[code[right]])
    equal = f"{column}_l = {column}_r"
    usual = next(one["u_probability"] for one in levels if one["sql_condition"] == equal)
    bits = np.log2(usual) - np.log2(common, out=np.full(len(common), np.log2(usual)), where=common > 0)
    return level["tf_adjustment_weight"] * bits


def features(
    con: duckdb.DuckDBPyConnection, left: np.ndarray, right: np.ndarray, identifiers: Sequence[str]
) -> pd.DataFrame:
    """What the family rules ask of pairs of ``node_plain``, in the order given."""
    con.register("pair_input", pa.table({"row": np.arange(len(left)), "node_l": left, "node_r": right}))
    numbered = " or ".join(f"coalesce(a.{column} = b.{column}, false)" for column in identifiers) or "false"
    out = con.sql(_FEATURES.format(numbered=numbered)).df()
    con.unregister("pair_input")
    return out
