"""The front door's night and the partners' quarter: what was sent and not recorded; where several work, nobody leads.

Made only for a pack that declares them (front_door.yml, shrink_together.yml) and has the marts to read.
"""

from collections.abc import Collection, Iterator
from typing import Any

import dagster as dg

from pipelines.assurance_pages import local
from pipelines.front_door import alarm, declared, export_held_contacts
from pipelines.front_door_pages import write_chase_lists, write_page
from pipelines.hub import Hub
from pipelines.metadata import numbers, table
from pipelines.progress import tell
from pipelines.retries import again
from pipelines.run import instant_of
from pipelines.shrink_together import page_path, quarter_of
from pipelines.shrink_together import write_page as write_quarter

HELD = dg.AssetKey(["identity_export", "held_contact"])
MATCH = dg.AssetKey(["marts", "notification_match"])
PAGE = dg.AssetKey(["assurance", "front_door"])
CHASE = dg.AssetKey(["assurance", "front_door_chase"])
QUARTER = dg.AssetKey(["assurance", "shrink_together"])
_QUARTER_MARTS = ("reporting_quarter", "open_work", "shrink_child", "agency_contribution", "notification_match")


def held_contact_assets(hub: Hub) -> list[dg.AssetsDefinition]:
    """Before the marts: whom the contacts that the gate holds are about."""
    where = declared(hub).get("front_door", {}).get("contacts")
    if not where:
        return []

    @dg.multi_asset(
        name="held_contacts",
        pool="databases",
        retry_policy=again(),
        required_resource_keys={"hub"},
        specs=[
            dg.AssetSpec(
                HELD,
                deps=[dg.AssetKey([where["agency"], where["feed"]])],
                group_name="identity",
                kinds={"duckdb"},
                owners=["team:data_steward"],
                description="Contacts whose row the gate holds: whose and of what day, as keys. None of them is lost.",
            )
        ],
    )
    def held_contacts(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hub: Hub = context.resources.hub
        with hub.zones.open("warehouse", "quarantine") as con:
            held = export_held_contacts(con, hub, instant_of(context.run.tags, hub))
        yield dg.MaterializeResult(asset_key=HELD, metadata=numbers({"dagster/row_count": held}))

    return [held_contacts]


def front_door_assets(hub: Hub, mart_keys: Collection[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """After the marts: the night's page, the lists of whom to ask, and once a quarter the partners' page."""
    steps = []
    if MATCH in mart_keys and declared(hub):
        steps.append(_nightly())
    if hub.declaration("shrink_together.yml") and all(dg.AssetKey(["marts", m]) in mart_keys for m in _QUARTER_MARTS):
        steps.append(_quarterly())
    return steps


def _nightly() -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="front_door",
        pool="databases",
        retry_policy=again(),
        required_resource_keys={"hub"},
        specs=[
            dg.AssetSpec(
                PAGE,
                deps=[MATCH],
                group_name="assurance",
                kinds={"html"},
                owners=["team:mash"],
                description="What agencies sent to the front door and what became of it: counts, small ones hidden.",
            ),
            dg.AssetSpec(
                CHASE,
                deps=[MATCH],
                group_name="assurance",
                kinds={"html", "csv"},
                owners=["team:mash"],
                description="For the front-door manager, by agency: references of what was lost, to ask by.",
            ),
        ],
    )
    def front_door(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hub: Hub = context.resources.hub
        now = instant_of(context.run.tags, hub)
        with hub.zones.open("identity", "warehouse", "quarantine", read_only=True) as con:
            page = write_page(con, hub, now)
            chased = write_chase_lists(con, hub, now)
        lines = sum(chased.values())
        tell(f"front door: {lines} notifications to ask about" + (f" ({page})" if lines else ""))
        yield dg.MaterializeResult(asset_key=PAGE, metadata={"page": str(page.relative_to(hub.settings.root))})
        yield dg.MaterializeResult(
            asset_key=CHASE,
            metadata={
                **numbers({"notifications": lines, "agencies": len(chased)}),
                "by_agency": table(["agency", "to ask about"], sorted(chased.items())),
            },
        )

    return front_door


def _quarterly() -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="shrink_together",
        pool="databases",
        retry_policy=again(),
        required_resource_keys={"hub"},
        specs=[
            dg.AssetSpec(
                QUARTER,
                deps=[dg.AssetKey(["marts", name]) for name in _QUARTER_MARTS],
                group_name="assurance",
                kinds={"html"},
                owners=["team:mash"],
                description="The partners' page of the last quarter that is over, made in the first night after it.",
            )
        ],
    )
    def shrink_together(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hub: Hub = context.resources.hub
        with hub.zones.open("warehouse", read_only=True) as con:
            quarter = quarter_of(con)
            # The page is what partners met about: it stays as it was made. `hub report quarter` makes it anew.
            if quarter and not page_path(hub, quarter[0]).exists():
                page = write_quarter(con, hub)
                tell(f"shrink together: the page of {quarter[0]} ({page})")
        yield dg.MaterializeResult(asset_key=QUARTER, metadata={"quarter": quarter[0] if quarter else "none yet"})

    return shrink_together


def front_door_checks(hub: Hub, mart_keys: Collection[dg.AssetKey]) -> list[dg.AssetChecksDefinition]:
    """Lost notifications as a check of the mart: a warning for any, an error where an inbox must be broken."""
    rule = declared(hub).get("alarm")
    if MATCH not in mart_keys or not rule:
        return []

    @dg.asset_check(
        asset=MATCH,
        name="nothing_lost",
        pool="databases",
        required_resource_keys={"hub"},
        description=(
            f"Of what was sent in {rule['weeks']} weeks nothing is lost. Any loss is a warning; more than "
            f"{rule['share_lost']:.0%} of what an agency sent, and at least {rule['at_least']}, is an error."
        ),
    )
    def nothing_lost(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        hub: Hub = context.resources.hub
        now = instant_of(context.run.tags, hub)
        with hub.zones.open("warehouse", read_only=True) as con:
            found = alarm(con, rule, local(now).date())
        lost = sum(one["lost"] for one in found)
        broken = [one["agency"] for one in found if one["is_broken"]]
        ring = {agency: hub.agencies[agency].whom_to_ring for agency in broken}
        return dg.AssetCheckResult(
            passed=not lost,
            severity=dg.AssetCheckSeverity.ERROR if broken else dg.AssetCheckSeverity.WARN,
            metadata={
                **numbers({"lost": lost, "sent": sum(one["sent"] for one in found)}),
                "by_agency": table(
                    ["agency", "sent", "lost", "ring"],
                    [[one["agency"], one["sent"], one["lost"], ring.get(one["agency"], "")] for one in found],
                ),
            },
        )

    return [nothing_lost]
