"""`hub risk`: what the pack declares about the model, checked."""

from __future__ import annotations

import typer

risk_app = typer.Typer(
    help="The model behind the lists: its declarations.", epilog="Example: hub risk check", no_args_is_help=True
)


@risk_app.command("check", epilog="Example: hub risk check")
def check() -> None:
    """Check risk.yml and rules.yml: features, retention, deny-list down to the columns, registration."""
    from pipelines.cli import console
    from pipelines.hub import Hub
    from pipelines.risk_pack import check_declarations

    if not check_declarations(console, Hub.from_environment()):
        raise typer.Exit(1)
