"""The `hub` command: everything a person does at a terminal.

Heavy imports happen inside the commands, so that `hub --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines import cli_identity, cli_identity_explain, cli_identity_model
from pipelines.cli_decisions import decisions_app
from pipelines.cli_operations import alert_app, keep, purge
from pipelines.cli_reports import report_app
from pipelines.cli_risk import risk_app

# Pinned to the real output: steps that print for themselves are kept out of it while a run is told.
console = Console(highlight=False, file=sys.stdout)
app = typer.Typer(
    help="The safeguarding hub: agencies' files in, a short weekly list of families to talk about out.",
    epilog="Example: hub demo run, then hub status",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
run_app = typer.Typer(
    help="Run the night or the week through Dagster.",
    epilog="Example: hub run nightly --as-of 2026-10-06",
    no_args_is_help=True,
)
demo_app = typer.Typer(
    help="The synthetic partnership: make its world, let its nights pass.",
    epilog="Example: hub demo create --children 2000",
    no_args_is_help=True,
)
feed_app = typer.Typer(
    help="Look at one agency's file before it is sent.",
    epilog="Example: hub feed check ppn_20261005_delta.csv",
    no_args_is_help=True,
)
list_app = typer.Typer(
    help="Weekly lists as they were issued.", epilog="Example: hub list show --team North", no_args_is_help=True
)
identity_app = typer.Typer(
    help="Who is who: what waits for a person, what they decide, the linkage model.",
    epilog="Example: hub identity queue",
    no_args_is_help=True,
)
dbt_app = typer.Typer(
    help="The assembled dbt project, for developers.", epilog="Example: hub dbt parse", no_args_is_help=True
)
app.add_typer(run_app, name="run")
app.add_typer(demo_app, name="demo")
app.add_typer(feed_app, name="feed")
app.add_typer(list_app, name="list")
app.add_typer(identity_app, name="identity")
app.add_typer(dbt_app, name="dbt")
app.add_typer(decisions_app, name="decisions")
app.add_typer(report_app, name="report")
app.add_typer(alert_app, name="alert")
app.add_typer(risk_app, name="risk")
identity_app.command("queue", epilog="Example: hub identity queue --kind twin --limit 5")(cli_identity.queue)
identity_app.command(
    "show", epilog='Example: hub identity show Q7K2M9XP4TA --names --by "A. Reader" --why "twins or one child?"'
)(cli_identity.show)
identity_app.command(
    "decide",
    epilog='Example: hub identity decide Q7K2M9XP4TA cannot_link --by "A. Reader" --why "twins, seen by the nurse"',
)(cli_identity.decide)
identity_app.command(
    "unmerge", epilog='Example: hub identity unmerge 0b6f...d1 9c2e...77 --by "A. Reader" --why "two cousins"'
)(cli_identity.unmerge)
identity_app.command("history", epilog="Example: hub identity history Q7K2M9XP4TA")(cli_identity.history)
identity_app.command("explain", epilog="Example: hub identity explain csc/person/4711 education/pupil/X1")(
    cli_identity_explain.explain
)
identity_app.command("who", epilog="Example: hub identity who csc/person/4711 --on 2026-10-04")(
    cli_identity_explain.who
)
identity_app.command("shadow", epilog="Example: hub identity shadow --model new_model")(cli_identity_model.shadow)
identity_app.command(
    "adopt", epilog='Example: hub identity adopt --model new_model --by "R. Example" --why "a year of records more"'
)(cli_identity_model.adopt)
identity_app.command("accept", epilog='Example: hub identity accept --by "R. Example" --why "housing joined"')(
    cli_identity_model.accept
)
app.command("keep", epilog="Example: hub keep --days 90")(keep)
app.command("purge", epilog="Example: hub purge --dry-run")(purge)


class WorldKind(StrEnum):
    """Worlds the demo can make."""

    PASSES = "passes"
    NO_SIGNAL = "no-signal"
    BIASED = "biased"


AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%d"], help="Know only what was known then. Default: as far as the drops go."
    ),
]


def _date(value: datetime | None) -> date | None:
    return value.date() if value else None


@run_app.command("nightly", epilog="Example: hub run nightly --as-of 2026-10-06")
def run_nightly_command(as_of: AsOf = None) -> None:
    """Take in what has arrived, find out who is who, build the marts. DATE is the day of the 02:00 run."""
    from pipelines.run import run_nightly

    _finish(run_nightly(_date(as_of), console))


@run_app.command("weekly", epilog="Example: hub run weekly --as-of 2026-10-04")
def run_weekly_command(as_of: AsOf = None) -> None:
    """Make the weekly lists for the week that ends with Sunday DATE, as known on Monday 02:00."""
    from pipelines.run import run_weekly

    _finish(run_weekly(_date(as_of), console))


def _finish(ok: bool) -> None:
    if not ok:
        raise typer.Exit(1)


@demo_app.command("create", epilog="Example: hub demo create --children 20000 --years 5 --seed 1")
def demo_create(
    children: Annotated[int, typer.Option(help="How many children live in the authority.")] = 20_000,
    years: Annotated[int, typer.Option(help="Years of history the agencies send first.")] = 5,
    seed: Annotated[int, typer.Option(help="The same seed gives the same world, byte for byte.")] = 1,
    world: Annotated[WorldKind, typer.Option(help="What kind of world; the others are for tests.")] = WorldKind.PASSES,
    error_multiplier: Annotated[float, typer.Option(help="How many more mistakes the agencies make.")] = 1.0,
    weeks_ahead: Annotated[
        int, typer.Option(help="Weeks the world goes on after the first files, for nights to come.")
    ] = 26,
    incidents: Annotated[bool, typer.Option(help="Let whole files go wrong on later nights, by a calendar.")] = True,
    out: Annotated[
        Path | None, typer.Option(help="Where the suppliers keep their world. Default: drops/<name>.")
    ] = None,
) -> None:
    """Make a synthetic world and deliver its agencies' first files into landing."""
    from pipelines.demo import create

    create(
        console,
        children=children,
        years=years,
        seed=seed,
        world=world.value,
        error_multiplier=error_multiplier,
        weeks_ahead=weeks_ahead,
        incidents=incidents,
        out=out,
    )


