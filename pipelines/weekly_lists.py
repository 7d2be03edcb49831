"""Hands the week's candidates, names and facts to the composer, and the frozen documents to their recipients."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from governance.pseudonym import Pseudonym
from pipelines.clock import weekly_cutoff
from pipelines.feeds import feed_states
from pipelines.hub import Hub
from pipelines.identities import identities, mentioned, professionals

# Code sets whose labels stand for a team, role or organisation on the page.
_SPOKEN_CODES = ("professional_role", "csds_team_type", "early_help_organisation")


def compose(hub: Hub, as_of: date, batch: dict[str, Any], decided: Sequence[str] = ()) -> list[dict[str, Any]]:
    """All documents of a week: a list for every team, notices to the workers of open cases.

    `decided`: sentences on rules about the data that are broken, and who decided that the list goes out all the same.
    """
    from review.compose import compose_lists
    from review.notices import compose_notices
    from review.settings import ListSettings
    from review.words import Wording

    cutoff = weekly_cutoff(as_of)
    candidates, notices = batch["candidates"], batch["notices"]
    persons, workers = mentioned([*candidates, *notices])
    with hub.zones.open("identity", "warehouse", "quarantine", read_only=True) as con:
        by_number = hub.linkage_settings().number_names_a_person
        people = identities(con, Pseudonym(hub.keys.pseudonym), persons, cutoff, by_number)
        staff = professionals(con, workers, cutoff)
        # What others than the persons of these lists are told of in never changes a word of them.
        feeds = [state.summary() for state in feed_states(con, hub, cutoff) if state.subject is None]
        suppressed: dict[str, dict[str, int]] = {}
        for team, reason, count in con.execute(
            "select area_team, exclusion_reason, n from warehouse.marts.cohort_count "
            "where as_of_date = ? and exclusion_reason <> 'in_cohort'",
            [as_of],
        ).fetchall():
            suppressed.setdefault(team, {})[reason] = count
        organisations = dict(
            con.execute(
                "select organisation, any_value(name order by known_from desc) from warehouse.canonical.organisation "
                "where known_from <= ? group by organisation",
                [cutoff],
            ).fetchall()
        )
        episodes = _episodes(con, [str(one["person_key"]) for one in candidates], as_of, cutoff)
        reaches = _reaches(con, as_of, cutoff, sorted({feed["agency"] for feed in feeds}))
        children = children_on(con, as_of)
    declared = hub.declaration("partnership.yml")
    settings = ListSettings(
        partnership=hub.settings.name,
        partnership_name=hub.partnership.title,
        capacity={team: places for team, places in hub.capacity(children).items() if places},
        team_names={team["name"]: team["title"] for team in declared["areas"]["teams"]},
        team_contacts={
            team["name"]: f"telephone {team['telephone']}, {team['email']}" for team in declared["areas"]["teams"]
        },
        synthetic=hub.partnership.label is not None,
        mode=hub.partnership.mode,
        bank_holidays=hub.bank_holidays(),
        front_door=declared.get("front_door", {}),
    )
    sentences = {
        one["name"] if "name" in one else one["id"]: one["sentence"]
        for source, part in (("risk.yml", "features"), ("rules.yml", "rules"))
        for one in hub.declaration(source).get(part, [])
        if one.get("sentence")
    }
    words = hub.declaration("wording.yml")
    told = [*words["event_types"].values(), *words["episode_lines"].values()]
    code_sets = {name for one in told for key in ("codes", "outcomes") if (name := one.get(key))}
    codes = {name: hub.labels(name) for name in sorted(code_sets)}
    agencies = {key: look for key, look in declared["agencies"].items() if not look.get("subject")}
    wording = Wording(words, sentences, agencies, codes)
    shared: dict[str, Any] = {
        "settings": settings,
        "wording": wording,
        "as_of": as_of,
        "identities": people,
        "professionals": staff,
    }
    lists = compose_lists(
        candidates,
        **shared,
        feeds=feeds,
        organisations={**organisations, **hub.labels(*_SPOKEN_CODES)},
        suppressed=suppressed,
        basis=batch["basis"],
        patterns=batch["patterns"],
        reaches=reaches,
        episodes=episodes,
        warnings=decided,
    )
    return [*lists.values(), *compose_notices(notices, **shared)]


def children_on(con: duckdb.DuckDBPyConnection, as_of: date) -> int:
    """How many children of the authority the hub knows on a Sunday."""
    rows = con.execute("select count(*) from warehouse.marts.person_week where as_of_date = ?", [as_of]).fetchall()
    return int(rows[0][0])


def _episodes(
    con: duckdb.DuckDBPyConnection, person_keys: list[str], as_of: date, cutoff: datetime
) -> dict[str, list[dict[str, Any]]]:
    """By person the episodes known at the cut-off that started by the day, oldest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for key, *values in con.execute(
        "select person_key::varchar, episode_type, agency, started_on, ended_on, outcome, release"
        " from warehouse.marts.episode"
        " where person_key in (select unnest($keys::uuid[])) and started_on <= $day"
        " and known_from <= $cutoff and $cutoff < known_to"
        " order by started_on, agency, episode_type, ended_on, outcome",
        {"keys": person_keys, "day": as_of, "cutoff": cutoff},
    ).fetchall():
        names = ("episode_type", "agency", "started_on", "ended_on", "outcome", "release")
        found.setdefault(key, []).append(dict(zip(names, values, strict=True)))
    return found


def _reaches(
    con: duckdb.DuckDBPyConnection, as_of: date, cutoff: datetime, agencies: list[str]
) -> dict[str, date | None]:
    """By agency the day of the newest thing it had told of at the cut-off.

    Read from the facts and not from `marts.feed_status`, which stands as of the night: a week made again later must
    say the same.
    """
    rows = con.execute(
        "with fact as ("
        " select agency, occurred_on, known_from, known_to from warehouse.marts.event"
        " union all select agency, started_on, known_from, known_to from warehouse.marts.episode)"
        " select agency, max(occurred_on) from fact"
        " where occurred_on <= $day and known_from <= $cutoff and $cutoff < known_to group by agency",
        {"day": as_of, "cutoff": cutoff},
    ).fetchall()
    return {**dict.fromkeys(agencies), **dict(rows)}


def release_lists(hub: Hub, as_of: date, who: str, purpose: str, team: str | None = None) -> list[Path]:
    """Render the newest lists and notices of a week, each into its one recipient's folder; expired products go.

    In shadow mode nothing is rendered: no product that names a person leaves the hub's store.
    """
    from review.release import release, remove_expired

    today = as_of + timedelta(days=1)
    at = datetime.combine(today, datetime.min.time())
    remove_expired(hub.store, hub.settings.outbox, today=today, who=who, at=at)
    if hub.partnership.mode == "shadow":
        return []
    files: list[Path] = []
    for facts in hub.store.issued(as_of=as_of):
        is_list = facts.kind == "weekly_list.v1"
        # A list about another subject has one recipient of its own and goes out where it is made.
        if facts.kind != "subject_list.v1" and (team is None or facts.area_team == team):
            files += release(
                hub.store,
                hub.settings.outbox,
                facts.document_id,
                # A notice goes to one worker, whose folder is a keyed pseudonym: their name stands inside it.
                recipient=f"{facts.area_team.lower()}-team" if is_list else f"worker-{facts.slot[:8]}",
                in_hub=is_list,
                who=who,
                purpose=purpose,
                today=today,
            )
    return files
