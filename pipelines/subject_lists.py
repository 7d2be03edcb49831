"""Composes and releases the list about a subject besides the persons this hub is for."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from governance.pseudonym import Pseudonym
from pipelines.clock import weekly_cutoff
from pipelines.feeds import feed_states
from pipelines.hub import Hub, HubProblem
from pipelines.subjects import names_of, week_of


def words_of(hub: Hub, subject: str) -> dict[str, Any]:
    """The pack's declaration of a subject's list.

    Raises:
        HubProblem: the pack has none.
    """
    words = hub.declaration(f"subjects/{subject}.yml")
    if not words:
        raise HubProblem(
            f"The pack has feeds about {subject}s and no subjects/{subject}.yml: write whom the list goes to."
        )
    return words


def compose_list(hub: Hub, subject: str, as_of: date) -> dict[str, Any]:
    """The finished document of a week, also when nobody is on it."""
    from review.settings import ListSettings
    from review.subject_list import compose_subject_list
    from review.words import Wording

    cutoff = weekly_cutoff(as_of)
    words = words_of(hub, subject)
    with hub.zones.open("identity", "warehouse", "quarantine", read_only=True) as con:
        week = week_of(con, subject, as_of, cutoff)
        people = [str(one["person_key"]) for one in [*week["patterns"], *week["unanswered"]]]
        names = names_of(con, subject, Pseudonym(hub.keys.pseudonym), people, cutoff)
        feeds = [state.summary() for state in feed_states(con, hub, cutoff) if state.subject == subject]
    declared = hub.declaration("partnership.yml")
    # Its recipient is of the agency that seals these records, so nothing of them is sealed from this one list.
    agencies = {key: {**look, "sealed": False} for key, look in declared["agencies"].items()}
    told = [*words["event_types"].values(), *words["help"].values(), {"codes": words.get("teams")}]
    codes = {name: hub.labels(name) for one in told if (name := one.get("codes"))}
    return compose_subject_list(
        week,
        subject=subject,
        settings=ListSettings(
            partnership=hub.settings.name,
            partnership_name=hub.partnership.title,
            capacity={},
            synthetic=hub.partnership.label is not None,
            mode=hub.partnership.mode,
            bank_holidays=hub.bank_holidays(),
            front_door=words["list"].get("front_door", {}),
        ),
        wording=Wording(words, {}, agencies, codes),
        as_of=as_of,
        identities=names,
        feeds=feeds,
    )


def release_list(hub: Hub, subject: str, as_of: date, who: str, purpose: str) -> list[Path]:
    """Render the newest version of a week's list into its one recipient's folder; nothing in shadow mode."""
    from review.release import release, remove_expired

    today = as_of + timedelta(days=1)
    at = datetime.combine(today, datetime.min.time())
    remove_expired(hub.store, hub.settings.outbox, today=today, who=who, at=at)
    if hub.partnership.mode == "shadow":
        return []
    files: list[Path] = []
    for facts in hub.store.issued("subject_list.v1", as_of, subject):
        files += release(
            hub.store,
            hub.settings.outbox,
            facts.document_id,
            recipient=words_of(hub, subject)["list"]["recipient"],
            in_hub=True,
            who=who,
            purpose=purpose,
            today=today,
        )
    return files