@demo_app.command("advance", epilog="Example: hub demo advance --nights 7")
def demo_advance(nights: Annotated[int, typer.Option(help="How many nights' files to deliver.")] = 1) -> None:
    """Let nights pass: the agencies send their next files."""
    from pipelines.demo import advance

    advance(console, nights=nights)


@demo_app.command("replay", epilog="Example: hub demo replay --until 2013-11-03")
def demo_replay(
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last Sunday to deliver. Default: until everything is told."),
    ] = None,
) -> None:
    """Send a pack's own data of the past again, week by week; a later call goes on from there."""
    from pipelines.demo import replay

    replay(console, _date(until))


@demo_app.command("join", epilog="Example: hub demo join adult_social_care")
def demo_join(agency: Annotated[str, typer.Argument(help="The agency that joins, such as adult_social_care.")]) -> None:
    """Let an agency that the demo does not start with send its files too. Nobody reads them before its sign-off."""
    from pipelines.demo import join

    join(console, agency)


@demo_app.command("past", epilog="Example: hub demo past --weeks 8, then hub demo decide, then hub run weekly")
def demo_past(
    weeks: Annotated[int, typer.Option(help="How many lists.")] = 8,
    every: Annotated[int, typer.Option(help="Weeks between two lists.")] = 4,
) -> None:
    """Make lists of past weeks, as known then: what followed them is known by now. A week takes what a week takes."""
    from pipelines.demo_lists import past

    _finish(past(console, weeks, every))


@demo_app.command("decide", epilog="Example: hub demo decide --as-of 2026-10-04")
def demo_decide(
    as_of: AsOf = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same decisions.")] = 1,
) -> None:
    """Let the lists' workbooks come back as from an invented meeting, and take them like any other."""
    from pipelines.demo_lists import decide

    _finish(decide(console, _date(as_of), seed))


@demo_app.command("update-codes", epilog="Example: hub demo update-codes")
def demo_update_codes() -> None:
    """Take September's new register code into the pack in use: marks held for it come in with the next night."""
    from pipelines.demo import update_codes

    update_codes(console)


