"""From the week's candidates to one document per area team.

The caller hands candidates in the order the model or the rules chose them, with evidence and chronology but under
keys; names come from the identity zone and are added here. Capacity is applied, brothers and sisters are put
together, sentences are written, and the order of choice is then lost for good: families are shuffled (see
`review.document`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from review import child as entry
from review import story
from review.document import finish, validate
from review.families import Candidate, Group, group_families
from review.feeds import feed_lines, feed_short, reach_lines
from review.settings import ListSettings
from review.words import (
    Wording,
    age_words,
    capital,
    clean,
    first_sentence,
    forbidden_in,
    joined,
    on_words,
    to_date,
)

# More late files than this are told by agency in the lines at the top.
_FEEDS_BY_NAME = 3


@dataclass(frozen=True)
class Lookups:
    """What stands behind the keys of candidates; the arguments of the same names of `compose_lists`."""

    identities: Mapping[str, Mapping[str, Any]]
    professionals: Mapping[str, Mapping[str, Any]]
    organisations: Mapping[str, str]
    episodes: Mapping[str, Sequence[Mapping[str, Any]]]


class ComposeProblem(Exception):
    """A list cannot be composed; the message says what is missing, never whom it is about."""


def compose_lists(
    candidates: Sequence[Candidate],
    *,
    settings: ListSettings,
    wording: Wording,
    as_of: date,
    identities: Mapping[str, Mapping[str, Any]],
    professionals: Mapping[str, Mapping[str, Any]] | None = None,
    feeds: Sequence[Mapping[str, Any]] = (),
    organisations: Mapping[str, str] | None = None,
    suppressed: Mapping[str, Mapping[str, int]] | None = None,
    held_back: Mapping[str, int] | None = None,
    basis: Sequence[str] = (),
    patterns: Sequence[Mapping[str, str]] = (),
    reaches: Mapping[str, date | None] | None = None,
    episodes: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    warnings: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """One finished `weekly_list.v1` document per area team with a capacity, also when it is empty.

    Args:
        candidates: in order of choice; a team's first ones fill its capacity.
        as_of: the Sunday the week ends with; the list is for the Monday after it.
        identities: by person_key: forename, surname, birth_date (used for the age alone).
        professionals: by worker_record_key: name, role, organisation.
        feeds: agency, feed, last_good_load (date or timestamp), is_late, and optionally no_agreement.
        organisations: names for people of organisation, team and role codes (a school's number).
        suppressed: by team and reason: how many persons were not listed.
        held_back: by team: further persons left out for want of room before they were handed over.
        basis: plain sentences on where this week's list comes from (which gates passed).
        patterns: title and words of each named pattern: what lists with it found before.
        reaches: by agency: day of the newest thing it has told of. A file may come on time and tell of weeks ago.

        warnings: what is known to be wrong with the data, and who decided that the list goes out all the same; said
            in the lines at the top.
        episodes: by person_key: episodes whose start and end belong into the chronology.

    Raises:
        ComposeProblem: a capacity is not set, a person appears twice, or a sentence may not be said.
    """
    keys = [str(candidate["person_key"]) for candidate in candidates]
    if len(keys) != len(set(keys)):
        raise ComposeProblem("A person was handed over twice for one week.")
    unset = sorted({str(candidate["area_team"]) for candidate in candidates} - set(settings.capacity))
    if unset:
        raise ComposeProblem(f"No weekly capacity is set for area team {unset[0]!r}; set it in partnership.yml.")
    told_feeds = feed_lines(feeds, wording)
    told_reaches = reach_lines(reaches or {}, wording, as_of)
    if any(forbidden_in(text) for text in [*warnings, *basis, *(f"{one['title']} {one['words']}" for one in patterns)]):
        raise ComposeProblem("The sentence on where the list comes from says something a product may not say.")
    lookups = Lookups(identities, professionals or {}, organisations or {}, episodes or {})
    documents = {}
    for team in sorted(settings.capacity):
        of_team = [candidate for candidate in candidates if candidate["area_team"] == team]
        own = [candidate for candidate in of_team if candidate["reasons"]]
        families, left_out = group_families(own, settings.capacity[team])
        composed = [_family(group, settings, wording, as_of, lookups, told_feeds) for group in families]
        counts = {
            "listed": sum(len(family["children"]) for family in composed),
            "capacity": settings.capacity[team],
            "held_back": left_out + (held_back or {}).get(team, 0),
            "suppressed": _suppressed(
                {"no_traceable_reason": len(of_team) - len(own), **(suppressed or {}).get(team, {})}, wording
            ),
        }
        document: dict[str, Any] = {
            **list_head(
                "weekly_list.v1", settings, as_of, team, settings.team_name(team), settings.team_contacts.get(team)
            ),
            "top_lines": _top_lines(composed, counts, told_feeds, told_reaches, warnings, wording),
            "basis": list(basis),
            "patterns": _patterns(patterns),
            "statements": statements(wording, settings, ("people_decide", "order", "offer", "purpose")),
            "feeds": told_feeds,
            "reaches": told_reaches,
            "counts": counts,
            "families": composed,
            "decisions": list(wording.pack["decisions"]),
            "reason_answers": list(wording.pack["reason_answers"]),
            "family_told": list(wording.pack["family_told"]),
            "page": {
                **page_words(wording, ("none_good", "none_involved", "none_sure", "sealed_note", "all_on_time")),
                "group": capital(wording.group["one"]),
            },
        }
        finish(document)
        validate(document)
        documents[team] = document
    return documents


def list_head(
    schema: str, settings: ListSettings, as_of: date, area_team: str, team_name: str, team_contact: str | None
) -> dict[str, Any]:
    """What every list begins with; number, version and content hash come when it is issued."""
    return {
        "schema": schema,
        "partnership": settings.partnership,
        "partnership_name": settings.partnership_name,
        "synthetic": settings.synthetic,
        "mode": settings.mode,
        "list_id": None,
        "version": None,
        "cause": None,
        "as_of_date": as_of.isoformat(),
        "expires_on": settings.expires_on(as_of).isoformat(),
        "area_team": area_team,
        "team_name": team_name,
        "team_contact": team_contact,
        "content_hash": "",
    }


def _family(
    group: Group,
    settings: ListSettings,
    wording: Wording,
    as_of: date,
    lookups: Lookups,
    feeds: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    identities = lookups.identities
    rule_days = [int(one["deadline_days"]) for one in group.listed if one.get("deadline_days") is not None]
    usual = settings.last_working_day(as_of)
    by_rule = min((settings.working_days_after(as_of, days) for days in rule_days), default=usual)
    children = [
        _child(candidate, wording, as_of, lookups, feeds) for candidate in _eldest_first(group.listed, identities)
    ]
    here = {str(candidate["person_key"]) for candidate in group.listed}
    held = {str(candidate["person_key"]) for candidate in group.held_back}
    others = {str(key) for candidate in group.listed for key in candidate.get("siblings") or []} | held
    return {
        "ref": "",
        "talk_by": min(by_rule, usual).isoformat(),
        "talk_by_rule": by_rule < usual,
        "household_key": next((str(one["household_key"]) for one in group.listed if one.get("household_key")), None),
        "children": children,
        "noticed": _noticed(children, wording),
        "others_in_home": sorted(
            (
                {"person_key": key, **who_is(key, identities, as_of, wording), "held_back": key in held}
                for key in others - here
                if key in identities or key in held
            ),
            key=lambda one: (str(one["name"]), str(one["age"])),
        ),
    }


def _noticed(children: Sequence[Mapping[str, Any]], wording: Wording) -> list[dict[str, str]]:
    """Who noticed what, by agency, each record once; what is sealed has no agency and is left out."""
    rows: dict[str, dict[str, Mapping[str, Any]]] = {}
    for child in children:
        for reason in child["reasons"]:
            for line in reason["evidence"]:
                if not line["sealed"]:
                    rows.setdefault(line["agency_name"], {}).update({row["event_key"]: row for row in line["rows"]})
    return [{"agency_name": name, "what": wording.kinds(list(found.values()))} for name, found in sorted(rows.items())]


def _patterns(patterns: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Patterns of which the same is said share a line, in the place of the first of them."""
    titles: dict[str, list[str]] = {}
    for one in patterns:
        titles.setdefault(str(one["words"]), []).append(str(one["title"]))
    return [{"title": "; ".join(named), "words": words} for words, named in titles.items()]


def _eldest_first(group: Sequence[Candidate], identities: Mapping[str, Mapping[str, Any]]) -> list[Candidate]:
    def by_age(candidate: Candidate) -> tuple[str, str, str]:
        who = identities.get(str(candidate["person_key"]), {})
        born = to_date(who.get("birth_date"))
        return (born.isoformat() if born else "9999", str(who.get("forename")), str(who.get("surname")))

    return sorted(group, key=by_age)


def who_is(key: str, identities: Mapping[str, Mapping[str, Any]], as_of: date, wording: Wording) -> dict[str, str]:
    """A person's name and age in words; nothing else of the identity is used."""
    who = identities.get(key, {})
    name = clean(" ".join(str(who[part]) for part in ("forename", "surname") if who.get(part)))
    return {
        "name": name or wording.phrase("name_unknown"),
        "age": age_words(to_date(who.get("birth_date")), as_of, wording.phrase("age_unknown")),
    }


def _child(
    candidate: Candidate,
    wording: Wording,
    as_of: date,
    lookups: Lookups,
    feeds: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    told = entry.reasons(candidate, wording)
    key = str(candidate["person_key"])
    lines = story.chronology(candidate, wording, as_of, lookups.episodes.get(key, ()))
    agencies = {line["agency"] for line in lines} | set(candidate.get("link_basis") or {})
    return {
        "ref": "",
        "person_key": key,
        **who_is(key, lookups.identities, as_of, wording),
        "channels": sorted(str(name) for name in candidate.get("channel") or []),
        "reasons": told,
        "going_well": entry.going_well(candidate, wording),
        "involved": entry.involved(candidate, lookups.professionals, lookups.organisations, wording),
        "chronology": lines,
        "gaps": story.gaps(feeds, agencies, wording),
        "sureness": entry.sureness(candidate, wording),
        "questions": entry.questions(candidate, told, wording),
        "specialist": story.has_sealed(candidate, wording, as_of),
    }


def statements(wording: Wording, settings: ListSettings, more: Sequence[str]) -> dict[str, str]:
    """What every product says: danger now, absence, and further ones; invented people and shadow mode where true."""
    keys = ["danger_now", "absence", *more]
    keys += ["synthetic"] if settings.synthetic else []
    keys += ["shadow"] if settings.mode == "shadow" else []
    return {key: wording.statement(key, settings.front_door) for key in keys}


def page_words(wording: Wording, phrases: Sequence[str]) -> dict[str, Any]:
    """Language, agency colours and fixed phrases, kept in the document so that it always renders the same."""
    colours = {
        str(agency): str(look["colour"])
        for agency, look in wording.agencies.items()
        if look.get("colour") and not wording.sealed_agency(agency)
    }
    page: dict[str, Any] = {"language": str(wording.pack.get("language", "en")), "colours": colours}
    return {**page, **{phrase: wording.phrase(phrase) for phrase in phrases}}


def _suppressed(counts: Mapping[str, int], wording: Wording) -> list[dict[str, Any]]:
    words = wording.pack.get("exclusions", {})
    return [
        {
            "reason": reason,
            "count": int(count),
            "sentence": wording.choose(str(words.get(reason) or f"({reason.replace('_', ' ')})"), int(count)),
        }
        for reason, count in sorted(counts.items())
        if count
    ]


def _top_lines(
    families: Sequence[Mapping[str, Any]],
    counts: Mapping[str, Any],
    feeds: Sequence[Mapping[str, Any]],
    reaches: Sequence[Mapping[str, Any]],
    warnings: Sequence[str],
    wording: Wording,
) -> list[str]:
    """Three lines for someone in a hurry: whom by when, what is missing, what never to forget."""
    word = wording.pack.get("person", {"one": "person", "many": "people"})
    listed = counts["listed"]
    if families:
        days = sorted(Counter(on_day["talk_by"] for on_day in families).items())
        by = [(f"by {on_words(date.fromisoformat(day), weekday=True)}", number) for day, number in days]
        group = wording.group
        # Where nobody is listed with others, people are counted once.
        homes = "" if group == word else f", in {len(families)} {group['one' if len(families) == 1 else 'many']}"
        when = f", {by[0][0]}" if len(by) == 1 else f": {joined([f'{number} {day}' for day, number in by])}"
        who = f"Talk about {listed} {word['one'] if listed == 1 else word['many']}{homes}{when}."
    else:
        who = f"No {word['many']} on the list this week."
    if counts["held_back"]:
        held = counts["held_back"]
        who += f" There was no room for {held} more {word['one'] if held == 1 else word['many']}."
    late = [line for line in feeds if line["is_late"]]
    if len(late) > _FEEDS_BY_NAME:
        agencies = joined(sorted({line["agency_name"] for line in late}))
        missing = f"{len(late)} files are late or missing, from: {agencies} (see the end)."
    elif late:
        missing = f"Late or missing: {joined([feed_short(line, wording) for line in late])}."
    else:
        missing = wording.phrase("all_on_time")
    missing = " ".join([*warnings, missing, *(line["sentence"] for line in reaches if line["sentence"])])
    return [
        who,
        missing,
        " ".join(first_sentence(wording.statement(name)) for name in ("absence", "danger_now")),
    ]
