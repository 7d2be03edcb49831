"""`hub backup` and `hub restore`."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from governance.backup import backup, restore
from pipelines.hub import Hub
from pipelines.run_lock import only_run


def back_up(console: Console, folder: Path) -> None:
    """Write one encrypted archive named after the partnership and the moment."""
    hub = Hub.from_environment()
    moment = datetime.now(UTC)
    archive = folder / f"{hub.settings.name}_{moment:%Y%m%dT%H%M%SZ}.hubbackup"
    folder.mkdir(parents=True, exist_ok=True)
    with only_run(hub.settings, console.print), console.status("holding every zone still and copying it"):
        manifest = backup(hub.zones, archive, hub.keys.hub, moment)
    megabytes = archive.stat().st_size / 1e6
    console.print(
        f"{len(manifest.files)} files in {archive} ({megabytes:,.0f} MB). Keys are not in it.", soft_wrap=True
    )


def put_back(console: Console, archive: Path, force: bool) -> None:
    """Restore an archive into the partnership's state folder."""
    hub = Hub.from_environment()
    with ExitStack() as stack:
        # The lock is a file too: where there is nothing to overwrite, it would be the first thing in the way.
        if hub.settings.root.exists() and any(hub.settings.root.iterdir()):
            stack.enter_context(only_run(hub.settings, console.print))
        stack.enter_context(console.status("checking and unpacking the archive"))
        manifest = restore(archive, hub.settings.root, hub.keys.hub, force=force)
    console.print(f"Restored {len(manifest.files)} files as of {manifest.taken_at}.")
