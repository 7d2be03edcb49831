"""`hub risk models`: every model that stood behind a week, its figures, who answers for it, and who speaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from models.risk.standing import WEEKLY_LIST, Standing, Week, challengers
from pipelines.hub import Hub
from pipelines.risk_registry import card_of, present_day, standing, state_of_files

_MOST = 20


def show(console: Console, everything: bool) -> None:
    """Print the registry, newest model first, and the champion's challengers."""
    hub = Hub.from_environment()
    known = standing(hub)
    models = known.by_model()
    if not models:
        console.print("No model is registered yet: `hub run weekly` registers one when there is enough to learn from.")
        return
    champion = known.champion()
    shown = list(models.items())[: None if everything else _MOST]
    # A name is asked for by other commands: on a narrow terminal it is folded, never cut.
    table = Table(
        Column("model", overflow="fold"), "weeks it stood behind", "found of listed", "standing", "files", "approved by"
    )
    for name, weeks in shown:
        card = card_of(hub, name)
        table.add_row(
            name, _weeks(weeks), _precision(card), _state(known, weeks, champion), state_of_files(hub, weeks[-1]),
            _approvals(hub, known, weeks[-1]),
        )  # fmt: skip
    console.print(table)
    if len(models) > len(shown):
        console.print(f"{len(models) - len(shown)} older ones: `hub risk models --all`.")
    _tell_retirements(console, known)
    if champion is None:
        console.print("No champion: no model has spoken yet, or those that have were retired.")
        return
    console.print(f"Champion: {champion.model}. Candidates fitted beside it, by average precision on families unseen:")
    rows = Table("part", "candidate", "average precision", "chosen")
    for one in challengers(card_of(hub, champion.model)):
        figures = f"{one['average_precision']:.4f}"
        rows.add_row(str(one["part"]), one["candidate"], figures, "yes" if one["chosen"] else "challenger")
    console.print(rows)


def _tell_retirements(console: Console, known: Standing) -> None:
    for gone in known.retirements:
        alike = " with all made like it" if gone.recipe else ""
        console.print(
            f"Retired on {gone.on.isoformat()}{alike}: {gone.model}, by {gone.by}: {gone.reason}", markup=False
        )


def _weeks(weeks: list[Week]) -> str:
    told = list(dict.fromkeys(f"{one.as_of.isoformat()}{'' if one.spoke else ' (silent)'}" for one in weeks))
    return "\n".join(told)


def _state(known: Standing, weeks: list[Week], champion: Week | None) -> str:
    last = weeks[-1]
    if known.retirement_of(last.content_hash, last.recipe):
        return "retired"
    if champion is not None and champion.model == last.model:
        return "champion"
    return "spoke before" if any(one.spoke for one in weeks) else "named nobody"


def _precision(card: Mapping[str, Any]) -> str:
    found = (card.get("evaluation") or {}).get("at_capacity", {}).get("model")
    if not found or not found.get("precision"):
        return "not judged" if not found else "withheld"
    interval = found["precision"]
    return f"{interval['estimate']:.3f} ({interval['low']:.3f} to {interval['high']:.3f})"


def _approvals(hub: Hub, known: Standing, week: Week) -> str:
    mine = known.approvals_in_force(week.recipe, WEEKLY_LIST, present_day(hub)) if week.recipe else []
    return "\n".join(f"{one.by}, until {one.until.isoformat()}" for one in mine) or "nobody"
