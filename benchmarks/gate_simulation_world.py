"""Light worlds: person-weeks whose true chance is known, with all that makes intervals hard to get right.

A world is the part of a back-test that the gates see (`models.risk.backtest.Judged`) and the chance behind it. A
child's weekly hazard of a need is `rate * exp(spread * z)`, where z is the sum of what is the family's for good, the
child's for good, and two slow walks, one of the family and one of the child. Part of the needs come as family events,
in which several children are found in need on the same day; whoever is found in need leaves the cohort, as on the
spine. So given the walks, the chance that a row has an outcome is exact: one less the product of the weekly chances of
none.

Nothing is learnt here: the model's score is a mixture of z and an error that is a person's for good in part, walks in
part, and wobbles from week to week in part; `benchmarks/gate_simulation_fit.py` fits real models. Contacts are Poisson
counts of the last 52 weeks and rules fire on counts of the last 12, both driven by z and by how much is recorded about
a person whatever their need.

Ranges of its parameters: `gate_simulation_ranges.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from models.risk.backtest import Judged
from models.risk.calibrate import logistic_line
from models.risk.declare import RiskConfig

WEEKS, HORIZON = 26, 26
FIRST = date(2025, 1, 5)


@dataclass
class LightWorld:
    """Everything true of a world before any score. Arrays are (people, weeks) unless said otherwise.

    z: what drives need; p: chance of an outcome within the horizon of each row, given that none came before; here:
    whether the person is still in the cohort; days: to the outcome, 0 without one; contacts; rules: (people, weeks,
    rules); flat: no score can know anything, because the hazard is the same for everybody.
    """

    parameters: dict[str, float]
    family: np.ndarray
    team: np.ndarray
    z: np.ndarray
    hazard: np.ndarray
    p: np.ndarray
    here: np.ndarray
    days: np.ndarray
    contacts: np.ndarray
    rules: np.ndarray
    groups: dict[str, np.ndarray]
    rng: np.random.Generator

    def noise(self) -> np.ndarray:
        """An error of a score with variance 1: a person's own, a walk, and a part that is new each week."""
        n, wobble = len(self.family), self.parameters["wobble"]
        own = self.rng.standard_normal((n, 1))
        walk = _walk(self.rng, n, WEEKS, self.parameters["persistence"])
        fresh = self.rng.standard_normal((n, WEEKS))
        return np.sqrt((1 - wobble) / 2) * (own + walk) + np.sqrt(wobble) * fresh

    def log_odds(self, raw: np.ndarray) -> np.ndarray:
        """A raw score as log-odds that are off by the world's calibration slope and shift, shape of `raw`."""
        some = self.rng.permutation(int(self.here.sum()))[:40_000]
        x, p = raw[self.here][some], self.p[self.here][some]
        spread = x.std() or 1.0
        intercept, slope = logistic_line(x / spread, p)
        right = intercept + max(slope, 0.02) * raw / spread
        middle = float(right[self.here].mean())
        return middle + (right - middle) / self.parameters["calibration_slope"] + self.parameters["calibration_shift"]

    def capacity(self) -> dict[str, int]:
        """Places a week by team, shared by their people, at least one each."""
        names, people = np.unique(self.team, return_counts=True)
        shares = self.parameters["places"] * people / people.sum()
        return {str(n): max(1, round(s)) for n, s in zip(names, shares, strict=True)}

    def judged(self, log_odds: np.ndarray) -> Judged:
        """The rows in the cohort as the back-test hands them over, ordered by date; log_odds: (people, weeks)."""
        week, person = np.nonzero(self.here.T)
        at = (person, week)
        days = np.array([FIRST + timedelta(weeks=w) for w in range(WEEKS)], dtype="datetime64[s]")
        rows = pd.DataFrame(
            {
                "as_of_date": days[week],
                "person": person,
                "area_team": self.team[person],
                "household": self.family[person],
                "sort_no": person + 1,
            }
        )
        size = len(rows)
        return Judged(
            rows=rows,
            at=np.arange(size),
            y=self.days[at] > 0,
            days=self.days[at],
            log_odds=log_odds[at],
            contact_count=self.contacts[at].astype(np.float64),
            holds=self.rules[at],
            part=np.zeros(size, dtype=np.int8),
            split=np.zeros(size, dtype=np.int16),
        )

    def rows_of(self, values: np.ndarray) -> np.ndarray:
        """Values (people, weeks) in the order of the judged rows."""
        return values.T[self.here.T]


