"""`hub decisions`: workbooks that come back from the meeting, and what has been decided so far.

Decisions stay in the hub's own store, sealed, and come back into the weekly run from there: who may be listed again,
and whether anybody was helped. They are no feed: no agency sends them, and no agency may read them all.
"""

from __future__ import annotations

import getpass
from collections import Counter
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines.clock import LONDON
from pipelines.hub import Hub

_PURPOSE = "decisions of the weekly review"


def take(console: Console, file: Path, look_only: bool) -> bool:
    """Read a returned workbook and keep its decisions; true when every line of it could be taken."""
    from review.answers import AnswersProblem, read_answers

    hub = Hub.from_environment()
    now = hub.present()
    # A demonstration's present lies apart from the day on which somebody tries it.
    today = max(now.replace(tzinfo=UTC), datetime.now(UTC)).astimezone(LONDON).date()
    kinds = hub.declaration("wording.yml").get("decision_kinds", {})
    try:
        answers = read_answers(file.read_bytes(), hub.store, kinds, today)
    except (OSError, AnswersProblem) as problem:
        console.print(f"[red]Nothing was taken:[/red] {problem}", soft_wrap=True)
        return False
    new = 0
    if not look_only:
        who = getpass.getuser()
        with hub.store.transaction() as connection:
            for one in answers.decisions:
                body = {key: value for key, value in asdict(one).items() if key not in ("person_key", "kind")}
                new += hub.store.add_decision(
                    connection, answers.document_id, one.person_key, body,
                    kind=one.kind, decided_on=one.decided_on, taken_at=now, taken_by=who,
                )  # fmt: skip
            hub.store.audit.append(
                who=who,
                what="decision.taken",
                purpose=_PURPOSE,
                about=[one.person_key for one in answers.decisions],
                detail={"document_id": answers.document_id, "new": new, "not_taken": len(answers.problems)},
                connection=connection,
            )
    kept = "would be kept" if look_only else f"kept, {new} of them new"
    console.print(
        f"{answers.document_id}: {len(answers.decisions)} decisions {kept}; {answers.open} children without one."
    )
    for line in answers.problems:
        console.print(f"[yellow]not taken[/yellow], {line}", soft_wrap=True)
    if any(one.kind == "wrong" for one in answers.decisions):
        console.print("Some are said to be the wrong child or wrong data: see `hub identity queue`.", soft_wrap=True)
    return not answers.problems


def show(console: Console, as_of: date | None) -> None:
    """What was decided by week and team, in counts; nobody is named."""
    hub = Hub.from_environment()
    made = Counter((one["document_id"], one["decision"]) for one in hub.store.decisions())
    table = Table("week ending", "team", "listed", "decided", "what was decided")
    for facts in hub.store.issued("weekly_list.v1", as_of):
        mine = {words: count for (document, words), count in made.items() if document == facts.document_id}
        table.add_row(
            facts.as_of_date.isoformat(),
            facts.area_team,
            str(hub.store.document(facts.document_id)["counts"]["listed"]),
            str(sum(mine.values())),
            "; ".join(f"{words}: {count}" for words, count in sorted(mine.items())) or "nothing yet",
        )
    console.print(table)
