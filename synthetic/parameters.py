"""Everything that decides how the world behaves, frozen and hashed.

`Dynamics` fixes how need moves, how events arise from it and how hard future need is to predict. Its hash is recorded
in `tests/unit/test_synthetic_difficulty.py`: it was fixed before any model was tuned, and a change needs a decision
record. `WorldParameters` says which world to make: size, length, seed, and which of the three worlds.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import asdict, dataclass, field, replace

DAYS_PER_YEAR = 365.25
HISTORY_END = dt.date(2026, 10, 4)
#: Weeks simulated past the seen history: the outcome of the last seen week needs 26; the school calendar ends after 99.
WEEKS_AHEAD, MOST_WEEKS_AHEAD = 26, 99
BURN_IN_WEEKS = 104
WORLDS = ("passes", "no-signal", "biased")
AREA_TEAMS = ("North", "East", "South", "West")
ETHNIC_GROUPS = ("White", "Asian", "Black", "Mixed", "Other")


@dataclass(frozen=True)
class Kind:
    """One kind of event.

    Attributes:
        rate: events per 10,000 children a year in the authority (family kinds: child-events, one per child at home).
        family: how steeply (per level, on the log scale) it rises with family need.
        child: the same for the child's own need (0 for family kinds).
        ages: relative rate at ages 0, 5, 10, 14, 17 (straight lines between).
        contact: chance that the event leads to a contact at the front door.
        referral: share of the contacts that become a referral, on average.
        observed: scaled by observation intensity (area, group)?
        school: happens only in weeks when schools are open?
        sources: contact source codes with their shares.
    """

    name: str
    rate: float
    family: float
    child: float
    ages: tuple[float, float, float, float, float]
    contact: float
    referral: float
    observed: bool
    school: bool
    sources: tuple[tuple[str, float], ...]


FLAT = (1.0, 1.0, 1.0, 1.0, 1.0)

FAMILY_KINDS = (
    Kind("da_incident", 545, 0.96, 0, FLAT, 0.62, 0.24, True, False, (("6", 1.0),)),
    Kind("police_concern", 240, 0.62, 0, FLAT, 0.75, 0.24, True, False, (("6", 1.0),)),
    Kind(
        "public_contact",
        285,
        0.52,
        0,
        FLAT,
        1.0,
        0.22,
        True,
        False,
        (("1A", 0.25), ("1B", 0.22), ("1C", 0.10), ("1D", 0.13), ("9", 0.20), ("10", 0.10)),
    ),
    Kind(
        "service_contact",
        520,
        0.52,
        0,
        FLAT,
        1.0,
        0.22,
        True,
        False,
        (("5A", 0.22), ("5B", 0.25), ("5D", 0.16), ("7", 0.15), ("8", 0.22)),
    ),
    Kind(
        "health_contact",
        165,
        0.52,
        0,
        FLAT,
        1.0,
        0.23,
        True,
        False,
        (("3A", 0.26), ("3B", 0.38), ("3D", 0.14), ("3F", 0.22)),
    ),
    Kind("homelessness", 118, 0.28, 0, FLAT, 0.22, 0.20, False, False, (("4", 1.0),)),
    Kind("eviction_notice", 140, 0.26, 0, FLAT, 0.05, 0.18, False, False, (("4", 1.0),)),
    Kind("early_help", 215, 0.30, 0, FLAT, 0.0, 0.00, False, False, ()),
)

CHILD_KINDS = (
    Kind("ed", 4350, 0.05, 0.07, (2.3, 0.95, 0.85, 0.95, 1.1), 0.003, 0.23, False, False, (("3E", 1.0),)),
    Kind("ed_concern", 50, 0.32, 0.50, (1.6, 0.5, 0.6, 1.5, 1.7), 0.60, 0.24, False, False, (("3E", 1.0),)),
    Kind("missing", 114, 0.30, 0.95, (0.0, 0.0, 0.4, 2.6, 3.0), 0.45, 0.22, True, False, (("6", 1.0),)),
    Kind("exploitation", 26, 0.30, 0.85, (0.0, 0.0, 0.6, 2.6, 2.4), 0.85, 0.31, True, False, (("6", 1.0),)),
    Kind(
        "school_contact",
        460,
        0.32,
        0.36,
        (0.0, 1.0, 1.2, 1.5, 0.6),
        1.0,
        0.23,
        True,
        True,
        (("2A", 0.90), ("2B", 0.10)),
    ),
    Kind("suspension", 900, 0.25, 0.95, (0.0, 0.25, 0.8, 2.6, 0.4), 0.02, 0.18, False, True, (("2A", 1.0),)),
    Kind("police_child", 130, 0.25, 0.42, (0.3, 0.5, 1.0, 1.8, 1.8), 0.55, 0.22, True, False, (("6", 1.0),)),
    Kind(
        "nurse_contact",
        110,
        0.32,
        0.36,
        (1.4, 1.0, 1.0, 1.0, 0.6),
        1.0,
        0.23,
        True,
        False,
        (("3C", 0.45), ("3D", 0.25), ("3F", 0.30)),
    ),
    Kind("health_factor", 150, 0.45, 0.35, (2.0, 0.9, 0.7, 0.8, 0.5), 0.10, 0.18, False, False, (("3B", 1.0),)),
)


@dataclass(frozen=True)
class Dynamics:
    """Laws of the world. Levels are steps of need; rates are per week unless said otherwise."""

    family_levels: int = 8
    child_levels: int = 6
    strained_share: float = 0.08
    # Birth-death chains: up at `mean * revert`, down at `level * revert`; the stationary law is close to Poisson(mean).
    family_mean: tuple[float, float] = (0.25, 4.2)
    family_revert: float = 0.015
    family_shock: tuple[float, float] = (0.0010, 0.004)
    family_shock_size: int = 3
    child_mean: float = 0.80
    child_revert: float = 0.012
    child_shock: float = 0.0040
    child_shock_size: int = 3
    help_down: float = 1.3
    # Chance that a referral is screened in grows with need; found in need likewise (logistic in level).
    referral_slope: float = 0.08
    # A family with a case closed in the last year is referred more readily: people remember.
    known_boost: float = 2.9
    # ... and an assessment so soon after another more often adds nothing: the chance of need found is
    # multiplied by this.
    known_found: float = 0.78
    found_slope: float = 0.06
    found_share: float = 0.735
    nfa_share: float = 0.071
    early_help_from_contact: float = 0.12
    early_help_from_no_need: float = 0.25
    unborn_weeks: int = 20
    kinds_family: tuple[Kind, ...] = FAMILY_KINDS
    kinds_child: tuple[Kind, ...] = CHILD_KINDS
    # Unauthorised absence in a school week: chance at level zero (primary, secondary), steepness, sessions when
    # it happens.
    unauthorised_week: tuple[float, float] = (0.021, 0.036)
    unauthorised_family: float = 0.20
    unauthorised_child: float = 0.34
    assessment_days: float = 33.0
    cin_days: float = 330.0
    cp_days: float = 288.0
    cla_days: float = 1000.0
    early_help_days: float = 205.0
    cp_share: float = 0.155
    cla_share: float = 0.075
    s47_share: float = 0.35
    icpc_share: float = 0.325

    def digest(self) -> str:
        """SHA-256 of every law, in canonical JSON."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Observation:
    """How much more (or less) police and social care see of families with equal need. It never changes need or harm."""

    area: tuple[float, float, float, float] = (1.12, 1.0, 0.90, 1.0)
    group: tuple[float, float, float, float, float] = (1.0, 0.88, 1.18, 1.08, 1.0)


