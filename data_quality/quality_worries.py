"""What got worse at an agency this week, in sentences, each with a weight that ranks it.

Weights say what harms a list most: a stop first, then news that is missing or cannot be read, then rows that are held,
then columns that went empty, then an agreement about to end. What is as bad as a week ago counts for less than what
is new.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import duckdb

from data_quality.feed_status import FeedStatus
from data_quality.feed_weeks import Week
from data_quality.quality_week import (
    HELD_WATCH,
    LEAST_ROWS,
    VOLUME_ACT,
    VOLUME_TOO_MUCH,
    VOLUME_WATCH,
    fill_level,
    usual,
    usual_share,
)
from data_quality.supplier_asks import why_refused
from data_quality.supplier_promises import age
from data_quality.supplier_words import amount, moment, percent, sentence_list

if TYPE_CHECKING:
    from data_quality.quality_page import AgencyWeeks

_NEEDED = 10
_WEIGHTS = {"refused": 50, "late": 40, "volume": 30, "held": 20, "filled": 15}
_STILL = 25
_WEEK_DAYS = 7
_NAMES = {"nhs_number": "NHS number", "upn": "UPN", "birth_date": "date of birth", "postcode": "postcode"}


@dataclass(frozen=True)
class Worry:
    """One thing to ring about; the heavier, the sooner."""

    agency: str
    sentence: str
    weight: int


def worries_of(con: duckdb.DuckDBPyConnection, agency: AgencyWeeks, needed: Set[str], now: datetime) -> list[Worry]:
    """Everything that is worse than usual at one agency.

    Args:
        con: `quarantine` attached.
        needed: feeds the list depends on, as `agency__feed`.
    """
    found = []
    for state in agency.states:
        weight = _NEEDED if state.name in needed else 0
        if state.last_refusal is not None:
            why, _ = why_refused(state.last_refusal)
            carried = (
                f"lists go on with that of {moment(state.last_good_load)}" if state.last_good_load else "none is held"
            )
            found.append(
                Worry(
                    agency.agency,
                    f"{state.feed}: the newest file was refused, {carried}. {why[:1].upper()}{why[1:]}",
                    _WEIGHTS["refused"] + weight,
                )
            )
    found += _late(agency, needed, now)
    for feed, weeks in agency.feeds.items():
        weight = _NEEDED if f"{agency.agency}__{feed}" in needed else 0
        found += _volume(agency.agency, feed, weeks, weight)
        found += _held(con, agency.agency, feed, weeks[-1], now)
    for identifier, fills in agency.identifiers.items():
        middle, newest = usual_share(fills), fills[-1]
        if middle is not None and newest.share is not None and fill_level(newest, middle) in ("watch", "act"):
            found.append(
                Worry(
                    agency.agency,
                    f"{_NAMES[identifier]} is filled in {percent(newest.share)} of {newest.rows:,} records, "
                    f"usually in {percent(middle)}.",
                    _WEIGHTS["filled"] + round(10 * (middle - newest.share)),
                )
            )
    return found


def _late(agency: AgencyWeeks, needed: Set[str], now: datetime) -> list[Worry]:
    """Feeds that fell silent together are one sentence."""
    silent: dict[object, list[FeedStatus]] = {}
    for state in agency.states:
        if state.is_late and state.last_refusal is None:
            silent.setdefault(state.last_good_load and state.last_good_load.date(), []).append(state)
    found = []
    for group in silent.values():
        names = [state.feed for state in group]
        last, old = group[0].last_good_load, group[0].age_days
        # What came within the week was no old trouble, however late the feed was before.
        was_late = (old is None or old > _WEEK_DAYS) and all(
            agency.feeds[name][-2].is_late for name in names if len(agency.feeds[name]) > 1
        )
        state = group[0]
        if state.agreement != "valid":
            said = f"{sentence_list(names)}: not read, no sharing agreement is in force"
        elif last is None or old is None:
            said = f"{sentence_list(names)}: nothing has ever come"
        else:
            still = "still " if was_late else ""
            said = f"{sentence_list(names)}: {still}late, newest file {age(old)} old ({moment(last)})"
        weight = _WEIGHTS["late"] + (_NEEDED if any(one.name in needed for one in group) else 0)
        found.append(Worry(agency.agency, f"{said}.", weight - (_STILL if was_late else 0)))
    return found


def _volume(agency: str, feed: str, weeks: tuple[Week, ...], weight: int) -> list[Worry]:
    middle, newest = usual(weeks[:-1]), weeks[-1]
    if middle is None or not newest.files or newest.is_quiet:
        return []
    ratio = newest.taken / middle
    if VOLUME_WATCH <= ratio <= VOLUME_TOO_MUCH:
        return []
    said = f"{feed}: {amount(newest.taken, 'row')} this week, usually {middle:,.0f}"
    heavier = 5 if ratio < VOLUME_ACT else 0
    return [Worry(agency, f"{said}.", _WEIGHTS["volume"] + weight + heavier)]


def _held(con: duckdb.DuckDBPyConnection, agency: str, feed: str, newest: Week, now: datetime) -> list[Worry]:
    if newest.taken < LEAST_ROWS or newest.held / newest.taken < HELD_WATCH / 2:
        return []
    kinds = con.execute(
        "select coalesce(column_name, ''), rule, count(*) from quarantine.gate.quarantined_row where agency = ? "
        "and feed = ? and quarantined_at <= ? and quarantined_at > ? group by all order by 3 desc, 1, 2 limit 1",
        [agency, feed, now, now - timedelta(days=_WEEK_DAYS)],
    ).fetchall()
    most = f", most for {f'{kinds[0][0]} ' if kinds[0][0] else ''}({kinds[0][1]})" if kinds else ""
    share = newest.held / newest.taken
    return [
        Worry(
            agency,
            f"{feed}: {newest.held:,} of {newest.taken:,} rows held this week ({percent(share)}){most}.",
            _WEIGHTS["held"] + min(9, round(20 * share)),
        )
    ]
