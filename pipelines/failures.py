"""Why a run failed, from Dagster's own record of it: the innermost cause of every failed step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import dagster as dg

# Kind of failure of a run whose process was ended from outside.
DIED = "RunDied"


@dataclass(frozen=True)
class Failure:
    """One failed step, or what kept a run from starting its steps (`step` is None).

    Attributes:
        kind: name of the exception's class.
        words: its message. One of `pipelines.problems` is written for people; any other may quote what it choked on
            and stays inside the run's own page.
    """

    step: str | None
    kind: str
    words: str


def failures_of(events: Iterable[dg.DagsterEvent]) -> list[Failure]:
    """Failed steps in order; when no step failed, what ended the run."""
    steps, ends = [], []
    for event in events:
        if event.event_type is dg.DagsterEventType.STEP_FAILURE:
            steps.append(_failure(event.step_key, event.step_failure_data.error))
        elif event.event_type is dg.DagsterEventType.RUN_FAILURE:
            ends.append(_end(event))
    return steps or ends


def failures_in_history(instance: dg.DagsterInstance, run_id: str) -> list[Failure]:
    """The same for a run that is over, whoever ran it."""
    wanted = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    entries = instance.all_logs(run_id, of_type=wanted)
    return failures_of(entry.dagster_event for entry in entries if entry.dagster_event is not None)


def _end(event: dg.DagsterEvent) -> Failure:
    """What ended a run of which no step failed."""
    data: Any = event.event_specific_data
    if data is None:
        return Failure(None, DIED, "Its process ended before the run did. Run it again: nothing is doubled.")
    return _failure(None, data.error, event.message or "")


def _failure(step: str | None, error: object, otherwise: str = "") -> Failure:
    while error is not None and getattr(error, "cause", None) is not None:
        error = error.cause  # type: ignore[attr-defined]
    if error is None:
        return Failure(step, "", otherwise)
    words = str(getattr(error, "message", "")).strip()
    kind = str(getattr(error, "cls_name", "") or "")
    # Dagster puts the class with its module before the message.
    head, colon, rest = words.partition(": ")
    if colon and kind and head.endswith(kind):
        words = rest
    return Failure(step, kind, words or otherwise)
