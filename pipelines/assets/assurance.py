"""The end of the night: everything expected was made, and the state of every feed for whoever asks."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg

from pipelines.completion import require_complete
from pipelines.feeds import feed_states
from pipelines.hub import Hub
from pipelines.metadata import numbers, picture, table
from pipelines.plots import volumes_plot
from pipelines.progress import tell
from pipelines.retention import purge_refused_rows, remove_sealed_files
from pipelines.retries import again
from pipelines.run import instant_of

FEED_STATUS = dg.AssetKey(["assurance", "feed_status"])


def assurance_assets(mart_keys: list[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """The last asset of the night: it comes after the marts, which come after everything else."""

    @dg.multi_asset(
        name="feed_status",
        pool="databases",
        retry_policy=again(),
        required_resource_keys={"hub"},
        specs=[
            dg.AssetSpec(
                FEED_STATUS,
                deps=mart_keys,
                group_name="assurance",
                kinds={"json"},
                owners=["team:analytics"],
                description="Each feed's last good load, lateness, agreement and quarantine: counts only.",
            )
        ],
    )
    def feed_status_step(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hub: Hub = context.resources.hub
        made = require_complete(context, FEED_STATUS)
        now = instant_of(context.run.tags, hub)
        with hub.zones.open("identity", "warehouse", "quarantine") as con:
            refused_rows = purge_refused_rows(con, hub, now)
            states = feed_states(con, hub, now)
            removed = remove_sealed_files(con, hub, now)
        target = hub.settings.root / "assurance" / "feed_status.json"
        target.parent.mkdir(exist_ok=True, mode=0o700)
        partial = target.with_suffix(".partial")
        partial.write_text(json.dumps([state.summary() for state in states], indent=1), encoding="utf-8")
        partial.replace(target)
        late = [state for state in states if state.is_late]
        tell(f"assurance: {made} assets made; {len(late)} of {len(states)} feeds late")
        yield dg.MaterializeResult(
            asset_key=FEED_STATUS,
            metadata={
                **numbers(
                    {
                        "feeds": len(states),
                        "feeds_late": len(late),
                        "rows_in_quarantine": sum(state.status.held_now for state in states),
                        "assets_made": made,
                        "landing_files_removed": removed,
                        "refused_rows_past_retention": refused_rows,
                    }
                ),
                "volumes": picture(
                    volumes_plot([(one.status.name, one.status.rows_last, one.is_late) for one in states]), "volumes"
                ),
                "feeds_in_full": table(
                    ["agency", "feed", "last good load", "state", "in quarantine", "ring"],
                    [
                        [
                            state.agency_title,
                            state.status.feed,
                            state.status.last_good_load,
                            "stale" if state.status.is_stale else "good",
                            state.status.held_now,
                            state.contact if state.status.is_stale else "",
                        ]
                        for state in states
                    ],
                ),
            },
        )

    return [feed_status_step]
