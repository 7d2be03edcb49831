"""`hub demo decide`: workbooks of past lists come back as from a meeting, and are taken like any other."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from pipelines.hub import Hub, HubProblem
from pipelines.list_decisions import take

# A meeting is on the Wednesday after the list's Sunday.
_MEETING = timedelta(days=3)


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
