"""`hub identity queue|show|decide|unmerge|history`: people's part in saying who is who."""

from __future__ import annotations

import sys
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

console = Console(highlight=False, file=sys.stdout)


class Kind(StrEnum):
    """Kinds of questions."""

    CONTRADICTION = "contradiction"
    HOLD = "hold"
    ID_CONFLICT = "id_conflict"
    TWIN = "twin"
    GREY = "grey"


class Decision(StrEnum):
    """What may be decided about two records."""

    MUST_LINK = "must_link"
    CANNOT_LINK = "cannot_link"
    UNSURE = "unsure"


Item = Annotated[str, typer.Argument(help="An item of the queue, such as Q7K2M9XP4TA; its beginning will do.")]
By = Annotated[str, typer.Option("--by", help="Who decides; kept for ever and in the audit log.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for whoever reads it later.")]
Expires = Annotated[
    datetime | None,
    typer.Option("--expires", formats=["%Y-%m-%d"], help="From this day on it binds nobody. Default: no end."),
]


def queue(
    kind: Annotated[Kind | None, typer.Option(help="One kind of question; default: all.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 20,
) -> None:
    """What about identity waits for a person, most useful first, the evidence in words. No names."""
    from pipelines.identity_queue import print_queue

    print_queue(console, kind.value if kind else None, limit)


def show(
    item: Item,
    names: Annotated[bool, typer.Option("--names", help="Show names and numbers; the look is logged.")] = False,
    by: Annotated[str | None, typer.Option("--by", help="Who looks; needed for names.")] = None,
    why: Annotated[str | None, typer.Option("--why", help="What for; needed for names.")] = None,
) -> None:
    """One question: what speaks for one person and what against, and the records of both."""
    from pipelines.identity_history import print_history
    from pipelines.identity_queue import print_item

    print_item(console, item, names, by, why)
    print_history(console, item, quiet=True)


def decide(
    item: Item,
    decision: Annotated[Decision, typer.Argument(help="The same person, two people, or not to be told yet.")],
    by: By,
    why: Why,
    expires: Expires = None,
) -> None:
    """Say whether an item's two records are one person. It binds from the next night; nothing is ever overwritten."""
    from pipelines import identity_decisions

    identity_decisions.decide(console, item, decision.value, by, why, expires.date() if expires else None)


def unmerge(
    left: Annotated[str, typer.Argument(metavar="RECORD", help="Key of a record.")],
    right: Annotated[str, typer.Argument(metavar="RECORD", help="Key of another record of the same person.")],
    by: By,
    why: Why,
    expires: Expires = None,
) -> None:
    """Say that two records of one person are two people: the next night parts them."""
    from pipelines import identity_decisions

    identity_decisions.unmerge(console, left, right, by, why, expires.date() if expires else None)


def history(what: Annotated[str, typer.Argument(metavar="ITEM|RECORD", help="An item, or a record's key.")]) -> None:
    """What was decided about an item or a record, by whom and why, for whom it counts, and who a record was when."""
    from pipelines.identity_history import print_history

    print_history(console, what)
