"""`hub ...` in processes that are forked from one whose imports are done, for those who start it many times.

What such a process runs is the command itself, from its arguments to its exit code; it has only skipped reading the
libraries, which takes longer than a small night.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

# Nothing here may read the environment of a partnership while it is imported: `pipelines.definitions` does.
_LIBRARIES = [
    "dagster", "dagster_dbt", "dbt.cli.main", "dbt.adapters.duckdb", "duckdb", "pandas", "pyarrow.csv",
    "pyarrow.parquet", "great_expectations", "splink",
    "sklearn.ensemble", "sklearn.linear_model", "scipy.sparse.csgraph", "matplotlib.pyplot", "sqlalchemy", "skops.io",
    "pipelines.hub", "pipelines.assets.landing", "pipelines.assets.identity", "pipelines.assets.marts",
    "pipelines.assets.risk", "pipelines.weekly_lists", "data_quality.sweep", "models.linkage", "models.risk.run",
    "review.compose", "review.release", "synthetic.demo", "synthetic.world",
]  # fmt: skip


@dataclass(frozen=True)
class Running:
    """One `hub` command under way; its output goes to `log`."""

    process: BaseProcess
    log: Path

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code, or None while it is still running after `timeout` seconds."""
        self.process.join(timeout)
        return self.process.exitcode

    def kill(self) -> bool:
        """SIGKILL to the process and all it started; false if it had ended before."""
        pid = int(self.process.pid or 0)
        if self.process.exitcode is not None:
            return False
        # A process that has not yet made a group of its own is killed by the next line.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return self.wait() == -signal.SIGKILL


def start(words: Sequence[str], environ: Mapping[str, str], log: Path) -> Running:
    """Start `hub words` in the environment `environ`, and in it alone."""
    process = _context().Process(target=_hub, args=(tuple(words), dict(environ), str(log)))
    process.start()
    return Running(process, log)


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LIBRARIES)
    return context


def _hub(words: tuple[str, ...], environ: dict[str, str], log: str) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environ)
    with Path(log).open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["hub", *words]
    from pipelines.cli import main

    main()
