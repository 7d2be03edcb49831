"""A feed as an asset: its columns, how fresh its agreement promises it to be, and what "made" means for it.

Dagster judges freshness by the time of the last materialisation. A feed that brought nothing usable is therefore *not*
materialised: its step says that it is carried (an observation), so that the UI shows it going stale, while everything
downstream is built from its last good load as on any other night.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

# A step whose output says this has told its own events already: Dagster hands the output on and adds no event. It is
# how observed sources are run by Dagster itself; a test notices should a later version change its mind.
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION as EVENTS_ARE_TOLD

from data_quality.contract import ColumnContract, FeedContract

LAST_GOOD_LOAD = "last_good_load"


def freshness_of(contract: FeedContract) -> dg.FreshnessPolicy | None:
    """Overdue when nothing usable was taken in for as long as the contract allows; a warning halfway from due to late.

    >>> from types import SimpleNamespace
    >>> freshness_of(SimpleNamespace(latency_days=2.0, frequency_days=1.0)).warn_window.to_timedelta()
    datetime.timedelta(days=1, seconds=43200)
    """
    if contract.latency_days is None:
        return None
    # The UI shows whole seconds only.
    late = timedelta(hours=round(contract.latency_days * 24))
    due = timedelta(days=contract.frequency_days or contract.latency_days)
    return dg.FreshnessPolicy.time_window(
        fail_window=late, warn_window=timedelta(hours=(due + late) // timedelta(hours=2)) if due < late else None
    )


def columns_of(contract: FeedContract) -> dg.TableSchema:
    """The feed's columns as its agreement describes them, with the zone each goes to."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                description=column.description or None,
                constraints=dg.TableColumnConstraints(
                    nullable=not (column.required or column.key_position), other=_rules_of(column)
                ),
            )
            for column in contract.columns
        ]
    )


def _rules_of(column: ColumnContract) -> list[str]:
    words = {
        "key": column.key_position,
        "code set": column.code_set,
        "refers to": column.references,
        "check": column.check,
        "at most characters": column.max_length,
        "at least": column.minimum,
        "at most": column.maximum,
        "filled": None if column.completeness is None else f"{column.completeness:.0%}",
        "on failure": column.severity,
        "zone": column.zone,
    }
    return [f"{what}: {value}" for what, value in words.items() if value is not None]


def made_or_carried(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    last_good_load: datetime | None,
    metadata: Mapping[str, Any],
    check_results: Sequence[dg.AssetCheckResult],
) -> dg.MaterializeResult:
    """The outcome of a feed: made when something newer is loaded than when it was last made, else carried.

    The drop log is compared with the last materialisation, not with what this sweep took in: a run that was killed
    between loading and telling is made up for by the next one.

    Args:
        last_good_load: when the newest loaded drop was received (naive UTC), None if there never was one.
    """
    told = context.instance.get_latest_materialization_event(key)
    before = told.asset_materialization.metadata.get(LAST_GOOD_LOAD) if told and told.asset_materialization else None
    newest = last_good_load.isoformat(timespec="seconds") if last_good_load else ""
    all_metadata = {**metadata, LAST_GOOD_LOAD: newest or "never"}
    if newest > (str(before.value) if before else ""):
        return dg.MaterializeResult(asset_key=key, metadata=all_metadata, check_results=check_results)
    context.log_event(dg.AssetObservation(key, description="carried: nothing newer", metadata=all_metadata))
    return dg.MaterializeResult(asset_key=key, metadata={EVENTS_ARE_TOLD: True}, check_results=check_results)
