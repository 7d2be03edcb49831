"""Seeded randomness that gives the same bytes on every machine.

Every part of the world draws from its own named child stream, so a change in one part does not shift the draws of
another. A name becomes a number by SHA-256 (Python's own `hash` differs from process to process). Two further rules
keep machines alike: hazards come from tables made once with `math.exp` and rounded (vectorised exponentials differ in
the last bit from one processor to the next), and no decision depends on a sum whose order could change.
"""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return the PCG64 generator of one named part of the world.

    Args:
        seed: the world's seed.
        names: path of names, e.g. `("agencies", "police")`; the same path always gives the same stream.
    """
    digest = hashlib.sha256("/".join(names).encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "big") for i in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


def exponential(value: float) -> float:
    """`exp(value)` rounded to 12 significant digits, so that it is one number on every machine."""
    return float(f"{math.exp(value):.11e}")


def lognormal_days(rng: np.random.Generator, size: int, mean: float, spread: float) -> NDArray[np.int64]:
    """Draw whole days from a lognormal with the given mean (days) and log standard deviation, by inverse table."""
    return _lognormal_table(mean, spread)[(rng.random(size) * 1001).astype(np.int64)]


def pick(rng: np.random.Generator, size: int, shares: list[float] | tuple[float, ...]) -> NDArray[np.int64]:
    """Draw `size` indices with the given shares (they need not add up to one)."""
    total = math.fsum(shares)
    edges, running = [], 0.0
    for share in shares[:-1]:
        running += share
        edges.append(running / total)
    return np.searchsorted(np.array(edges), rng.random(size), side="right")


@lru_cache(maxsize=64)
def _lognormal_table(mean: float, spread: float) -> NDArray[np.int64]:
    """1,001 quantiles made with Python's math; a uniform picks one. Exact on every machine, and long tails stay
    bounded.
    """
    location = math.log(mean) - spread * spread / 2
    days = [max(1, round(math.exp(location + spread * _normal_quantile((i + 0.5) / 1001)))) for i in range(1001)]
    return np.array(days, dtype=np.int64)


@lru_cache(maxsize=2048)
def _normal_quantile(p: float) -> float:
    """Standard normal quantile by bisection on `math.erf` (accurate to 1e-9, called a few thousand times at most)."""
    low, high = -8.0, 8.0
    for _ in range(60):
        middle = (low + high) / 2
        if 0.5 * (1 + math.erf(middle / math.sqrt(2))) < p:
            low = middle
        else:
            high = middle
    return round((low + high) / 2, 9)
