"""Candidate links between nodes: an identifier both carry, or the model's weight.

An equal identifier alone is not a link. It is one when the birth date or the names agree with it; when both say
otherwise (a mother's NHS number on her baby, a number typed into the wrong record) it is an *id conflict*, for review.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.linkage.model import LinkageModel
from models.linkage.score import score
from models.linkage.settings import LinkageSettings

IDENTIFIERS = ("nhs_number", "upn")


def quarantine_shared(
    nodes: pd.DataFrame, settings: LinkageSettings, identifiers: Sequence[str] = IDENTIFIERS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """NULL every identifier that too many different people carry; returns nodes and counts ``reason, records``.

    >>> rows = pd.DataFrame({"nhs_number": ["1"] * 9 + ["2"], "upn": [None] * 10, "surname": ["ray"] * 10,
    ...     "birth_date": [f"2010-02-{d:02}" for d in range(10, 20)]})
    >>> good, counts = quarantine_shared(rows, LinkageSettings())
    >>> good["nhs_number"].tolist()[-2:], counts["records"].tolist()
    ([None, '2'], [9])
    """
    out, counts = nodes.copy(), {}
    for column in identifiers:
        people = (
            nodes[[column, "birth_date", "surname"]].dropna(subset=[column]).drop_duplicates()[column].value_counts()
        )
        shared = nodes[column].isin(set(people.index[people > settings.id_fanout])).to_numpy()
        values = nodes[column].to_numpy(dtype=object).copy()
        values[shared] = None
        out[column] = pd.Series(values, index=out.index, dtype="object")
        if shared.any():
            counts[f"{column}_shared"] = int(shared.sum())
    return out, pd.DataFrame({"reason": list(counts), "records": np.array(list(counts.values()), dtype="int64")})


def pairs_within(group: np.ndarray, node: np.ndarray, limit: int) -> pd.DataFrame:
    """All node pairs sharing a group (-1 = none), groups of more than ``limit`` nodes left out.

    >>> pairs_within(np.array([0, 0, 1, -1]), np.array([3, 1, 2, 4]), 5).to_numpy().tolist()
    [[1, 3]]
    """
    members = pd.DataFrame({"group": group, "node": node}).query("group >= 0").drop_duplicates()
    size = members.groupby("group")["node"].transform("size")
    members = members[(size > 1) & (size <= limit)]
    both = members.merge(members, on="group", suffixes=("_l", "_r"))
    both = both.loc[both["node_l"] < both["node_r"], ["node_l", "node_r"]].drop_duplicates()
    return both.astype("int64").reset_index(drop=True)


def classify(pairs: pd.DataFrame, settings: LinkageSettings) -> pd.DataFrame:
    """Add ``kind`` (deterministic | probabilistic | id_conflict) and ``rule`` to scored pairs.

    ``pairs`` carries the boolean features of :func:`score.score` and ``same_local``.
    """
    same = {"nhs_number": pairs["same_nhs"], "upn": pairs["same_upn"], "agency_id": pairs["same_local"]}
    shared = same["nhs_number"] | same["upn"] | same["agency_id"]
    names_known = pairs["both_surname"] & pairs["both_forename"]
    names_agree = pairs["near_surname"] | pairs["forename_meets"]
    compatible = (
        (pairs["near_birth"] & (names_agree | ~names_known))
        | (pairs["near_surname"] & pairs["forename_meets"])
        | (~pairs["both_birth"] & (names_agree | ~(pairs["both_surname"] | pairs["both_forename"])))
    )
    out = pairs.copy()
    out["kind"] = np.select([shared & compatible, shared], ["deterministic", "id_conflict"], "probabilistic")
    out["rule"] = np.select([same["nhs_number"], same["upn"], same["agency_id"]], list(same), "model")
    sure = (out["kind"] == "deterministic").to_numpy()
    out.loc[sure, "match_weight"] = np.maximum(out.loc[sure, "match_weight"], settings.deterministic_weight)
    return out


def build(
    nodes: pd.DataFrame,
    local_pairs: pd.DataFrame,
    asked: pd.DataFrame,
    model: LinkageModel,
    settings: LinkageSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Classified edges and blocking counts of ``nodes``.

    ``local_pairs`` share one agency's own person id; ``asked`` are compared too, without being evidence of anything.
    """
    looked_at = pd.concat([local_pairs, asked]).drop_duplicates()
    pairs, blocking = score(nodes, looked_at, model, settings)
    width = len(nodes) + 1
    local = np.sort(local_pairs["node_l"].to_numpy() * width + local_pairs["node_r"].to_numpy())
    pairs["same_local"] = np.isin(pairs["node_l"].to_numpy() * width + pairs["node_r"].to_numpy(), local)
    return classify(pairs, settings), blocking
