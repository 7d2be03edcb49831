"""`hub risk`: the model behind the lists: its declarations, its registry, and what became of whom it pointed to."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

risk_app = typer.Typer(
    help="The model behind the lists: declarations, registry, explanation, harm trace.",
    epilog="Example: hub risk models",
    no_args_is_help=True,
)
Model = Annotated[str, typer.Argument(help="Name of a model, or the beginning of it or of its hash.")]
By = Annotated[str, typer.Option("--by", help="Who does this and answers for it; kept in the audit log.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")]
Purpose = Annotated[str, typer.Option("--why", help="What the look is for; kept in the audit log.")]


@risk_app.command("check", epilog="Example: hub risk check")
def check() -> None:
    """Check risk.yml and rules.yml: features, retention, deny-list down to the columns, registration."""
    from pipelines.cli import console
    from pipelines.hub import Hub
    from pipelines.risk_pack import check_declarations

    if not check_declarations(console, Hub.from_environment()):
        raise typer.Exit(1)


@risk_app.command("models", epilog="Example: hub risk models --all")
def models(
    everything: Annotated[bool, typer.Option("--all", help="Older ones too.")] = False,
) -> None:
    """Every model that stood behind a week: figures, champion and challengers, approvals, retirement, its files."""
    from pipelines.cli import console
    from pipelines.risk_models import show

    show(console, everything)


@risk_app.command(
    "approve",
    epilog='Example: hub risk approve boosting-1f0c --by "R. Example" --reason "figures read" --until 2027-05-31',
)
def approve(
    model: Model,
    by: By,
    reason: Reason,
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day it holds for.")],
) -> None:
    """Stand for models made like this one (same code, same declarations) behind weekly lists, until a day."""
    from pipelines.cli import console
    from pipelines.hub import Hub
    from pipelines.risk_registry import approve as write

    week = write(Hub.from_environment(), model, by, reason, until.date())
    console.print(f"Approved until {until:%d %B %Y}: {week.model} and every model made like it (recipe {week.recipe}).")


@risk_app.command(
    "retire", epilog='Example: hub risk retire boosting-1f0c --by "R. Example" --reason "a feed was wrong" --recipe'
)
def retire(
    model: Model,
    by: By,
    reason: Reason,
    recipe: Annotated[
        bool, typer.Option("--recipe", help="All models made like it too: next week's refit would speak again.")
    ] = False,
) -> None:
    """Take a model's word from it, for good. Its files stay: what it did can still be traced and explained."""
    from pipelines.cli import console
    from pipelines.hub import Hub
    from pipelines.risk_registry import retire as write

    week = write(Hub.from_environment(), model, by, reason, recipe)
    more = " with every model made like it" if recipe else "; next week's is fitted anew and may speak (see --recipe)"
    console.print(f"Retired: {week.model}{more}. Lists it would have spoken on come from the named patterns alone.")
    console.print(f"Whom it pointed to: hub risk trace {week.model}")


@risk_app.command(
    "explain",
    epilog='Example: hub risk explain --key 0b6f3f6e-... --as-of 2026-10-04 --by "A. Reader" --why "complaint 12"',
)
def explain(
    key: Annotated[str, typer.Option(help="The person's key (a pseudonym; never a name).")],
    as_of: Annotated[datetime, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The Sunday the week ended with.")],
    by: By,
    why: Purpose,
    although_changed: Annotated[
        bool,
        typer.Option("--although-changed", help="Also when the records of that week no longer read as they did."),
    ] = False,
) -> None:
    """A score of a past week, made again by the model of that week: chance, places, contributions. Logged, not kept."""
    from pipelines.cli import console
    from pipelines.risk_explain import explain as show

    show(console, key, as_of.date(), by, why, although_changed)


@risk_app.command(
    "trace", epilog='Example: hub risk trace boosting-1f0c --by "A. Reader" --why "a feed was wrong in May"'
)
def trace(model: Model, by: By, why: Purpose) -> None:
    """Everybody a model pointed to, who saw it, what was decided, what followed: files for one analyst. Logged."""
    from pipelines.cli import console
    from pipelines.risk_trace import trace as write

    write(console, model, by, why)


@risk_app.command("card", epilog="Example: hub risk card --check docs")
def card(
    write: Annotated[Path | None, typer.Option(help="Renew the copies kept in this folder.")] = None,
    check: Annotated[Path | None, typer.Option(help="Say what the copies kept in this folder say otherwise.")] = None,
) -> None:
    """The model card and the transparency record (ATRS) of the pack: shown, renewed or compared."""
    from pipelines.cli import console
    from pipelines.hub import Hub
    from pipelines.risk_card import card as show

    if not show(console, Hub.from_environment(), write, check):
        raise typer.Exit(1)


@risk_app.command("backtest", epilog="Example: hub risk backtest --splits 6 --step 4 --out /tmp/backtest")
def backtest(
    splits: Annotated[int, typer.Option(min=1, help="How many models, each learnt from what was known then.")] = 8,
    step: Annotated[int, typer.Option(min=1, help="Weeks from one to the next, and judged by each.")] = 4,
    out: Annotated[Path | None, typer.Option(file_okay=False, help="Folder of the page (default: assurance/).")] = None,
) -> None:
    """Look back: a model every few weeks, judged on the weeks until the next. Nothing is registered or listed."""
    from pipelines.cli import console
    from pipelines.risk_backtest_page import run

    run(console, splits, step, out)
