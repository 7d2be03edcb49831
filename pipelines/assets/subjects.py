"""The way of everything about others than the persons this hub is for; no step of it exists while none such is on.

One step of the night says which of their records are one person, by the pack's own rules; one step of the week composes
their list, freezes it and releases it to its one recipient. Neither reads or writes anything the other lists are made
from (`pipelines.subjects`).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from governance.pseudonym import Pseudonym
from pipelines.assets.risk import SCHEDULE
from pipelines.clock import weekly_cutoff
from pipelines.completion import require_complete
from pipelines.hub import Hub
from pipelines.metadata import numbers
from pipelines.progress import tell
from pipelines.retries import again
from pipelines.run import as_of_date_of
from pipelines.subject_lists import compose_list, release_list
from pipelines.subjects import export_records

SUBJECT_RECORDS = dg.AssetKey(["identity_export", "subject_record"])
_MARTS = ("event", "help", "pattern", "notification")


def record_model(subject: str) -> dg.AssetKey:
    """The pack's identity model of a subject's records."""
    return dg.AssetKey(["staging", f"record_{subject}"])


def subject_identity_assets(subjects: list[str]) -> list[dg.AssetsDefinition]:
    """The step of the night, or none."""
    if not subjects:
        return []

    @dg.multi_asset(
        name="subject_records",
        pool="databases",
        retry_policy=again(),
        required_resource_keys={"hub"},
        specs=[
            dg.AssetSpec(
                SUBJECT_RECORDS,
                deps=[record_model(subject) for subject in subjects],
                group_name="identity",
                kinds={"duckdb"},
                owners=["team:linkage"],
                description="Which records about others are one person, by rules; apart from who is who.",
            )
        ],
    )
    def subject_records(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        hub: Hub = context.resources.hub
        with hub.zones.open("identity", "warehouse") as con:
            rows = export_records(con, hub.other_subjects, Pseudonym(hub.keys.pseudonym))
        return dg.MaterializeResult(asset_key=SUBJECT_RECORDS, metadata=numbers({"dagster/row_count": rows}))

    return [subject_records]


def subject_list_assets(subjects: list[str]) -> list[dg.AssetsDefinition]:
    """One step of the week for every subject."""
    return [_list_step(subject) for subject in subjects]


def _list_step(subject: str) -> dg.AssetsDefinition:
    key = dg.AssetKey(["list", f"{subject}_list"])

    @dg.multi_asset(
        name=f"{subject}_list",
        pool="databases",
        required_resource_keys={"hub"},
        specs=[
            dg.AssetSpec(
                key,
                deps=[dg.AssetKey(["marts", f"{subject}_{name}"]) for name in _MARTS],
                group_name="list",
                kinds={"jsonschema", "html"},
                owners=["team:mash"],
                description="Named patterns alone, for one recipient: frozen, sealed, released, expiring.",
            )
        ],
    )
    def subject_list(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hub: Hub = context.resources.hub
        from review.freeze import issue

        as_of = as_of_date_of(context.run.tags, hub)
        require_complete(context, key)
        if not hub.subject_was_on(subject, as_of):
            tell(f"list: nothing about {subject}s: its sign-off does not hold for the week that ended on {as_of}")
            yield dg.MaterializeResult(asset_key=key, metadata=numbers({"documents": 0}))
            return
        purpose = f"weekly review of {subject} safeguarding"
        document = compose_list(hub, subject, as_of)
        issued = issue(hub.store, [document], issued_at=weekly_cutoff(as_of), who=SCHEDULE, purpose=purpose)[0]
        files = release_list(hub, subject, as_of, who=SCHEDULE, purpose=purpose)
        where = "in its recipient's folder" if files else "stays in the hub's store (shadow mode)"
        tell(f"list: the list about {subject}s is frozen (version {issued.facts.version}) and {where}")
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                **numbers({"documents": 1, "files": len(files), "people": len(document["people"])}),
                "content_hash": issued.facts.content_hash[:16],
            },
        )

    return subject_list
