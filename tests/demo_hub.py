"""A small partnership in a folder of its own, used through the `hub` command as its users do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from governance.keys import Keys, load_keys
from governance.zones import Zones
from tests import warm_hub
from tests.warm_hub import Running

HUB = str(Path(sys.executable).with_name("hub"))
CHILDREN = 400


@dataclass(frozen=True)
class DemoHub:
    """State, drops and keys of one partnership under `folder`."""

    folder: Path
    partnership: str = "northmere"
    key_file: Path | None = None

    @property
    def name(self) -> str:
        return Path(self.partnership).name

    @property
    def environ(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("HUB_")},
            "HUB_PARTNERSHIP": self.partnership,
            "HUB_VAR": str(self.folder / "var"),
            "HUB_DROPS": str(self.folder / "drops"),
            "HUB_KEY_FILE": str(self.key_file or self.folder / "keys.json"),
            "COLUMNS": "200",
        }

    @property
    def root(self) -> Path:
        return self.folder / "var" / self.name

    @property
    def drops(self) -> Path:
        return self.folder / "drops" / self.name

    @property
    def keys(self) -> Keys:
        return load_keys(self.name, environ=self.environ)

    @property
    def zones(self) -> Zones:
        return Zones(self.root, self.keys)

    def run(self, *words: str, fails: bool = False, timeout: float = 400) -> str:
        """Run `hub ...`; returns all it printed. A failure that was not expected fails the test with its output.

        It runs in a process whose imports are done; with HUB_TEST_EXECUTABLE set, as `execute` does.
        """
        if os.environ.get("HUB_TEST_EXECUTABLE"):
            return self.execute(*words, fails=fails, timeout=timeout)
        running = self.start(*words)
        code = running.wait(timeout)
        if code is None:
            running.kill()
        return _output(words, code, running.log.read_text(encoding="utf-8"), fails)

    def execute(self, *words: str, fails: bool = False, timeout: float = 400) -> str:
        """The same by the command `hub` itself, as its users start it; each command is tested like that once."""
        done = subprocess.run(
            [HUB, *words], env=self.environ, capture_output=True, text=True, timeout=timeout, check=False
        )
        return _output(words, done.returncode, done.stdout + done.stderr, fails)

    def start(self, *words: str) -> Running:
        """Start `hub ...`, to be killed; it is the first of a process group of its own."""
        return warm_hub.start(words, self.environ, self.folder / "hub.log")

    def create(self, children: int = CHILDREN, seed: int = 1, years: int = 5) -> DemoHub:
        self.run("demo", "create", "--children", str(children), "--seed", str(seed), "--years", str(years))
        return self


def _output(words: tuple[str, ...], code: int | None, output: str, fails: bool) -> str:
    ended = "did not end" if code is None else f"ended with {code}"
    assert code is not None and (code != 0) == fails, f"hub {' '.join(words)} {ended}\n{output[-6000:]}"
    return output


def copy_of(source: DemoHub, folder: Path) -> DemoHub:
    """The same waiting drops in another folder, with keys of its own yet to be made."""
    shutil.copytree(source.folder / "var", folder / "var", ignore=shutil.ignore_patterns("dagster_home"))
    shutil.copytree(source.folder / "drops", folder / "drops")
    return DemoHub(folder)
