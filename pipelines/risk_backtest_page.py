"""`hub risk backtest`: a roll over the past, told at the terminal a split a row, and drawn as one offline page."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from pipelines.assurance_pages import head, write_private
from pipelines.evaluation.page import figures_of, render
from pipelines.evaluation.words import HIDDEN, WAYS, Told, lift, lower, more, number, percent
from pipelines.hub import Hub, HubProblem
from pipelines.progress import listening, tell
from pipelines.risk_backtest import BackTest, back_test, newest_week, rolling
from pipelines.risk_pack import load_declarations

PAGE = "backtest.html"
NO_MODEL = "no model"
HEADER = (
    "Trained on, judged to",
    "People with outcome",
    "Base rate",
    "Average precision",
    "Model",
    "Contacts",
    "Patterns",
    "Chosen",
)
_STAGES = {
    "panel": "the panel of every week needed",
    "back_test": "a model for each split",
    "assessment": "what all weeks together say",
}


def run(console: Console, count: int, step: int, out: Path | None) -> Path:
    """Look back with `count` models, `step` weeks apart; print the splits and write the page. Returns its path.

    out: the page's folder, assurance/ by default.

    Raises:
        HubProblem: there are no weekly marts, the history is too short for so many splits, or no week can be judged.
    """
    hub, started = Hub.from_environment(), time.monotonic()
    if not (hub.settings.root / "warehouse.duckdb").is_file():
        raise HubProblem("There are no weekly marts to look back on. Run a week first: `hub run weekly`.")

    def say(message: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.1f}s[/dim]  {message}", soft_wrap=True)

    with listening(say), hub.zones.open("warehouse", read_only=True) as con:
        newest_week(con)
        told = told_of(back_test(hub, con, rolling(load_declarations(hub)[0], count, step), _telling))
    for table in tables(told):
        console.print(table)
    page = (out or hub.settings.root / "assurance") / PAGE
    write_private(page, render(told, head(hub)))
    console.print(" ".join(told["basis"]), soft_wrap=True)
    console.print(f"The whole evaluation: {page}", soft_wrap=True)
    if hub.partnership.label:
        console.print(f"[yellow]{hub.partnership.label}[/yellow]: nothing here is about a real person.")
    return page


def told_of(done: BackTest) -> dict[str, Any]:
    """What a back-test leaves for table and page, JSON-able, small counts withheld. It stands for no list: no gate."""
    settings = done.config.evaluation
    basis = [
        f"A rolling back-test: a model on each of {len(done.given.plan)} days, {settings.split_step_weeks} weeks apart,"
        f" judged on the {settings.test_weeks} weeks from that day, of which it knew nothing. It stands behind no list:"
        " nothing was registered, no gate was asked, no score was kept."
    ]
    unfit = len(done.given.plan) - len(done.rolled.rotations)
    if unfit:
        days = f"{unfit} of these days" if done.rolled.rotations else "none of these days"
        basis.append(f"On {days} {'no' if done.rolled.rotations else 'a'} model could be learnt.")
    if done.rolled.because:
        basis.append(f"On the last of them: {done.rolled.because}.")
    figures = figures_of(done.as_of, done.figures, done.rolled.evaluations, done.yields, done.config)
    return figures | {"back_test": True, "basis": basis, "gates": []}


def tables(told: Told) -> list[Table]:
    """The splits, a row each; and by how much the model found more than its comparators, with intervals."""
    everything = told["evaluation"]
    # Of one split alone the figures are those of all weeks.
    parts = told["evaluations"] if len(told["evaluations"]) > 1 else [{**told["evaluation"], **told["evaluations"][0]}]
    title = "Rolling back-test, a split a row; precision at capacity of model, contact count and named patterns"
    splits = _table(title)
    for name in HEADER[:-1]:
        # No figure is broken: as wide as a word of its head, "withheld", and the day until which was judged.
        splits.add_column(name, width=max(13 if name == HEADER[0] else len(HIDDEN), *map(len, name.split())))
    splits.add_column(HEADER[-1])
    for one in parts:
        splits.add_row(*row(one))
    others = [name for name in WAYS if name in everything.get("difference", {}) and name != "random"]
    if not others:
        return [splits]
    header = ("Weeks judged", *(f"More than {lower(WAYS[name])}" for name in others))
    against = _table("Right of 100 listed, beyond the comparators, with intervals (95 %); and the lift", *header)
    for one in [*parts, everything]:
        if "difference" in one:
            period = "all weeks together" if one is everything else _weeks(one)
            against.add_row(period, *(_beyond(one["difference"][name]) for name in others))
    return [splits, against]


def row(one: Mapping[str, Any]) -> list[str]:
    """A split's figures under HEADER."""
    at, average = one["at_capacity"], one["average_precision"]
    found = [
        NO_MODEL if name not in at else HIDDEN if (part := at[name]["precision"]) is None else percent(part["estimate"])
        for name in ("model", "contact_count", "rules")
    ]
    chosen = Counter(one.get("candidates", []))
    return [
        f"{one['trained_on']}\nto {one['to']}",
        number(one["people_with_outcome"]),
        percent(one["base_rate"], 2),
        percent(average["model"], 2) if "model" in average else NO_MODEL,
        *found,
        ", ".join(f"{parts}\u00a0{name}" for name, parts in sorted(chosen.items())) or NO_MODEL,
    ]


def _table(title: str, *header: str) -> Table:
    """A table that an ordinary terminal has room for."""
    return Table(*header, title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=0)


def _weeks(one: Mapping[str, Any]) -> str:
    return f"{one['from']} to {one['to']}"


def _beyond(part: Mapping[str, Any] | None) -> str:
    return HIDDEN if part is None else f"{more(part)}; {lift(part)}"


@contextmanager
def _telling(stage: str) -> Iterator[None]:
    """Tell of a stage as it begins."""
    tell(_STAGES[stage])
    yield
