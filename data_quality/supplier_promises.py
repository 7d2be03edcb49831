"""What an agreement promises of a feed, beside what came: freshness, rows of a file, how full its columns are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from data_quality.completeness import followed
from data_quality.contract import FeedContract
from data_quality.feed_status import FeedStatus
from data_quality.feed_weeks import Fill, Week
from data_quality.supplier_words import amount, percent

# Fewer rows say nothing about a share.
LEAST_ROWS = 20
_OFTEN = {1: "every day", 7: "every week", 14: "every two weeks", 91: "every quarter"}


@dataclass(frozen=True)
class Promise:
    """One promise and how it stands; `kept` is None where too little came to tell. `column` is empty for a file's."""

    column: str
    promised: str
    got: str
    kept: bool | None
    is_about_time: bool = False


def promises_of(
    contract: FeedContract, status: FeedStatus, weeks: Sequence[Week], fills: Mapping[str, Fill], now: datetime
) -> tuple[Promise, ...]:
    """Every promise of a feed's agreement at a moment.

    Args:
        fills: by column, how full it was in the last week that brought rows.
    """
    found = []
    if contract.latency_days is not None:
        found.append(
            Promise(
                "",
                f"{often(contract.frequency_days)}, never older than {amount(round(contract.latency_days), 'day')}",
                "nothing yet" if status.age_days is None else f"newest file {age(status.age_days)} old",
                not status.is_late,
                is_about_time=True,
            )
        )
    least, most = contract.volume
    if status.last_good_load is not None and (least is not None or most is not None):
        rows = status.rows_last
        found.append(
            Promise(
                "",
                _band(least, most),
                amount(rows, "row") + " in the newest file",
                (least is None or rows >= least) and (most is None or rows <= most),
            )
        )
    for column in followed(contract):
        fill = fills.get(column.name, Fill(0, 0))
        if column.completeness is not None:
            enough = fill.rows >= LEAST_ROWS and fill.share is not None
            found.append(
                Promise(
                    column.name,
                    f"filled in at least {percent(column.completeness)}",
                    f"{percent(fill.share)} of {amount(fill.rows, 'row')}"
                    if fill.share is not None
                    else "no rows lately",
                    fill.share >= column.completeness if enough and fill.share is not None else None,
                )
            )
    return tuple(found)


def often(days: float | None) -> str:
    """How often a file is due, in words."""
    if days is None:
        return "a file when there is news"
    if 28 <= days <= 31:
        return "every month"
    return _OFTEN.get(round(days), f"every {days:.0f} days")


def age(days: float) -> str:
    """An age as a person says it."""
    return amount(round(days * 24), "hour") if days < 2 else amount(int(days), "day")


def _band(least: int | None, most: int | None) -> str:
    if most is None:
        return f"at least {amount(least or 0, 'row')} a file"
    return f"{least:,} to {most:,} rows a file" if least is not None else f"at most {most:,} rows a file"