@demo_app.command("calibration", epilog="Example: hub demo calibration")
def demo_calibration() -> None:
    """Print how the synthetic world compares with published figures, and how hard its question is."""
    from pipelines.demo import print_world

    print_world(console)


@demo_app.command("oracle", epilog="Example: hub demo oracle")
def demo_oracle() -> None:
    """Set the newest week's evaluation beside the best a list could be, by the made world's truth."""
    from pipelines.best_possible import ask

    ask(console)


@demo_app.command("run", epilog="Example: hub demo run --children 20000")
def demo_run(children: Annotated[int, typer.Option(help="How many children live in the authority.")] = 20_000) -> None:
    """What `make run` does: make the demo if there is none, one night, one week, and where to look."""
    from pipelines.demo import run_everything

    _finish(run_everything(console, children=children))


@app.command(epilog="Example: hub status")
def status() -> None:
    """Last runs, each feed's last good load and lateness, quarantine, and the state of the list."""
    from pipelines.status import print_status

    print_status(console)


@feed_app.command("check", epilog="Example: hub feed check contacts_20261005_delta.csv --feed csc__contacts")
def feed_check(
    file: Annotated[Path, typer.Argument(help="The file an agency means to send.", exists=True, dir_okay=False)],
    feed: Annotated[
        str | None, typer.Option(help="<agency>__<feed>; default: told from the manifest or the name.")
    ] = None,
) -> None:
    """Say what the gate would refuse, in the file's own rows and columns. Nothing is loaded."""
    from pipelines.feed_check import check

    _finish(check(console, file, feed))


@list_app.command("show", epilog="Example: hub list show --as-of 2026-10-04 --team North")
def list_show(
    as_of: AsOf = None,
    team: Annotated[str | None, typer.Option(help="One area team; default: all.")] = None,
    purpose: Annotated[str, typer.Option(help="Why you look; kept in the audit log.")] = "checking the weekly list",
) -> None:
    """Render the lists that were issued into outbox/ and say where they are. The look is logged."""
    from pipelines.lists import show

    _finish(show(console, _date(as_of), team, purpose))


@app.command(epilog="Example: hub ui --port 3000")
def ui(port: Annotated[int, typer.Option(help="Port on this machine.")] = 3000) -> None:
    """The Dagster UI with its schedules, on 127.0.0.1 only (docs/operations.md says how to put sign-on in front)."""
    from pipelines.ui import serve

    serve(console, port)


@app.command(epilog="Example: hub backup --to /srv/backups")
def backup(to: Annotated[Path, typer.Option(help="Folder for the archive.")]) -> None:
    """One encrypted archive of every zone, consistent, with a manifest of hashes."""
    from pipelines.keeping import back_up

    back_up(console, to)


@app.command(epilog="Example: hub restore /srv/backups/northmere_20261005T010000Z.hubbackup")
def restore(
    archive: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    force: Annotated[bool, typer.Option("--force", help="Replace the present state.")] = False,
) -> None:
    """Put a backup back; refuses to overwrite present state unless told to."""
    from pipelines.keeping import put_back

    put_back(console, archive, force)


@identity_app.command("train", epilog="Example: hub identity train --to new_model")
def identity_train(
    to: Annotated[Path, typer.Option(help="Folder for the model's files; a person moves them into the pack.")],
    seed: Annotated[int, typer.Option(help="Of the random pairs that chance agreement is learnt from.")] = 1,
) -> None:
    """Learn a linkage model from the records at hand. Never part of a night."""
    from pipelines.linkage_training import train_model

    train_model(console, to, seed)


@dbt_app.command("parse", epilog="Example: hub dbt parse")
def dbt_parse() -> None:
    """Assemble the dbt project of the partnership and parse it."""
    from pipelines.dbt_runs import parse

    _finish(parse(console))


def main() -> None:
    """Run the command line; a problem with a message of its own is printed without a stack trace."""
    for name, value in {
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }.items():
        os.environ.setdefault(name, value)
    from pipelines.problems import expected_problems

    try:
        app()
    except expected_problems() as problem:
        console.print(f"[red]Stopped.[/red] {problem}", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
