"""The state of every feed, with the names and telephone numbers of people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from data_quality.feed_status import FeedStatus, feed_status
from pipelines.hub import Hub


@dataclass(frozen=True)
class FeedState:
    """A feed's status as the data-quality rules see it, and whom to ring about it.

    `subject`: whom the feed is about, None for the persons this hub is for.
    """

    status: FeedStatus
    agency_title: str
    contact: str
    subject: str | None = None

    @property
    def is_late(self) -> bool:
        """Whether the newest good load is older than the contract promises."""
        return self.status.is_late

    def summary(self) -> dict[str, Any]:
        """Plain values for a page or a list: counts and times, nothing about a person."""
        one = self.status
        return {
            "agency": one.agency,
            "agency_title": self.agency_title,
            "feed": one.feed,
            "last_good_load": one.last_good_load.isoformat() if one.last_good_load else None,
            "is_late": one.is_late,
            "no_agreement": one.agreement != "valid",
            "agreement": one.agreement,
            "required_for_list": one.required_for_list,
            "is_stale": one.is_stale,
            "quarantined": one.held_now,
            "last_refusal": one.last_refusal,
            "contact": self.contact,
        }


def feed_states(con: duckdb.DuckDBPyConnection, hub: Hub, now: datetime) -> list[FeedState]:
    """Every feed of the pack, agencies in the pack's order, at a knowledge instant (naive UTC)."""
    states = []
    for status in feed_status(con, hub.contracts, now):
        agency = hub.agencies[status.agency]
        states.append(FeedState(status, agency.title, agency.whom_to_ring, hub.subjects.get(status.name)))
    return states