def make_world(
    parameters: dict[str, float], seed: int, config: RiskConfig, flat: bool = False, few_groups: bool = False
) -> LightWorld:
    """A world by its parameters; flat: the hazard is everybody's alike and nothing recorded is driven by need;
    few_groups: of ethnicity there are only two groups and those not recorded."""
    rng = np.random.default_rng(seed)
    n = int(parameters["people"])
    sizes = 1 + rng.poisson(parameters["family_size"] - 1, size=n)
    family = np.repeat(np.arange(n), sizes)[:n]
    families = int(family[-1]) + 1
    z = _situation(rng, parameters, family, families)
    spread = 0.0 if flat else parameters["spread"]
    hazard = np.exp(spread * z - spread**2 / 2)
    hazard = np.minimum(hazard * parameters["base_rate"] / HORIZON, 0.08)
    need, hazard = _needs(rng, parameters, family, families, hazard)
    # Chance of none in the 26 weeks after each judged week, from running sums of the logarithms.
    none = np.concatenate([np.zeros((n, 1)), np.cumsum(np.log1p(-hazard), axis=1)], axis=1)
    week = np.arange(WEEKS)
    p = 1 - np.exp(none[:, week + 1 + HORIZON] - none[:, week + 1])
    here = need[:, None] > week[None, :]
    ahead = np.where(need[:, None] <= week + HORIZON, need[:, None] - week, 0)
    recorded = rng.normal(0, parameters["recording"], size=n)
    contacts = _counts(rng, z, recorded, parameters["contact_rate"] / 52, parameters["contact_strength"], flat, 52)
    rules = np.stack(
        [
            _counts(rng, z, recorded, rate, parameters["rule_strength"], flat, 12) >= least
            for rate, least in ((0.004, 2), (0.002, 1), (0.01, 3))
        ],
        axis=2,
    )
    teams = max(2, round(parameters["teams"]))
    team = np.array([f"T{i}" for i in range(teams)], dtype=object)[rng.integers(teams, size=families)[family]]
    return LightWorld(
        parameters, family, team, z[:, :WEEKS].copy(), hazard, p, here, np.where(here, 7 * ahead, 0), contacts, rules,
        _groups(rng, parameters, family, families, config, few_groups), rng,
    )  # fmt: skip


def _situation(rng, parameters: dict[str, float], family: np.ndarray, families: int) -> np.ndarray:
    """z with variance 1, (people, WEEKS + HORIZON + 1): half of it for good, half walking."""
    weeks, own = WEEKS + HORIZON + 1, parameters["family_share"]
    keep = parameters["persistence"]
    theirs = rng.standard_normal((families, 1)) + _walk(rng, families, weeks, keep)
    child = rng.standard_normal((len(family), 1)) + _walk(rng, len(family), weeks, keep)
    return (np.sqrt(own / 2) * theirs[family] + np.sqrt((1 - own) / 2) * child).astype(np.float32)


def _walk(rng, n: int, weeks: int, keep: float) -> np.ndarray:
    """Autoregressive walks with variance 1, (n, weeks)."""
    out = rng.standard_normal((n, weeks)).astype(np.float32)
    fresh = np.float32(np.sqrt(1 - keep**2))
    for week in range(1, weeks):
        out[:, week] = keep * out[:, week - 1] + fresh * out[:, week]
    return out


def _needs(rng, parameters, family, families: int, hazard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The week of each person's first need (a large number without one) and the true weekly hazard, events included."""
    shared, joins = parameters["shared_needs"], 0.7
    size = np.bincount(family, minlength=families)
    mean = np.zeros((families, hazard.shape[1]))
    np.add.at(mean, family, hazard)
    mean /= size[:, None]
    # A child joins the event in proportion to their own hazard; what that cannot carry stays their own.
    event = np.minimum(shared * mean / joins, 0.5)
    joined = np.minimum(joins * hazard / mean[family], 1.0)
    alone = np.maximum(hazard - event[family] * joined, 0.0)
    total = 1 - (1 - alone) * (1 - event[family] * joined)
    happens = rng.random(event.shape) < event
    hit = (rng.random(hazard.shape) < alone) | (happens[family] & (rng.random(hazard.shape) < joined))
    hit[:, 0] = False
    return np.where(hit.any(axis=1), hit.argmax(axis=1), 10**6), total


def _counts(rng, z, recorded, rate: float, strength: float, flat: bool, window: int) -> np.ndarray:
    """Things recorded in the last `window` weeks, (people, WEEKS): Poisson, driven by the situation in part."""
    drive = (0.0 if flat else 2.0 * strength) * z[:, :WEEKS] + recorded[:, None]
    drive -= drive.var() / 2
    weekly = np.minimum(rate * np.exp(drive), 2.0)
    before = rng.poisson(weekly[:, :1] * window)
    came = rng.poisson(weekly)
    # Of what came before a share leaves each week; binomial thinning keeps whole numbers.
    out = np.empty(weekly.shape, dtype=np.int32)
    count = before[:, 0]
    for week in range(WEEKS):
        count = count - rng.binomial(count, 1 / window) + came[:, week]
        out[:, week] = count
    return out


def _groups(rng, parameters, family, families: int, config: RiskConfig, few_groups: bool) -> dict[str, np.ndarray]:
    """The group of each person by every audited attribute, drawn apart from need: a family's or a child's own."""
    n, small = len(family), parameters["group_share"]
    out = {}
    for one in config.fairness.attributes:
        if one.name == "ethnicity_group":
            shares = {"Asian": small} if few_groups else {"Asian": small, "Black": small / 2, "Mixed": small}
            shares = {"White": 1 - sum(shares.values())} | shares
            drawn = rng.choice(list(shares), p=list(shares.values()), size=families)[family].astype(object)
            drawn[rng.random(n) < parameters["not_recorded"]] = config.fairness.missing
        elif one.name == "sex":
            drawn = rng.choice(["F", "M"], size=n).astype(object)
        elif one.name == "imd_quintile":
            drawn = rng.choice(list("12345"), size=families)[family].astype(object)
        elif one.feature is not None:
            drawn = rng.choice([f"band {i}" for i in range(len(one.edges) + 1)], size=n).astype(object)
        else:
            whose = rng.random(families)[family] if one.name == "fsm" else rng.random(n)
            drawn = np.where(whose < small, "yes", "no").astype(object)
        out[one.name] = drawn
    return out
