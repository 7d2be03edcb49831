"""The demo at the command line: a synthetic authority, its nights, and the whole path in one go."""

from __future__ import annotations

import json
import time
from datetime import date
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipelines.settings import Settings

_DEMO_YEARS = 5
_DEMO_SEED = 1
_WEEKS_AHEAD = 26


def create(
    console: Console,
    children: int,
    years: int = _DEMO_YEARS,
    seed: int = _DEMO_SEED,
    world: Literal["passes", "no-signal", "biased"] = "passes",
    error_multiplier: float = 1.0,
    weeks_ahead: int = _WEEKS_AHEAD,
    incidents: bool = True,
    out: Path | None = None,
) -> None:
    """Make a world and deliver its agencies' first files into landing."""
    from synthetic.demo import create_demo

    settings = Settings()
    started = time.monotonic()
    with _progress(console) as progress:
        step = progress.add_task("making a synthetic world", total=None)
        summary = create_demo(
            out=out or settings.synthetic_suppliers,
            deliver_to=settings.landing,
            children=children,
            years=years,
            seed=seed,
            world=world,
            error_multiplier=error_multiplier,
            weeks_ahead=weeks_ahead,
            incidents=incidents,
            progress=lambda message: progress.update(step, description=message),
        )
    console.print(
        f"A synthetic authority of {children:,} children, {years} years, seed {seed}: {summary.drops} files with "
        f"{summary.rows:,} rows delivered to {settings.landing} in {time.monotonic() - started:.0f} s.",
        soft_wrap=True,
    )


def advance(console: Console, nights: int) -> None:
    """Let nights pass: the agencies send their next files."""
    from synthetic.demo import advance_demo

    settings = Settings()
    with _progress(console) as progress:
        step = progress.add_task("the agencies send their files", total=None)
        summary = advance_demo(
            out=settings.synthetic_suppliers,
            deliver_to=settings.landing,
            nights=nights,
            progress=lambda message: progress.update(step, description=message),
        )
    console.print(f"{nights} nights: {summary.drops} files with {summary.rows:,} rows delivered.")


def replay(console: Console, until: date | None) -> None:
    """Let weeks of the past go by again: what the pack's own data say is sent in the weeks it became known."""
    from pipelines.hub import Hub, HubProblem
    from pipelines.replay import replay as send

    settings = Settings()
    hub = Hub(settings)
    first = hub.declaration("partnership.yml").get("history_from")
    if first is None:
        raise HubProblem("partnership.yml names no history_from, so nobody knows which Sunday a replay begins on.")
    state = settings.synthetic_suppliers / "replayed.json"
    after = date.fromisoformat(json.loads(state.read_text(encoding="utf-8"))["until"]) if state.is_file() else None
    sent = send(settings.pack, hub.contracts, settings.landing, first, after, until)
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text(json.dumps({"until": sent.until.isoformat()}) + "\n", encoding="utf-8")
    console.print(
        f"{sent.drops} files with {sent.rows:,} rows delivered to {settings.landing}, up to {sent.until:%d %B %Y}.",
        soft_wrap=True,
    )


def join(console: Console, agency: str) -> None:
    """Let an agency that was not part of the demo send its history, and from now on its files of every night."""
    from synthetic.joining import join_demo

    settings = Settings()
    with _progress(console) as progress:
        progress.add_task(f"{agency} joins", total=None)
        summary = join_demo(settings.synthetic_suppliers, settings.landing, agency)
    console.print(
        f"{agency} has joined: {summary.drops} files with {summary.rows:,} rows delivered. `hub status` says whether "
        "they are read.",
        soft_wrap=True,
    )


def update_codes(console: Console) -> None:
    """Take the September code list into the pack in use, as its data steward would."""
    from synthetic.agencies.code_change import FILE, LINE, update_codes

    codes = Settings().pack / "codes"
    if update_codes(codes):
        console.print(
            f"Added to {codes / FILE}: {LINE}\nMarks held for it come in with the next night. A mark that should count "
            "as an event also needs its line in staging/education/stg_education__event.sql.",
            soft_wrap=True,
            markup=False,
        )
    else:
        console.print(f"{codes / FILE} has it already.", soft_wrap=True)


def print_world(console: Console) -> None:
    """The calibration table of the demo's world, and its difficulty as measured when it was made."""
    from synthetic.calibration import calibrate, print_calibration
    from synthetic.difficulty import print_difficulty
    from synthetic.world import World

    settings = Settings()

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    with console.status("reading the synthetic world"):
        world = World.read(settings.synthetic_suppliers)
        table = calibrate(world)
    print_calibration(table, say)
    difficulty = settings.synthetic_suppliers / "truth" / "difficulty.json"
    print_difficulty(json.loads(difficulty.read_text(encoding="utf-8")), say)


def run_everything(console: Console, children: int) -> bool:
    """Make the demo if there is none, run one night and one week, and say where to look."""
    from pipelines.run import run_nightly, run_weekly

    settings = Settings()
    started = time.monotonic()
    if not (settings.synthetic_suppliers / "state.json").exists():
        create(console, children=children)
    ok = run_nightly(None, console) and run_weekly(None, console)
    console.rule()
    if not ok:
        console.print("The run stopped above. The message says what to mend; then run it again, nothing is doubled.")
        return False
    console.print(f"Done in {(time.monotonic() - started) / 60:.1f} minutes. Everything in it is synthetic.\n")
    for what, place in _places(settings):
        console.print(f"[bold]{what:<21}[/bold]{place}", soft_wrap=True)
    return True


def _places(settings: Settings) -> list[tuple[str, str]]:
    lists = sorted(settings.outbox.glob("*-team/*.html"))
    notices = len(list(settings.outbox.glob("worker-*/*.html")))
    return [
        ("this week's lists", str(lists[0]) if lists else "none was issued; `hub status` says why"),
        *[("", str(page)) for page in lists[1:]],
        ("also there", f"the same as workbooks (.xlsx), and {notices} notices to workers of open cases"),
        ("what they rest on", str(settings.root / "assurance" / "evaluation.html")),
        ("runs, checks, plots", "`make ui`, then http://127.0.0.1:3000"),
        ("state of every feed", "`.venv/bin/hub status`"),
        ("let a week pass", "`.venv/bin/hub demo advance --nights 7`, then `hub run nightly` and `hub run weekly`"),
    ]


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
    )
