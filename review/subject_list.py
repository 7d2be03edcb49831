"""A list about others than the persons the hub is for, such as adults who may have been harmed, for one recipient.

It keeps to what the weekly list keeps to: who, why now with dated rows, who already helps, what is not known,
questions; decisions left to people; no number about a person, no order with a meaning, one recipient, a last day of
use. It speaks of named patterns alone, and everybody they hold for stands on it, so there is nothing to rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from review.compose import ComposeProblem, list_head, page_words, statements, who_is
from review.document import finish_people, validate
from review.feeds import feed_lines
from review.settings import ListSettings
from review.words import Wording, forbidden_in, joined, on_words, to_date

MOST_PATTERNS = 5
_PHRASES = ("all_on_time", "nobody", "none_lost", "lost", "sure")


def compose_subject_list(
    week: Mapping[str, Any],
    *,
    subject: str,
    settings: ListSettings,
    wording: Wording,
    as_of: date,
    identities: Mapping[str, Mapping[str, Any]],
    feeds: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """One finished `subject_list.v1` document, also when nobody is on it.

    Args:
        week: patterns, events, help and unanswered, as known at the week's cut-off (rows under keys).
        subject: the name of the subject, as in the pack.
        settings: capacity is not used; `front_door` is that of this list.
        wording: the words of the pack's `subjects/<subject>.yml`, which also declares patterns and recipient.
        as_of: the Sunday the week ends with.
        identities: by person_key: forename, surname, birth_date (used for the age alone).
        feeds: feeds about the subject, as for `review.compose.compose_lists`.

    Raises:
        ComposeProblem: more than five patterns are declared, a row names one that is not, or a sentence says something
            a product may not say.
    """
    declared = {str(one["id"]): one for one in wording.pack["patterns"]}
    if len(declared) > MOST_PATTERNS:
        raise ComposeProblem(f"{len(declared)} patterns are declared for {subject}; {MOST_PATTERNS} is the most.")
    unknown = sorted({str(one["pattern"]) for one in week["patterns"]} - set(declared))
    if unknown:
        raise ComposeProblem(f"Pattern {unknown[0]!r} of {subject} is not declared, so it cannot be told in words.")
    told_feeds = feed_lines(feeds, wording)
    events = {str(row["event_key"]): row for row in week["events"]}
    by_person: dict[str, list[Mapping[str, Any]]] = {}
    for one in week["patterns"]:
        by_person.setdefault(str(one["person_key"]), []).append(one)
    people = [
        _person(key, found, week, declared, events, settings, wording, as_of, identities)
        for key, found in by_person.items()
    ]
    about = wording.pack["list"]
    document: dict[str, Any] = {
        **list_head("subject_list.v1", settings, as_of, subject, str(about["recipient_name"]), about.get("contact")),
        "subject": subject,
        "title": str(about["title"]),
        "top_lines": _top_lines(people, week["unanswered"], told_feeds, wording),
        "statements": statements(wording, settings, ("people_decide", "order", "purpose")),
        "people": people,
        "unanswered": _unanswered(week["unanswered"], identities, wording, as_of),
        "feeds": told_feeds,
        "decisions": list(wording.pack["decisions"]),
        "page": page_words(wording, _PHRASES),
    }
    finish_people(document)
    validate(document)
    return document


def _person(
    key: str,
    patterns: Sequence[Mapping[str, Any]],
    week: Mapping[str, Any],
    declared: Mapping[str, Mapping[str, Any]],
    events: Mapping[str, Mapping[str, Any]],
    settings: ListSettings,
    wording: Wording,
    as_of: date,
    identities: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    order = list(declared)
    held = sorted(patterns, key=lambda one: order.index(str(one["pattern"])))
    own = [row for row in week["events"] if str(row["person_key"]) == key]
    helped = [row for row in week["help"] if str(row["person_key"]) == key]
    days = [int(declared[str(one["pattern"])]["deadline_working_days"]) for one in held]
    questions = [text for one in held for text in declared[str(one["pattern"])]["questions"]]
    return {
        "ref": "",
        "person_key": key,
        **who_is(key, identities, as_of, wording),
        "look_by": settings.working_days_after(as_of, min(days)).isoformat(),
        "reasons": [_reason(one, declared, events, wording) for one in held],
        "help": [_help(row, wording) for row in helped],
        "no_help": None if helped else str(wording.pack["no_help"]),
        "not_known": _not_known(own, wording),
        "questions": list(dict.fromkeys(questions)),
        "chronology": _chronology(own, wording),
    }


def _reason(
    pattern: Mapping[str, Any],
    declared: Mapping[str, Mapping[str, Any]],
    events: Mapping[str, Mapping[str, Any]],
    wording: Wording,
) -> dict[str, Any]:
    """Why now: the pattern's sentence, filled from its rows, and the rows themselves."""
    name = str(pattern["pattern"])
    missing = [key for key in pattern["evidence"] if key not in events]
    if missing or not pattern["evidence"]:
        raise ComposeProblem(f"Pattern {name!r} rests on {len(missing)} rows that were not handed over.")
    rows = sorted((events[key] for key in pattern["evidence"]), key=_newest_first(wording))
    sentence = wording.sentence(str(declared[name]["sentence"]), {}, rows)
    if found := forbidden_in(sentence):
        raise ComposeProblem(f"Pattern {name!r} says {found[0]!r}, which a product about a person may not say.")
    return {
        "name": name,
        "title": str(declared[name]["title"]),
        "sentence": sentence,
        "evidence": [
            {
                "event_key": str(row["event_key"]),
                "feed_name": wording.feed(str(row["agency"]), str(row["feed"])),
                **line,
            }
            for row, line in ((row, _line(row, wording)) for row in rows)
        ],
    }


