"""What the risk step is handed besides the marts: the checked declarations, and four things that only the hub knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from rich.console import Console

from pipelines.clock import weekly_cutoff
from pipelines.dbt_runs import ensure_manifest, manifest_path
from pipelines.hub import Hub

JUDGED = "risk.judged"


def load_declarations(hub: Hub) -> tuple[Any, Any]:
    """risk.yml and rules.yml, checked.

    Raises:
        DeclarationError: an entry cannot be used, records are deleted before the gates could speak, or what features
            read is built on an attribute they may never read.
    """
    from models.risk.declare import load_risk, load_rules
    from models.risk.labels import require_kept
    from models.risk.lineage import require_clean_lineage

    config = load_risk(hub.declaration("risk.yml"))
    steps = _steps_of(hub)
    require_kept(config, _kept_days(hub, steps))
    require_clean_lineage(config, steps)
    return config, load_rules(hub.declaration("rules.yml"), config)


def check_declarations(console: Console, hub: Hub) -> bool:
    """Tell what the declarations say and whether they are registered; False when a model list could not be issued.

    Raises:
        DeclarationError: as for `load_declarations`.
    """
    from models.risk.labels import needed_history
    from models.risk.registration import registration_hash, registration_problem

    ensure_manifest(hub)
    config, book = load_declarations(hub)
    read = len(config.model_features)
    console.print(f"{len(config.features)} features ({read} for the model), {len(book.rules)} patterns can be used.")
    kept = min(_kept_days(hub, _steps_of(hub)).values(), default=0)
    console.print(f"History: {needed_history(config, kept).words} at the shortest retention." if kept else "")
    back, reach = config.training.lookback_weeks, max(f.reach_weeks for f in config.features)
    if reach > back:
        console.print(f"Features that look further back than {back} weeks, up to {reach}, use as much as there is.")
    before = registered_before(hub)
    problem = registration_problem(config, before)
    if problem is None:
        console.print(f"Version {config.version} of {config.registered_on:%d %B %Y} is registered as it stands.")
        return True
    console.print(f"{problem} Until that is mended, the named patterns' list alone is issued.")
    if config.version in before:
        console.print("Models were judged by this version: give what is declared now the next version and its date.")
    else:
        line = f"version: {config.version}, registered_on: {config.registered_on}"
        console.print(f'The line for `registrations`:\n  - {{{line}, hash: "{registration_hash(config)}"}}')
    return False


def _steps_of(hub: Hub) -> dict[str, Any]:
    return build_steps(json.loads(manifest_path(hub).read_text(encoding="utf-8")))


def build_steps(manifest: dict[str, Any]) -> dict[str, Any]:
    """The models and sources of dbt's manifest as the lineage check reads them; zone and name tell sources apart."""
    from models.risk.lineage import Step

    names = {key: node["name"] for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    names |= {key: f"{node['source_name']}.{node['name']}" for key, node in manifest["sources"].items()}
    steps = {names[key]: Step(str(node["source_name"]), "", ()) for key, node in manifest["sources"].items()}
    for key, node in manifest["nodes"].items():
        if key in names:
            reads = tuple(names[one] for one in node["depends_on"]["nodes"] if one in names)
            steps[names[key]] = Step(str(node["schema"]), str(node["raw_code"]), reads)
    return steps


def terms(hub: Hub, children: int) -> dict[str, Any]:
    """partnership.yml as the gates read it, with the capacity for so many children.

    An acceptance whose reason no list may print is one without a reason: the gate says so, and the model is silent.
    """
    from review.words import forbidden_in

    declared = hub.declaration("partnership.yml")
    overrides = [
        {**one, "reason": None} if forbidden_in(f"{one.get('by')} {one.get('reason')}") else one
        for one in declared.get("gate_overrides") or []
    ]
    return {**declared, "capacity": hub.capacity(children), "gate_overrides": overrides}


def audit_attributes(con: duckdb.DuckDBPyConnection) -> pd.DataFrame | None:
    """Protected attributes by person, for the fairness audit alone; None where no agency sends any."""
    if not _exists(con, "audit", "person_attribute"):
        return None
    return con.execute(
        "select * replace (person_key::varchar as person_key) from warehouse.audit.person_attribute order by 1"
    ).df()


def linkage_quality(con: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, dict[str, float]] | None:
    """How well records are joined to people, over all agencies, by the newest measurement known on the as-of date."""
    if not _exists(con, "identity_export", "linkage_quality"):
        return None
    rows = con.execute(
        "select measure, arg_max(value, night), arg_max(low, night), arg_max(high, night)"
        " from warehouse.identity_export.linkage_quality where scope = 'all' and night <= ? and low is not null"
        " group by measure order by measure",
        [weekly_cutoff(as_of)],
    ).fetchall()
    return {name: {"estimate": float(value), "low": float(low), "high": float(high)} for name, value, low, high in rows}


def delivered_since(con: duckdb.DuckDBPyConnection) -> dict[str, date]:
    """By `agency.feed`, the day on which its first drop was taken in."""
    rows = con.execute(
        "select agency || '.' || feed, min(received_at)::date from warehouse.gate.drop_log where is_complete group by 1"
    ).fetchall()
    return dict(rows)


def shadow_weeks(hub: Hub) -> int:
    """In how many weeks a model has been judged in shadow mode; counted for live running alone, which asks.

    A week counts when a model was there to judge, and when it was judged before the next one was due: half a year of
    running is not had by making half a year of past weeks in an afternoon. Where the clock follows the drops no week
    has a time of its own, and all of them count.
    """
    if hub.partnership.mode != "live":
        return 0
    by_drops = hub.partnership.clock == "drops"
    counted = set()
    for entry in hub.store.audit.entries(what=[JUDGED]):
        if entry.detail.get("mode") == "shadow" and entry.detail.get("model"):
            as_of = date.fromisoformat(entry.detail["as_of_date"])
            if by_drops or entry.at < weekly_cutoff(as_of + timedelta(weeks=1)):
                counted.add(as_of)
    return len(counted)


def registered_before(hub: Hub) -> dict[int, str]:
    """By version of the registration, the hash that the first week judged by it has in the audit log.

    Models of before the log kept it are asked for by their cards, which somebody could have changed.
    """
    found: dict[int, str] = {}
    for entry in hub.store.audit.entries(what=[JUDGED]):
        if one := entry.detail.get("registration"):
            found.setdefault(int(one["version"]), str(one["hash"]))
    return dict(sorted((_on_cards(hub.settings.root / "models") | found).items()))


def _on_cards(registry: Path) -> dict[int, str]:
    """By version, the hash that the first model judged by it carries."""
    found: dict[int, tuple[str, str]] = {}
    for path in registry.glob("*/card.json"):
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
            one, week = card["registration"], str(card["as_of_date"])
        except (ValueError, KeyError, TypeError):
            continue  # a damaged card is refused where the model itself is read
        version, said = int(one["version"]), (week, str(one["hash"]))
        found[version] = min(found.get(version, said), said)
    return {version: hash_ for version, (_, hash_) in found.items()}


def _kept_days(hub: Hub, steps: Mapping[str, Any]) -> dict[str, int]:
    """For how many days the hub's facts are kept, and the records of each feed behind features and target.

    A feed whose records have no day of their own goes with what it refers to, or with the person.
    """
    from models.risk.lineage import sources_read

    read = {source.rsplit(".", 1)[1] for source in sources_read(steps)}
    kept = {
        name: contract.retention_months
        for name, contract in hub.contracts.items()
        if name in read and contract.retention_months and (contract.occurred_on or contract.ended_on)
    }
    months = (hub.declaration("partnership.yml").get("retention") or {}).get("event_months")
    if months:
        kept["the hub's record of events"] = int(months)
    return {name: int(number * 30.4375) for name, number in kept.items()}


def _exists(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    found = con.execute(
        "select 1 from duckdb_tables() where database_name = 'warehouse' and schema_name = ? and table_name = ?"
        " union all select 1 from duckdb_views() where database_name = 'warehouse' and schema_name = ?"
        " and view_name = ?",
        [schema, table, schema, table],
    ).fetchall()
    return bool(found)
