"""What an agency is asked to put right, most important first, each with what happened and what to do.

The order is the order of harm: a file that did not get in, files that did not come, a rule that stops the list, rows
that wait in quarantine, promises not kept, rows that were loaded with a doubt, an agreement about to end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from data_quality.contract import FeedContract
from data_quality.feed_status import FeedStatus
from data_quality.supplier_checks import broken_stops, doubts
from data_quality.supplier_promises import Promise, often
from data_quality.supplier_rows import HeldRow
from data_quality.supplier_words import advice, amount, day, moment, plain, sentence_list

EXAMPLES = 6
_MOST_KINDS = 12
# Agreements take weeks to sign again.
_RENEW_WITHIN = timedelta(days=60)
_TO_DO = " What to do: "


@dataclass(frozen=True)
class Ask:
    """One thing to put right.

    Attributes:
        kind: refused, late, waiting, stop, held, promise, doubt or agreement.
        rows: examples of the rows, masked; `count` is how many there are in all.
    """

    kind: str
    feed: str
    title: str
    why: str
    do: str
    count: int = 0
    rows: tuple[HeldRow, ...] = ()
    codes: tuple[tuple[str, int], ...] = ()


def asks_of(
    con: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, FeedContract],
    states: Mapping[str, FeedStatus],
    held: Sequence[HeldRow],
    totals: Mapping[tuple[str, str, str], int],
    promises: Mapping[str, Sequence[Promise]],
    waiting: Sequence[tuple[str, str, str]],
    now: datetime,
) -> list[Ask]:
    """Everything asked of one agency; `contracts`, `states`, `held`, `promises` and `waiting` are its own alone."""
    return [
        *_refused(con, contracts, states, now),
        *_unread(states),
        *_late(contracts, states),
        *_waiting(waiting),
        *_stops(con, contracts, now),
        *_held(held, totals),
        *_promises(promises),
        *_doubts(con, contracts, now),
        *_agreements(contracts, now),
    ]


def why_refused(reason: str) -> tuple[str, str]:
    """(why, what to do) from the gate's message about a refused file, which repeats agency, feed and file first."""
    said, _, todo = reason.partition(_TO_DO)
    _, _, why = said.partition("): ")
    return why or said, todo or "Send the file and its manifest again."


def _refused(
    con: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, FeedContract],
    states: Mapping[str, FeedStatus],
    now: datetime,
) -> list[Ask]:
    asks = []
    for contract in contracts.values():
        state = states[contract.feed]
        if state.last_refusal is None:
            continue
        file, received_at, rows = con.execute(
            "select file_name, received_at, rows_in from quarantine.gate.drop_log where agency = ? and feed = ? "
            "and is_complete and received_at <= ? order by drop_id desc limit 1",
            [contract.agency, contract.feed, now],
        ).fetchall()[0]
        why, todo = why_refused(state.last_refusal)
        until_then = (
            f"Until it comes we go on with your file of {day(state.last_good_load)}."
            if state.last_good_load
            else "We hold nothing of this feed until it comes."
        )
        asks.append(
            Ask(
                "refused",
                contract.feed,
                f"{file} did not get in",
                f"Received on {moment(received_at)}, {amount(rows, 'row')} announced: {why} {until_then}",
                todo,
                count=rows,
            )
        )
    return asks


def _unread(states: Mapping[str, FeedStatus]) -> list[Ask]:
    names = [state.feed for state in states.values() if state.agreement != "valid"]
    if not names:
        return []
    return [
        Ask(
            "agreement",
            ", ".join(names),
            f"We may not read {sentence_list(names)}",
            "There is no sharing agreement in force for it, so your files lie unread.",
            "Renew the agreement with us; what you have sent meanwhile is then taken in by itself.",
        )
    ]


def _late(contracts: Mapping[str, FeedContract], states: Mapping[str, FeedStatus]) -> list[Ask]:
    """Feeds that fell silent on the same day have one cause, so they are one ask."""
    silent: dict[object, list[FeedContract]] = {}
    for contract in contracts.values():
        state = states[contract.feed]
        if state.is_late and state.agreement == "valid" and state.last_refusal is None:
            since = state.last_good_load and state.last_good_load.date()
            silent.setdefault(since, []).append(contract)
    asks = []
    for group in sorted(silent.values(), key=len, reverse=True):
        names = [contract.feed for contract in group]
        last = states[group[0].feed].last_good_load
        due = sorted({often(contract.frequency_days) for contract in group})
        asks.append(
            Ask(
                "late",
                ", ".join(names),
                f"No file of {sentence_list(names)}" + (f" since {moment(last)}" if last else " has come yet"),
                f"Agreed was {sentence_list(due)}. "
                + ("Lists are made with the older data and say so." if last else "We hold nothing of it."),
                "See whether export and transfer have run, and send what is missing; the order does not matter.",
            )
        )
    return asks


