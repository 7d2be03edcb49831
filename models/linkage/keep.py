"""Yesterday's persons, for a night whose own answer may not stand (see guard.py).

Nothing is scored and nobody is joined: a record stays with the person it was, a new one is a person of its own. Only
a barrier is stronger: a person that one has come to stand in falls apart into single records, which is crude, lawful
whatever else is wrong tonight, and mended by the first good night.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.linkage.ledger import OPEN


@dataclass(frozen=True)
class Kept:
    """``cluster`` and ``basis`` of each record, clusters numbered by first record; ``parted``: of a person a barrier
    broke up."""

    cluster: np.ndarray
    basis: np.ndarray
    parted: np.ndarray


def yesterday(records: pd.DataFrame, apart: np.ndarray, previous: pd.DataFrame) -> Kept:
    """What each record was.

    ``records``: in content order, with ``record_key``. ``apart``: ``(n, 2)`` positions of records a barrier parts.
    ``previous``: the ledger so far.

    >>> rows = pd.DataFrame({"record_key": ["a", "b", "c", "d"]})
    >>> ledger = pd.DataFrame({"record_key": ["a", "b", "c"], "person_id": ["P1", "P1", "P2"],
    ...     "link_basis": ["deterministic", "deterministic", "single"], "known_to": [OPEN] * 3})
    >>> yesterday(rows, np.zeros((0, 2), int), ledger).cluster.tolist()
    [0, 0, 1, 2]
    >>> yesterday(rows, np.array([[0, 1]]), ledger).cluster.tolist()
    [0, 1, 2, 3]
    """
    live = previous[previous["known_to"] == OPEN].drop_duplicates("record_key", keep="last").set_index("record_key")
    had = live.reindex(records["record_key"])
    person = pd.factorize(had["person_id"])[0].astype("int64")
    sides = person[apart]
    spans = sides[(sides[:, 0] == sides[:, 1]) & (sides[:, 0] >= 0), 0]
    parted = np.isin(person, spans)
    alone = (person < 0) | parted
    person[alone] = person.max(initial=-1) + 1 + np.arange(int(alone.sum()))
    basis = had["link_basis"].to_numpy(dtype=object)
    basis[alone] = "single"
    return Kept(pd.factorize(person)[0].astype("int64"), basis, parted)


def edges(table: pd.DataFrame, records: pd.DataFrame, kept: Kept) -> pd.DataFrame:
    """Yesterday's edges without those that touch a person a barrier broke up."""
    gone = set(records["record_key"].to_numpy()[kept.parted])
    return table[~table["record_key_l"].isin(gone) & ~table["record_key_r"].isin(gone)].reset_index(drop=True)


def not_sent(previous: pd.DataFrame, records: pd.DataFrame) -> np.ndarray:
    """Which rows of the ledger are of records that cannot be read any more, not even as they last were."""
    is_open = (previous["known_to"] == OPEN).to_numpy()
    return is_open & ~previous["record_key"].isin(records["record_key"]).to_numpy()


def marked(assignment: pd.DataFrame, ledger: pd.DataFrame, aside: np.ndarray) -> pd.DataFrame:
    """``assignment`` with the rows put ``aside``, and new records that stand alone for now marked ``held``."""
    new = (assignment["known_to"] == OPEN) & ~assignment["record_key"].isin(ledger["record_key"])
    out = assignment.assign(reason=assignment["reason"].where(~new, "held"))
    rows = pd.concat([out, ledger[aside]], ignore_index=True) if aside.any() else out
    return rows.sort_values(["record_key", "known_from"]).reset_index(drop=True)
