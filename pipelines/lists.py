"""`hub list show`: issued lists rendered again for whoever may read them; the look is in the audit log."""

from __future__ import annotations

import getpass
from datetime import date

from rich.console import Console
from rich.table import Table

from pipelines.clock import as_of_known_at
from pipelines.hub import Hub
from pipelines.list_stops import say_stops
from pipelines.weekly_lists import release_lists


def show(console: Console, as_of: date | None, team: str | None, purpose: str) -> bool:
    """Render into outbox/ and print where; true when there was a list."""
    hub = Hub.from_environment()
    sunday = as_of or as_of_known_at(hub.present())
    issued = [
        facts
        for facts in hub.store.issued("weekly_list.v1", sunday, latest_only=False)
        if team is None or facts.area_team == team
    ]
    say_stops(console, hub)
    if not issued:
        console.print(
            f"No list was issued for the week that ended on {sunday}. `hub run weekly --as-of {sunday}` makes it."
        )
        return False
    table = Table("team", "version", "issued (UTC)", "use until", "content hash", "cause")
    for facts in issued:
        table.add_row(
            facts.area_team,
            str(facts.version),
            f"{facts.issued_at:%Y-%m-%d %H:%M}",
            facts.expires_on.isoformat(),
            facts.content_hash[:16],
            facts.cause,
        )
    console.print(table)
    shown = {facts.document_id for facts in issued}
    for mark in hub.store.marks():
        if mark["document_id"] in shown:
            console.print(f"[yellow]{mark['document_id']}[/yellow]: {mark['cause']}", soft_wrap=True)
    if hub.partnership.mode == "shadow":
        console.print("The partnership is in shadow mode: nothing that names a person leaves the hub's store.")
    for file in release_lists(hub, sunday, who=getpass.getuser(), purpose=purpose, team=team):
        console.print(f"  {file}", soft_wrap=True)
    return True
