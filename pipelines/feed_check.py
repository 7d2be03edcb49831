"""`hub feed check`: what the gate would say of a file, before it is sent."""

from __future__ import annotations

import re
from pathlib import Path

from rich.console import Console

from pipelines.hub import Hub, HubProblem

_STAMP = re.compile(r"_\d{8}_(full|delta)(_\d+)?$")


def check(console: Console, file: Path, feed: str | None) -> bool:
    """Print the findings; true when the gate would take every row."""
    from data_quality.feed_check import check_file

    hub = Hub.from_environment()
    contract = hub.contracts.get(feed or _guess(file, hub))
    if contract is None:
        raise HubProblem(f"No contract is called {feed!r}; there are: {', '.join(hub.contracts)}.")
    findings = check_file(file, contract, hub.code_sets)
    for line in findings.lines():
        console.print(line, soft_wrap=True, markup=False)
    return findings.is_acceptable


def _guess(file: Path, hub: Hub) -> str:
    """The feed a file's name and folders point to."""
    stem = _STAMP.sub("", file.stem)
    found = [name for name, contract in hub.contracts.items() if stem in (contract.feed, name)]
    in_folder = [name for name in found if hub.contracts[name].agency in file.resolve().parts]
    candidates = in_folder or found
    if len(candidates) != 1:
        raise HubProblem(
            f"It is not clear which feed {file.name} belongs to"
            f"{f' ({chr(44).join(candidates)})' if candidates else ''}; say it with --feed <agency>__<feed>."
        )
    return candidates[0]
