"""How common the values of a table are among its people, which is what agreeing on one is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.linkage.nodes import combined
from models.linkage.table.comparisons import TF_COLUMNS
from models.linkage.values import Values
from models.linkage.weigh import Rarity

# A forename is as rare as it was when its bearer was born.
_LOOKED_UP_BY = {"forename": "forename_then"}


@dataclass(frozen=True)
class Frequencies:
    """Of each column whose values' rarity counts: its ``values`` by code, and the ``share`` of people who have each."""

    values: Mapping[str, pd.Index]
    share: Mapping[str, np.ndarray]

    @classmethod
    def among(cls, values: Values, person: np.ndarray) -> Frequencies:
        """Among the persons found so far; ``person``: number of each node's person."""
        known = {column: values.codes(_LOOKED_UP_BY.get(column, column)) for column in TF_COLUMNS}
        share = {column: frequencies(values.codes(column)[0], person) for column in TF_COLUMNS}
        name, then = values.codes("forename")[0], known["forename"][0]
        named = np.flatnonzero(name >= 0)
        by_node = among_peers(name, values.codes("generation")[0], np.append(share["forename"], 0.0)[name], person)
        share["forename"] = np.zeros(len(known["forename"][1]))
        share["forename"][then[named]] = by_node[named]
        return cls({column: distinct for column, (_, distinct) in known.items()}, share)

    def of(self, nodes: pd.DataFrame) -> Rarity:
        """Code and share of the values of any nodes that hold values of this table."""
        return {
            column: (known.get_indexer(pd.Index(nodes[_LOOKED_UP_BY.get(column, column)])), self.share[column])
            for column, known in self.values.items()
        }


def frequencies(code: np.ndarray, person: np.ndarray) -> np.ndarray:
    """By code, the share of persons found so far who have that value, the person at hand left out.

    ``code``: of each node's value, -1 none. A birthday that only one person's records show is as rare as any other,
    however many records show it; half a person is what a value seen once is worth, or what chance alone would give, if
    that is less.

    >>> frequencies(np.array([0, 0, 1, 0, -1]), np.array([0, 0, 1, 2, 2])).round(3).tolist()
    [0.5, 0.167]
    """
    known = code >= 0
    values = int(code.max(initial=-1)) + 1
    held = pd.unique(person[known] * values + code[known]) if values else np.zeros(0, dtype="int64")
    counts = np.bincount(held % max(values, 1), minlength=values).astype(float)
    people = max(len(pd.unique(person[known])), 1)
    chance = (1.0 + float((counts * (counts - 1)).sum())) / people
    return np.where(counts > 1, counts - 0.5, min(0.5, chance)) / people


def among_peers(name: np.ndarray, group: np.ndarray, share: np.ndarray, person: np.ndarray) -> np.ndarray:
    """``share`` of each node's name among all people, or what it is among its own ``group`` if that is clearly more.

    Two strangers born in one year have one forename more often than two strangers have, because names have their day.
    Clearly: by more than two standard deviations of a count. ``name`` and ``group``: codes of nodes, -1 unknown; the
    person at hand is left out of the count, as in :func:`frequencies`.

    >>> ada, group = np.zeros(9, dtype="int64"), np.array([0, 0, 0, 0, 0, 0, 1, 1, -1])
    >>> among_peers(ada, group, np.full(9, 0.1), np.arange(9)).round(2).tolist()
    [0.51, 0.51, 0.51, 0.51, 0.51, 0.51, 0.1, 0.1, 0.1]
    """
    told = np.flatnonzero((name >= 0) & (group >= 0))
    of_group = pd.factorize(group[told])[0]
    of_both = pd.factorize(combined([group[told], name[told]]))[0]
    others = np.maximum(_people(of_group, person[told]) - 1, 1.0)
    expected = others * share[told]
    more = _people(of_both, person[told]) - 1 - expected - 2 * np.sqrt(expected + 1)
    out = share.copy()
    out[told] = np.minimum(share[told] + np.maximum(more, 0.0) / others, 1.0)
    return out


def _people(code: np.ndarray, person: np.ndarray) -> np.ndarray:
    """By node, how many people have a node of its code (0 ...)."""
    held = pd.DataFrame({"code": code, "person": person}).drop_duplicates()["code"].to_numpy()
    return np.bincount(held, minlength=int(code.max(initial=-1)) + 1)[code].astype(float)
