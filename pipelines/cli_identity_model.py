"""`hub identity shadow|adopt|accept`: another linkage model on paper, its adoption, and letting one night pass."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console(highlight=False, file=sys.stdout)

Model = Annotated[
    Path, typer.Option("--model", help="Folder with the model's files, as `hub identity train` wrote them.")
]
By = Annotated[str, typer.Option("--by", help="Who signs; kept with the date and in the audit log.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for whoever reads it later.")]


def shadow(model: Model) -> None:
    """What another model would change: a night with it and with the present one, side by side; writes no person."""
    from pipelines.identity_models import print_shadow

    print_shadow(console, model)


def adopt(model: Model, by: By, why: Why) -> None:
    """Put a model into the pack, once its shadow report is read. The first night with it may change ids."""
    from pipelines.identity_models import adopt as adopt_model

    adopt_model(console, model, by, why)


def accept(by: By, why: Why) -> None:
    """Let the next night's persons be taken over although they change a lot: a new agency, a large correction."""
    from pipelines.identity_models import accept as accept_night

    accept_night(console, by, why)
