"""`hub alert`, `hub keep`, `hub purge`: commands of whoever looks after the hub."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

console = Console(highlight=False, file=sys.stdout)
alert_app = typer.Typer(
    help="Who is told when something needs somebody.", epilog="Example: hub alert test", no_args_is_help=True
)


@alert_app.command("test", epilog="Example: hub alert test")
def alert_test() -> None:
    """Send a test message by every channel that HUB_ALERT_* settings name."""
    from pipelines.alert_commands import send_test

    if not send_test(console):
        raise typer.Exit(1)


@alert_app.command("check", epilog="Example: hub alert check")
def alert_check() -> None:
    """Say what needs somebody now, tell it by the channels if that was not done lately; fails if there is anything."""
    from pipelines.alert_commands import check

    if not check(console):
        raise typer.Exit(1)


@alert_app.command("service", epilog="Example: hub alert service")
def alert_service() -> None:
    """Tell that a service of the hub failed before it could tell so itself; for a service manager."""
    from pipelines.alert_commands import service_failed

    service_failed(console)


def keep(
    days: Annotated[
        int | None, typer.Option(help="Remove runs older than this from Dagster's history. Default: 90.")
    ] = None,
) -> None:
    """Remove old runs from Dagster's history, what killed runs left behind, and old dbt targets."""
    from pipelines.housekeeping import keep_now

    keep_now(console, days)


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what has reached its end.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="Delete it now, in every zone.")] = False,
) -> None:
    """Delete what has reached the end of its retention, in every zone; the night does so by itself."""
    from pipelines.retention import purge_now

    if dry_run == confirm:
        console.print("Say either --dry-run or --confirm.")
        raise typer.Exit(2)
    purge_now(console, confirm)
