"""How right persons are: pairs of records, counted without ever listing them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class PairScore:
    """Pairs of records in one person: as found, in truth, and both."""

    found: int
    true: int
    right: int

    @property
    def precision(self) -> float:
        """Of the pairs put together, the share that are one person."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Of all pairs that are one person, the share put together; a pair never compared is a miss."""
        return self.right / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        rates = {name: round(getattr(self, name), 6) for name in ("precision", "recall", "f1")}
        return {**rates, "pairs_found": self.found, "pairs_true": self.true, "false_pairs": self.found - self.right}


def pairs_in(*labels: np.ndarray) -> int:
    """Pairs of rows that agree on every one of the label arrays.

    >>> pairs_in(np.array([0, 0, 0, 1]), np.array([5, 5, 6, 6]))
    1
    """
    sizes = pd.DataFrame(dict(enumerate(labels))).value_counts().to_numpy()
    return int((sizes * (sizes - 1) // 2).sum())


def score(person: np.ndarray, truth: np.ndarray) -> PairScore:
    """Score person labels against true person labels, row by row.

    >>> score(np.array([0, 0, 0, 1]), np.array([5, 5, 6, 6])).precision
    0.3333333333333333
    """
    return PairScore(pairs_in(person), pairs_in(truth), pairs_in(person, truth))


def merged_share(person: np.ndarray, truth: np.ndarray, couples: np.ndarray) -> dict[str, float]:
    """Of couples ``(n, 2)`` of true persons who both have records, how many share a person.

    >>> merged_share(np.array([0, 0, 1]), np.array([5, 6, 7]), np.array([[5, 6], [6, 7], [5, 9]]))
    {'pairs': 2, 'merged': 1, 'share': 0.5}
    """
    held = pd.DataFrame({"truth": truth, "person": person}).drop_duplicates()
    known = set(truth.tolist())
    both = pd.DataFrame(
        [(n, a, b) for n, (a, b) in enumerate(couples.tolist()) if a in known and b in known], columns=["n", "a", "b"]
    )
    left = both.merge(held, left_on="a", right_on="truth")
    hit = left.merge(held, left_on=["b", "person"], right_on=["truth", "person"])["n"].nunique()
    return {"pairs": len(both), "merged": int(hit), "share": round(hit / len(both), 6) if len(both) else 0.0}
