"""Contradictions: where what people decided cannot all hold, everything stays as it was and somebody is told.

A frozen cluster keeps yesterday's persons whole, its new records stand alone, and the rest of the night goes on without
it. Nothing is remembered of a freeze but since when: each night starts from the decisions and the evidence anew, so a
cluster heals by itself as soon as a decision is changed or expires, or an agency corrects a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.linkage import barriers
from models.linkage.decisions import Contradiction

# Nothing here says what a reviewer may not know: a barrier has no words, and no row.
WORDS = {
    "decisions": "Decisions contradict each other: a chain of 'the same person' ends in a pair decided to be two"
    " people. Decide one of these pairs anew.",
    "nhs_numbers": "Decided to be one person, but different checked NHS numbers would meet in that person. Take the"
    " decision back, or have the agency correct the number.",
    "too_large": "Decided to be one person, but that person would be made of more different records than any may be."
    " Take one of these decisions back.",
}


@dataclass(frozen=True)
class Freeze:
    """One frozen cluster: why, the positions of all its records, and the pairs decided about that cannot all hold."""

    code: str
    records: np.ndarray
    pairs: tuple[tuple[int, int], ...]


def freeze(found: Contradiction, of_record: np.ndarray, before: np.ndarray) -> Freeze:
    """The records of a contradictory set, and all others of the persons they were yesterday.

    ``of_record``: tonight's cluster; ``before``: code of yesterday's person, -1 nobody.

    >>> two = Contradiction("decisions", frozenset({0, 1}), ((0, 1),))
    >>> freeze(two, np.array([0, 1, 2, 3]), np.array([5, -1, 5, 6])).records.tolist()
    [0, 1, 2]
    """
    inside = np.isin(of_record, list(found.clusters))
    persons = np.unique(before[inside & (before >= 0)])
    return Freeze(found.code, np.flatnonzero(inside | np.isin(before, persons)), found.pairs)


def labels(frozen: Sequence[Freeze], of_record: np.ndarray, before: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Fixed label of every frozen record (yesterday's person, a new record its own), -1 for those that are free.

    A person that a barrier has come to part is parted all the same, along tonight's clusters.
    """
    out = np.full(len(before), -1)
    for one in frozen:
        out[one.records] = np.where(before[one.records] >= 0, before[one.records], len(before) + one.records)
    both = out[apart[:, 0]]
    broken = np.unique(both[(both >= 0) & (both == out[apart[:, 1]])])
    parted = np.isin(out, broken)
    pieces = np.stack([before[parted], of_record[parted]])
    out[parted] = 2 * len(before) + np.unique(pieces, axis=1, return_inverse=True)[1].ravel()
    return out


def speakable(frozen: Sequence[Freeze], of_record: np.ndarray, forbidden: set[tuple[int, int]]) -> list[Freeze]:
    """Those a reviewer may be told of: no barrier stands between any two of their persons."""
    return [one for one in frozen if not _parted(np.unique(of_record[one.records]), forbidden)]


def table(
    frozen: Sequence[Freeze],
    text: pd.Series,
    keys: np.ndarray,
    of_record: np.ndarray,
    persons: np.ndarray,
    previous: pd.DataFrame,
    now: pd.Timestamp,
    order_hash: Callable[[Sequence[str]], Sequence[int]],
) -> pd.DataFrame:
    """``linkage.needs_attention``: a row per frozen cluster; ``since`` lasts while the same records contradict.

    ``frozen``: those that may be spoken of. ``text``: what each record is called at source; ``keys``: its key;
    ``persons``: person id by cluster.
    """
    since = dict(zip(previous["attention_id"], previous["since"], strict=True))
    rows: list[Mapping[str, object]] = []
    for one in frozen:
        clusters = np.unique(of_record[one.records])
        name = item_id(order_hash([text.iloc[min(min(pair) for pair in one.pairs)] + "\x1e" + one.code])[0], "A")
        rows.append(
            {
                "attention_id": name,
                "reason_code": one.code,
                "reason": WORDS[one.code],
                "person_ids": sorted(set(persons[clusters].tolist())),
                "record_keys": [str(key) for key in keys[one.records]],
                "since": since.get(name, now),
            }
        )
    columns = ["attention_id", "reason_code", "reason", "person_ids", "record_keys", "since"]
    return pd.DataFrame(rows, columns=columns).drop_duplicates("attention_id").sort_values("attention_id")


def _parted(clusters: np.ndarray, forbidden: set[tuple[int, int]]) -> bool:
    """Whether a barrier stands between any two of the clusters."""
    left, right = (side.ravel() for side in np.meshgrid(clusters, clusters))
    return bool(barriers.spans(left, right, forbidden).any())


_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def item_id(number: int, prefix: str) -> str:
    """A short name for 50 bits of a hash, in letters and digits that are not taken for one another.

    >>> item_id(1234567890123456, "Q")
    'Q32TMY8NEP0'
    """
    return prefix + "".join(_LETTERS[(number >> shift) & 31] for shift in range(45, -1, -5))
