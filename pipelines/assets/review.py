"""From candidates to a frozen list for every team, and out: named to one recipient, expiring, logged."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from pipelines.assets.risk import CANDIDATES, SCHEDULE
from pipelines.clock import weekly_cutoff
from pipelines.completion import require_complete
from pipelines.hub import Hub
from pipelines.list_stops import ListStopped, decided_lines, require_no_stop, stops_at
from pipelines.metadata import numbers, table
from pipelines.progress import tell
from pipelines.retries import again
from pipelines.run import as_of_date_of
from pipelines.weekly_lists import compose, release_lists

LISTS = dg.AssetKey(["list", "weekly_list"])
RELEASED = dg.AssetKey(["release", "outbox"])
DECISIONS = dg.AssetKey(["review", "decisions"])
_PURPOSE = "weekly multi-agency review"
COMPOSED = "list.composed"


def review_assets() -> list[dg.AssetsDefinition]:
    """The list and its release, made only when every other step of the weekly run was."""

    @dg.multi_asset(
        name="weekly_list",
        pool="databases",
        retry_policy=again(),
        required_resource_keys={"hub"},
        specs=[
            dg.AssetSpec(
                LISTS,
                deps=[CANDIDATES],
                group_name="list",
                kinds={"jsonschema"},
                owners=["team:mash"],
                description="A frozen document for every team, encrypted; a re-run that differs is a new version.",
            ),
        ],
    )
    def weekly_list(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hub: Hub = context.resources.hub
        from review.freeze import issue

        as_of = as_of_date_of(context.run.tags, hub)
        require_complete(context, LISTS)
        found = stops_at(hub, weekly_cutoff(as_of))
        try:
            require_no_stop(found, hub)
        except ListStopped as stopped:
            raise dg.Failure(str(stopped), allow_retries=False) from stopped
        batch_id = hub.store.latest_batch(as_of)
        batch = hub.store.candidates(batch_id)
        documents = compose(hub, as_of, batch, decided_lines(found, hub))
        issued = issue(hub.store, documents, issued_at=weekly_cutoff(as_of), who=SCHEDULE, purpose=_PURPOSE)
        # Which candidates stand behind which documents, also where the same list was made of them again.
        hub.store.audit.append(
            who=SCHEDULE,
            what=COMPOSED,
            purpose=_PURPOSE,
            detail={"batch_id": batch_id, "documents": sorted(one.facts.document_id for one in issued)},
        )
        new = sum(result.is_new for result in issued)
        tell(f"list: {len(issued)} documents frozen, {new} of them new")
        yield dg.MaterializeResult(
            asset_key=LISTS,
            metadata={
                **numbers({"documents": len(issued), "new_versions": new}),
                "documents_issued": table(
                    ["kind", "team", "version", "content hash", "cause"],
                    [
                        [r.facts.kind, r.facts.area_team, r.facts.version, r.facts.content_hash[:16], r.facts.cause]
                        for r in issued
                        if r.facts.kind == "weekly_list.v1"
                    ],
                ),
            },
        )

    @dg.multi_asset(
        name="release",
        pool="databases",
        required_resource_keys={"hub"},
        specs=[
            dg.AssetSpec(
                RELEASED,
                deps=[LISTS],
                group_name="release",
                kinds={"html", "excel"},
                owners=["team:mash"],
                description="Each team's list as HTML and XLSX in its own folder; expired products are removed.",
            ),
        ],
    )
    def release_step(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hub: Hub = context.resources.hub
        as_of = as_of_date_of(context.run.tags, hub)
        files = release_lists(hub, as_of, who=SCHEDULE, purpose=_PURPOSE)
        if hub.partnership.mode == "shadow":
            tell("release: shadow mode, nothing that names a person leaves the hub's store")
        else:
            tell(f"release: {len(files)} files in outbox/")
        yield dg.MaterializeResult(asset_key=RELEASED, metadata=numbers({"files": len(files)}))

    return [weekly_list, release_step]


def decisions_asset() -> dg.AssetSpec:
    """Made by people, not by a run: it stands in the graph so that the story has its end."""
    return dg.AssetSpec(
        DECISIONS,
        deps=[RELEASED],
        group_name="review",
        owners=["team:mash"],
        description="What people decided about each child on the list; it comes back as one more feed.",
    )
