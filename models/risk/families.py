"""Families, and whose turn it is not to teach: how every family comes to be judged by a model that never saw it.

Families are dealt into folds; the model that scores fold k has learnt from the other folds alone. What a family is, and
its fold, is settled on the day of training from what was known then, so that a back-test made later deals alike. Two
families that have since become one may lie in two folds; they are left out of the judging, and counted.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def families(rows: pd.DataFrame) -> np.ndarray:
    """A family number per row: people who ever shared a household in these rows, and whoever shared one with them.

    Numbered by the least person number, so that no key decides an order. Shape (rows,).
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    person, household = rows["person"].to_numpy(), rows["household"].to_numpy()
    people = int(person.max(initial=-1)) + 1
    lives = household >= 0
    size = people + int(household.max(initial=-1)) + 1
    edges = coo_matrix((np.ones(lives.sum()), (person[lives], people + household[lives])), shape=(size, size))
    _, part = connected_components(edges, directed=False)
    least = np.full(size, size)
    np.minimum.at(least, part[:people], np.arange(people))
    return least[part[person]]


def folds_of(family: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """A fold per row, all rows of a family in one; a seeded draw on the family number. Shape (rows,)."""
    names, position = np.unique(family, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    return (order % folds)[position]


def deal(rows: pd.DataFrame, known: np.ndarray, folds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The fold of each row, and whether the row may be judged by the model of its fold.

    rows: person and household per row, of the weeks of learning and of judging; known: rows of weeks up to the day of
    training. Whoever came later goes with the family they came to; a family of newcomers alone is dealt on its own.
    Returns (fold, apart): int8 and boolean, shape (rows,); `apart` is False for families that touch two folds.
    """
    fold = np.zeros(len(rows), dtype=np.int8)
    if folds < 2:
        return fold, np.ones(len(rows), dtype=bool)
    fold[known] = folds_of(families(rows[known]), folds, seed)
    together = families(rows)
    size = int(together.max(initial=-1)) + 1
    least, most = np.full(size, folds), np.full(size, -1)
    np.minimum.at(least, together[known], fold[known])
    np.maximum.at(most, together[known], fold[known])
    met = most[together] >= 0
    fold[~known & met] = least[together[~known & met]]
    if not met.all():
        fold[~met] = folds_of(together[~met], folds, seed)
    return fold, ~met | (least[together] == most[together])
