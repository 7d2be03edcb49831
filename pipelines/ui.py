"""The Dagster UI on loopback, with its daemon, ended together."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import dagster as dg
from rich.console import Console

from pipelines.dbt_runs import ensure_manifest
from pipelines.hub import Hub
from pipelines.run import prepare_dagster_home
from pipelines.run_lock import bury_dead_runs
from pipelines.settings import REPOSITORY

_PATIENCE_SECONDS = 1.0


def serve(console: Console, port: int) -> None:
    """Run until interrupted. Binds to 127.0.0.1: sign-on is a reverse proxy's job (docs/operations.md)."""
    hub = Hub.from_environment(create_keys=True)
    hub.settings.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Databases are brought to this version by the runs: one may be under way now.
    ensure_manifest(hub)
    prepare_dagster_home(hub.settings)
    with dg.DagsterInstance.get() as instance:
        bury_dead_runs(instance, hub.settings)
    console.print(f"Dagster UI: http://127.0.0.1:{port}  (Ctrl+C ends it)")
    command = [
        str(Path(sys.executable).with_name("dagster")),
        "dev",
        "-w",
        str(REPOSITORY / "workspace.yaml"),
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    # Its own process group: dagster dev leaves children behind when only the parent is told to stop.
    server = subprocess.Popen(command, cwd=hub.settings.dagster_home, start_new_session=True)  # noqa: S603  a fixed command
    # A service manager ends a service with SIGTERM; it is treated like Ctrl+C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        server.wait()
    except KeyboardInterrupt:
        _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask every process of the group to stop, and end those that take their time.

    Dagster's own way takes up to twenty seconds: its servers wait for one another's heartbeats. Nothing is lost by not
    waiting. A run that was under way is cancelled or, if it needs longer, buried by the next start; running it again
    ends the same.
    """
    _tell_group(server, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        server.wait(timeout=_PATIENCE_SECONDS)
    _tell_group(server, signal.SIGKILL)
    server.wait()
    # What this process holds goes with it; sorting it one last time takes longer than all of the above.
    gc.freeze()


def _tell_group(server: subprocess.Popen[bytes], what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(server.pid, what)