def _line(row: Mapping[str, Any], wording: Wording) -> dict[str, Any]:
    day = to_date(row["occurred_on"])
    return {
        "when": on_words(day) if day else "",
        "what": wording.events(str(row["event_type"]), [row["detail"]]),
        "agency_name": wording.agency(str(row["agency"])),
    }


def _chronology(rows: Sequence[Mapping[str, Any]], wording: Wording) -> list[dict[str, Any]]:
    """The last two years, newest first; what the pack leaves untold is left out."""
    untold = set(wording.pack.get("untold", ()))
    told = sorted((row for row in rows if row["event_type"] not in untold), key=_newest_first(wording))
    return [_line(row, wording) for row in told]


def _newest_first(wording: Wording) -> Any:
    def place(row: Mapping[str, Any]) -> tuple[int, str]:
        day = to_date(row["occurred_on"])
        return (-day.toordinal() if day else 0, wording.events(str(row["event_type"]), [row["detail"]]))

    return place


def _help(row: Mapping[str, Any], wording: Wording) -> dict[str, Any]:
    kind = str(row["spell_type"])
    codes = wording.pack["help"][kind].get("codes")
    since = to_date(row["started_on"])
    return {
        "agency_name": wording.agency(str(row["agency"])),
        "what": wording.label(codes, row["kind"]) or kind.replace("_", " "),
        "team": wording.label(wording.pack.get("teams"), row["team"]),
        "since": since.isoformat() if since else None,
    }


def _not_known(rows: Sequence[Mapping[str, Any]], wording: Wording) -> list[str]:
    known = {str(row["event_type"]) for row in rows}
    return [str(line["say"]) for line in wording.pack["not_known"] if line.get("unless") not in known]


def _unanswered(
    rows: Sequence[Mapping[str, Any]], identities: Mapping[str, Mapping[str, Any]], wording: Wording, as_of: date
) -> list[dict[str, Any]]:
    """Notifications that were sent and that nobody is found to have recorded, longest waiting first."""
    return [
        {
            "person_key": str(row["person_key"]),
            "event_key": str(row["event_key"]),
            "name": who_is(str(row["person_key"]), identities, as_of, wording)["name"],
            "agency_name": wording.agency(str(row["agency"])),
            "sent_on": row["sent_on"].isoformat(),
            "due_on": row["due_on"].isoformat(),
        }
        for row in rows
    ]


def _top_lines(
    people: Sequence[Mapping[str, Any]],
    unanswered: Sequence[Mapping[str, Any]],
    feeds: Sequence[Mapping[str, Any]],
    wording: Wording,
) -> list[str]:
    word = wording.pack["person"]
    if people:
        first = min(person["look_by"] for person in people)
        count = len(people)
        by = on_words(date.fromisoformat(first), weekday=True)
        who = f"{count} {word['one'] if count == 1 else word['many']} to look at, the first by {by}."
    else:
        who = wording.phrase("nobody")
    lost = len(unanswered)
    sent = f"{lost} {'notification' if lost == 1 else 'notifications'} without a recorded concern (see the end)."
    late = [line for line in feeds if line["is_late"]]
    missing = joined([f"{line['agency_name']} {line['feed_name']}" for line in late])
    return [
        who,
        sent if lost else wording.phrase("none_lost"),
        f"Late or missing: {missing}." if late else wording.phrase("all_on_time"),
    ]
