"""Every feed week by week: what came, what was held, how late it was. Counts from the drop logs alone.

A week here is the seven days that end with the night a page is made for, so that no bar of a trend is a week half
over. A feed's first full delivery (`history`) is left out of volumes: it would dwarf every week after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

import duckdb

from data_quality.completeness import followed
from data_quality.contract import FeedContract

WEEK = timedelta(days=7)
Quiet = Callable[[FeedContract, date], bool]


@dataclass(frozen=True)
class Week:
    """One feed in one week. `rows = loaded + unchanged + held + refused`.

    Attributes:
        ends: the week's last instant (naive UTC), itself included.
        files: files that were taken in. refused_files: files that were refused whole.
        is_late: at the week's end the newest good load was older than agreed; None before the hub had any file.
        age_days: how old it was then; None if there was none.
        is_quiet: most of its working days the feed had no reason to bring its usual rows (holidays).
    """

    ends: datetime
    files: int = 0
    rows: int = 0
    loaded: int = 0
    unchanged: int = 0
    held: int = 0
    refused_files: int = 0
    refused: int = 0
    is_late: bool | None = None
    age_days: float | None = None
    is_quiet: bool = False

    @property
    def taken(self) -> int:
        """Rows of the files that were not refused."""
        return self.rows - self.refused


def usual_rows(weeks: Sequence[Week]) -> float | None:
    """Median rows of the ordinary weeks before the last that brought a file; None if there are fewer than three."""
    earlier = [week.taken for week in weeks[:-1] if week.files and not week.is_quiet]
    return float(median(earlier)) if len(earlier) >= 3 else None


def never_quiet(contract: FeedContract, day: date) -> bool:
    """For feeds whose calendar nobody knows."""
    return False


def feed_weeks(
    con: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, FeedContract],
    now: datetime,
    weeks: int,
    quiet: Quiet = never_quiet,
) -> dict[str, tuple[Week, ...]]:
    """By feed its last `weeks` weeks, oldest first. Needs `warehouse` attached.

    Args:
        quiet: whether a feed has no reason to bring its usual rows on a day.
    """
    ends = [now - WEEK * back for back in reversed(range(weeks))]
    counts = {
        (name, int(back)): values
        for name, back, *values in con.execute(
            "select agency || '__' || feed, floor(epoch(?::timestamp - received_at) / (7 * 86400))::integer as back, "
            "count_if(status = 'loaded'), sum(rows_in), sum(rows_loaded), sum(rows_unchanged), sum(rows_quarantined), "
            "count_if(status = 'refused'), sum(rows_in) filter (status = 'refused') "
            "from warehouse.gate.drop_log where is_complete and not history and mode <> 'retry' "
            "and received_at <= ? and received_at > ? group by all",
            [now, now, now - WEEK * weeks],
        ).fetchall()
    }
    newest_at = {
        (name, end): received_at
        for name, end, received_at in con.execute(
            "select agency || '__' || feed, ends.at, max(received_at) from warehouse.gate.drop_log "
            "join (select unnest(?::timestamp[]) as at) as ends on received_at <= ends.at "
            "where is_complete and status = 'loaded' and mode <> 'retry' group by all",
            [ends],
        ).fetchall()
    }
    began = {end for _, end in newest_at}
    found = {}
    for name, contract in contracts.items():
        line = []
        for place, end in enumerate(ends):
            files, rows, loaded, unchanged, held, refused_files, refused = (
                int(value or 0) for value in counts.get((name, weeks - 1 - place), (0,) * 7)
            )
            newest = newest_at.get((name, end))
            age = None if newest is None else (end - newest) / timedelta(days=1)
            late = age is None or (contract.latency_days is not None and age > contract.latency_days)
            line.append(
                Week(
                    ends=end, files=files, rows=rows, loaded=loaded, unchanged=unchanged, held=held,
                    refused_files=refused_files, refused=refused, age_days=age,
                    is_late=late if end in began else None, is_quiet=_is_quiet(contract, end, quiet),
                )
            )  # fmt: skip
        found[name] = tuple(line)
    return found


def _is_quiet(contract: FeedContract, end: datetime, quiet: Quiet) -> bool:
    days = [end.date() - timedelta(days=back) for back in range(1, 8)]
    working = [day for day in days if day.weekday() < 5]
    return 2 * sum(quiet(contract, day) for day in working) > len(working)


@dataclass(frozen=True)
class Fill:
    """How full a column was in a week: rows looked at and rows filled."""

    rows: int
    filled: int

    @property
    def share(self) -> float | None:
        """Filled of all; None when there was no row."""
        return self.filled / self.rows if self.rows else None

    def __add__(self, other: Fill) -> Fill:
        return Fill(self.rows + other.rows, self.filled + other.filled)


def column_weeks(
    con: duckdb.DuckDBPyConnection, contracts: Mapping[str, FeedContract], now: datetime, weeks: int
) -> dict[tuple[str, str], tuple[Fill, ...]]:
    """By (feed, column) how full it was in each week, oldest first, for every column that is followed.

    Deltas of a week are added up; of full drops the week's last one counts, since each restates the same records.
    """
    found = {
        (name, column.name): [Fill(0, 0)] * weeks
        for name, contract in contracts.items()
        for column in followed(contract)
    }
    for name, column, back, mode, rows, filled in con.execute(
        "select log.agency || '__' || log.feed, kept.column_name, "
        "floor(epoch(?::timestamp - log.received_at) / (7 * 86400))::integer as back, log.mode, kept.rows, kept.filled "
        "from warehouse.quality.completeness as kept join warehouse.gate.drop_log as log using (drop_id) "
        "where log.received_at <= ? and log.received_at > ? order by log.extracted_at, log.drop_id",
        [now, now, now - WEEK * weeks],
    ).fetchall():
        line = found.get((name, column))
        if line is not None:
            place, fill = weeks - 1 - back, Fill(int(rows), int(filled))
            line[place] = fill if mode == "full" else line[place] + fill
    return {key: tuple(line) for key, line in found.items()}
