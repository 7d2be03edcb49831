"""Was what is judged by written down beforehand? A changed target or threshold needs a new version, date and hash.

The hash covers the target, the gates, the back-test, the comparators and the fairness audit, with the version and date.
The pack holds a line for each version; what earlier runs were judged by is remembered outside the pack, so that an old
line cannot be rewritten either.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from models.risk.declare import RiskConfig
from models.risk.registry import digest, to_json

COVERED = ("version", "registered_on", "target", "gates", "evaluation", "comparators", "fairness")


def registration_hash(config: RiskConfig) -> str:
    """The first 16 digits of the SHA-256 of what is registered.

    What the pack says counts, not the engine's defaults: those belong to the hash of the code.
    """
    said = config.model_dump(mode="json", include=set(COVERED), exclude_unset=True)
    return digest([to_json(said)])[:16]


def registration_problem(config: RiskConfig, before: Mapping[int, str]) -> str | None:
    """What is wrong with the registration, in a sentence; None when it holds.

    before: hash by version of what earlier runs were judged by.
    """
    lines = config.registrations
    if not lines:
        return "The target and the gates were never registered."
    if any(b.version <= a.version or b.registered_on < a.registered_on for a, b in pairwise(lines)):
        return "The registrations are not in the order of their versions and dates."
    rewritten = [one.version for one in lines if before.get(one.version, one.hash) != one.hash]
    lost = [version for version in before if version not in {one.version for one in lines}]
    if rewritten or lost:
        return f"Version {min([*rewritten, *lost])} was registered with other words than it has now."
    newest = lines[-1]
    if (newest.version, newest.registered_on) != (config.version, config.registered_on):
        return f"Version {config.version} of {config.registered_on:%d %B %Y} is not registered."
    if newest.hash != registration_hash(config):
        return (
            f"The target or a gate was changed after version {newest.version} was registered on"
            f" {newest.registered_on:%d %B %Y}; a change needs a new version and date."
        )
    return None
