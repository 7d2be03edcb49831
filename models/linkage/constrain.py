"""Clusters under every rule at once: evidence, barriers, holds, and what people decided.

The order is: cluster by evidence under the constraints; if two held persons met, again with the hold; bind what people
decided; take contradictory clusters out of play whole, and begin again with the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.linkage import attention, holds
from models.linkage.cluster import Constraints, cluster, renumber
from models.linkage.decisions import Bound, Decided, bind
from models.linkage.settings import LinkageSettings


@dataclass(frozen=True)
class Constrained:
    """``node`` per record (a node of a frozen cluster may have been divided), ``cluster`` per node by first node.

    ``edges``: as given, between these nodes, and ``joined``: whether the edge holds its two nodes together. ``held``:
    pairs of codes of yesterday's persons that a hold kept apart. ``idle``: decisions without effect.
    """

    node: np.ndarray
    cluster: np.ndarray
    edges: pd.DataFrame
    held: list[tuple[int, int]]
    frozen: list[attention.Freeze]
    idle: int


def constrain(
    node: np.ndarray,
    edges: pd.DataFrame,
    nhs: np.ndarray,
    apart: np.ndarray,
    decided: Decided,
    before: np.ndarray,
    held: np.ndarray | None,
    settings: LinkageSettings,
    steady: np.ndarray | None = None,
) -> Constrained:
    """Cluster the nodes of records.

    Args:
        node: per record.
        edges: ``node_l < node_r, adjusted_weight`` and more, none between the two sides of a barrier.
        nhs: code of the checked number of each record, -1 none; equal within a node.
        apart: pairs of records a barrier parts.
        before: code of the person each record was yesterday, -1 nobody.
        held: the same, where two such persons may not become one by evidence alone, -1 elsewhere.
        steady: mask of records that say what they said yesterday; all if not given.
    """
    steady = np.ones(len(node), dtype=bool) if steady is None else steady
    play = _Play(node, edges, nhs, apart, decided, before, held, steady)
    frozen: list[attention.Freeze] = []
    while True:
        bound, met, plain = play.clusters(settings)
        if not bound.contradictions:
            break
        of_record = bound.labels[play.node]
        frozen += [attention.freeze(one, of_record, before) for one in bound.contradictions]
        play = play.without(attention.labels(frozen, of_record, before, apart))
    found = renumber(bound.labels)
    of_record = found[play.node]
    idle = int((of_record[decided.must[:, 0]] != of_record[decided.must[:, 1]]).sum()) + decided.absent
    kept_apart = holds.pairs(plain[play.node], met, of_record)
    out = _joined(play.edges, play.node, found, decided, settings)
    return Constrained(play.node, found, out, kept_apart, frozen, idle)


@dataclass(frozen=True)
class _Play:
    """What is clustered: per record ``node``, code of its checked number, of yesterday's and of a held person."""

    node: np.ndarray
    edges: pd.DataFrame
    nhs: np.ndarray
    apart: np.ndarray
    decided: Decided
    before: np.ndarray
    held: np.ndarray | None
    steady: np.ndarray
    fixed: np.ndarray | None = None

    def clusters(self, settings: LinkageSettings) -> tuple[Bound, np.ndarray, np.ndarray]:
        """Clusters with decisions bound; held codes that met (per record); clusters as they were without holds."""
        n = int(self.node.max(initial=-1)) + 1
        left, right = self.edges["node_l"].to_numpy(), self.edges["node_r"].to_numpy()
        weight = self.edges["adjusted_weight"].to_numpy()
        fixed = self._of_node(self.fixed, n)
        free = (fixed[left] < 0) & (fixed[right] < 0)
        evidence = (n, left[free], right[free], weight[free])
        nhs, before, held = (self._of_node(code, n) for code in (self.nhs, self.before, self.held))
        # A node of records that say the same is steady if one of them is.
        steady = self._of_node(self.steady.astype("int64"), n) > 0
        forbidden = np.concatenate([self.node[self.apart], self.node[self.decided.cannot]]).reshape(-1, 2)
        found = plain = cluster(*evidence, Constraints(nhs, forbidden), settings, before, steady)
        met = holds.meeting(found, held)
        if (met >= 0).any():
            found = cluster(*evidence, Constraints(nhs, forbidden, held), settings, before, steady)
        found = np.where(fixed >= 0, n + fixed, found)
        binding = self.decided
        if self.fixed is not None:
            waits = (self.fixed[binding.must] >= 0).any(axis=1)
            binding = Decided(binding.must[~waits], binding.cannot)
        return bind(found, self.node, binding, self.apart, nhs, settings), met[self.node], plain

    def without(self, fixed: np.ndarray) -> _Play:
        """The same with the records that have a fixed label out of play."""
        node = divide(self.node, fixed)
        pieces = pd.DataFrame({"old": self.node, "new": node}).drop_duplicates()
        moved = self.edges
        for side in ("node_l", "node_r"):
            moved = moved.merge(pieces, left_on=side, right_on="old").drop(columns=[side, "old"])
            moved = moved.rename(columns={"new": side})
        turned = np.sort(moved[["node_l", "node_r"]].to_numpy(), axis=1)
        moved = moved.assign(node_l=turned[:, 0], node_r=turned[:, 1]).sort_values(["node_l", "node_r"])
        moved = moved[list(self.edges.columns)].reset_index(drop=True)
        return _Play(node, moved, self.nhs, self.apart, self.decided, self.before, self.held, self.steady, fixed)

    def _of_node(self, code: np.ndarray | None, n: int) -> np.ndarray:
        """The greatest code of a node's records."""
        out = np.full(n, -1)
        if code is not None:
            np.maximum.at(out, self.node, code)
        return out


def divide(node: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Nodes again, one whose records have different codes divided by code; numbered by first appearance.

    >>> divide(np.array([0, 0, 1, 0]), np.array([-1, 4, 4, -1])).tolist()
    [0, 1, 2, 0]
    """
    width = int(code.max(initial=-1)) + 2
    return pd.factorize(node * width + code + 1)[0].astype("int64")


def _joined(
    scored: pd.DataFrame, node: np.ndarray, found: np.ndarray, decided: Decided, settings: LinkageSettings
) -> pd.DataFrame:
    """Edges with ``joined``. One that a decision made says so, and its weight is beyond any evidence; so do all edges
    between two persons of whom somebody decided that they are two."""
    ends = scored[["node_l", "node_r"]].to_numpy()
    together = found[ends[:, 0]] == found[ends[:, 1]]
    must = _sorted(node[decided.must])
    said = pair_code(scored, len(found)).isin(pair_code(must, len(found))).to_numpy() & together
    two = pair_code(_sorted(found[node[decided.cannot]]), len(found))
    parted = pair_code(_sorted(found[ends]), len(found)).isin(two).to_numpy() & ~together
    out = scored.copy()
    out.loc[said, ["kind", "rule"]] = ["deterministic", "decision"]
    out.loc[said, "adjusted_by"] = None
    out.loc[said, "adjusted_weight"] = 10 * settings.deterministic_weight
    out.loc[parted, "adjusted_by"] = "decision"
    out.loc[parted, "adjusted_weight"] = -10 * settings.deterministic_weight
    out["joined"] = together & (out["adjusted_weight"].to_numpy() >= settings.stay_weight)
    return out


def _sorted(pairs: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(np.sort(pairs, axis=1), columns=["node_l", "node_r"])


def pair_code(edges: pd.DataFrame, nodes: int) -> pd.Series:
    """One number a pair of nodes."""
    return edges["node_l"] * (nodes + 1) + edges["node_r"]
