"""The hidden need of families and children, and the chances of events that follow from it.

Need has two parts, each a small whole number of *levels* that steps up and down week by week: the family's (0 to 7)
shared by siblings, and the child's own (0 to 5). Both return to their mean like a queue that empties: up at a steady
rate, down in proportion to the level. Shocks (a separation, a bereavement, a new partner) lift the family several
steps at once. One family in five is *strained*: higher mean, more shocks. Help makes levels fall faster.

Levels are whole numbers on purpose: the best possible forecast from the true event history can then be computed by a
filter over 96 states (see `difficulty`), which is how the difficulty of the world is known rather than guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthetic.parameters import Dynamics, Kind
from synthetic.randomness import exponential

WEEKS_PER_YEAR = 52.1775
SCHOOL_WEEKS = 39.0
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Steps:
    """Weekly step chances of one chain by level: `up`, `down`, `shock` (then `size` levels up, capped)."""

    up: Floats
    down: Floats
    shock: Floats
    size: int

    def move(
        self, level: NDArray[np.int8], uniform: NDArray[np.float64], helped: NDArray[np.bool_] | None, help_down: float
    ) -> NDArray[np.int8]:
        """Next levels. One uniform decides: [0, down) down, then up, then shock, else stay."""
        top = len(self.up) - 1
        down = self.down[level]
        if helped is not None:
            down = np.where(helped, down * help_down, down)
        up = down + self.up[level]
        shock = up + self.shock[level]
        step = np.where(uniform < down, -1, np.where(uniform < up, 1, np.where(uniform < shock, self.size, 0)))
        return np.clip(level + step, 0, top).astype(np.int8)

    def matrix(self) -> Floats:
        """Transition matrix [from, to] without help."""
        n = len(self.up)
        out = np.zeros((n, n))
        for i in range(n):
            out[i, max(i - 1, 0)] += self.down[i]
            out[i, min(i + 1, n - 1)] += self.up[i]
            out[i, min(i + self.size, n - 1)] += self.shock[i]
            out[i, i] += 1 - self.down[i] - self.up[i] - self.shock[i]
        return out

    def stationary(self) -> Floats:
        """Long-run law, by 6,000 weekly steps from level zero."""
        law = np.zeros(len(self.up))
        law[0] = 1.0
        matrix = self.matrix()
        for _ in range(6000):
            law = (law[:, None] * matrix).sum(axis=0)
        return np.round(law / law.sum(), 12)


def family_steps(dynamics: Dynamics) -> tuple[Steps, Steps]:
    """Chains of settled and of strained families."""
    levels = np.arange(dynamics.family_levels)
    chains = []
    for mean, shock in zip(dynamics.family_mean, dynamics.family_shock, strict=True):
        chains.append(
            Steps(
                np.full(len(levels), mean * dynamics.family_revert),
                (levels * dynamics.family_revert).astype(np.float64),
                np.full(len(levels), shock),
                dynamics.family_shock_size,
            )
        )
    return chains[0], chains[1]


def child_steps(dynamics: Dynamics) -> Steps:
    """Chain of the child's own need."""
    levels = np.arange(dynamics.child_levels)
    return Steps(
        np.full(len(levels), dynamics.child_mean * dynamics.child_revert),
        (levels * dynamics.child_revert).astype(np.float64),
        np.full(len(levels), dynamics.child_shock),
        dynamics.child_shock_size,
    )


@dataclass(frozen=True)
class Hazards:
    """Weekly chances by kind.

    Attributes:
        family: [family kind, family level]
        child: [child kind, age 0-17, family level, child level], in weeks when schools are open
        child_holiday: the same in holidays (school kinds are zero)
        referral_family, referral_child: share of contacts that become referrals, [kind, family level] and
            [kind, family level, child level]
        found: chance that an assessed referral finds need, [family level, child level]
        early_help: chance that a contact without referral leads to early help, [family level]
        family_law, child_law: long-run shares of levels (families: settled and strained mixed)
    """

    family: Floats
    child: Floats
    child_holiday: Floats
    referral_family: Floats
    referral_child: Floats
    found: Floats
    early_help: Floats
    family_law: Floats
    family_laws: tuple[Floats, Floats]
    child_law: Floats


def boosted(share: Floats, known: NDArray[np.bool_], boost: float) -> Floats:
    """Referral shares of families known from a case closed within a year (`known` broadcasts against `share`)."""
    return np.where(known, np.minimum(share * boost, 0.95), share)


