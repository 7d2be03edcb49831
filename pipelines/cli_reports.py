"""`hub report`: where the reports lie, and what they say in short."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

report_app = typer.Typer(
    help="Reports about data: to agencies, to the hub.",
    epilog="Example: hub report quality",
    no_args_is_help=True,
)


@report_app.command("supplier", epilog="Example: hub report supplier police")
def supplier(agency: Annotated[str, typer.Argument(help="The agency's key in partnership.yml.")]) -> None:
    """What an agency was told last night about its own files, and where the page and the CSV lie."""
    from pipelines.cli import console
    from pipelines.told_reports import tell_supplier

    if not tell_supplier(console, agency):
        raise typer.Exit(1)


@report_app.command("quality", epilog="Example: hub report quality")
def quality() -> None:
    """What got worse last night at which agency, whom to ring, and where the page lies."""
    from pipelines.cli import console
    from pipelines.told_reports import tell_quality

    if not tell_quality(console):
        raise typer.Exit(1)


@report_app.command("quarter", epilog="Example: hub report quarter")
def quarter() -> None:
    """Make the partners' page of the last quarter anew, from last night's marts, and say where it lies."""
    from pipelines.cli import console
    from pipelines.told_reports import make_quarter

    if not make_quarter(console):
        raise typer.Exit(1)


@report_app.command("cin", epilog="Example: hub report cin --year 2026")
def cin(
    year: Annotated[
        int | None, typer.Option(help="Year of the reference date, 31 March; default: the last that is over.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="The file; default: outbox/<agency>/cin_census_<year>.xml.")] = None,
) -> None:
    """Social care's records in the shape of the children in need census, for social care alone. It is logged."""
    from pipelines.cin_census import write_cin_census
    from pipelines.cli import console

    write_cin_census(console, year, to)
