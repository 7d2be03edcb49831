"""The week's evaluation as a page for analysts and the governance board: the same figures as the run page, on paper."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from pipelines.evaluation.page import read, write_page
from pipelines.hub import Hub
from pipelines.metadata import numbers
from pipelines.progress import tell
from pipelines.retries import again

PAGE = dg.AssetKey(["assurance", "evaluation_page"])


def evaluation_assets(gates: dg.AssetKey) -> list[dg.AssetsDefinition]:
    """The page; `gates` is the asset after which the week's aggregates lie in assurance/."""

    @dg.multi_asset(
        name="evaluation_page",
        retry_policy=again(),
        required_resource_keys={"hub"},
        specs=[
            dg.AssetSpec(
                PAGE,
                deps=[gates],
                group_name="assurance",
                kinds={"html"},
                owners=["team:analytics"],
                description="What the weekly list finds and misses, how honest, steady and fair it is: a page.",
            )
        ],
    )
    def evaluation_page_step(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hub: Hub = context.resources.hub
        told = read(hub)
        if told is None:
            raise dg.Failure(
                "The weekly step left no figures in assurance/ that this version can draw. Run the week from its first "
                "step again."
            )
        page = write_page(hub, told)
        tell(f"assurance: {page.name} says what the week's list rests on")
        yield dg.MaterializeResult(
            asset_key=PAGE,
            metadata={
                "page": str(page),
                **numbers(
                    {
                        "gates_passed": sum(gate["status"] == "passed" for gate in told["gates"]),
                        "gates": len(told["gates"]),
                        "bytes": page.stat().st_size,
                    }
                ),
            },
        )

    return [evaluation_page_step]
