"""A sweep killed anywhere and started again leaves the same content as one that was never disturbed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from gate_support import CODES, START, make_contract, plain_archive, plain_zones, row, sealed_zones, write_drop

from data_quality.code_sets import CodeSet, CodeSets
from data_quality.content_hash import content_hash
from data_quality.sweep import sweep_landing

NOW = START + timedelta(days=20)
NEWER_CODES = CodeSets(
    {"referral_source": CodeSet("referral_source", (("1A", date(1, 1, 1), date(9999, 12, 31)),
                                                    ("OLD", date(1, 1, 1), date(9999, 12, 31))))}
)  # fmt: skip


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def landing_with_history(folder: Path) -> Path:
    landing = folder / "landing"
    write_drop(landing, [row("1"), row("2", "OLD"), row("3")], extracted=START, mode="full")
    write_drop(landing, [row("1", note="new"), row("4"), row("3")], extracted=START + timedelta(days=1))
    write_drop(landing, [row("2"), row("5", note="SECRET")], extracted=START + timedelta(days=2))
    write_drop(landing, [row("9")], extracted=START + timedelta(days=3), sha256="0" * 64)
    write_drop(landing, [row("1"), row("4", "OLD"), row("6")], extracted=START + timedelta(days=4), mode="full")
    return landing


def everything(con) -> list:
    """Content, held rows and logs, as far as they must not depend on interruptions."""
    return [
        content_hash(con, "identity"),
        content_hash(con, "warehouse"),
        con.execute(
            "select drop_id, row_no, rule, resolved_by_drop from quarantine.gate.quarantined_row order by all"
        ).fetchall(),
        *(
            con.execute(f"select * from {zone}.gate.drop_log order by drop_id").fetchall()
            for zone in ("identity", "warehouse", "quarantine")
        ),
        con.execute("select * from identity.gate.confirmed order by all").fetchall(),
    ]


def run_twice(con, landing, contracts, step=None) -> None:
    """Two sweeps, the second under newer code sets, so that held rows come back."""
    sweep_landing(con, landing, contracts, CODES, now=NOW, archive=plain_archive(landing), step=step)
    report = sweep_landing(con, landing, contracts, NEWER_CODES, now=NOW, archive=plain_archive(landing), step=step)
    assert not any(feed.problem for feed in report.feeds.values())


def test_killed_at_every_step(tmp_path):
    contract = make_contract(tmp_path)
    contracts = {contract.name: contract}
    template = landing_with_history(tmp_path)
    steps: list[str] = []
    with plain_zones() as con:
        landing = tmp_path / "clean"
        shutil.copytree(template, landing)
        run_twice(con, landing, contracts, steps.append)
        wanted = everything(con)
        files = sorted(path.relative_to(landing).as_posix() for path in landing.rglob("*") if path.is_file())
    assert len(steps) > 40
    assert any("retry" in str(entry) for entry in wanted[3])
    for moment in range(len(steps)):
        landing = tmp_path / f"killed{moment}"
        shutil.copytree(template, landing)
        left = iter(range(moment, -1, -1))

        def kill(name: str, left=left) -> None:
            if next(left) == 0:
                raise Killed(name)

        with plain_zones() as con:
            with pytest.raises(Killed):
                run_twice(con, landing, contracts, kill)
            run_twice(con, landing, contracts)
            assert everything(con) == wanted, steps[moment]
        there = sorted(path.relative_to(landing).as_posix() for path in landing.rglob("*") if path.is_file())
        assert there == files, steps[moment]
        shutil.rmtree(landing)


_CHILD = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from gate_support import sealed_zones, make_contract
from test_gate_kills import run_twice
left = int(sys.argv[2])
def kill(name):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
root = Path(sys.argv[1])
contract = make_contract(root)
with sealed_zones(root / "var") as con:
    run_twice(con, root / "landing", {{contract.name: contract}}, kill)
"""


def test_sigkill_on_encrypted_files(tmp_path):
    clean = tmp_path / "clean"
    clean.mkdir()
    landing_with_history(clean)
    contract = make_contract(clean)
    with sealed_zones(clean / "var") as con:
        run_twice(con, clean / "landing", {contract.name: contract})
        wanted = everything(con)
    here = Path(__file__).parent
    script = _CHILD.format(tests=str(here.parent)).replace(
        "import os, signal, sys", f"import os, signal, sys\nsys.path.insert(0, {str(here)!r})"
    )
    for moment in (5, 11, 24):
        root = tmp_path / f"killed{moment}"
        root.mkdir()
        landing_with_history(root)
        ended = subprocess.run([sys.executable, "-c", script, str(root), str(moment)], check=False, capture_output=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
        with sealed_zones(root / "var") as con:
            run_twice(con, root / "landing", {contract.name: contract})
            assert everything(con) == wanted
