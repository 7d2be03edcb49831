"""The night's reports: to each agency about its own files, to the hub about all of them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from data_quality.completeness import record_completeness
from data_quality.quality_page import calls
from pipelines.hub import Hub
from pipelines.metadata import numbers, table
from pipelines.progress import tell
from pipelines.reports import build_quality_page, supplier_reports, write_quality_page, write_supplier_reports
from pipelines.retries import again
from pipelines.run import instant_of

SUPPLIER_REPORTS = dg.AssetKey(["assurance", "supplier_reports"])
QUALITY_PAGE = dg.AssetKey(["assurance", "data_quality_page"])


def report_assets(mart_keys: list[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """Both reports in one step, after the marts and before the completion check."""

    @dg.multi_asset(
        name="reports",
        pool="databases",
        retry_policy=again(),
        required_resource_keys={"hub"},
        specs=[
            dg.AssetSpec(
                SUPPLIER_REPORTS,
                deps=mart_keys,
                group_name="assurance",
                kinds={"html", "csv"},
                owners=["team:data_steward"],
                description="For each agency a page and a CSV about its own files in its outbox: values masked.",
            ),
            dg.AssetSpec(
                QUALITY_PAGE,
                deps=mart_keys,
                group_name="assurance",
                kinds={"html"},
                owners=["team:data_steward"],
                description="Agencies by week: freshness, volume, quarantine, identifiers, and whom to ring. Counts.",
            ),
        ],
    )
    def reports_step(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hub: Hub = context.resources.hub
        now = instant_of(context.run.tags, hub)
        with hub.zones.open("identity", "warehouse", "quarantine") as con:
            counted = record_completeness(con, hub.contracts)
            written = write_supplier_reports(hub, supplier_reports(con, hub, now))
            shown = build_quality_page(con, hub, now)
        page = write_quality_page(hub, shown)
        urgent = calls(shown)
        tell(
            f"assurance: {len(written)} agencies told of their files; "
            + (f"[yellow]{len(urgent)} to ring[/yellow] ({page})" if urgent else f"nobody to ring ({page})")
        )
        yield dg.MaterializeResult(
            asset_key=SUPPLIER_REPORTS,
            metadata={
                **numbers(
                    {
                        "reports": len(written),
                        "things_to_put_right": sum(len(one.report.asks) for one in written),
                        "drops_counted": counted,
                    }
                ),
                "by_agency": table(
                    ["agency", "files", "rows held", "to put right", "page"],
                    [
                        [
                            one.report.title,
                            len(one.report.files),
                            one.report.held_total,
                            len(one.report.asks),
                            str(one.page.relative_to(hub.settings.root)),
                        ]
                        for one in written
                    ],
                ),
            },
        )
        yield dg.MaterializeResult(
            asset_key=QUALITY_PAGE,
            metadata={
                **numbers({"agencies_to_ring": len(urgent), "stops": len(shown.stops)}),
                "page": str(page.relative_to(hub.settings.root)),
                "what_got_worse": table(
                    ["agency", "what", "ring"],
                    [[agency.title, worry.sentence, agency.contact] for agency, told in urgent for worry in told],
                ),
            },
        )

    return [reports_step]
