"""The week's numbers: panel, model, evaluation, gates and the candidates for the lists.

One step, because scores may not outlive it: they are made, used and forgotten inside this process. What persists is the
model's files and card, aggregates for analysts, and, encrypted, the evidence of the people the lists will hold.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines import drift_page, risk_card
from pipelines.checks.gates import gate_check_results, gate_check_specs
from pipelines.checks.watching import leak_result, watching_specs
from pipelines.evaluation.page import drawn_of, keep, told_of
from pipelines.hub import Hub
from pipelines.metadata import numbers, picture, table
from pipelines.progress import tell
from pipelines.retries import again
from pipelines.risk_pack import JUDGED
from pipelines.risk_tables import evaluation_tables, trends
from pipelines.run import as_of_date_of
from pipelines.weekly_risk import judge_week

FEATURES = dg.AssetKey(["panel", "features"])
MODEL = dg.AssetKey(["risk", "model"])
EVALUATION = dg.AssetKey(["risk", "evaluation"])
GATES = dg.AssetKey(["risk", "gates"])
CANDIDATES = dg.AssetKey(["list", "candidates"])
SCHEDULE = "schedule"
_MODEL_PASSED = (
    "This week's list comes from named patterns and from a model that passed every check written down beforehand."
)
_MODEL_ACCEPTED = (
    "This week's list comes from named patterns and from a model. It passed every check written down beforehand but"
    " the following, which a named person has accepted until a day."
)


def risk_assets(mart_keys: list[dg.AssetKey], gates: list[dict[str, Any]]) -> list[dg.AssetsDefinition]:
    """The weekly step; `mart_keys` are the marts it reads, `gates` those of risk.yml."""

    def spec(key: dg.AssetKey, group: str, deps: list[dg.AssetKey], kinds: set[str], description: str) -> dg.AssetSpec:
        return dg.AssetSpec(
            key, deps=deps, group_name=group, kinds=kinds, owners=["team:analytics"], description=description
        )

    @dg.multi_asset(
        name="weekly_risk",
        pool="databases",
        retry_policy=again(),
        required_resource_keys={"hub"},
        specs=[
            spec(FEATURES, "panel", mart_keys, {"numpy"}, "Person x week: every declared feature as known then."),
            spec(MODEL, "risk", [FEATURES], {"scikitlearn"}, "The week's model: files, card and hashes; no pickle."),
            spec(
                EVALUATION,
                "risk",
                [MODEL],
                {"python"},
                "What the model finds, against contact count, rules and chance.",
            ),
            spec(
                GATES,
                "risk",
                [EVALUATION],
                {"python"},
                "Whether a model list may be issued: passed, failed or not enough evidence.",
            ),
            spec(
                CANDIDATES,
                "list",
                [GATES],
                {"python"},
                "Evidence of the people this week's lists hold, encrypted in the hub's store.",
            ),
        ],
        check_specs=[*gate_check_specs(GATES, gates), *watching_specs(FEATURES, EVALUATION)],
    )
    def weekly_risk(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hub: Hub = context.resources.hub
        from pipelines.risk_registry import judged_detail

        as_of = as_of_date_of(context.run.tags, hub)
        registry = hub.settings.root / "models"
        tell(f"risk: the week that ended on Sunday {as_of:%d %B %Y}, as known on Monday at two")
        with hub.zones.open("warehouse") as con:
            run, config = judge_week(hub, con, as_of, lambda stage: tell(f"risk: {stage}"))
        if run.model is not None:
            keep_model(registry, run.model)
        with hub.store.transaction() as connection:
            batch = hub.store.put_candidates(as_of, batch_of(run), made_at=datetime.now(UTC), connection=connection)
            hub.store.audit.append(
                who=SCHEDULE,
                what=JUDGED,
                purpose="weekly multi-agency review",
                about=[str(one["person_key"]) for one in [*run.candidates, *run.notices]],
                detail={
                    "as_of_date": as_of.isoformat(),
                    "channel": run.channel,
                    "mode": hub.partnership.mode,
                    "gates": {gate["id"]: gate["status"] for gate in run.gates},
                    "model": None,
                    **(judged_detail(run.model) if run.model else {}),
                    "batch_id": batch,
                    "lottery": run.choice["lottery"],
                },
                connection=connection,
            )
        told = told_of(run, basis_of(run), config)
        keep(hub, told)
        drifted = drift_page.told_of_drift(run, config, hub)
        drift_page.write(hub, drifted)
        risk_card.write_weekly(hub, run, told, drifted)
        watched = drift_page.check_results(drifted, FEATURES, EVALUATION)
        for warning in drifted["warnings"]:
            tell(f"drift: {warning['words']}")
        tell(f"risk: {' '.join(basis_of(run))}")
        tell(f"list: {len(run.candidates)} {hub.people} to talk about, {len(run.notices)} notices to named workers")
        yield dg.MaterializeResult(
            asset_key=FEATURES,
            metadata={
                **numbers({"features": len(run.features)}),
                "features_by_theme": table(
                    ["feature", "theme", "kind", "mean", "not zero"],
                    [[f["name"], f["theme"], f["kind"], f.get("mean"), f.get("nonzero_share")] for f in run.features],
                ),
                **drift_page.feature_metadata(drifted),
            },
            check_results=[leak_result(FEATURES, run.leak), *watched["features"]],
        )
        yield dg.MaterializeResult(
            asset_key=MODEL,
            metadata={"card": dg.MetadataValue.json(run.model.card if run.model else {"model": "none this week"})},
        )
        yield dg.MaterializeResult(
            asset_key=EVALUATION,
            metadata={
                **evaluation_tables(told["evaluation"], told["evaluations"]),
                **numbers(trends(told["evaluation"])),
                "rules": table(
                    ["rule", "shown", "found", "in words"],
                    [[y["title"], y["shown"], y["found"], y["words"]] for y in run.rule_yields],
                ),
                **{name: picture(png, name.replace("_", " ")) for name, png in {**drawn_of(told), **run.plots}.items()},
                **drift_page.score_metadata(drifted),
            },
            check_results=watched["evaluation"],
        )
        yield dg.MaterializeResult(
            asset_key=GATES,
            metadata={
                "statement": " ".join(basis_of(run)),
                "gates": table(
                    ["gate", "status", "why"], [[gate["title"], _status(gate), gate["words"]] for gate in run.gates]
                ),
            },
            check_results=gate_check_results(GATES, run.gates),
        )
        yield dg.MaterializeResult(
            asset_key=CANDIDATES,
            metadata={
                **numbers({"candidates": len(run.candidates), "notices": len(run.notices)}),
                "cohort": table(
                    ["team", "capacity", "in cohort", "listed"],
                    [[team, c["capacity"], c["in_cohort"], c["listed"]] for team, c in sorted(run.cohort.items())],
                ),
            },
        )

    return [weekly_risk]


def batch_of(run: Any) -> dict[str, Any]:
    """What the composer needs of a week's run: the people with their evidence, and where the list comes from."""
    reasons = [reason for one in run.candidates for reason in one["reasons"]]
    told = {reason["theme"] for reason in reasons if reason["kind"] == "feature"}
    themes = [one for one in run.evaluation.get("theme_yields", []) if one["id"] in told]
    return {
        "channel": run.channel,
        "basis": basis_of(run),
        "patterns": [{"title": one["title"], "words": one["words"]} for one in [*run.rule_yields, *themes]],
        "model": run.model.name if run.model is not None and not run.statement else None,
        "choice": run.choice,
        "candidates": run.candidates,
        "notices": run.notices,
    }


def basis_of(run: Any) -> list[str]:
    """Where the list comes from, in sentences: what kept the model from it, or what was accepted of it."""
    if run.statement:
        return [run.statement]
    return [_MODEL_ACCEPTED, *run.accepted] if run.accepted else [_MODEL_PASSED]


def keep_model(registry: Path, model: Any) -> Path:
    """Put a model's files into the registry, in a folder whose name ends in the hash of the fitted numbers."""
    folder = registry / model.name
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in model.files.items():
        (folder / name).write_bytes(content)
    (folder / "card.json").write_text(json.dumps(model.card, indent=1, sort_keys=True), encoding="utf-8")
    return folder


def _status(gate: dict[str, Any]) -> str:
    """A gate's verdict, and until when somebody accepted it."""
    accepted = gate.get("accepted")
    return f"{gate['status']}, accepted until {accepted['until']} by {accepted['by']}" if accepted else gate["status"]
