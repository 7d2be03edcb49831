"""How emerging harm looks to the agencies: the distribution that planted patterns are drawn from, with its reasons.

Written from what is known of such families, not from what rules or model weigh; drawn with a seed that follows from the
hashes of rules and features, so that a change of either draws other children and other patterns.

*Four beginnings.* Domestic abuse and a parent's poor mental health are each noted in about a quarter to a third of
assessments, and stand first with equal weight; a teenager drawn away from home and school is rarer (exploitation and
missing are each noted in 2 to 3 %); losing the home comes to about 1 family in 80 a year. What each agency may see of a
beginning is listed by how likely it is to see it; three agencies see something, sometimes four.

*Below threshold, every one of them.*
    police      one or two notices of standard risk, not three in twelve weeks, none passed to the front door
    school      at most nine half-days without agreement in ten weeks (at ten the national framework has a school act),
                some illness, or one suspension
    hospital    one or two visits, accidents or illness, no concern recorded
    health      one or two appointments not brought to (policies begin at three), rarely a note
    housing     one application, owed prevention, no placement
Social care and family help know nothing until the referral.

*Time.* The pattern takes 16 to 26 weeks and ends with a referral whose assessment finds need. Each of the three sees
something first within the first half: a pattern that nobody has seen eight weeks before need cannot be found eight
weeks before need. What follows is spread until the end, school absence ever closer together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHORTEST, LONGEST = 16, 26  # weeks
FOUR_AGENCIES = 0.3


@dataclass(frozen=True)
class Sight:
    """What one agency may see: its name, a kind of row, how many (least, most), and from and to what age."""

    agency: str
    kind: str
    least: int
    most: int
    weight: float
    ages: tuple[int, int] = (0, 17)


@dataclass(frozen=True)
class Beginning:
    """How harm begins: its share, the ages it comes at, and what may be seen of it."""

    name: str
    share: float
    ages: tuple[int, int]
    sights: tuple[Sight, ...]


BEGINNINGS = (
    Beginning("violence between the adults", 0.38, (1, 16), (
        Sight("police", "domestic_abuse", 1, 2, 3.0),
        Sight("education", "absence", 6, 12, 2.0, (5, 15)),
        Sight("community_health", "not_brought", 1, 2, 2.0),
        Sight("acute_trust", "visit", 1, 2, 1.5),
        Sight("housing", "application", 1, 1, 0.8),
    )),
    Beginning("a parent no longer copes", 0.38, (1, 16), (
        Sight("community_health", "not_brought", 1, 2, 3.0),
        Sight("education", "absence", 6, 12, 2.5, (5, 15)),
        Sight("acute_trust", "visit", 1, 2, 2.0),
        Sight("police", "child_concern", 1, 1, 1.0),
        Sight("housing", "application", 1, 1, 0.8),
        Sight("community_health", "note", 1, 1, 0.5),
    )),
    Beginning("a teenager is drawn away", 0.14, (12, 15), (
        Sight("education", "absence", 6, 14, 2.5, (5, 15)),
        Sight("education", "suspension", 1, 1, 1.5, (5, 15)),
        Sight("police", "child_concern", 1, 1, 2.0),
        Sight("acute_trust", "visit", 1, 2, 1.0),
        Sight("community_health", "not_brought", 1, 1, 0.7),
    )),
    Beginning("the home is being lost", 0.10, (1, 16), (
        Sight("housing", "application", 1, 1, 4.0),
        Sight("education", "absence", 6, 12, 2.0, (5, 15)),
        Sight("community_health", "not_brought", 1, 2, 1.5),
        Sight("acute_trust", "visit", 1, 1, 1.0),
        Sight("police", "domestic_abuse", 1, 1, 0.7),
    )),
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """One thing an agency sees: how far into the pattern (0 to 1), and whether it belongs to the closing half."""

    agency: str
    kind: str
    at: float


@dataclass(frozen=True)
class Pattern:
    """A drawn pattern: its beginning, its length in days, and what is seen, in order of time."""

    beginning: str
    days: int
    seen: tuple[Seen, ...]

    @property
    def agencies(self) -> tuple[str, ...]:
        """Agencies that see something."""
        return tuple(sorted({s.agency for s in self.seen}))


def draw_pattern(rng: np.random.Generator, age: int) -> Pattern:
    """A pattern for a child of that age (years) at its end."""
    fitting = [b for b in BEGINNINGS if b.ages[0] <= age <= b.ages[1]]
    shares = np.array([b.share for b in fitting])
    begins = fitting[rng.choice(len(fitting), p=shares / shares.sum())]
    wanted = 4 if rng.random() < FOUR_AGENCIES else 3
    left = [s for s in begins.sights if s.ages[0] <= age <= s.ages[1]]
    chosen: list[Sight] = []
    while left and len({s.agency for s in chosen}) < wanted:
        weights = np.array([s.weight for s in left])
        one = left[rng.choice(len(left), p=weights / weights.sum())]
        chosen.append(one)
        left = [s for s in left if s.agency != one.agency]
    seen: list[Seen] = []
    for one in chosen:
        number = int(rng.integers(one.least, one.most + 1))
        first = rng.uniform(0.0, 0.5)
        # Absence grows; everything else may come at any time after it was first seen.
        later = 1 - (1 - first) * (rng.random(number - 1) ** 1.6 if one.kind == "absence" else rng.random(number - 1))
        seen += [Seen(one.agency, one.kind, float(at)) for at in (first, *later)]
    days = 7 * int(rng.integers(SHORTEST, LONGEST + 1))
    return Pattern(begins.name, days, tuple(sorted(seen, key=lambda s: s.at)))
