"""dbt for one partnership: assemble, parse, and hand a run the key of one zone and no other."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from pipelines import dbt_process
from pipelines.dbt_process import DbtProblem
from pipelines.settings import REPOSITORY

if TYPE_CHECKING:
    from pipelines.hub import Hub

DBT_PROJECT = REPOSITORY / "dbt_project"
# Steps that dbt runs with `--target warehouse`, each in a target folder of its own.
WAREHOUSE_STEPS = ("dbt_marts", "dbt_person_weeks")


def manifest_path(hub: Hub) -> Path:
    """Where dbt keeps what it parsed; the asset graph is read from it."""
    return hub.settings.dbt_folder / "target" / "manifest.json"


def ensure_manifest(hub: Hub) -> Path:
    """Assemble the partnership's dbt project and parse it when anything changed.

    Raises:
        DbtProblem: dbt does not understand the assembled project.
    """
    from pipelines.dbt_assembly import assemble

    assembled = assemble(
        hub.settings.pack,
        DBT_PROJECT,
        hub.settings.dbt_folder,
        hub.contracts.values(),
        off=hub.feeds_off,
        subjects=hub.subjects,
    )
    manifest = manifest_path(hub)
    if assembled.written or assembled.removed or not manifest.exists():
        # A manifest older than its project would show yesterday's graph if parsing is interrupted.
        manifest.unlink(missing_ok=True)
        with zone_environment(hub, "warehouse"):
            try:
                for _ in dbt_process.run(["parse", "--target", "warehouse"], hub.settings.dbt_folder, manifest.parent):
                    pass
            except DbtProblem as problem:
                raise DbtProblem(f"dbt cannot parse {hub.settings.dbt_folder}:\n{problem}") from None
        _share_parse(manifest.parent)
    return manifest


def _share_parse(target: Path) -> None:
    """Give the steps that run in the same zone what was just parsed, so that none of them parses everything again."""
    for step in WAREHOUSE_STEPS:
        (target / step).mkdir(exist_ok=True)
        shutil.copy(target / "partial_parse.msgpack", target / step)


@contextmanager
def zone_environment(hub: Hub, target: str, more: Mapping[str, str] | None = None) -> Iterator[None]:
    """Put the file and key of one zone (and `more`) into the environment for the time dbt runs."""
    added = {**hub.zones.dbt_environment(target), **(more or {})}
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def parse(console: Console) -> bool:
    """Assemble and parse; for `make check`."""
    from pipelines.hub import Hub

    hub = Hub.from_environment(create_keys=True)
    hub.settings.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        manifest = ensure_manifest(hub)
    except DbtProblem as problem:
        console.print(str(problem), markup=False)
        return False
    console.print(f"dbt parsed {manifest.parent.parent}", soft_wrap=True)
    return True
