"""Are planted lost notifications found, in time, and is nothing else called lost?

Two parts, each a demo of its own in a temporary folder, judged against the world's truth:

    history   the first night over all years of history: of what was planted, how much is called lost; and how much of
              what is called lost was recorded after all
    nights    some nights more, with more lost than usual so that there is enough to count: how many nights after the
              second working day each is called lost for the first time

"False" is reported both ways it can be read: as a share of what is called lost, and of what was truly recorded. A
contact that was typed in late was not recorded when its notification was called lost: those are counted apart.

Example: python -m benchmarks.front_door --children 20000 --nights 12
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import duckdb
from rich.console import Console

from benchmarks.machine import machine

RESULTS = Path(__file__).parent / "results"
PACK = Path(__file__).parent.parent / "partnerships" / "northmere"
FIRST_NIGHT = date(2026, 10, 5)
HUB = str(Path(sys.executable).with_name("hub"))


class Row(NamedTuple):
    """What the mart says of one notification."""

    agency: str
    state: str
    basis: str | None


class Part:
    """One demo in a folder of its own."""

    def __init__(self, folder: Path, console: Console) -> None:
        self.folder, self.console = folder, console
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HUB_")},
            "HUB_VAR": str(folder / "var"),
            "HUB_DROPS": str(folder / "drops"),
            "HUB_KEY_FILE": str(folder / "keys.json"),
            "COLUMNS": "120",
        }

    def create(self, children: int, seed: int, times_lost: float) -> None:
        """Make the demo, with `times_lost` as many lost notifications as usual."""
        code = (
            "import sys, synthetic.front_door as door; from pipelines.cli import app;"
            f"door.LOST.update({{who: min(0.5, share * {times_lost!r}) for who, share in door.LOST.items()}});"
            f"app(['demo', 'create', '--children', '{children}', '--seed', '{seed}'])"
        )
        self._run([sys.executable, "-c", code])

    def hub(self, *words: str) -> None:
        """Run `hub ...`."""
        self._run([HUB, *words])

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)
        if done.returncode:
            self.console.print((done.stdout + done.stderr)[-4000:], markup=False)
            raise SystemExit(f"{' '.join(command[:3])} ended with {done.returncode}")

    def planted(self) -> dict[UUID, date]:
        """What was planted as lost: the row's key, and the day it was sent."""
        from governance.keys import load_keys
        from governance.pseudonym import Pseudonym

        key_of = Pseudonym(load_keys("northmere", environ=self.environ).pseudonym).key_of
        file = self.folder / "drops" / "northmere" / "truth" / "lost_notification.parquet"
        with duckdb.connect() as con:
            rows = con.execute(
                "select agency, feed, source_key, cast(sent_at as date) from read_parquet(?)", [str(file)]
            )
            return {key_of(agency, feed, source): day for agency, feed, source, day in rows.fetchall()}

    def match(self) -> dict[UUID, Row]:
        """The mart as last night built it, by notification."""
        from governance.keys import load_keys
        from governance.zones import Zones

        zones = Zones(self.folder / "var" / "northmere", load_keys("northmere", environ=self.environ))
        with zones.open("warehouse", read_only=True) as con:
            rows = con.execute(
                "select notification_key, agency, state, basis from marts.notification_match order by agency"
            ).fetchall()
        return {key: Row(agency, state, basis) for key, agency, state, basis in rows}


def history(part: Part) -> dict[str, Any]:
    """The first night, over all that was ever sent."""
    part.hub("run", "nightly")
    free, found = _holidays(), part.match()
    # What was sent in the last two working days is not due yet.
    planted = {key: day for key, day in part.planted().items() if _due(day, free) <= FIRST_NIGHT}
    lost = {key for key, row in found.items() if row.state == "lost"}
    accepted = planted.keys() & found.keys()
    by_agency = {
        agency: {
            "sent": len(keys),
            "planted": len(keys & accepted),
            "found": len(keys & accepted & lost),
            "false": len((keys - accepted) & lost),
            "held_at_the_gate": sum(found[key].state == "held" for key in keys),
        }
        for agency in sorted({row.agency for row in found.values()})
        if (keys := {key for key, row in found.items() if row.agency == agency})
    }
    return {
        "sent": len(found),
        "planted": len(planted),
        "planted_and_accepted_by_the_gate": len(accepted),
        "found": len(accepted & lost),
        "false": len(lost - accepted),
        "found_share": _share(len(accepted & lost), len(accepted)),
        "found_share_of_all_planted": _share(len(accepted & lost), len(planted)),
        "false_share_of_called_lost": _share(len(lost - accepted), len(lost)),
        "false_share_of_recorded": _share(len(lost - accepted), len(found) - len(accepted)),
        "by_agency": by_agency,
        "by_basis": dict(Counter(row.basis for row in found.values() if row.basis).most_common()),
    }


