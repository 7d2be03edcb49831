"""The week judged on the marts of a partnership: one path for the weekly run and for its benchmark."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.clock import weekly_cutoff
from pipelines.hub import Hub
from pipelines.risk_pack import (
    audit_attributes,
    delivered_since,
    linkage_quality,
    load_declarations,
    registered_before,
    shadow_weeks,
    terms,
)
from pipelines.settings import REPOSITORY
from pipelines.weekly_lists import children_on

if TYPE_CHECKING:
    from models.risk.declare import RiskConfig
    from models.risk.run import WeeklyRun


def code_hash() -> str:
    """A hash over the source of the statistics: two lists made by different code can be told apart."""
    digest = hashlib.sha256()
    for path in sorted((REPOSITORY / "models").rglob("*.py")):
        digest.update(path.relative_to(REPOSITORY).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def judge_week(
    hub: Hub, con: duckdb.DuckDBPyConnection, as_of: date, progress: Callable[[str], None]
) -> tuple[WeeklyRun, RiskConfig]:
    """Run the week that ends on the Sunday `as_of`; nothing is kept. progress: told each stage as it begins.

    Raises:
        DeclarationError: risk.yml or rules.yml cannot be used.
        ValueError: the marts hold nobody on the day.
    """
    from models.risk.run import run_weekly
    from pipelines.risk_registry import may_speak
    from review.freeze import listed_recently

    config, rules = load_declarations(hub)
    relist, until = config.channels.relist_after_weeks, weekly_cutoff(as_of)
    handed: dict[str, Any] = {
        "code_hash": code_hash(),
        "record_person": "warehouse.identity_export.record_person",
        "listed_recently": listed_recently(hub.store, as_of, relist, until=until),
        "attributes": audit_attributes(con),
        "linkage": linkage_quality(con, as_of),
        "shadow_weeks": shadow_weeks(hub),
        "registered_before": registered_before(hub),
        "delivered_since": delivered_since(con),
        "may_speak": may_speak(hub, as_of + timedelta(days=1)),
    }
    partnership = terms(hub, children_on(con, as_of))
    return run_weekly(con, config, rules, partnership, as_of, progress=progress, **handed), config
