"""What light worlds may be like: the ranges of their parameters, and which half of each was held out while tuning.

Half of each range is held out: it is cut into four equal slices, and the parity of the
SHA-256 of the parameter's name says whether slices 1 and 3 or 2 and 4 are for tuning. A tuning world draws every
parameter from the tuning slices, a held-out world from the others.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import Literal

import numpy as np

Half = Literal["tuning", "held_out"]
# What a range is: lowest, highest, and whether equal steps are ratios (log) or differences.
RANGES: dict[str, tuple[float, float, bool]] = {
    "people": (3_000, 8_000, True),  # those of a larger authority who could come near a list; the rest add only time
    "places": (16, 48, True),  # a week, all teams; the demo pack has 24 for 60,000 children
    "teams": (2, 8, False),
    "base_rate": (0.02, 0.07, True),  # of these people: person-weeks with an outcome within the horizon
    "spread": (1.2, 2.0, False),  # standard deviation of the log hazard
    "persistence": (0.95, 0.99, False),  # week to week, of the walks
    "family_size": (1.3, 2.6, False),
    "family_share": (0.3, 0.7, False),  # of the variance of z
    "shared_needs": (0.1, 0.7, False),  # share of needs found in a family event
    "contact_rate": (0.5, 4.0, True),  # contacts a year and person
    "contact_strength": (0.1, 0.5, False),  # correlation of the log contact rate with z
    "rule_strength": (0.1, 0.5, False),
    "recording": (0.4, 1.0, False),  # standard deviation of the log recording intensity
    "wobble": (
        0.005,
        0.08,
        False,
    ),  # share of the score's error that is new each week; the demo's list turns over by .15
    "refit_noise": (0.02, 0.2, False),  # of a refit, in standard deviations of the score
    "calibration_slope": (0.85, 1.2, True),  # the true slope on the model's log-odds
    "calibration_shift": (-0.15, 0.15, False),  # of the model's log-odds
    "group_share": (0.06, 0.3, True),  # of each smaller group of an attribute
    "not_recorded": (0.02, 0.3, False),  # share whose ethnicity nobody wrote down
}
SLICES = 4


def is_tuning(name: str, slice_number: int) -> bool:
    """Whether a slice (0 to 3) of a parameter's range is for tuning."""
    odd = hashlib.sha256(name.encode()).digest()[0] % 2
    return slice_number % 2 == odd


def draw_parameters(rng: np.random.Generator, half: Half, **changed: tuple[float, float, bool]) -> dict[str, float]:
    """One value of every parameter from one half of its range; `changed` replaces ranges."""
    out = {}
    for name, (low, high, is_log) in (RANGES | changed).items():
        own = [s for s in range(SLICES) if is_tuning(name, s) == (half == "tuning")]
        at = (own[rng.integers(len(own))] + rng.random()) / SLICES
        out[name] = float(low * (high / low) ** at if is_log else low + (high - low) * at)
    return out


def halves() -> dict[str, dict[str, list[list[float]]]]:
    """For the record: both halves of every range."""
    out: dict[str, dict[str, list[list[float]]]] = {}
    for name, (low, high, is_log) in RANGES.items():
        cut = np.geomspace(low, high, SLICES + 1) if is_log else np.linspace(low, high, SLICES + 1)
        cells = [[round(float(a), 4), round(float(b), 4)] for a, b in pairwise(cut)]
        out[name] = {
            "tuning": [c for s, c in enumerate(cells) if is_tuning(name, s)],
            "held_out": [c for s, c in enumerate(cells) if not is_tuning(name, s)],
        }
    return out
