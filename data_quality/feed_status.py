"""The state of every feed: its last good load, whether it is late, and what is held, from the drop logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb

from data_quality.contract import AgreementState, FeedContract, agreement_state

_LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True)
class FeedStatus:
    """How one feed stands at a moment.

    Attributes:
        last_good_load: when the newest loaded drop was received (naive UTC), None if there never was one.
        last_extracted_at: how new its content is.
        is_late: the newest good load is older than the contract's latency.
        is_stale: marts go on with older data: late, refused last, or no valid agreement.
        held_now: rows in quarantine not yet settled. held_last: rows the last good load held.
        last_refusal: why the newest drop was refused, None if it was loaded.
    """

    name: str
    agency: str
    feed: str
    agreement: AgreementState
    required_for_list: bool
    last_good_load: datetime | None
    last_extracted_at: datetime | None
    age_days: float | None
    is_late: bool
    is_stale: bool
    rows_last: int
    held_last: int
    held_now: int
    last_refusal: str | None
    owners: tuple[str, ...]

    def sentence(self) -> str:
        """One line for people."""
        if self.agreement != "valid":
            return f"{self.agency} {self.feed}: not read, its sharing agreement is {self.agreement}."
        if self.last_good_load is None:
            state = "nothing received yet"
        else:
            state = f"last good load received {self.last_good_load:%d %B %Y %H:%M} UTC" + (
                ", late" if self.is_late else ""
            )
        refused = "; its newest file was refused" if self.last_refusal else ""
        held = f"; {self.held_now:,} rows held" if self.held_now else ""
        return f"{self.agency} {self.feed}: {state}{refused}{held}."


def feed_status(
    con: duckdb.DuckDBPyConnection, contracts: Mapping[str, FeedContract], now: datetime
) -> list[FeedStatus]:
    """The state of every feed at `now` (naive UTC), in contract order.

    Args:
        con: needs `warehouse`; counts of held rows need `quarantine` and are zero without it.
    """
    loads = {
        (agency, feed): values
        for agency, feed, *values in con.execute(
            "select agency, feed, max(received_at), max(extracted_at), arg_max(rows_in, (extracted_at, drop_id)), "
            "arg_max(rows_quarantined, (extracted_at, drop_id)) from warehouse.gate.drop_log "
            "where status = 'loaded' and is_complete and mode <> 'retry' and received_at <= ? group by all",
            [now],
        ).fetchall()
    }
    newest = {
        (agency, feed): (status, reason)
        for agency, feed, status, reason in con.execute(
            "select agency, feed, arg_max(status, drop_id), arg_max(coalesce(reason, ''), drop_id) "
            "from warehouse.gate.drop_log where is_complete and received_at <= ? group by all",
            [now],
        ).fetchall()
    }
    held = _held(con)
    today = now.replace(tzinfo=ZoneInfo("UTC")).astimezone(_LONDON).date()
    statuses = []
    for contract in contracts.values():
        feed = (contract.agency, contract.feed)
        received, extracted, rows, rows_held = loads.get(feed, (None, None, 0, 0))
        status, reason = newest.get(feed, (None, None))
        agreement = agreement_state(contract, today)
        age = None if received is None else (now - received) / timedelta(days=1)
        late = age is None or (contract.latency_days is not None and age > contract.latency_days)
        refused = reason if status == "refused" else None
        statuses.append(
            FeedStatus(
                name=contract.name, agency=contract.agency, feed=contract.feed, agreement=agreement,
                required_for_list=contract.required_for_list, last_good_load=received, last_extracted_at=extracted,
                age_days=age, is_late=late, is_stale=late or refused is not None or agreement != "valid",
                rows_last=int(rows), held_last=int(rows_held), held_now=held.get(feed, 0), last_refusal=refused,
                owners=contract.owners,
            )
        )  # fmt: skip
    return statuses


def _held(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    attached = con.execute("select count(*) from duckdb_databases() where database_name = 'quarantine'").fetchall()
    if not attached[0][0]:
        return {}
    rows = con.execute(
        "select agency, feed, count(*) from quarantine.gate.quarantined_row where resolved_by_drop is null group by all"
    ).fetchall()
    return {(agency, feed): int(count) for agency, feed, count in rows}
