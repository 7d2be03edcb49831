"""Make a model from records alone: nobody has to say which pairs match.

Pairs that share a checked NHS number are nearly all one person, so the chance that each column agrees given a match is
learnt inside those blocks. Without enough numbers, expectation-maximisation runs inside two ordinary blocks, never
inside address blocks, where "match" would come to mean "same family".
"""

from __future__ import annotations

import logging
from typing import Any

import duckdb
import pandas as pd
from splink import Linker, block_on
from splink.backends.duckdb import DuckDBAPI

from models.linkage import duck
from models.linkage.model import FIRST_JANUARY, TF_COLUMNS, settings_dict, to_files
from models.linkage.settings import LinkageSettings

_ENOUGH_PAIRS = 300
_LEAST_M = 0.004


def train(nodes: pd.DataFrame, settings: LinkageSettings, *, seed: int = 1, max_pairs: float = 2e6) -> dict[str, bytes]:
    """The model files (name -> content, hash included) learnt from standardised ``nodes`` (see nodes.node_frame).

    Columns may be partly or wholly NULL: a column nobody fills keeps stated weights that never come to bear.
    """
    with duck.scratch(settings) as con:
        linker = linker_over(con, nodes, settings_dict())
        sure: list[Any] = [block_on("nhs_number"), block_on("upn"), block_on("forename", "surname", "birth_date")]
        linker.training.estimate_probability_two_random_records_match(sure, recall=0.8)
        linker.training.estimate_u_using_random_sampling(max_pairs=max_pairs, seed=seed)
        shared = sum(
            int((n * (n - 1) // 2).sum()) for n in [nodes["nhs_number"].value_counts().clip(upper=settings.id_fanout)]
        )
        rules = [["nhs_number"]] if shared >= _ENOUGH_PAIRS else [["birth_date"], ["forename", "surname"]]
        for rule in rules:
            linker.training.estimate_parameters_using_expectation_maximisation(block_on(*rule))
        trained = linker.misc.save_model_to_json()
    return to_files(_finish(trained), {c: duck.term_frequencies(nodes, c) for c in TF_COLUMNS})


def linker_over(con: duckdb.DuckDBPyConnection, nodes: pd.DataFrame, settings: dict[str, Any]) -> Linker:
    """A Splink linker over ``nodes``. Its blocking rules name keys that score.py alone makes: they go unchecked."""
    duck.load_nodes(con, nodes)
    table = DuckDBAPI(connection=con).register(con.table("node_plain"), dataset_display_name="node_scored")
    linker = Linker(table, settings, validate_settings=False)
    # Splink turns its own logger up when a linker is made, and its warnings quote column values.
    logging.getLogger("splink").setLevel(logging.ERROR)
    return linker


def _finish(trained: dict[str, Any]) -> dict[str, Any]:
    """Give every level both probabilities, bounded and rounded: a level never seen must not decide alone."""
    for comparison in trained["comparisons"]:
        for level in comparison["comparison_levels"]:
            if level.get("is_null_level"):
                continue
            m, u = level.get("m_probability"), level.get("u_probability")
            level["m_probability"] = round(min(max(m or 0.0, _LEAST_M), 0.9999), 7)
            level["u_probability"] = round(min(max(0.002 if u is None else u, 1e-7), 0.999999), 9)
        # Levels run from most to least alike; a rarely seen one must not say less than the one below it.
        below = 0.0
        for level in reversed([c for c in comparison["comparison_levels"] if not c.get("is_null_level")]):
            # Dates on 1 January are a ladder of their own: half a date says what half a date says.
            if FIRST_JANUARY in level["label_for_charts"]:
                continue
            ratio = max(level["m_probability"] / level["u_probability"], below)
            level["m_probability"] = round(min(level["u_probability"] * ratio, 0.9999), 7)
            below = ratio
    trained["probability_two_random_records_match"] = float(f"{trained['probability_two_random_records_match']:.6g}")
    return trained
