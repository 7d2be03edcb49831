"""`hub status`: how the partnership stands, on one screen."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby

import dagster as dg
from rich.console import Console
from rich.markup import escape

from pipelines.clock import as_of_known_at
from pipelines.feeds import FeedState, feed_states
from pipelines.hub import Hub
from pipelines.identity_kept import kept_since
from pipelines.list_stops import say_stops
from pipelines.run import prepare_dagster_home


def print_status(console: Console) -> None:
    """Last runs, every feed's last good load, quarantine, lists."""
    hub = Hub.from_environment()
    now = hub.present()
    console.print(f"[bold]{hub.partnership.title}[/bold], as known at {now:%A %d %B %Y %H:%M} UTC", soft_wrap=True)
    _runs(console, hub)
    if hub.zones.path("warehouse").exists():
        _feeds(console, hub, now)
        _persons(console, hub)
        say_stops(console, hub)
        _lists(console, hub, now)
    else:
        console.print("No night has run yet: `hub run nightly`.")
    _off(console, hub)


def _runs(console: Console, hub: Hub) -> None:
    prepare_dagster_home(hub.settings)
    with dg.DagsterInstance.get() as instance:
        for job in ("nightly", "weekly"):
            records = instance.get_run_records(dg.RunsFilter(job_name=job), limit=1)
            if not records:
                console.print(f"{job}: never run")
                continue
            run, record = records[0].dagster_run, records[0]
            started = f"{record.create_timestamp:%Y-%m-%d %H:%M} UTC"
            colour = "green" if run.status is dg.DagsterRunStatus.SUCCESS else "red"
            console.print(f"{job}: [{colour}]{run.status.value.lower()}[/{colour}], started {started}")


def _feeds(console: Console, hub: Hub, now: datetime) -> None:
    with hub.zones.open("identity", "warehouse", "quarantine", read_only=True) as con:
        states = feed_states(con, hub, now)
    width = max(len(state.status.name) for state in states)
    for agency, group in groupby(states, key=lambda state: state.status.agency):
        of_agency = list(group)
        console.print(f"\n[bold]{of_agency[0].agency_title}[/bold] ({agency}), {of_agency[0].contact}", soft_wrap=True)
        for state in of_agency:
            console.print(f"  {state.status.name:<{width}}  {_standing(state)}", soft_wrap=True)
    for state in states:
        if state.status.last_refusal:
            console.print(f"[yellow]{state.status.name}[/yellow] {state.status.last_refusal}", soft_wrap=True)


def _persons(console: Console, hub: Hub) -> None:
    """Whether the persons are the last night's own, or were kept because that night was not to be trusted."""
    with hub.zones.open("identity", read_only=True) as con:
        kept = kept_since(con)
    if kept:
        console.print(f"[red]{kept[0]}[/red]: {escape(kept[1])}", soft_wrap=True)


def _off(console: Console, hub: Hub) -> None:
    """Agencies, or single feeds of one, that wait for a sign-off: nothing of them is read."""
    off = hub.feeds_off
    for agency, group in groupby(off, key=lambda name: hub.declared_contracts[name].agency):
        names = sorted(group)
        title = hub.partnership.agencies[agency].title if agency in hub.partnership.agencies else agency
        missing = ", ".join(sorted({sign_off for name in names for sign_off in off[name]}))
        what = "" if agency not in hub.agencies else f" {', '.join(hub.declared_contracts[n].feed for n in names)}:"
        console.print(
            f"\n[bold]{title}[/bold] ({agency}){what} off until its own sign-off. `sign_offs.{missing}` of "
            "partnership.yml is missing, incomplete or out of date; no file is read and nothing is built.",
            soft_wrap=True,
        )


def _standing(state: FeedState) -> str:
    """One line on a feed: last good load (UTC), what is wrong with it, rows in quarantine."""
    one = state.status
    wrong = [
        *(["no valid agreement: not read"] if one.agreement != "valid" else []),
        *(["late"] if one.is_late else []),
        *(["newest file refused"] if one.last_refusal else []),
    ]
    loaded = f"{one.last_good_load:%Y-%m-%d %H:%M}" if one.last_good_load else "never loaded    "
    held = f", {one.held_now:,} {'row' if one.held_now == 1 else 'rows'} in quarantine" if one.held_now else ""
    stands = f"[yellow]{', '.join(wrong)}[/yellow]" if wrong else "good"
    return f"{loaded}  {stands}{held}"


def _lists(console: Console, hub: Hub, now: datetime) -> None:
    sunday = as_of_known_at(now)
    issued = hub.store.issued("weekly_list.v1", sunday)
    if not issued:
        console.print(f"lists: none issued for the week that ended on {sunday}; `hub run weekly` makes them.")
    for facts in issued:
        console.print(
            f"lists: {facts.area_team}, version {facts.version}, use until {facts.expires_on} ({facts.cause})"
        )
