"""Counts about a night of linkage: no identity in them, so that they may be shown to anyone."""

from __future__ import annotations

import numpy as np
import pandas as pd


def link_rates(agency: pd.Series, cluster: np.ndarray) -> pd.DataFrame:
    """``agency, other_agency, persons, shared, rate``: of the persons in ``agency``, how many are also in the other.

    >>> table = link_rates(pd.Series(["a", "b", "a"]), np.array([0, 0, 1]))
    >>> table[["agency", "other_agency", "rate"]].to_numpy().tolist()
    [['a', 'b', 0.5], ['b', 'a', 1.0]]
    """
    codes, agencies = pd.factorize(agency, sort=True)
    seen = np.zeros((int(cluster.max(initial=-1)) + 1, len(agencies)), dtype="int64")
    seen[cluster, codes] = 1
    shared = seen.T @ seen
    rows = [
        (a, b, int(shared[i, i]), int(shared[i, j]), round(shared[i, j] / shared[i, i], 4))
        for i, a in enumerate(agencies)
        for j, b in enumerate(agencies)
        if i != j
    ]
    return pd.DataFrame(rows, columns=["agency", "other_agency", "persons", "shared", "rate"])


def cluster_sizes(cluster: np.ndarray) -> pd.DataFrame:
    """``records, persons``: how many persons have how many records.

    >>> cluster_sizes(np.array([0, 0, 1])).to_numpy().tolist()
    [[1, 1], [2, 1]]
    """
    sizes, persons = (
        np.unique(np.bincount(cluster), return_counts=True) if len(cluster) else (np.array([]), np.array([]))
    )
    return pd.DataFrame({"records": sizes.astype("int64"), "persons": persons.astype("int64")})


def edges_by_kind(edges: pd.DataFrame, joined: np.ndarray) -> pd.DataFrame:
    """``kind, rule, adjusted_by, band, edges, joined``; bands of adjusted weight are eight bits wide."""
    band = (np.floor(edges["adjusted_weight"] / 8).clip(-2, 4) * 8).astype("int64")
    table = edges.assign(band=band, joined=joined, adjusted_by=edges["adjusted_by"].fillna(""))
    keys = ["kind", "rule", "adjusted_by", "band"]
    return table.groupby(keys)["joined"].agg(edges="size", joined="sum").reset_index()


def night(
    assignment: pd.DataFrame, previous: pd.DataFrame, events: pd.DataFrame, persons: int, records: int
) -> pd.DataFrame:
    """``measure, value``: records, persons, what happened to ids, the share of untouched records whose id changed."""
    open_before, open_now = (
        t[t["known_to"].dt.year == 9999].set_index("record_key")["person_id"] for t in (previous, assignment)
    )
    both = open_before.index.intersection(open_now.index)
    changed = int((open_before.loc[both] != open_now.loc[both]).sum())
    counts = events["event"].value_counts()
    rows: list[tuple[str, float]] = [("records", records), ("persons", persons)]
    rows += [(e, int(counts.get(e, 0))) for e in ("minted", "merged", "split", "retired", "reinstated")]
    rows += [("ids_changed", changed), ("ids_changed_share", round(changed / len(both), 6) if len(both) else 0.0)]
    return pd.DataFrame(rows, columns=["measure", "value"])
