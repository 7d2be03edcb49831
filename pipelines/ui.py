"""The Dagster UI on loopback, with its daemon, ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from pipelines.hub import Hub
from pipelines.run import prepare_dagster_home
from pipelines.settings import REPOSITORY


def serve(console: Console, port: int) -> None:
    """Run until interrupted. Binds to 127.0.0.1: sign-on is a reverse proxy's job (docs/operations.md)."""
    hub = Hub.from_environment(create_keys=True)
    hub.prepare()
    prepare_dagster_home(hub.settings)
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
    server = subprocess.Popen(command, cwd=REPOSITORY, start_new_session=True)  # noqa: S603  a fixed command
    # A service manager ends a service with SIGTERM; it is treated like Ctrl+C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        server.wait()
    except KeyboardInterrupt:
        _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask the whole group to stop, and insist after a while."""
    for ask, patience in ((signal.SIGINT, 15), (signal.SIGTERM, 5)):
        os.killpg(server.pid, ask)
        try:
            server.wait(timeout=patience)
            break
        except subprocess.TimeoutExpired:
            continue
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
