"""The last page of the week: whether anybody was helped, listed families beside those just missed."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from pipelines.assets.review import RELEASED
from pipelines.hub import Hub
from pipelines.metadata import numbers
from pipelines.progress import tell
from pipelines.retries import again
from pipelines.run import instant_of

HELPED = dg.AssetKey(["assurance", "was_anyone_helped"])


def helped_assets() -> list[dg.AssetsDefinition]:
    """One asset after the release: it reads what lists led to and can hold none back."""

    @dg.multi_asset(
        name="was_anyone_helped",
        pool="databases",
        retry_policy=again(),
        required_resource_keys={"hub"},
        specs=[
            dg.AssetSpec(
                HELPED,
                deps=[RELEASED],
                group_name="assurance",
                kinds={"html"},
                owners=["team:analytics"],
                description="Help offered, taken up, later need: listed families and those just missed. Counts only.",
            )
        ],
    )
    def was_anyone_helped(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hub: Hub = context.resources.hub
        from pipelines.helped_page import write_page
        from pipelines.risk_helped import helped

        with hub.zones.open("warehouse", read_only=True) as con:
            found = helped(hub, con, instant_of(context.run.tags, hub))
        write_page(hub, found)
        tell(f"assurance: was anyone helped? {len(found.weeks_compared)} weeks compared, {found.decided} decisions")
        yield dg.MaterializeResult(
            asset_key=HELPED,
            metadata=numbers(
                {
                    "weeks_compared": len(found.weeks_compared),
                    "weeks_too_young": found.weeks_young,
                    "weeks_left_out": sum(found.left_out.values()),
                    "decisions": found.decided,
                }
            ),
        )

    return [was_anyone_helped]
