"""What the agencies sent, through the gate: one step an agency, one asset a feed.

One agency's bad night never costs another's: each agency has its own step, each feed in it its own outcome, and a feed
that brought nothing usable is *carried*: what follows is built from its last good load, and the asset grows stale.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from data_quality.contract import FeedContract
from governance.landing_archive import archive_with
from governance.pseudonym import Pseudonym
from pipelines.checks.quality import batch_check_results, batch_check_specs, on_time_result, on_time_spec
from pipelines.feed_assets import columns_of, freshness_of, made_or_carried
from pipelines.hub import Hub
from pipelines.metadata import numbers, table
from pipelines.progress import tell
from pipelines.retention import purge_records
from pipelines.retries import again
from pipelines.run import instant_of


def feed_key(contract: FeedContract) -> dg.AssetKey:
    """The asset of a feed: `csc/contacts`."""
    return dg.AssetKey([contract.agency, contract.feed])


def drops_key(agency: str) -> dg.AssetKey:
    """The asset of what an agency has delivered and nobody has read yet."""
    return dg.AssetKey(["landing", agency])


def gate_assets(contracts: dict[str, FeedContract], agencies: dict[str, str]) -> list[dg.AssetsDefinition]:
    """One step for each agency of the pack; `agencies` gives their names for people."""
    steps = []
    for agency in agencies:
        mine = {name: contract for name, contract in contracts.items() if contract.agency == agency}
        if mine:
            steps.append(_gate_step(agency, agencies[agency], mine))
    return steps


def drop_log_asset(contracts: dict[str, FeedContract]) -> dg.AssetSpec:
    """The gate's own record of drops: every gate step writes its part, marts read the whole."""
    return dg.AssetSpec(
        dg.AssetKey(["gate", "drop_log"]),
        deps=[feed_key(contract) for contract in contracts.values()],
        group_name="gate",
        owners=["team:data_steward"],
        description="One row for every drop that was taken in or refused, in each zone: counts, times, reasons.",
    )


def _gate_step(agency: str, name: str, contracts: dict[str, FeedContract]) -> dg.AssetsDefinition:
    owner = [f"team:{agency}"]

    @dg.multi_asset(
        name=f"gate_{agency}",
        pool="databases",
        retry_policy=again(),
        required_resource_keys={"hub"},
        specs=[
            dg.AssetSpec(
                drops_key(agency),
                group_name="landing",
                kinds={contract.delivery.format for contract in contracts.values()},
                owners=owner,
                description=f"Files {name} has delivered, as sent, with their manifests.",
            ),
            *[
                dg.AssetSpec(
                    feed_key(contract),
                    deps=[drops_key(agency)],
                    group_name="gate",
                    kinds={"duckdb", "odcs"},
                    owners=owner,
                    description=contract.description,
                    freshness_policy=freshness_of(contract),
                    metadata={
                        "purpose": contract.purpose,
                        "agreement": contract.agreement.id if contract.agreement else "none",
                        "columns": len(contract.columns),
                        "dagster/column_schema": columns_of(contract),
                    },
                )
                for contract in contracts.values()
            ],
        ],
        check_specs=[
            spec
            for contract in contracts.values()
            for spec in (*batch_check_specs(feed_key(contract)), on_time_spec(feed_key(contract)))
        ],
    )
    def gate(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hub: Hub = context.resources.hub
        from data_quality.expectations import history
        from data_quality.expectations.observer import Observe
        from data_quality.expectations.standing import judge_standing
        from data_quality.feed_status import feed_status
        from data_quality.sweep import FeedSweep, sweep_landing

        now = instant_of(context.run.tags, hub)
        # A sign-off may have run out since this process read the pack: such a feed is off from that day.
        on = {feed: contract for feed, contract in contracts.items() if feed in hub.contracts}
        ring = (hub.agencies.get(agency) or hub.partnership.agencies[agency]).whom_to_ring
        with hub.zones.open("identity", "warehouse", "quarantine") as con:
            Pseudonym(hub.keys.pseudonym).install(con)
            sweep = sweep_landing(
                con,
                hub.settings.landing,
                on,
                hub.code_sets,
                now=now,
                archive=archive_with(hub.keys.landing),
                observe=Observe(con, hub.code_sets, hub.quiet_days),
            )
            gone = purge_records(con, hub, contracts.values(), now)
            not_judged = judge_standing(con, on, hub.contracts)
            said = history.newest(con, until=now)
            stands = {status.name: status for status in feed_status(con, contracts, now)}
        feeds = {**{feed: FeedSweep(feed) for feed in contracts}, **sweep.feeds}
        loaded = sum(report.rows_in for feed in feeds.values() for report in feed.loaded)
        refused = [why for feed in feeds.values() for why in [*feed.refused, *([feed.problem] if feed.problem else [])]]
        tell(
            f"gate: {name}: {loaded:,} rows from {sum(len(feed.loaded) for feed in feeds.values())} files"
            + (f", [yellow]{len(refused)} files refused[/yellow]" if refused else "")
        )
        for reason in refused:
            context.log.warning(str(reason))
        yield dg.MaterializeResult(
            asset_key=drops_key(agency),
            # Always the same: that a folder was looked at makes no feed out of date.
            data_version=dg.DataVersion("as delivered"),
            metadata=numbers(
                {
                    "files_read": sum(len(feed.loaded) for feed in feeds.values()),
                    "files_refused": len(refused),
                    "files_waiting": sum(len(feed.waiting) for feed in feeds.values()),
                }
            ),
        )
        for feed_name, contract in contracts.items():
            feed = feeds[feed_name]
            yield made_or_carried(
                context,
                feed_key(contract),
                stands[feed_name].last_good_load,
                metadata={
                    **numbers(
                        {
                            "rows_in": sum(report.rows_in for report in feed.loaded),
                            "rows_loaded": sum(report.loaded for report in feed.loaded),
                            "rows_quarantined": sum(report.quarantined for report in feed.loaded),
                            "rows_unchanged": sum(report.unchanged for report in feed.loaded),
                            "rows_past_retention": sum(one.rows for one in gone if one.feed == contract.feed),
                        }
                    ),
                    "agreement_state": feed.agreement if feed_name in on else "waits for its sign-off",
                    "known_until": f"{now:%Y-%m-%d %H:%M} UTC",
                    **({"refused": table(["why"], [[str(reason)] for reason in feed.refused])} if feed.refused else {}),
                },
                check_results=[
                    *batch_check_results(
                        feed_key(contract),
                        (row for row in said if row.name == feed_name),
                        [
                            *(report.observer_problem for report in feed.loaded if report.observer_problem),
                            *([not_judged[feed_name]] if feed_name in not_judged else []),
                        ],
                        ring,
                    ),
                    on_time_result(feed_key(contract), stands[feed_name]),
                ],
            )

    return gate
