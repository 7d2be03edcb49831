"""Counts about a night of linkage: no identity in them, so that they may be shown to anyone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

COLUMNS = ["measure", "scope", "value", "low", "high", "n"]
_SIZES = [1, 2, 3, 5, 10, 20, 50]


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


def feeds(records: pd.DataFrame) -> pd.DataFrame:
    """``agency, feed, records``: how many records name a person."""
    return records.groupby(["agency", "feed"]).size().rename("records").reset_index()


def night(events: pd.DataFrame, persons: int, records: int, barriers: int, node_cluster: np.ndarray) -> pd.DataFrame:
    """``measure, value``: records, persons, barriers obeyed, what happened to ids, identities of the largest person.

    ``node_cluster``: the person of every distinct identity.
    """
    counts = events["event"].value_counts()
    rows: list[tuple[str, int]] = [("records", records), ("persons", persons), ("barriers", barriers)]
    rows += [(e, int(counts.get(e, 0))) for e in ("minted", "merged", "split", "retired", "reinstated")]
    rows += [("largest", int(np.bincount(node_cluster).max(initial=0)))]
    return pd.DataFrame(rows, columns=["measure", "value"])


def conflicts(records: pd.DataFrame, cluster: np.ndarray) -> pd.DataFrame:
    """``conflict, persons``: persons whose records contradict each other.

    Two checked NHS numbers, two sexes, or birth dates more than a year apart.

    >>> rows = pd.DataFrame({"nhs_number": ["1", "2", None], "sex": ["F", "F", "M"],
    ...     "birth_date": ["2010-02-03", "2012-02-03", "2010-02-03"]})
    >>> conflicts(rows, np.array([0, 0, 1]))["persons"].tolist()
    [1, 0, 1]
    """
    number, sex, born = (pd.factorize(records[column]) for column in ("nhs_number", "sex", "birth_date"))
    days = np.append(np.array(born[1], dtype="datetime64[D]").astype("int64"), 0)[born[0]]
    counts = {
        "two_nhs_numbers": int((_spread(number[0], number[0] >= 0, cluster) > 0).sum()),
        "two_sexes": int((_spread(sex[0], sex[0] >= 0, cluster) > 0).sum()),
        "birth_dates_apart": int((_spread(days, born[0] >= 0, cluster) > 366).sum()),
    }
    return pd.DataFrame({"conflict": list(counts), "persons": list(counts.values())})


def _spread(values: np.ndarray, known: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """By cluster the greatest known value less the least; 0 where none is known."""
    low = np.full(int(cluster.max(initial=-1)) + 1, np.iinfo("int64").max)
    high = np.full(len(low), np.iinfo("int64").min)
    np.minimum.at(low, cluster[known], values[known])
    np.maximum.at(high, cluster[known], values[known])
    return np.where(low < high, high, 0) - np.where(low < high, low, 0)


def size_bands(sizes: pd.DataFrame) -> pd.DataFrame:
    """``band, persons``: persons by their number of records, in bands a tail can be read from.

    >>> size_bands(pd.DataFrame({"records": [1, 4, 90], "persons": [7, 2, 1]})).to_numpy().tolist()
    [['1', 7], ['4 to 5', 2], ['over 50', 1]]
    """
    tops = [0, *_SIZES]
    names = [str(high) if high - low == 1 else f"{low + 1} to {high}" for low, high in zip(tops, _SIZES, strict=False)]
    place = np.searchsorted(_SIZES, sizes["records"].to_numpy())
    count = np.bincount(place, weights=sizes["persons"], minlength=len(_SIZES) + 1).astype("int64")
    table = pd.DataFrame({"band": [*names, f"over {_SIZES[-1]}"], "persons": count})
    return table[table["persons"] > 0].reset_index(drop=True)


def figures(counts: Mapping[str, pd.DataFrame], compared: Mapping[str, float]) -> pd.DataFrame:
    """``measure, scope, value, low, high, n``: the night as rows of ``linkage.quality``.

    ``counts``: the frames of a result, and ``hidden`` (see hidden_identifier.py) where it was measured.
    ``compared``: what the guard compared (guard.Verdict.figures).
    """
    night = counts["night"].set_index("measure")["value"]
    persons = max(int(night["persons"]), 1)
    sent, rates, odd = counts["feeds"], counts["link_rates"], counts["conflicts"]
    bands, edges, cut = size_bands(counts["cluster_sizes"]), counts["edges_by_kind"], counts["blocking"]
    queue, decided = counts["queue"], counts["decisions"]
    by_band = edges.groupby(["kind", "band"])["edges"].sum().reset_index()
    parts = [
        _rows(night.index, "all", night),
        _rows(list(compared), "all", list(compared.values())).loc[lambda rows: ~rows["measure"].isin(night.index)],
        _rows("records", sent["agency"] + "/" + sent["feed"], sent["records"]),
        _rows("link_rate", rates["agency"] + " > " + rates["other_agency"], rates["rate"], n=rates["persons"]),
        _rows("persons_of_size", bands["band"], bands["persons"]),
        _rows("edges", by_band["kind"] + " " + by_band["band"].astype(str), by_band["edges"]),
        _rows("conflicts_per_10000", odd["conflict"], (1e4 * odd["persons"] / persons).round(2), n=odd["persons"]),
        _rows("placeholders", counts["placeholders"]["reason"], counts["placeholders"]["records"]),
        _rows("blocking_pairs_cut", cut["rule"], cut["cut_pairs"]),
        _rows("queue", queue["kind"], queue["items"]),
        _rows("queue_oldest_days", queue["kind"], queue["oldest_days"]),
        _rows("decisions", decided["measure"], decided["value"]),
        *([counts["hidden"]] if "hidden" in counts else []),
    ]
    out = pd.concat([part for part in parts if len(part)], ignore_index=True)
    out[["value", "low", "high"]] = out[["value", "low", "high"]].astype("float64")
    return out[COLUMNS].astype({"n": "Int64"})


def _rows(measure: object, scope: object, value: object, n: object = None) -> pd.DataFrame:
    """Rows of figures without an interval."""
    frame = pd.DataFrame({"measure": measure, "scope": scope, "value": value}).reset_index(drop=True)
    return frame.assign(low=np.nan, high=np.nan, n=None if n is None else np.asarray(n))
