"""What evidence and decisions alone say of a set of records: no ledger, no table, no clock.

Contract equal records, score pairs, adjust for families; :mod:`models.linkage.constrain` makes persons of that.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from models.linkage import adjust, attention, barriers, edges, holds, nodes
from models.linkage.constrain import constrain, divide, pair_code
from models.linkage.decisions import NO_PAIRS, Decided
from models.linkage.model import LinkageModel
from models.linkage.settings import LinkageSettings

_SHARED_ID_PAIRS = 40
"""An agency's own person id on more nodes than this is a placeholder."""


@dataclass(frozen=True)
class Solved:
    """``node`` per record, ``cluster`` per node (numbered by first node), ``edges`` between nodes.

    ``edges``: ``node_l, node_r``, kind, rule, weights and features, and ``joined``: whether it holds its two nodes
    together. ``held``: pairs of codes of yesterday's persons that a hold kept apart. ``frozen``: contradictions.
    ``idle``: how many decisions had no effect.
    """

    node: np.ndarray
    cluster: np.ndarray
    edges: pd.DataFrame
    blocking: pd.DataFrame
    shared: pd.DataFrame
    held: list[tuple[int, int]] = field(default_factory=list)
    frozen: list[attention.Freeze] = field(default_factory=list)
    idle: int = 0

    @property
    def of_record(self) -> np.ndarray:
        """Cluster of every record."""
        return self.cluster[self.node] if len(self.node) else np.zeros(0, dtype="int64")


def solve(
    records: pd.DataFrame,
    *,
    model: LinkageModel,
    settings: LinkageSettings,
    apart: np.ndarray = NO_PAIRS,
    decided: Decided | None = None,
    before: np.ndarray | None = None,
    held: np.ndarray | None = None,
    steady: np.ndarray | None = None,
) -> Solved:
    """Who is who among ``records``: standardised, each naming somebody, in content order, index 0 to n - 1.

    Args:
        apart: pairs of record positions that a barrier parts.
        decided: what people decided about pairs of them.
        before: code of the person each record was yesterday, -1 nobody; all nobody if not given.
        held: code of yesterday's person where two such persons may not become one by evidence alone, -1 elsewhere.
        steady: mask of records that say what they said yesterday; all if not given.
    """
    decided = decided or Decided()
    before = np.full(len(records), -1) if before is None else before
    alone = np.zeros(len(records), dtype=bool)
    alone[apart.ravel()] = True
    alone[decided.records] = True
    node = nodes.contract(records, alone)
    if held is not None:
        node = divide(node, holds.meeting(node, held))
    frame, shared = edges.quarantine_shared(nodes.node_frame(records, node), settings)
    scored, blocking = _evidence(records, node, frame, apart, decided, model, settings)
    nhs = pd.factorize(frame["nhs_number"])[0][node]
    found = constrain(node, scored, nhs, apart, decided, before, held, settings, steady)
    return Solved(found.node, found.cluster, found.edges, blocking, shared, found.held, found.frozen, found.idle)


def _evidence(
    records: pd.DataFrame,
    node: np.ndarray,
    frame: pd.DataFrame,
    apart: np.ndarray,
    decided: Decided,
    model: LinkageModel,
    settings: LinkageSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scored and adjusted edges worth keeping, none between the two sides of a barrier; counts of blocking."""
    own = pd.factorize(records["agency"].astype(object) + "\x1f" + records["local_id"].astype(object))[0]
    ends = np.sort(node[np.concatenate([decided.must, decided.cannot])], axis=1)
    asked = pd.DataFrame(ends, columns=["node_l", "node_r"]).astype("int64")
    scored, blocking = edges.build(frame, edges.pairs_within(own, node, _SHARED_ID_PAIRS), asked, model, settings)
    scored = adjust.adjust(scored, settings)
    decided_on = pair_code(scored, len(frame)).isin(pair_code(asked, len(frame)))
    worth = (scored["match_weight"] >= settings.keep_weight) | (scored["kind"] != "probabilistic") | decided_on
    direct = barriers.spans(
        scored["node_l"].to_numpy(),
        scored["node_r"].to_numpy(),
        {(min(a, b), max(a, b)) for a, b in node[apart].tolist()},
    )
    return scored[worth.to_numpy() & ~direct].reset_index(drop=True), blocking
