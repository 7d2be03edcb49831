"""Pairs of nodes that share a key, weighed by the frozen model; of those worth keeping, what other rules ask."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.linkage import duck, weigh
from models.linkage.blocking import block
from models.linkage.features import family_features
from models.linkage.model import BLOCKING_KEYS, LinkageModel
from models.linkage.settings import LinkageSettings
from models.linkage.values import Values


def score(
    nodes: pd.DataFrame, extra_pairs: pd.DataFrame, model: LinkageModel, settings: LinkageSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score pairs of nodes (row n is node n) with the frozen model.

    ``extra_pairs`` (``node_l, node_r``) are pairs looked at even if no blocking rule finds them (shared agency ids,
    people's decisions). Returns edges (one row a pair, ``node_l < node_r``, with the features adjust.py needs and
    ``weights``: JSON of bits per column) and the blocking counts.
    """
    made = model.settings
    with duck.scratch(settings) as con:
        values = Values(con, nodes)
        keys = {rule: values.key(parts) for rule, parts in BLOCKING_KEYS.items()}
        pairs, blocking = block(keys, model.blocking_keys, settings.block_cap)
        rarity = {column: (values.codes(column)[0], _known(values, model, column)) for column in model.frequencies}
        compared = weigh.compare(values, made["comparisons"], pairs[:, 0], pairs[:, 1])
        weight = weigh.match_weights(compared, made, rarity)
        worth = np.flatnonzero(weight >= settings.keep_weight)
        compared = compared.take(worth)
        edges = pd.DataFrame({"node_l": compared.left, "node_r": compared.right, "match_weight": weight[worth]})
        edges["weights"] = weigh.weights_by_column(con, compared, made, rarity)
        edges = _with_extra(edges, extra_pairs, weigh.unweighed(made), len(nodes))
        ends = edges["node_l"].to_numpy(), edges["node_r"].to_numpy()
        found = {
            "same_nhs": values.same("nhs_number", *ends),
            "other_nhs": values.differ("nhs_number", *ends),
            "same_upn": values.same("upn", *ends),
            "other_upn": values.differ("upn", *ends),
            **family_features(values, *ends),
        }
    return edges.assign(**found), blocking


def _known(values: Values, model: LinkageModel, column: str) -> np.ndarray:
    """How common each value of a column is by the model's frozen frequencies, 0 where they do not know it."""
    frozen = model.frequencies[column].set_index("value")["frequency"]
    return frozen.reindex(values.codes(column)[1]).fillna(0.0).to_numpy()


def _with_extra(edges: pd.DataFrame, extra: pd.DataFrame, unweighed: str, nodes: int) -> pd.DataFrame:
    """Edges in order, and with them the extra pairs not among them, which have no weight of their own."""
    ends = np.unique(extra[["node_l", "node_r"]].to_numpy(dtype="int64"), axis=0)
    code = [table[:, 0] * nodes + table[:, 1] for table in (edges[["node_l", "node_r"]].to_numpy(), ends)]
    # Both are in order.
    at = np.searchsorted(code[0], code[1])
    new = ends[np.append(code[0], -1)[at] != code[1]]
    if not len(new):
        return edges
    rest = pd.DataFrame({"node_l": new[:, 0], "node_r": new[:, 1], "match_weight": 0.0, "weights": unweighed})
    both = pd.concat([edges, rest.astype(edges.dtypes)], ignore_index=True)
    return both.sort_values(["node_l", "node_r"], ignore_index=True)