OBSERVATION = {
    "passes": Observation(),
    "no-signal": Observation(),
    "biased": Observation(area=(1.9, 1.0, 0.6, 1.0), group=(0.9, 0.7, 2.2, 1.3, 1.0)),
}


@dataclass(frozen=True)
class WorldParameters:
    """Which world to make.

    Attributes:
        children: children aged 0-17 living in the authority on the last day of the seen history.
        years: seen years before 2026-10-05 (whole weeks; five years begin on 2021-10-04).
        seed: one number decides everything.
        world: `passes` (need can be predicted, but hard), `no-signal` (events say nothing about later need) or `biased`
            (strong differences in observation).
        error: multiplier of the agencies' error rates; carried here, used by the agencies' views.
        weeks_ahead: weeks simulated after the seen history, for nights still to come.
    """

    children: int
    years: int = 5
    seed: int = 1
    world: str = "passes"
    error: float = 1.0
    dynamics: Dynamics = field(default_factory=Dynamics)
    weeks_ahead: int = WEEKS_AHEAD

    def __post_init__(self) -> None:
        if self.world not in WORLDS:
            raise ValueError(f"world must be one of {', '.join(WORLDS)}, not {self.world!r}")
        if self.children < 50 or self.children > 2_000_000:
            raise ValueError("children must lie between 50 and 2,000,000")
        if not 1 <= self.years <= 15:
            raise ValueError("years must lie between 1 and 15")
        if not WEEKS_AHEAD <= self.weeks_ahead <= MOST_WEEKS_AHEAD:
            raise ValueError(f"weeks_ahead must lie between {WEEKS_AHEAD} and {MOST_WEEKS_AHEAD}")

    @property
    def laws(self) -> Dynamics:
        """The laws in force: in the world without signal nothing seen of a child says anything about its future.

        There, levels have no effect (see `latent.make_hazards`), a known family is treated like any other, and what
        leads to referrals happens at every age alike.
        """
        if self.world != "no-signal":
            return self.dynamics
        kinds = tuple(
            replace(kind, referral=0.0)
            if kind.name in ("missing", "exploitation")
            else replace(kind, ages=FLAT)
            if kind.contact >= 0.4
            else kind
            for kind in self.dynamics.kinds_child
        )
        return replace(self.dynamics, known_boost=1.0, known_found=1.0, kinds_child=kinds)

    @property
    def history_weeks(self) -> int:
        """Weeks seen before the demo starts."""
        return round(self.years * DAYS_PER_YEAR / 7)

    @property
    def history_start(self) -> dt.date:
        """First seen day, a Monday."""
        return HISTORY_END + dt.timedelta(days=1) - dt.timedelta(weeks=self.history_weeks)

    @property
    def history_end(self) -> dt.date:
        """Last seen day, Sunday 4 October 2026."""
        return HISTORY_END

    @property
    def simulated_to(self) -> dt.date:
        """Last simulated day, a Sunday: 4 April 2027 unless asked to go on longer."""
        return HISTORY_END + dt.timedelta(weeks=self.weeks_ahead)

    @property
    def start(self) -> dt.date:
        """First day of the unobserved burn-in, a Monday."""
        return self.history_start - dt.timedelta(weeks=BURN_IN_WEEKS)

    @property
    def weeks(self) -> int:
        """Simulated weeks, burn-in included."""
        return ((self.simulated_to - self.start).days + 1) // 7

    @property
    def observation(self) -> Observation:
        """Observation intensity of this world."""
        return OBSERVATION[self.world]

    def describe(self) -> dict[str, object]:
        """JSON-able description, with the hash of the laws."""
        return {
            "children": self.children,
            "years": self.years,
            "seed": self.seed,
            "world": self.world,
            "error": self.error,
            "weeks_ahead": self.weeks_ahead,
            "history_start": self.history_start.isoformat(),
            "history_end": self.history_end.isoformat(),
            "simulated_to": self.simulated_to.isoformat(),
            "dynamics_sha256": self.dynamics.digest(),
        }
