"""Intervals by drawing whole families again: children of one family share their fate, so a family is the unit.

Every statistic here is a ratio of sums over families, so a resample is a weighting of families (Efron 1979, in its
multinomial form), and a thousand of them cost one matrix product. The weights are drawn once for all statistics.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from models.risk.measures import NOTICED, ratio, rounded, wilson

# A true difference of (1.96 + 0.84) standard errors is found four times in five; a 95 % interval reaches 1.96 of them.
POWER = NOTICED / 1.959964


class FamilyBootstrap:
    """Resamples families. family: a number per row; times: resamples; level: of the intervals, such as 0.95."""

    def __init__(self, family: np.ndarray, times: int, level: float, seed: int):
        _, self.family = np.unique(family, return_inverse=True)
        self.size = int(self.family.max(initial=-1)) + 1
        self.times, self.tail, self.seed = times, (1 - level) / 2, seed

    def totals(self, *columns: np.ndarray) -> np.ndarray:
        """Sums of row values over each family, shape (families, columns)."""
        out = np.zeros((self.size, len(columns)))
        for place, column in enumerate(columns):
            here = np.flatnonzero(column)
            out[:, place] = np.bincount(self.family[here], weights=column[here], minlength=self.size)
        return out

    def share(self, over: np.ndarray, under: np.ndarray) -> dict[str, float]:
        """The ratio of two sums, given by family, with its interval."""
        both = np.column_stack([over, under])
        sums, total = self._resample(both), both.sum(axis=0)
        low, high = np.quantile(ratio(sums[:, 0], sums[:, 1]), [self.tail, 1 - self.tail])
        if _all_or_none(*total):
            low, high = wilson(int(total[0]), int(total[1]))
        return {"estimate": rounded(ratio(total[0], total[1])), "low": rounded(low), "high": rounded(high)}

    def difference(self, ours: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
        """One ratio less another, (over, under) by family each, resampled together.

        Also their quotient (`lift`), and `detectable`: the least true difference that four in five such tests find.
        """
        all_four = np.column_stack([*ours, *theirs])
        sums, total = self._resample(all_four), all_four.sum(axis=0)
        drawn = ratio(sums[:, 0], sums[:, 1]) - ratio(sums[:, 2], sums[:, 3])
        low, high = np.quantile(drawn, [self.tail, 1 - self.tail])
        a, b = ratio(total[0], total[1]), ratio(total[2], total[3])
        if _all_or_none(*total[:2]) or _all_or_none(*total[2:]):
            (a_low, a_high), (b_low, b_high) = wilson(*total[:2]), wilson(*total[2:])
            # Newcombe (1998): squares of the distances to each share's own limits add up.
            low = min(low, a - b - np.hypot(a - a_low, b_high - b))
            high = max(high, a - b + np.hypot(a_high - a, b - b_low))
        return {
            "estimate": rounded(a - b),
            "low": rounded(low),
            "high": rounded(high),
            "half_width": rounded((high - low) / 2),
            "detectable": rounded(POWER * (high - low) / 2),
            "lift": rounded(a / b) if b > 0 else 0.0,
        }

    def lift(self, ours: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
        """The interval of one ratio over another (see `difference`, which has the estimate): `lift_low`, `lift_high`.

        None where it cannot be told: nobody or everybody was found, or `theirs` is 0 in so many resamples that the
        quotient has no bound.
        """
        all_four = np.column_stack([*ours, *theirs])
        sums, total = self._resample(all_four), all_four.sum(axis=0)
        if _all_or_none(*total[:2]) or _all_or_none(*total[2:]):
            return {"lift_low": None, "lift_high": None}
        under = ratio(sums[:, 2], sums[:, 3])
        drawn = np.where(under > 0, ratio(sums[:, 0], sums[:, 1]) / np.where(under > 0, under, 1.0), np.inf)
        low, high = np.quantile(drawn, [self.tail, 1 - self.tail], method="nearest")
        told = {"lift_low": low, "lift_high": high}
        return {name: rounded(value) if np.isfinite(value) else None for name, value in told.items()}

    @cached_property
    def _weights(self) -> np.ndarray:
        """How often each family is drawn in each resample, shape (times, families); a family is hardly drawn ten times
        and never 255."""
        rng = np.random.default_rng(self.seed)
        out = np.empty((self.times, self.size), dtype=np.uint8)
        for row in out:
            row[:] = np.bincount(rng.integers(self.size, size=self.size), minlength=self.size)
        return out

    def draws(self) -> Iterator[np.ndarray]:
        """How often each row stands in each resample, for statistics that are no ratio of sums."""
        for weights in self._weights:
            yield weights[self.family].astype(np.float64)

    def _resample(self, stats: np.ndarray) -> np.ndarray:
        """Sums over resampled families, shape (times, columns). Families without anything add nothing."""
        busy = np.flatnonzero(stats.any(axis=1))
        return self._weights[:, busy].astype(np.float64) @ stats[busy]


def _all_or_none(over: float, under: float) -> bool:
    """Whether a share is 0 or 1: drawing such rows again never differs, which would pass for certainty."""
    return over in (0, under)


class ListStatistics:
    """What lists found, by family. y: outcome per row; person: whose row; boot: over the same rows."""

    def __init__(self, boot: FamilyBootstrap, y: np.ndarray, person: np.ndarray):
        self.boot, self.y, self.person = boot, y, person
        self._in_need = self.once(y)

    def once(self, mask: np.ndarray) -> np.ndarray:
        """The mask with the first row of each person alone."""
        out = np.zeros(len(mask), dtype=bool)
        places = np.flatnonzero(mask)
        _, first = np.unique(self.person[places], return_index=True)
        out[places[first]] = True
        return out

    def precision(self, listed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(found, listed) by family: rows listed, and of them those with an outcome."""
        stats = self.boot.totals(listed & self.y, listed)
        return stats[:, 0], stats[:, 1]

    def recall(self, listed: np.ndarray, among: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(reached, in need) by family: people with an outcome, and of them those ever listed in time."""
        here = self.y if among is None else self.y & among
        need = self._in_need if among is None else self.once(here)
        stats = self.boot.totals(self.once(here & listed), need)
        return stats[:, 0], stats[:, 1]

    def at_capacity(self, listed: np.ndarray) -> dict[str, Any]:
        """How many were listed and found; precision and recall with intervals."""
        return {
            "listed": int(listed.sum()),
            "found": int((listed & self.y).sum()),
            "precision": self.boot.share(*self.precision(listed)),
            "recall": self.boot.share(*self.recall(listed)),
        }
