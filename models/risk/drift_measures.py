"""How far one set of numbers lies from another: stability index beyond chance, ratios and shares with their noise.

Population stability index: sum over bins of (p - q) ln(p / q), p and q the shares of the two sets. Two draws from one
population differ by (bins - 1) (1/n + 1/m) on average (Yurdakul 2018), which is taken off: what is left is movement.

An index of shares hardly sees what few people have: of a hundred people one with a notification and none are an index
of 0.02. So the share of people for whom anything is recorded is compared besides, as a ratio.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SEEN_AT = 3.0  # standard errors: of hundreds of comparisons a week, none by chance in most years
MOST_BINS = 10


@dataclass(frozen=True)
class Moved:
    """A comparison: now, then, and how far they are apart, in standard errors too; None where nothing can be told."""

    now: float | None
    then: float | None
    by: float | None
    noise: float | None

    def beyond_factor(self, most: float) -> int:
        """+1 or -1 when `by`, a ratio, is beyond the factor and beyond chance; else 0."""
        if self.by is None or self.noise is None:
            return 0
        log = np.log(max(self.by, 1e-9))
        seen = abs(log) > SEEN_AT * self.noise and abs(log) > np.log(most)
        return int(np.sign(log)) if seen else 0

    def beyond_step(self, most: float) -> int:
        """+1 or -1 when `by`, a difference, is beyond the step and beyond chance; else 0."""
        if self.by is None or self.noise is None:
            return 0
        return int(np.sign(self.by)) if abs(self.by) > max(most, SEEN_AT * self.noise) else 0


NOTHING = Moved(None, None, None, None)


def bins_of(values: np.ndarray) -> np.ndarray:
    """Upper edges of the bins (the last is open): each value its own where there are few, else the commonest value
    alone and the rest by tenths. Empty for constants, which have one bin."""
    different, counts = np.unique(values, return_counts=True)
    if len(different) <= MOST_BINS:
        return different[:-1]
    common = int(counts.argmax())
    rest = np.cumsum(np.where(np.arange(len(different)) == common, 0, counts))
    tenths = different[np.searchsorted(rest, rest[-1] * np.linspace(0, 1, MOST_BINS)[1:-1])]
    edges = np.unique(np.concatenate([tenths, different[max(common - 1, 0) : common + 1]]))
    return edges[edges < different[-1]]


def counts_in(edges: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How many of the values lie in each bin, shape (edges + 1,)."""
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)


def stability_index(now: np.ndarray, then: np.ndarray, people_now: float, people_then: float) -> float | None:
    """The index of counts by bin, now against then, less what chance makes of so many people; 0 at least.

    People, not rows, are independent: a person has a row for every week of a period. None where one of them is empty.
    """
    if not now.sum() or not then.sum():
        return None
    # Half a row in every bin: an empty one must not make the index endless.
    p, q = ((x + 0.5) / (x.sum() + 0.5 * len(x)) for x in (now, then))
    chance = (len(now) - 1) * (1 / max(people_now, 1) + 1 / max(people_then, 1))
    return round(max(0.0, float(np.sum((p - q) * np.log(p / q))) - chance), 6)


def ratio_of(k_now: float, n_now: float, k_then: float, n_then: float, least: float, spread: float = 1.0) -> Moved:
    """The ratio of two rates k / n, with the standard error of its logarithm.

    least: where neither the counted nor the expected reaches it, nothing is told. spread: how much more than a Poisson
    count the counts scatter.
    """
    if n_now <= 0 or n_then <= 0:
        return NOTHING
    now, then = float(k_now / n_now), float(k_then / n_then)
    if max(k_now, then * n_now) < least:
        return Moved(round(now, 6), round(then, 6), None, None)
    # Half a count where there is none: a ratio of nothing is very small, not without end.
    by = float(((k_now + 0.5) / n_now) / ((k_then + 0.5) / n_then))
    noise = float(np.sqrt(spread * (1 / (k_now + 0.5) + 1 / (k_then + 0.5))))
    return Moved(round(now, 6), round(then, 6), round(by, 6), round(noise, 6))


def step_of(k_now: float, n_now: float, k_then: float, n_then: float, least: float, spread: float = 1.0) -> Moved:
    """The difference of two shares k / n with its standard error (pooled)."""
    if n_now < least or n_then < least:
        return NOTHING
    now, then = float(k_now / n_now), float(k_then / n_then)
    pooled = (k_now + k_then + 1) / (n_now + n_then + 2)
    noise = float(np.sqrt(spread * pooled * (1 - pooled) * (1 / n_now + 1 / n_then)))
    return Moved(round(now, 6), round(then, 6), round(now - then, 6), round(noise, 6))


def scatter(counts: np.ndarray) -> float:
    """How much more than a Poisson count weekly counts scatter from one week to the next, at least 1.

    By the median of steps, so that a few great ones (the first week of a holiday) do not hide everything else.
    """
    if len(counts) < 4 or counts.mean() <= 0:
        return 1.0
    step = np.median(np.abs(np.diff(counts))) / 0.6745
    return max(1.0, float(step**2 / 2 / max(np.median(counts), 1.0)))
