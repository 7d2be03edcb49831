"""Whether a list may be issued: rules of severity `stop` that a feed's newest data breaks, and who decided otherwise.

While one is broken nothing is published and the last list stays. It ends with a later good file of that feed, or by a
named person's decision in the pack's overrides.yml, which then stands on the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape

from data_quality.expectations.stops import Stop, stops
from pipelines.hub import Hub, HubProblem


class ListStopped(HubProblem):
    """No list is issued; the message says which feed breaks which rule, whom to ring and what to do."""


def stops_at(hub: Hub, now: datetime) -> list[Stop]:
    """Every stop at a knowledge instant (naive UTC), those decided otherwise among them."""
    with hub.zones.open("warehouse", read_only=True) as con:
        return stops(con, hub.contracts, hub.overrides(), now)


def require_no_stop(found: Sequence[Stop], hub: Hub) -> None:
    """Let a list be issued only where every stop has been decided otherwise.

    Raises:
        ListStopped: see the class.
    """
    lines = [sentence(stop, hub) for stop in found if stop.override is None]
    if lines:
        raise ListStopped(
            "No list is issued, and the last one stays. "
            + " ".join(lines)
            + " Have the file put right and sent again: the first list after a good file goes out by itself. "
            "Or a named person decides otherwise: add {feed, rule, by, reason, until} to overrides.yml of the pack and "
            "run again."
        )


def sentence(stop: Stop, hub: Hub) -> str:
    """Which feed, which rule, since when, whom to ring, and who decided otherwise; for those who look after the hub."""
    agency = hub.agencies[stop.agency]
    column = f" ({stop.column})" if stop.column else ""
    decided = f" {stop.override.sentence()}" if stop.override else ""
    return (
        f"{agency.title}: {stop.name} breaks the rule {stop.rule}{column} since its file received "
        f"{stop.since:%d %B %Y %H:%M} UTC: {stop.counts()}. What must hold: {stop.why} "
        f"Ring {agency.whom_to_ring or 'the agency'}.{decided}"
    )


def say_stops(console: Console, hub: Hub) -> None:
    """Print what keeps a list from being issued now, and what was decided about it."""
    if hub.zones.path("warehouse").exists():
        for stop in stops_at(hub, hub.present()):
            state = "[yellow]decided otherwise[/yellow]" if stop.override else "[red]stops the list[/red]"
            console.print(f"{state}: {escape(sentence(stop, hub))}", soft_wrap=True)


def decided_lines(found: Sequence[Stop], hub: Hub) -> list[str]:
    """For the list itself: what is known to be wrong with its data, and who decided to issue it. Sealed agencies stay
    unnamed."""
    lines = []
    for stop in found:
        if stop.override is not None:
            agency = hub.agencies[stop.agency]
            source = "one source" if agency.sealed else agency.title
            lines.append(f"Fault in the data from {source}. What should hold: {stop.why} {stop.override.sentence()}")
    return lines