def _waiting(waiting: Sequence[tuple[str, str, str]]) -> list[Ask]:
    return [
        Ask(
            "waiting",
            feed,
            f"{file} lies in your folder and is not complete",
            plain(why),
            "Send the file and after it its manifest; we take a pair in the night after it is whole.",
        )
        for feed, file, why in waiting
    ]


def _held(held: Sequence[HeldRow], totals: Mapping[tuple[str, str, str], int]) -> list[Ask]:
    by_kind: dict[tuple[str, str, str], list[HeldRow]] = {}
    for row in held:
        by_kind.setdefault((row.feed, row.column, row.rule), []).append(row)
    # New trouble first, then the most rows.
    order = sorted(totals, key=lambda kind: (not any(row.is_new for row in by_kind.get(kind, [])), -totals[kind], kind))
    asks = []
    for kind in order[:_MOST_KINDS]:
        feed, column, rule = kind
        rows, count = by_kind.get(kind, []), totals[kind]
        new = sum(row.is_new for row in rows)
        news = "all new" if new >= count else f"{new:,} new" if new else "none new"
        why = rows[0].reason if rows else "see earlier reports"
        asks.append(
            Ask(
                "held",
                feed,
                f"{_where(feed, column)}: {amount(count, 'row')} held ({news})",
                plain(why),
                advice(rule),
                count=count,
                rows=tuple(rows[:EXAMPLES]),
                codes=_codes(rows) if rule == "code_set" else (),
            )
        )
    rest = order[_MOST_KINDS:]
    if rest:
        asks.append(
            Ask(
                "held",
                ", ".join(sorted({feed for feed, _, _ in rest})),
                f"{amount(sum(totals[kind] for kind in rest), 'row')} held for {amount(len(rest), 'other reason')}",
                "Each is listed in the CSV beside this page.",
                "Correct the rows in your system; they come in with your next file.",
                count=sum(totals[kind] for kind in rest),
            )
        )
    return asks


def _codes(rows: Sequence[HeldRow]) -> tuple[tuple[str, int], ...]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.value] = counts.get(row.value, 0) + 1
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:EXAMPLES])


def _promises(promises: Mapping[str, Sequence[Promise]]) -> list[Ask]:
    """Columns that are emptier than agreed, and files of an odd size. Lateness has its own ask."""
    return [
        Ask(
            "promise",
            feed,
            f"{feed}, {one.column}: emptier than agreed" if one.column else f"{feed}: not the agreed number of rows",
            f"Agreed: {one.promised}. Came: {one.got}.",
            "See whether the export still fills it."
            if one.column
            else "See whether the export still selects all rows.",
        )
        for feed, lines in promises.items()
        for one in lines
        if one.kept is False and not one.is_about_time
    ]


def _stops(con: duckdb.DuckDBPyConnection, contracts: Mapping[str, FeedContract], now: datetime) -> list[Ask]:
    return [
        Ask(
            "stop",
            stop.feed,
            f"{_where(stop.feed, stop.column)}: the weekly list is stopped",
            why,
            "Please ring us today: no list goes out until a good file comes or we agree what to do.",
            count=stop.unexpected or 0,
        )
        for stop, why in broken_stops(con, contracts, now)
    ]


def _doubts(con: duckdb.DuckDBPyConnection, contracts: Mapping[str, FeedContract], now: datetime) -> list[Ask]:
    """Rows that were loaded all the same."""
    return [
        Ask(
            "doubt",
            check.feed,
            f"{_where(check.feed, check.column_name)}: taken in, but worth a look",
            why,
            "Tell us if it is meant so; else correct it in your system when you come to it.",
            count=check.unexpected or 0,
        )
        for check, why in doubts(con, contracts, now)
    ]


def _where(feed: str, column: str) -> str:
    return f"{feed}, {column}" if column else feed


def _agreements(contracts: Mapping[str, FeedContract], now: datetime) -> list[Ask]:
    ending: dict[tuple[str, object], list[str]] = {}
    for contract in contracts.values():
        agreement = contract.agreement
        if agreement and agreement.expires and now.date() <= agreement.expires <= (now + _RENEW_WITHIN).date():
            ending.setdefault((agreement.id, agreement.expires), []).append(contract.feed)
    return [
        Ask(
            "agreement",
            ", ".join(feeds),
            f"Agreement {number} ends on {day(expires)}",  # type: ignore[arg-type]
            f"After that day we may not read {sentence_list(feeds)}.",
            "Let us renew it in time.",
        )
        for (number, expires), feeds in sorted(ending.items(), key=str)
    ]
