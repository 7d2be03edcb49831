"""Tables linked with each other, none of which holds anybody twice.

Splink's ``link_type`` by its own three names. In ``link_only`` two records of one source are never compared and never
become one person, not even by way of a third. A source is then like a number of which each of its records has another
one: the rule against two checked numbers in one person (:class:`models.linkage.cluster.Constraints`) keeps them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

LINK_TYPES = ("dedupe_only", "link_only", "link_and_dedupe")


@dataclass(frozen=True)
class Sources:
    """``codes`` ``(k, n)``: in the row of each source the number of the node there, -1 where a node is not of it.

    A record is of one source, a person may be of several. No rows: everybody may be one with everybody.
    """

    codes: np.ndarray

    @classmethod
    def of(cls, source: np.ndarray) -> Sources:
        """From the number of each node's source (0 ...), -1 where it does not matter.

        >>> Sources.of(np.array([0, 1, 0])).codes.tolist()
        [[0, -1, 2], [-1, 1, -1]]
        """
        rows = np.arange(source.max(initial=-1) + 1)[:, None]
        return cls(np.where(rows == source, np.arange(len(source)), -1))

    @property
    def only(self) -> np.ndarray:
        """Number of the source of each node that is of one alone, else -1."""
        there = self.codes >= 0
        if not len(there):
            return np.full(self.codes.shape[1], -1)
        return np.where(there.sum(axis=0) == 1, there.argmax(axis=0), -1)

    def pairs(self) -> float:
        """How many pairs of nodes may be one person by their sources; nodes are records here.

        >>> Sources.of(np.array([0, 1, 0])).pairs(), Sources.of(np.array([-1, -1, -1])).pairs()
        (2.0, 3.0)
        """
        n, size = float(self.codes.shape[1]), (self.codes >= 0).sum(axis=1).astype(float)
        return float(n * (n - 1) / 2 - (size * (size - 1) / 2).sum())

    def of_persons(self, person: np.ndarray) -> Sources:
        """The same of persons (numbered 0 ...), who are of all the sources that their nodes are of.

        >>> Sources.of(np.array([0, 1, 0])).of_persons(np.array([0, 0, 1])).codes.tolist()
        [[0, 2], [1, -1]]
        """
        out = np.full((len(self.codes), int(person.max(initial=-1)) + 1), -1)
        for row, code in zip(out, self.codes, strict=True):
            row[person[code >= 0]] = code[code >= 0]
        return Sources(out)

    def names(self) -> pd.Series:
        """The only source of each node as text, None where it has none or several: what DuckDB compares."""
        return pd.Series([None if code < 0 else str(code) for code in self.only.tolist()], dtype="object")


def sources_of(records: pd.DataFrame, source: str | None, link_type: str) -> Sources:
    """The sources of ``records`` that matter to ``link_type``; ``source`` is the column that tells them.

    Raises:
        ValueError: the link type is none of Splink's, or the column it needs is missing, incomplete or of one value.
    """
    if link_type not in LINK_TYPES:
        raise ValueError(f"link_type is one of {', '.join(LINK_TYPES)}, not {link_type!r}")
    if (source is None) != (link_type == "dedupe_only"):
        needs = "takes no source; for several tables ask for link_only or link_and_dedupe"
        if source is None:
            needs = "needs source=, the column that says which table a record comes from"
        raise ValueError(f"link_type {link_type!r} {needs}")
    if source is None:
        return Sources.of(np.full(len(records), -1))
    if source not in records.columns or records[source].isna().any():
        raise ValueError(f"source column {source!r} must name the table that each record comes from")
    code, names = pd.factorize(records[source])
    if len(names) < 2 and len(records):
        raise ValueError(f"source column {source!r} names one table only: there is nothing to link it with")
    return Sources.of(code if link_type == "link_only" else np.full(len(records), -1))
