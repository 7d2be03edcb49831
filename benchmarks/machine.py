"""The machine a figure was measured on, and one process measured whole."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Measured:
    """A process from start to end: seconds and peak memory (itself and the processes it waited for)."""

    wall_seconds: float
    cpu_seconds: float
    peak_gigabytes: float
    exit_code: int

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


def measure(command: Sequence[str], environ: Mapping[str, str]) -> Measured:
    """Run a command, its output going to this process's standard error."""
    started = time.monotonic()
    process = subprocess.Popen(command, env=dict(environ), stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(
        wall_seconds=time.monotonic() - started,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_gigabytes=_gigabytes(usage.ru_maxrss),
        exit_code=process.returncode,
    )


def peak_gigabytes() -> float:
    """The most memory this process has held so far."""
    return round(_gigabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss), 2)


def _gigabytes(peak: int) -> float:
    """What the system counts in kilobytes, and macOS in bytes."""
    return peak / (1024**3 if sys.platform == "darwin" else 1024**2)


def machine() -> dict[str, object]:
    """Processor count, memory and versions, without a host name."""
    import duckdb

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gigabytes": round(memory, 1),
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
    }