def make_hazards(dynamics: Dynamics, signal: bool = True) -> Hazards:
    """Tables of chances, scaled so that the long-run rates are those of the parameters.

    Without `signal` every table is flattened to its mean over levels: events then say nothing about later need.
    """
    nf, nc = dynamics.family_levels, dynamics.child_levels
    settled, strained = family_steps(dynamics)
    laws = (settled.stationary(), strained.stationary())
    family_law = laws[0] * (1 - dynamics.strained_share) + laws[1] * dynamics.strained_share
    child_law = child_steps(dynamics).stationary()
    joint = family_law[:, None] * child_law[None, :]

    family = np.array([_family_row(kind, family_law, nf, signal) for kind in dynamics.kinds_family])
    child = np.array([_child_table(kind, joint, nf, nc, signal) for kind in dynamics.kinds_child])
    total = child.sum(axis=0)
    child = np.where(total > 0.9, child * (0.9 / np.maximum(total, 1e-9)), child)
    holiday = np.array(
        [table * (0.0 if kind.school else 1.0) for kind, table in zip(dynamics.kinds_child, child, strict=True)]
    )
    slope = dynamics.referral_slope if signal else 0.0
    referral_family = np.array(
        [
            _share(kind.referral, slope, _normal(family_law * row), np.arange(nf)) if kind.referral else np.zeros(nf)
            for kind, row in zip(dynamics.kinds_family, family, strict=True)
        ]
    )
    levels = np.arange(nf)[:, None] + np.arange(nc)[None, :]
    mean_child = child.mean(axis=1)
    referral_child = np.array(
        [
            _share(kind.referral, slope, _normal(joint * table), levels) if kind.referral else np.zeros((nf, nc))
            for kind, table in zip(dynamics.kinds_child, mean_child, strict=True)
        ]
    )
    # Referrals come from families with raised need: weight the logistic's centring accordingly.
    weight = _normal(joint * (family * referral_family).sum(axis=0)[:, None])
    found = _share(dynamics.found_share, dynamics.found_slope if signal else 0.0, weight, levels)
    early = _share(dynamics.early_help_from_contact, slope, weight.sum(axis=1), np.arange(nf))
    return Hazards(family, child, holiday, referral_family, referral_child, found, early, family_law, laws, child_law)


def _normal(weights: Floats) -> Floats:
    return weights / weights.sum()


def _age_factor(kind: Kind) -> Floats:
    """Relative rate at ages 0..17, mean one; exactly zero below the age at which the kind begins."""
    factor = np.interp(np.arange(18), [0, 5, 10, 14, 17], kind.ages)
    if kind.ages[0] == 0.0:
        begin = 10 if kind.ages[1] == 0.0 else 4
        factor = np.where(np.arange(18) >= begin, np.maximum(factor, 0.05), 0.0)
    return np.round(factor / factor.mean(), 9)


def _family_row(kind: Kind, law: Floats, levels: int, signal: bool) -> Floats:
    shape = np.array([exponential(kind.family * i if signal else 0.0) for i in range(levels)])
    return np.round(kind.rate / 10_000 / WEEKS_PER_YEAR * shape / (law * shape).sum(), 12)


def _child_table(kind: Kind, joint: Floats, nf: int, nc: int, signal: bool) -> Floats:
    shape = np.array(
        [[exponential(kind.family * i + kind.child * j if signal else 0.0) for j in range(nc)] for i in range(nf)]
    )
    weekly = kind.rate / 10_000 / (SCHOOL_WEEKS if kind.school else WEEKS_PER_YEAR)
    table = weekly * shape / (joint * shape).sum()
    return np.round(_age_factor(kind)[:, None, None] * table[None], 12)


def _share(mean: float, slope: float, weight: Floats, levels: Ints) -> Floats:
    """Logistic in the level with the given mean under `weight`; the intercept is found by bisection."""
    low, high = -12.0, 12.0
    for _ in range(50):
        middle = (low + high) / 2
        if float((weight * _logistic(middle, slope, levels)).sum()) < mean:
            low = middle
        else:
            high = middle
    return np.round(_logistic((low + high) / 2, slope, levels), 9)


def _logistic(intercept: float, slope: float, levels: Ints) -> Floats:
    return np.vectorize(lambda v: 1 / (1 + exponential(-(intercept + slope * float(v)))))(levels)
