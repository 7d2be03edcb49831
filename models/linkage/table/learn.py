"""A model learnt from the table itself: nobody says which pairs match.

The first persons are found with stated chances and a high bar. What the pairs inside them agree on gives the chances
among matches (``m``), their number gives the prior, and what *all* pairs agree on, less the matches among them, gives
the chances among strangers (``u``). Then persons are found again. Two such steps are enough; a third changes little.

Correcting ``u`` for matches matters where everybody has many records: with ten records a person, an equal postcode in
a random pair is as often one person as two, and an uncorrected ``u`` would make rare agreement look common.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.linkage import weigh
from models.linkage.nodes import combined
from models.linkage.table.sources import Sources
from models.linkage.values import Values
from models.linkage.weigh import Compared

_RANDOM_PAIRS = 200_000
_LARGEST_PERSON = 60
# Weight of the stated chances beside what is counted, in pairs.
_STATED = 20.0
_STATED_STRANGERS = 2_000.0
# Of the pairs of a very small table half may match; that is no reason to believe any of them.
_LEAST_PRIOR, _LARGEST_PRIOR = 1e-12, 0.1
_LEAST, _LEAST_DIFFERENT = 1e-7, 1e-3
_MOST_DIFFERENT = 2.5
# Bits below which an unjoined pair teaches nothing.
_HARDLY = -4.0
# Bits that all other columns must give a pair before it teaches anything of a column: odds of 64 to 1.
_WITHOUT = 6.0
# Where fewer of the pairs than this share have so many, those that do are too few or too special to speak for all.
_ENOUGH_WITHOUT = 0.25
# Place of plain equality among the levels, after the level of what is missing.
_SAME = 1
# Of the agreement seen in random pairs at least this share is put down to strangers.
_STRANGERS_AT_LEAST = 0.05


def all_pair_shares(values: Values, comparisons: list[dict[str, Any]], sources: Sources) -> list[np.ndarray]:
    """Per comparison, how many of some 200,000 random pairs of nodes stand at each level.

    Pairs are nodes a fixed number of places apart in a shuffled order of fixed seed: the same pairs every time. Plain
    equality, which a sample sees too seldom to tell one in ten thousand from two, is counted over *all* pairs. Pairs
    of one source are none.
    """
    n = sources.codes.shape[1]
    if n < 2:
        return [np.zeros(len(c["comparison_levels"])) for c in comparisons]
    shuffled = np.random.default_rng(n).permutation(n)
    steps = sorted({1 + (k * 7919) % (n - 1) for k in range(min(n - 1, max(1, _RANDOM_PAIRS // n)))})
    left = np.tile(shuffled, len(steps))[: 2 * _RANDOM_PAIRS]
    right = np.concatenate([np.roll(shuffled, -step) for step in steps])[: 2 * _RANDOM_PAIRS]
    source = sources.only
    two = (source[left] < 0) | (source[left] != source[right])
    left, right = left[two], right[two]
    counts = _level_counts(weigh.compare(values, comparisons, left, right), np.ones(len(left)), comparisons)
    for comparison, counted in zip(comparisons, counts, strict=True):
        counted[_SAME] = counted[_SAME:].sum() * _equal_share(values.codes(comparison["output_column_name"])[0], source)
    return counts


def _equal_share(code: np.ndarray, source: np.ndarray) -> float:
    """Share of equal values among all pairs of nodes, not of one source, that both have one.

    >>> _equal_share(np.array([0, 0, 1, -1]), np.full(4, -1)), _equal_share(np.array([0, 0, 1]), np.array([0, 0, 1]))
    (0.3333333333333333, 0.0)
    """

    def pairs(*kinds: np.ndarray) -> float:
        known = np.min(kinds, axis=0) >= 0
        n = np.bincount(pd.factorize(combined([kind[known] for kind in kinds]))[0]).astype(float)
        return float((n * (n - 1)).sum())

    anything = np.where(code >= 0, 0, -1)
    known = pairs(anything) - pairs(anything, source)
    return (pairs(code) - pairs(code, source)) / known if known else 0.0


def learn(
    values: Values,
    settings: dict[str, Any],
    among_all: list[np.ndarray],
    person: np.ndarray,
    possible: float,
    found: Weighed | None = None,
) -> dict[str, Any]:
    """Settings with ``m``, ``u`` and the prior that the persons found so far imply.

    ``person``: person number of each node. A person of many records counts once per record and not once per pair, so
    that a few large ones do not speak for all; the largest (over 60 nodes) are left out. ``possible``: how many pairs
    of nodes may be one person (:meth:`Sources.pairs`). ``found``: the pairs weighed so far. Those that were not joined
    count by their probability: one person's records that differ much are seldom found, and learning from those found
    alone would make every difference look fatal. What a column teaches rests on the others where it can
    (:meth:`Weighed.counts_without`).
    """
    n = len(person)
    sizes = np.bincount(person)
    left, right = _pairs_inside(person, sizes)
    share = 1.0 / sizes[person[left]]
    # Before anybody is found, every record is given one other on average.
    matches = float((sizes * (sizes - 1) / 2).sum()) or n / 2
    compared = weigh.compare(values, settings["comparisons"], left, right)
    if found is None:
        inside = _level_counts(compared, share, settings["comparisons"])
    else:
        open_, chance = _undecided(person, found)
        matches += float(chance.sum())
        shared = chance * 2.0 / (sizes[person[open_.left]] + sizes[person[open_.right]])
        inside = found.counts_without(compared.and_also(open_), np.append(share, shared))
    prior = float(np.clip(matches / max(possible, 1.0), _LEAST_PRIOR, _LARGEST_PRIOR))
    learnt = [
        _learnt(comparison, counted, everybody, prior)
        for comparison, counted, everybody in zip(settings["comparisons"], inside, among_all, strict=True)
    ]
    return {**settings, "comparisons": learnt, "probability_two_random_records_match": prior}


@dataclass(frozen=True)
class Weighed:
    """Pairs of nodes, what each weighs in bits after the family rules, and what weighed them."""

    compared: Compared
    weight: np.ndarray
    model: dict[str, Any]
    rarity: weigh.Rarity

    def counts_without(self, compared: Compared, share: np.ndarray) -> list[np.ndarray]:
        """Sum of ``share`` over the pairs at each level of each comparison that count without that comparison.

        What a column teaches may not rest on that column: a pair joined because two dates were taken for one would
        say that one person's dates differ. In a table of so few columns that the others hardly ever suffice, a column
        is taken at its word.
        """
        total = weigh.match_weights(compared, self.model, self.rarity)
        out = []
        for comparison, level in zip(self.model["comparisons"], compared.levels, strict=True):
            own = weigh.match_weights(compared, self.model, self.rarity, comparison["output_column_name"])
            sure = total - own >= _WITHOUT
            if share[sure].sum() < _ENOUGH_WITHOUT * share.sum():
                sure[:] = True
            out.append(np.bincount(level[sure], weights=share[sure], minlength=len(comparison["comparison_levels"])))
        return out


def _undecided(person: np.ndarray, found: Weighed) -> tuple[Compared, np.ndarray]:
    """Pairs of two persons that may yet be one person, and how likely each is."""
    open_ = (person[found.compared.left] != person[found.compared.right]) & (found.weight > _HARDLY)
    return found.compared.take(np.flatnonzero(open_)), 1 / (1 + 2.0 ** -found.weight[open_])


def _learnt(comparison: dict[str, Any], inside: np.ndarray, everybody: np.ndarray, prior: float) -> dict[str, Any]:
    levels = comparison["comparison_levels"]
    real = np.array([not level.get("is_null_level") for level in levels])
    stated_m = np.array([level.get("m_probability", 0.0) for level in levels])
    stated_u = np.array([level.get("u_probability", 0.0) for level in levels])
    m = _bounded(_blend(inside * real, stated_m, _STATED), stated_m)
    seen = _blend(everybody * real, stated_u, _STATED_STRANGERS)
    u = np.maximum((seen - prior * m) / (1 - prior), _STRANGERS_AT_LEAST * seen)
    out = []
    for level, is_real, m_value, u_value in zip(levels, real, m, u, strict=True):
        made = dict(level)
        if is_real:
            # What never agrees inside a person found may still be one person: no difference forbids.
            least = _LEAST_DIFFERENT if level is levels[-1] else _LEAST
            made["m_probability"] = float(np.clip(m_value, least, 1 - _LEAST))
            made["u_probability"] = float(np.clip(u_value, _LEAST, 1 - _LEAST))
        out.append(made)
    return {**comparison, "comparison_levels": out}


def _bounded(m: np.ndarray, stated: np.ndarray) -> np.ndarray:
    """Learnt chances whose chance of plain difference (the last level) is at most ``_MOST_DIFFERENT`` times stated.

    In a table of families the persons found first may hold brothers and sisters; learning from them that one person's
    records usually differ in forename would make every family one person.
    """
    most = min(_MOST_DIFFERENT * stated[-1], 0.5)
    if m[-1] <= most:
        return m
    bounded = m * (1 - most) / (1 - m[-1])
    bounded[-1] = most
    return bounded


def _blend(counted: np.ndarray, stated: np.ndarray, weight: float) -> np.ndarray:
    """Shares of ``counted`` with the stated ones as that many pairs more."""
    total = counted.sum() + weight * stated.sum()
    return (counted + weight * stated) / total if total else stated


def _pairs_inside(person: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All node pairs inside persons of 2 to 60 nodes, lower node first.

    >>> [side.tolist() for side in _pairs_inside(np.array([0, 1, 0, 0]), np.array([3, 1]))]
    [[0, 0, 2], [2, 3, 3]]
    """
    order = np.argsort(person, kind="stable")
    start = np.r_[0, np.cumsum(sizes)[:-1]]
    left, right = [np.zeros(0, dtype="int64")], [np.zeros(0, dtype="int64")]
    for size in range(2, _LARGEST_PERSON + 1):
        members = order[start[np.flatnonzero(sizes == size)][:, None] + np.arange(size)]
        a, b = np.triu_indices(size, 1)
        left.append(members[:, a].ravel())
        right.append(members[:, b].ravel())
    return np.concatenate(left), np.concatenate(right)


def _level_counts(compared: Compared, share: np.ndarray, comparisons: list[dict[str, Any]]) -> list[np.ndarray]:
    """Sum of ``share`` over the pairs that stand at each level of each comparison."""
    return [
        np.bincount(level, weights=share, minlength=len(comparison["comparison_levels"]))
        for level, comparison in zip(compared.levels, comparisons, strict=True)
    ]