def nights(part: Part, count: int) -> dict[str, Any]:
    """Night after night: when is each planted one called lost for the first time, and what else is."""
    part.hub("run", "nightly")
    now = part.match()
    old = now.keys()
    called: dict[UUID, date] = {}
    seen: dict[UUID, date] = {}
    night = FIRST_NIGHT
    for _ in range(count):
        part.hub("demo", "advance", "--nights", "1")
        part.hub("run", "nightly")
        night += timedelta(days=1)
        now = part.match()
        for key in now.keys() - old:
            seen.setdefault(key, night)
            if now[key].state == "lost":
                called.setdefault(key, night)
        part.console.print(f"night of {night}: {len(seen)} sent, {len(called)} called lost so far")
    free, every = _holidays(), part.planted()
    planted = {key: day for key, day in every.items() if key not in old}
    # Due: the night after the second working day, if that was among the nights looked at. A row that came, or passed
    # the gate, only after that day is due the night it is there: counted with the others, and told apart.
    after_sending = {key: when for key, day in planted.items() if (when := _due(day, free)) <= night}
    due = {key: max(when, seen[key]) for key, when in after_sending.items() if key in seen}
    came_late = {key for key, when in due.items() if when > after_sending[key]}
    delays = Counter((called[key] - when).days for key, when in due.items() if key in called)
    wrong = called.keys() - every.keys()
    later = {key for key in wrong if key in now and now[key].state == "matched"}
    in_time = sum(number for delay, number in delays.items() if delay <= 0)
    in_time_of_sending = sum(called[key] <= when for key, when in after_sending.items() if key in called)
    return {
        "nights": count,
        "sent_in_these_nights": len(seen),
        "planted_and_due_by_the_day_sent": len(after_sending),
        "of_these_not_accepted_by_the_gate": len(after_sending) - len(due),
        "of_these_accepted_only_after_they_were_due": len(came_late),
        "planted_and_due": len(due),
        "called_lost_in_time": in_time,
        "called_lost_days_later": {str(delay): number for delay, number in sorted(delays.items()) if delay > 0},
        "not_called_lost": [
            {
                "sent_on": str(planted[key]),
                "first_seen": str(seen[key]),
                "state": now[key].state if key in now else "withdrawn",
                "basis": now[key].basis if key in now else None,
            }
            for key in due
            if key not in called
        ],
        "called_lost": len(called),
        "false": len(wrong - later),
        "recorded_later": len(later),
        "found_in_time_share": _share(in_time, len(due)),
        "found_in_time_share_by_the_day_sent": _share(in_time_of_sending, len(after_sending)),
        "false_share_of_called_lost": _share(len(wrong - later), len(called)),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 5) if whole else None


def _holidays() -> set[date]:
    with (PACK / "codes" / "bank_holidays.csv").open(encoding="utf-8", newline="") as file:
        return {date.fromisoformat(row["date"]) for row in csv.DictReader(file)}


def _due(sent_on: date, free: set[date]) -> date:
    """The morning after the second working day after a day."""
    day, left = sent_on, 2
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5 and day not in free
    return day + timedelta(days=1)


def main(arguments: list[str] | None = None) -> Mapping[str, Any]:
    """Both parts; writes benchmarks/results/front_door_<date>.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nights", type=int, default=12, help="0 leaves the second part out")
    parser.add_argument("--times-lost", type=float, default=10.0, help="of the second part")
    parser.add_argument("--out", type=Path, default=None, help="default: benchmarks/results")
    chosen = parser.parse_args(arguments)
    console = Console(highlight=False)
    report: dict[str, Any] = {
        "benchmark": "front_door",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "children": chosen.children,
        "seed": chosen.seed,
    }
    for name, times, look in (
        ("history", 1.0, history),
        ("nights", chosen.times_lost, lambda part: nights(part, chosen.nights)),
    ):
        if name == "nights" and not chosen.nights:
            continue
        folder = Path(tempfile.mkdtemp(prefix="front_door_"))
        try:
            console.print(f"[bold]{name}[/bold]: {chosen.children:,} children")
            part = Part(folder, console)
            part.create(chosen.children, chosen.seed, times)
            report[name] = look(part)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        console.print_json(data=report[name])
    target = (chosen.out or RESULTS) / f"front_door_{datetime.now(UTC):%Y%m%d}.json"
    target.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    console.print(f"written: {target}")
    return report


if __name__ == "__main__":
    main()
