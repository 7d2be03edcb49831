"""What the evidence of each candidate pair weighs, in bits, as Splink's model says it.

A pair's *levels* ("same surname", "one digit out") are found once (values.py); what each is worth is looked up. The sum
is Splink's own (Fellegi and Sunter 1969, with its term frequency adjustment): a model's settings give the same weights
in a Splink linker. Splink itself trains the model of the nights, and is what tests compare these weights with; its own
scoring asks every condition of every pair of records, and took a third of a night.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from models.linkage.values import Values

Rarity = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""By column: code of each node's value, -1 none; how common the value of each code is, 0 unknown."""


@dataclass(frozen=True)
class Compared:
    """Pairs ``left < right`` of nodes, and per comparison the level of each (its place among the levels)."""

    left: np.ndarray
    right: np.ndarray
    levels: Sequence[np.ndarray]

    def take(self, rows: np.ndarray) -> Compared:
        """Some of the pairs."""
        return Compared(self.left[rows], self.right[rows], [of[rows] for of in self.levels])

    def and_also(self, more: Compared) -> Compared:
        """These pairs, then ``more``."""
        levels = [np.append(mine, theirs) for mine, theirs in zip(self.levels, more.levels, strict=True)]
        return Compared(np.append(self.left, more.left), np.append(self.right, more.right), levels)


def compare(values: Values, comparisons: Sequence[Mapping[str, Any]], left: np.ndarray, right: np.ndarray) -> Compared:
    """The levels of pairs of nodes; ``comparisons``: Splink's, each with a last level that holds where none does."""
    levels = [[level["sql_condition"] for level in one["comparison_levels"][:-1]] for one in comparisons]
    # Each asks for itself, and most of the work is done outside Python: two cores take two at a time.
    with ThreadPoolExecutor(2) as pool:
        return Compared(left, right, list(pool.map(lambda conditions: values.first(conditions, left, right), levels)))


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
    told = {}
    for name, bits in _parts(compared, model, rarity):
        # Few different bits, many pairs: each number is written once.
        code, distinct = pd.factorize(bits)
        con.register("bits_input", pa.table({"bits": distinct}))
        written = con.sql(f"""select '"{name}":' || to_json(round(bits, 2))::varchar as bits from bits_input""")
        told[name] = pa.DictionaryArray.from_arrays(code, written.to_arrow_table()["bits"].combine_chunks())
        con.unregister("bits_input")
    con.register("told_input", pa.table(told))
    columns = ", ".join(f'"{name}"' for name in told)
    out = con.sql(f"select '{{' || concat_ws(',', {columns}) || '}}' as weights from told_input").to_arrow_table()
    con.unregister("told_input")
    return out["weights"].to_pandas()


def unweighed(model: Mapping[str, Any]) -> str:
    """What :func:`weights_by_column` would say of a pair that the model was not asked about."""
    names = []
    for one in model["comparisons"]:
        rare = any("tf_adjustment_column" in level for level in one["comparison_levels"])
        names += [one["output_column_name"], *([f"tf_adj_{one['output_column_name']}"] if rare else [])]
    return json.dumps(dict.fromkeys(names), separators=(",", ":"))


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
    equal = f"{column}_l = {column}_r"
    usual = np.log2(next(one["u_probability"] for one in levels if one["sql_condition"] == equal))
    share = np.append(frequency, 0.0)
    bits = np.log2(share, out=np.full(len(share), -np.inf), where=share > 0)
    common = np.maximum(bits[code[left]], bits[code[right]])
    return level["tf_adjustment_weight"] * np.where(np.isfinite(common), usual - common, 0.0)
