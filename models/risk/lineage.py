"""Do features rest on an attribute they may never read? Asked of the SQL behind the facts, not of names alone.

A declaration can only name events; what an event is made of is decided in a staging model. So the models from which the
facts are built are followed down to the agencies' columns: none may read the audit zone, and none that reads a source
may use a column named by the deny-list, unless the pack says why it may. The other relations that the panel and the
target read (who is looked at, households, outcomes) may not read the audit zone either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from models.risk.declare import DeclarationError, RiskConfig, mentions

FACTS = ("event", "episode")
READ = (*FACTS, "person_week", "household", "label")
AUDIT_ZONE = "audit"
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/|\{#.*?#\}", re.DOTALL)
_WORD = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Step:
    """A model or source of the build: its zone, its SQL ("" for a source) and the steps it reads."""

    zone: str
    sql: str
    reads: tuple[str, ...]


def require_clean_lineage(config: RiskConfig, steps: Mapping[str, Step]) -> None:
    """DeclarationError when what features or target read is built on a denied attribute; steps: by name."""
    for name in sorted(_behind(READ, steps)):
        if steps[name].zone == AUDIT_ZONE:
            raise DeclarationError(f"risk.yml: what features and target read is built on {name}, of the audit zone")
    allowed = {(e.model, e.term) for e in config.never_exceptions}
    for name in sorted(_behind(FACTS, steps)):
        step = steps[name]
        if not any(not steps[parent].sql for parent in step.reads if parent in steps):
            continue
        words = sorted(set(_WORD.findall(_COMMENT.sub(" ", step.sql))))
        for never in config.never_features:
            hit = next((w for w in words if mentions(w, never.term)), None)
            if hit is not None and (name, never.term) not in allowed:
                raise DeclarationError(
                    f"risk.yml: {name} reads {hit}: {never.term} is never used ({never.why}); where a fact does not"
                    " carry it, say so under never_exceptions"
                )


def sources_read(steps: Mapping[str, Step]) -> list[str]:
    """The sources behind everything that features and target read."""
    return sorted(name for name in _behind(READ, steps) if not steps[name].sql)


def _behind(first: tuple[str, ...], steps: Mapping[str, Step]) -> set[str]:
    """Some relations and everything they are built from."""
    found: set[str] = set()
    waiting = [name for name in first if name in steps]
    while waiting:
        name = waiting.pop()
        if name not in found and name in steps:
            found.add(name)
            waiting.extend(steps[name].reads)
    return found
