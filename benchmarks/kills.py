"""SIGKILL at random moments of nightly and weekly runs, run again, and nothing is lost or doubled.

    python -m benchmarks.kills --kills 200            # stop it and start it again at will
    python -m benchmarks.kills --kills 20 --fresh

Three runs are killed: a first night (everything is loaded), a week (lists are frozen and released) and a later night
(a few changes on top). Each is first made once undisturbed: that is its true duration, and what it must come to.
Then, from the same start, a run is killed up to four times in a row and let through once; the moments are spread
evenly over the time from its first step's start to its last one's end, and those that hit no step are drawn again.
Afterwards every table of every zone, every frozen list, every released file and every landed drop must be what it is
without the kills. Where one is not, both states are kept beside the progress file, to be looked at.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.resume import PROGRESS, Progress, keep_result
from tests.demo_hub import DemoHub
from tests.killing import histories, kill_in_a_step, seconds_in_steps
from tests.same_content import differences, fingerprints

KILLS_PER_CHAIN = 4


@dataclass(frozen=True)
class Scenario:
    """A run to be killed: the state it starts from, how long it takes, and what it comes to."""

    name: str
    words: tuple[str, ...]
    start: DemoHub
    undisturbed: DemoHub
    seconds: float
    seconds_in_steps: float
    wanted: dict[str, object]


def scenarios(folder: Path, children: int) -> list[Scenario]:
    """The three runs, each made once undisturbed."""
    waiting = DemoHub(folder / "waiting")
    waiting.folder.mkdir()
    waiting.create(children)
    waiting.run("dbt", "parse")
    night = _scenario("first night", ("run", "nightly"), waiting, folder / "night")
    week = _scenario("week", ("run", "weekly"), DemoHub(folder / "night"), folder / "week")
    advanced = copy_state(DemoHub(folder / "week"), folder / "advanced")
    advanced.run("demo", "advance", "--nights", "2")
    later = _scenario("later night", ("run", "nightly"), advanced, folder / "later")
    return [night, week, later]


def copy_state(source: DemoHub, folder: Path) -> DemoHub:
    """The same state, drops and keys in another folder."""
    shutil.copytree(source.folder, folder)
    return DemoHub(folder)


def _scenario(name: str, words: tuple[str, ...], start: DemoHub, folder: Path) -> Scenario:
    undisturbed = copy_state(start, folder)
    before = set(histories(undisturbed))
    started = time.monotonic()
    undisturbed.run(*words, timeout=3_000)
    seconds = time.monotonic() - started
    made = next(path for run, path in histories(undisturbed).items() if run not in before)
    return Scenario(name, words, start, undisturbed, seconds, seconds_in_steps(made), fingerprints(undisturbed))


def chain(scenario: Scenario, moments: list[float], draw: random.Random, folder: Path, kept: Path) -> dict[str, Any]:
    """Kill a run at each moment (a share of its time in steps) in turn, let it through, and compare.

    The first moment meets the run as it would have gone; later ones meet what the kills before have left to do.
    """
    hub = copy_state(scenario.start, folder / "killed")
    kills, misses = [], 0
    for share in moments:
        while not (steps := kill_in_a_step(hub, scenario.words, share * scenario.seconds_in_steps)):
            misses += 1  # it had ended, or a step had: somewhere else, then
            share = draw.random()
        kills.append({"share": round(share, 3), "steps": steps})
    wrong, stopped = ["the run itself"], None
    try:
        hub.run(*scenario.words, timeout=3_000)
        wrong = differences(scenario.wanted, fingerprints(hub))
    except AssertionError as error:
        stopped = str(error)[-3_000:]
    if wrong:
        for state, name in ((hub, "killed"), (scenario.undisturbed, "undisturbed")):
            shutil.copytree(state.folder, kept / name, dirs_exist_ok=True)
    shutil.rmtree(hub.folder)
    return {"run": scenario.name, "kills": kills, "misses": misses, "different": wrong, "stopped": stopped}


def moments_of(kills: int, draw: random.Random) -> list[float]:
    """Shares of a run's duration, one in each of `kills` equal stretches, in random order."""
    shares = [(place + draw.random()) / kills for place in range(kills)]
    draw.shuffle(shares)
    return shares


def main() -> int:
    """Run, print a summary, keep it; 1 if a run came to something else."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--children", type=int, default=400)
    parser.add_argument("--seed", type=int, default=20_261_005)
    parser.add_argument("--progress", type=Path, default=PROGRESS / "kills.jsonl")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier start has done")
    arguments = parser.parse_args()
    if arguments.fresh:
        arguments.progress.unlink(missing_ok=True)
    progress = Progress(arguments.progress)
    draw = random.Random(arguments.seed)  # noqa: S311  a seeded draw is what is wanted
    plan = _plan(arguments.kills, draw)
    with tempfile.TemporaryDirectory(prefix="hub_kills_") as folder:
        runs: dict[str, Scenario] = {}
        for piece in progress.remaining(plan):
            if not runs:
                runs = {one.name: one for one in scenarios(Path(folder), arguments.children)}
                print(
                    {name: f"{one.seconds:.1f} s, {one.seconds_in_steps:.1f} s in steps" for name, one in runs.items()},
                    flush=True,
                )
            run, moments = plan[piece]
            started = time.monotonic()
            kept = arguments.progress.parent / "different" / piece.replace("/", " of ")
            record = chain(runs[run], moments, random.Random(piece), Path(folder), kept)  # noqa: S311
            progress.add(piece, {**record, "seconds": round(time.monotonic() - started, 1)})
            hit = ", ".join("+".join(kill["steps"]) for kill in record["kills"])
            print(f"{piece}: killed in {hit}; different: {record['different'] or 'nothing'}", flush=True)
    done = [progress.done[piece] for piece in plan]
    result = summarise(done)
    keep_result("kills", {"children": arguments.children, "seed": arguments.seed, **result})
    print({name: value for name, value in result.items() if name != "failures"})
    return 1 if result["failures"] else 0


def _plan(kills: int, draw: random.Random) -> dict[str, tuple[str, list[float]]]:
    """Chains by name: the run that is killed, and the moments."""
    plan: dict[str, tuple[str, list[float]]] = {}
    shares = {"first night": kills - 2 * (kills // 3), "week": kills // 3, "later night": kills // 3}
    for run, count in shares.items():
        moments = moments_of(max(count, 1), draw)
        for place in range(0, len(moments), KILLS_PER_CHAIN):
            plan[f"{run} {place}/{count}"] = (run, moments[place : place + KILLS_PER_CHAIN])
    return plan


def summarise(chains: list[dict[str, Any]]) -> dict[str, Any]:
    """What all chains came to."""
    kills = [kill for one in chains for kill in one["kills"]]
    return {
        "kills": len(kills),
        "moments_drawn_again": sum(one["misses"] for one in chains),
        "runs_compared": len(chains),
        "seconds": round(sum(one["seconds"] for one in chains), 1),
        "killed_in_step": dict(Counter(step for kill in kills for step in kill["steps"])),
        "different": sum(bool(one["different"]) for one in chains),
        "failures": [one for one in chains if one["different"]],
    }


if __name__ == "__main__":
    sys.exit(main())
