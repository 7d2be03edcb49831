"""`hub decisions`: what the people who met decided, back from their workbooks."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

decisions_app = typer.Typer(
    help="What was decided about the children on a list.",
    epilog="Example: hub decisions take weekly-list_north.xlsx",
    no_args_is_help=True,
)


@decisions_app.command("take", epilog="Example: hub decisions take weekly-list_north.xlsx --look-only")
def take_back(
    file: Annotated[Path, typer.Argument(help="The workbook as it was released, with its yellow cells filled in.")],
    look_only: Annotated[bool, typer.Option("--look-only", help="Say what would be taken; keep nothing.")] = False,
) -> None:
    """Take a filled-in workbook back. Taking the same file twice changes nothing; a corrected one replaces it."""
    from pipelines.cli import console
    from pipelines.list_decisions import take

    if not take(console, file, look_only):
        raise typer.Exit(1)


@decisions_app.command("show", epilog="Example: hub decisions show --as-of 2026-10-04")
def show_decided(
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="One week; default: all.")] = None,
) -> None:
    """How many children of each list were decided about, and what, in counts."""
    from pipelines.cli import console
    from pipelines.list_decisions import show

    show(console, as_of.date() if as_of else None)
