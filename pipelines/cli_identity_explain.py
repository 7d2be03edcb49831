"""`hub identity explain|who`: why records are one person, and whom a record was."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

console = Console(highlight=False, file=sys.stdout)
_RECORD = "agency/feed/key as the agency sent it, or the record's key."


def explain(
    first: Annotated[str, typer.Argument(metavar="RECORD", help=_RECORD)],
    second: Annotated[str, typer.Argument(metavar="RECORD", help=_RECORD)],
    names: Annotated[bool, typer.Option("--names", help="Show what the records say; the look is logged.")] = False,
    by: Annotated[str | None, typer.Option("--by", help="Who looks; needed for names.")] = None,
    why: Annotated[str | None, typer.Option("--why", help="What for; needed for names.")] = None,
) -> None:
    """Why two records are one person: what joins them, step by step, in words and bits. No names unless asked for."""
    from pipelines.identity_explain import print_why

    print_why(console, first, second, names, by, why)


def who(
    record: Annotated[str, typer.Argument(metavar="RECORD", help=_RECORD)],
    on: Annotated[datetime, typer.Option("--on", formats=["%Y-%m-%d"], help="The day asked about, to its end.")],
    known_on: Annotated[
        datetime | None,
        typer.Option("--known-on", formats=["%Y-%m-%d"], help="Follow merges up to this day. Default: all of them."),
    ] = None,
) -> None:
    """Whom a record was known to be on a day, and who that person is by now."""
    from pipelines.identity_explain import print_who

    print_who(console, record, on.date(), known_on.date() if known_on else None)
