"""An agency that was not part of the demo joins: its history first, then its files of every night since.

Joining on the third night sends exactly what the agency would have sent, had it been there from the start. The demo's
other agencies and their truth are left alone; what is true of this one lies in files of its own under ``truth/``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pandas as pd

from synthetic.adult_patterns import pattern_truth
from synthetic.agencies import JOINING, Ground, adult_social_care
from synthetic.agencies.casework import LOST
from synthetic.agencies.drops import Sent, drop_connection
from synthetic.agencies.views import FIRST_DROP_DATE, View, ViewSettings
from synthetic.demo import (
    DemoMissingError,
    DemoSummary,
    first_drop,
    identity_truth,
    log_sent,
    remember_state,
    send_night,
    summary_of,
)
from synthetic.world import World


class CannotJoinError(RuntimeError):
    """The agency is unknown to the demo, or part of it already."""


def join_demo(out: Path, deliver_to: Path, agency: str) -> DemoSummary:
    """Delivers a joining agency's first drops and its files of the nights gone by, and remembers that it joined.

    Writes, for adult social care, ``truth/adult_identity.parquet`` (agency, feed, source_key, true_person_id, flags),
    ``truth/adult_pattern.parquet`` (true_person_id, pattern, as_of_date) and
    ``truth/lost_adult_notification.parquet`` (agency, feed, source_key, sent_at).

    Raises:
        DemoMissingError: there is no demo at ``out``.
        CannotJoinError: nobody of that name can join, or it did already.
    """
    place = out / "state.json"
    if not place.exists():
        raise DemoMissingError(f"no demo at {out}: create one first")
    state = json.loads(place.read_text("utf-8"))
    joined = state.get("joined", [])
    if agency not in JOINING:
        raise CannotJoinError(f"no agency {agency!r} can join; there is: {', '.join(JOINING)}")
    if agency in joined:
        raise CannotJoinError(f"{agency} has joined this demo already")
    world = World.read(out)
    start, end = world.parameters.history_start, world.parameters.simulated_to
    ground = Ground(world.tables, ViewSettings(world.parameters.seed, world.parameters.error))
    adults = adult_social_care.true_adults(ground, world.parameters.children, start, end)
    views = list(adult_social_care.build(ground, adults))
    _write_truth(out, views, pattern_truth(adults.event, start, end))
    since = datetime.combine(start, time(0), tzinfo=UTC)
    sent: list[Sent] = []
    with drop_connection() as con:
        for view in views:
            # Without flags: what is wrong here is told in this agency's own truth.
            plain = View(view.feed, view.rows.drop(columns=["_flags"], errors="ignore"))
            sent.append(first_drop(con, ground, plain, (), deliver_to, out / "pending", since))
        for number in range(1, state["nights"] + 1):
            night = FIRST_DROP_DATE + timedelta(days=number)
            sent += send_night(con, JOINING[agency], out / "pending", deliver_to, night, ())[0]
    log_sent(out, sent)
    state = {**state, "joined": [*joined, agency]}
    remember_state(out, state)
    return summary_of(state, sent, FIRST_DROP_DATE, FIRST_DROP_DATE + timedelta(days=state["nights"]))


def _write_truth(out: Path, views: list[View], patterns: pd.DataFrame) -> None:
    named = {view.feed.label: (view.feed, view.rows) for view in views if view.feed.names_people}
    identity = pd.concat([identity_truth(feed, rows) for feed, rows in named.values()], ignore_index=True)
    _, sent = named[adult_social_care.NOTIFICATION.label]
    lost = sent[sent["_flags"] == LOST]
    told = pd.DataFrame(
        {
            "agency": "police",
            "feed": "adult_notification",
            "source_key": lost["apn_ref"],
            "sent_at": lost["hub_sent_dt"],
        }
    )
    for name, frame in (
        ("adult_identity", identity), ("adult_pattern", patterns), ("lost_adult_notification", told),
    ):  # fmt: skip
        frame.to_parquet(out / "truth" / f"{name}.parquet", index=False)
