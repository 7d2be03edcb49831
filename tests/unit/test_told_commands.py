"""Commands that documents, units and the container name are there, with the options they are told to take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from pipelines.cli import app

ROOT = Path(__file__).parents[2]
TOLD_IN = sorted(
    [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "deploy").rglob("*.service"),
        *(ROOT / "partnerships").glob("*/*.yml"),
        *(ROOT / "partnerships").rglob("README.md"),
    ]
)
# `hub run weekly --as-of DATE` in a code span or block, `.venv/bin/hub demo run` in a unit.
_SPAN = re.compile(r"`([^`\n]+)`|^\s*(?:ExecStart=|\$ |HUB_\w+=\S+ )*(\S*hub [^#\n]*)", re.MULTILINE)
_HUB = re.compile(r"(?<![\w.-])(?:\S*/)?hub ((?:[a-z][a-z-]*\b ?)+)(.*)")


def told(text: str) -> list[tuple[list[str], list[str]]]:
    """Words after `hub` and the options of every command that a text names."""
    found = []
    for span in _SPAN.finditer(text):
        for part in re.split(r" && |; |\|(?=\s)|, then ", span.group(1) or span.group(2)):
            command = _HUB.search(part)
            if command and "=" not in command.group(1):
                found.append((command.group(1).split(), re.findall(r"(?<=\s)--[a-z-]+", " " + command.group(2))))
    return found


def resolved(words: list[str]) -> Any:
    """The command some words lead to; what follows a command that has none below it are its arguments."""
    here: Any = typer.main.get_command(app)
    for word in words:
        if not hasattr(here, "commands"):
            return here
        here = here.commands.get(word)
        if here is None:
            return None
    return here


@pytest.mark.parametrize("path", TOLD_IN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_is_told_is_there(path: Path) -> None:
    missing = []
    for words, options in told(path.read_text(encoding="utf-8")):
        command = resolved([one for group in words for one in group.split("|")[:1]])
        known = (
            {"--help"} | {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
            if command
            else set()
        )
        missing += [f"hub {' '.join(words)} {' '.join(options)}"] * (command is None or not set(options) <= known)
    assert not missing


def test_commands_are_found_in_texts() -> None:
    assert told("`hub run weekly --as-of DATE`, and `hub status`") == [
        (["run", "weekly"], ["--as-of"]),
        (["status"], []),
    ]
    assert told("ExecStart=/opt/safeguarding-hub/.venv/bin/hub alert check\n") == [(["alert", "check"], [])]
    assert resolved(["run", "yearly"]) is None and resolved(["report", "supplier", "police"]) is not None
    units = [unit for unit in TOLD_IN if unit.suffix == ".service"]
    assert len(units) > 5 and all(told(unit.read_text(encoding="utf-8")) for unit in units)


def test_the_container_copies_and_starts_what_there_is() -> None:
    text = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
    copied = [name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for name in line.split()]
    assert "requirements.lock" in copied and all((ROOT / name).exists() for name in copied)
    assert 'ENTRYPOINT ["hub"]' in text and 'CMD ["status"]' in text
    assert "deploy/Containerfile" in (ROOT / "deploy" / "compose.yml").read_text(encoding="utf-8")
