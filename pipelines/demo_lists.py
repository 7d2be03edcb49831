"""`hub demo past` and `hub demo decide`: lists of past weeks, and their workbooks back as from a meeting."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from pipelines.clock import as_of_known_at
from pipelines.hub import Hub, HubProblem
from pipelines.list_decisions import take

# A meeting is on the Wednesday after the list's Sunday.
_MEETING = timedelta(days=3)


def past(console: Console, weeks: int, every: int) -> bool:
    """Make the lists of past weeks, oldest first, each as known then; true when all of them were issued.

    They end where what followed can be known by now, so that the page on whether anybody was helped has something to
    compare. The last week that is over comes at the end, and leaves the marts where they were.

    Args:
        weeks: how many lists; every: weeks between two of them.
    """
    from models.risk.declare import load_risk
    from models.risk.labels import latest_mature
    from pipelines.run import run_weekly

    hub = Hub.from_environment()
    if hub.partnership.label is None:
        raise HubProblem("This partnership is real: a past week is made again by `hub run weekly --as-of`, one by one.")
    last = as_of_known_at(hub.present())
    newest = latest_mature(load_risk(hub.declaration("risk.yml")).target, last)
    days = [newest - timedelta(weeks=every * back) for back in reversed(range(weeks))]
    return all(run_weekly(day, console) for day in [*days, last])


def decide(console: Console, as_of: date | None, seed: int) -> bool:
    """Let every list without decisions come back, of one week or of all; true when all of them could be taken.

    Raises:
        HubProblem: the partnership is no demonstration.
    """
    from review.render import render
    from synthetic.meeting import fill_in

    hub = Hub.from_environment()
    if hub.partnership.label is None:
        raise HubProblem("This partnership is real: its decisions come from its meetings, not from `hub demo`.")
    kinds = hub.declaration("wording.yml").get("decision_kinds", {})
    answered = {one["document_id"] for one in hub.store.decisions()}
    waiting = [
        facts
        for facts in reversed(hub.store.issued("weekly_list.v1", as_of))
        if facts.document_id not in answered and hub.store.document(facts.document_id)["families"]
    ]
    if not waiting:
        console.print("No list waits for decisions.")
        return True
    today = hub.present().date()
    fine = True
    with TemporaryDirectory() as folder:
        for facts in waiting:
            document = hub.store.document(facts.document_id)
            met = min(facts.as_of_date + _MEETING, today)
            own = int(hashlib.sha256(f"{seed} {facts.document_id}".encode()).hexdigest()[:8], 16)
            file = Path(folder) / f"{facts.document_id}.xlsx"
            file.touch(mode=0o600)
            file.write_bytes(fill_in(render(document, "xlsx"), kinds, document["reason_answers"], met, own))
            fine &= take(console, file, look_only=False)
    console.print("Decided by an invented meeting, by seed; nothing of it is about a real family.")
    return fine
