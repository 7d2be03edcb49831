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
        """Run `hub ...`; returns all it printed. A failure that was not expected fails the test with its output."""
        done = subprocess.run(
            [HUB, *words], env=self.environ, capture_output=True, text=True, timeout=timeout, check=False
        )
        output = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, f"hub {' '.join(words)} ended with {done.returncode}\n{output[-6000:]}"
        return output

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `hub ...` in a process group of its own, to be killed."""
        return subprocess.Popen(
            [HUB, *words],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def create(self, children: int = CHILDREN, seed: int = 1, years: int = 5) -> DemoHub:
        self.run("demo", "create", "--children", str(children), "--seed", str(seed), "--years", str(years))
        return self


def copy_of(source: DemoHub, folder: Path) -> DemoHub:
    """The same waiting drops in another folder, with keys of its own yet to be made."""
    shutil.copytree(source.folder / "var", folder / "var", ignore=shutil.ignore_patterns("dagster_home"))
    shutil.copytree(source.folder / "drops", folder / "drops")
    return DemoHub(folder)
