"""What people decided about pairs of records, and how it binds the night.

A *cannot-link* is a constraint like any other: no union may hold both records. A *must-link* joins whole clusters,
after the evidence has been weighed and whatever it says; so a person joined by a decision keeps finding its new records
by their likeness to either half. No decision crosses a barrier: a must-link that would is without effect, and nothing
says why. A chain of must-links that breaks another constraint is a *contradiction*: see
:mod:`models.linkage.attention`.

*Unsure* joins and parts nothing. It takes the pair out of the queue for a while, and takes back what was decided
before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from models.linkage.settings import LinkageSettings

DECISIONS = ("must_link", "cannot_link", "unsure")
NO_PAIRS = np.zeros((0, 2), dtype="int64")


@dataclass(frozen=True)
class Decided:
    """Pairs of record positions, smaller first, in the order they were decided; ``absent``: decisions on others."""

    must: np.ndarray = field(default_factory=NO_PAIRS.copy)
    cannot: np.ndarray = field(default_factory=NO_PAIRS.copy)
    absent: int = 0

    @property
    def records(self) -> np.ndarray:
        """Positions of every record somebody decided about."""
        return np.unique(np.concatenate([self.must.ravel(), self.cannot.ravel()]))


def standing(table: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """The decision that counts on each pair at ``now``: the latest unexpired one, whichever way round it was said.

    ``table``: ``decision_id, record_key_l, record_key_r, decision, decided_at, expires_on``. Returns its columns, the
    lesser key left, oldest decision first. What was decided before an *unsure* never counts again.

    >>> t, never = pd.Timestamp, pd.NaT
    >>> rows = [("1", "a", "b", "must_link", t("2026-01-01"), never), ("2", "b", "a", "unsure", t("2026-01-02"), never),
    ...     ("3", "c", "d", "must_link", t("2026-01-03"), never),
    ...     ("4", "c", "d", "cannot_link", t("2026-01-04"), t("2026-01-05"))]
    >>> names = ["decision_id", "record_key_l", "record_key_r", "decision", "decided_at", "expires_on"]
    >>> standing(pd.DataFrame(rows, columns=names), t("2026-01-09"))["decision"].tolist()
    ['unsure', 'must_link']
    """
    known = table[table["decided_at"] <= now].sort_values(["decided_at", "decision_id"])
    turned = (known["record_key_l"] > known["record_key_r"]).to_numpy()
    known = known.assign(
        record_key_l=np.where(turned, known["record_key_r"], known["record_key_l"]),
        record_key_r=np.where(turned, known["record_key_l"], known["record_key_r"]),
    )
    pair = ["record_key_l", "record_key_r"]
    order = pd.Series(np.arange(len(known), dtype=float), index=known.index)
    taken_back = order.where(known["decision"] == "unsure").groupby([known[c] for c in pair]).transform("max")
    known = known[~(order < taken_back) & ~(known["expires_on"] <= now)]
    return known.drop_duplicates(pair, keep="last").reset_index(drop=True)


def by_position(stands: pd.DataFrame, position: Mapping[str, int]) -> Decided:
    """Standing decisions as positions of records; those on records of which nothing is left are only counted."""
    pairs: dict[str, list[tuple[int, int]]] = {"must_link": [], "cannot_link": []}
    absent = 0
    for left, right, decision in stands[["record_key_l", "record_key_r", "decision"]].itertuples(index=False):
        if decision not in pairs:
            continue
        if left in position and right in position:
            a, b = position[left], position[right]
            pairs[decision].append((min(a, b), max(a, b)))
        else:
            absent += 1
    must, cannot = (np.array(pairs[d], dtype="int64").reshape(-1, 2) for d in ("must_link", "cannot_link"))
    return Decided(must, cannot, absent)


@dataclass(frozen=True)
class Contradiction:
    """A bound set of clusters that may not be one person. ``pairs``: positions of the records decided about in it."""

    code: str
    clusters: frozenset[int]
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Bound:
    """``labels``: cluster per node after the must-links."""

    labels: np.ndarray
    contradictions: list[Contradiction]


def bind(
    cluster: np.ndarray,
    node: np.ndarray,
    decided: Decided,
    apart: np.ndarray,
    nhs: np.ndarray,
    settings: LinkageSettings,
) -> Bound:
    """Join the clusters that must-links name, and find the sets that may not be joined (those stay as they were).

    ``cluster``, ``nhs``: per node. ``node``: per record. ``apart``: pairs of records a barrier parts. A must-link whose
    union would hold both sides of a barrier is passed over; the earlier decision goes first.

    >>> one = Decided(must=np.array([[0, 1], [1, 2]]), cannot=np.array([[0, 2]]))
    >>> each = np.arange(3)
    >>> [c.code for c in bind(each, each, one, NO_PAIRS, np.full(3, -1), LinkageSettings()).contradictions]
    ['decisions']
    >>> bind(each, each, one, np.array([[0, 2]]), np.full(3, -1), LinkageSettings()).labels.tolist()
    [0, 0, 2]
    """
    if not len(decided.must):
        return Bound(cluster, [])
    of_record = cluster[node]
    foes: dict[int, set[int]] = {}
    for a, b in of_record[apart].tolist():
        foes.setdefault(a, set()).add(b)
        foes.setdefault(b, set()).add(a)
    group: dict[int, set[int]] = {}
    for a, b in of_record[decided.must].tolist():
        small, large = sorted((group.setdefault(a, {a}), group.setdefault(b, {b})), key=len)
        if small is large or any(foes.get(member, set()) & large for member in small):
            continue
        large |= small
        group.update(dict.fromkeys(small, large))
    sets = sorted({frozenset(members) for members in group.values() if len(members) > 1}, key=min)
    set_of = np.full(int(cluster.max(initial=-1)) + 1, -1)
    for number, members in enumerate(sets):
        set_of[list(members)] = number
    broken = _broken(set_of[cluster], set_of[of_record[decided.cannot]], nhs, len(sets), settings)
    found = [
        Contradiction(
            code, members, (*_within(of_record, decided.must, members), *_within(of_record, decided.cannot, members))
        )
        for members, code in zip(sets, broken, strict=True)
        if code
    ]
    joins = set_of[cluster] >= 0
    joins[joins] = broken[set_of[cluster[joins]]] == ""
    first = np.array([min(members) for members in sets], dtype="int64")
    labels = cluster.copy()
    labels[joins] = first[set_of[cluster[joins]]]
    return Bound(labels, found)


def _within(of_record: np.ndarray, pairs: np.ndarray, members: frozenset[int]) -> list[tuple[int, int]]:
    """The pairs whose two records are in clusters of the set."""
    inside = np.isin(of_record[pairs], list(members)).all(axis=1)
    return [(int(a), int(b)) for a, b in pairs[inside]]


def _broken(
    of_node: np.ndarray, cannot: np.ndarray, nhs: np.ndarray, sets: int, settings: LinkageSettings
) -> np.ndarray:
    """By set of clusters the first constraint its union breaks, or ``""``.

    ``of_node``: set of each node, -1 none; ``cannot``: sets of the two records of each cannot-link.
    """
    inside = (cannot[:, 0] == cannot[:, 1]) & (cannot[:, 0] >= 0)
    parted = np.bincount(cannot[inside, 0], minlength=sets) > 0
    known = (of_node >= 0) & (nhs >= 0)
    low, high = np.full(sets, np.iinfo("int64").max), np.full(sets, -1)
    np.minimum.at(low, of_node[known], nhs[known])
    np.maximum.at(high, of_node[known], nhs[known])
    size = np.bincount(of_node[of_node >= 0], minlength=sets)
    large = size > settings.max_cluster_nodes
    return np.select([parted, low < high, large], ["decisions", "nhs_numbers", "too_large"], "").astype(object)


def counts(stands: pd.DataFrame, idle: int, frozen: int) -> pd.DataFrame:
    """``measure, value``: standing decisions by kind, how many had no effect (whatever the cause), frozen clusters."""
    said = stands.drop_duplicates("decision_id")["decision"].value_counts()
    rows = [(decision, int(said.get(decision, 0))) for decision in DECISIONS]
    return pd.DataFrame([*rows, ("without_effect", idle), ("frozen_clusters", frozen)], columns=["measure", "value"])
