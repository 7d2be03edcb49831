"""The command line explains itself, and answers at once."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from pipelines.cli import app


def _commands(group: typer.Typer, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path]
    found += [(*path, command.name or command.callback.__name__) for command in group.registered_commands]
    for inner in group.registered_groups:
        found += _commands(inner.typer_instance, (*path, str(inner.name)))
    return found


COMMANDS = _commands(app)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_page_has_an_example(command: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert "Example: hub" in shown.output


def test_the_commands_of_the_front_door_are_there() -> None:
    assert {
        ("run", "nightly"), ("run", "weekly"), ("demo", "create"), ("demo", "advance"), ("status",),
        ("feed", "check"), ("list", "show"), ("ui",), ("backup",), ("restore",),
    } <= set(COMMANDS)  # fmt: skip


def test_help_needs_none_of_the_heavy_libraries() -> None:
    heavy = {"dagster", "sklearn", "pandas", "duckdb", "great_expectations", "splink"}
    loaded = subprocess.run(
        [sys.executable, "-c", "import pipelines.cli, sys; print(*sorted(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not heavy & set(loaded)
