"""The agencies' partial, late, misspelt views of the true world, and the registry of what each sends and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from synthetic.agencies import (
    acute_trust,
    adult_social_care,
    community_health,
    csc,
    da_service,
    earlyhelp,
    education,
    housing,
    police,
)
from synthetic.agencies.ground import Ground
from synthetic.agencies.views import Feed, View

#: Agency -> the function that makes all of its feeds' views from the true world.
BUILDERS: dict[str, Callable[[Ground], Iterator[View]]] = {
    csc.AGENCY: csc.build,
    earlyhelp.AGENCY: earlyhelp.build,
    education.AGENCY: education.build,
    police.AGENCY: police.build,
    acute_trust.AGENCY: acute_trust.build,
    community_health.AGENCY: community_health.build,
    housing.AGENCY: housing.build,
    da_service.AGENCY: da_service.build,
}

#: Every feed, in the order in which it is made.
FEEDS: tuple[Feed, ...] = (
    *csc.FEEDS,
    *earlyhelp.FEEDS,
    *education.FEEDS,
    *police.FEEDS,
    *acute_trust.FEEDS,
    *community_health.FEEDS,
    *housing.FEEDS,
    *da_service.FEEDS,
)

#: Feeds of agencies that a demo does not start with, by the agency that joins (`synthetic.joining`).
JOINING: dict[str, tuple[Feed, ...]] = {adult_social_care.AGENCY: adult_social_care.FEEDS}

__all__ = ["BUILDERS", "FEEDS", "JOINING", "Feed", "Ground", "View"]
