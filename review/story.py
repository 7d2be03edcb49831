"""The story of the last months, newest first, where it stops for want of data, and whether part of it is sealed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from review.sealed import is_sealed
from review.words import Wording, month_words, on_words, to_date

CHRONOLOGY_MONTHS = 24


def chronology(
    candidate: Mapping[str, Any], wording: Wording, as_of: date, episodes: Iterable[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """24 months, newest first: one line for equal events of a day, one a month for all small events of an agency.

    Args:
        candidate: with `chronology`, its events.
        episodes: episode_type, agency, started_on, ended_on, outcome, release: their start and end become lines
            where the pack has words for them (`episode_lines`).
    """
    start = _story_start(as_of)
    days: dict[tuple[date, str, str], list[str | None]] = {}
    months: dict[tuple[str, int, int], list[tuple[date, str]]] = {}
    rows = [row for row in candidate.get("chronology") or [] if not is_sealed(row, wording)]
    told_better = Counter(
        (str(row["agency"]), str(instead), to_date(row["occurred_on"]))
        for row in rows
        if (instead := wording.event_setting(str(row["event_type"]), "instead_of"))
    )
    for row in rows:
        day = to_date(row["occurred_on"])
        agency, event_type = str(row["agency"]), str(row["event_type"])
        if day is None or not start <= day <= as_of or wording.event_setting(event_type, "untold"):
            continue
        if told_better[agency, event_type, day] > 0:
            told_better[agency, event_type, day] -= 1
        elif wording.event_setting(event_type, "by_month"):
            months.setdefault((agency, day.year, day.month), []).append((day, event_type))
        else:
            days.setdefault((day, agency, event_type), []).append(row.get("detail"))
    dated = {(day, agency, wording.events(kind, details)) for (day, agency, kind), details in days.items()}
    dated |= {line for line in _turns(episodes, wording) if start <= line[0] <= as_of}
    # A line of a whole month stands under the days of that month.
    placed = [
        ((day.toordinal(), 1), _told(agency, day, day, on_words(day), what, wording)) for day, agency, what in dated
    ]
    for (agency, year, month), events in months.items():
        known = [day for day, _ in events]
        counts = Counter(event_type for _, event_type in events)
        what = "; ".join(f"{count} {wording.event(kind, count)}" for kind, count in sorted(counts.items()))
        first = date(year, month, 1)
        line = _told(agency, min(known), max(known), month_words(first), what, wording)
        placed.append(((first.toordinal(), 0), line))
    placed.sort(key=lambda pair: (pair[1]["agency"], pair[1]["what"]))
    placed.sort(key=lambda pair: pair[0], reverse=True)
    return [line for _, line in placed]


def _turns(episodes: Iterable[Mapping[str, Any]], wording: Wording) -> Iterable[tuple[date, str, str]]:
    """Day, agency and words of each start and end of an episode that the pack has words for."""
    words = wording.pack.get("episode_lines", {})
    for row in episodes:
        known = words.get(str(row["episode_type"]), {})
        if is_sealed(row, wording):
            continue
        started, ended = to_date(row.get("started_on")), to_date(row.get("ended_on"))
        if started and "started" in known:
            yield started, str(row["agency"]), str(known["started"])
        if ended and "ended" in known:
            why = wording.label(known.get("outcomes"), row.get("outcome"))
            yield ended, str(row["agency"]), f"{known['ended']}: {why}" if why else str(known["ended"])


def _told(agency: str, first: date, last: date, when: str, what: str, wording: Wording) -> dict[str, Any]:
    return {
        "first_on": first.isoformat(),
        "last_on": last.isoformat(),
        "when": when,
        "agency": agency,
        "agency_name": wording.agency(agency),
        "what": what,
    }


def gaps(feeds: Sequence[Mapping[str, Any]], agencies: Iterable[str], wording: Wording) -> list[str]:
    """Where the story stops for want of data: late feeds of the agencies that know this person."""
    known = set(agencies)
    told = [
        wording.sentence(
            wording.phrase("gap"),
            {"agency": feed["agency_name"], "on": feed["last_good_on"], "feed": feed["feed_name"]},
        )
        for feed in feeds
        if feed["is_late"] and feed["last_good_on"] and feed["agency"] in known
    ]
    return sorted(told)


def has_sealed(candidate: Mapping[str, Any], wording: Wording, as_of: date) -> bool:
    """Whether anything sealed falls into the months the chronology covers, or goes on now.

    What ended before that is not told: an old spell is no news, and the line alone would tell of it for ever. That
    a sealed agency has a record of the person (`link_basis`) says nothing of when.
    """
    start = _story_start(as_of)
    if any(is_sealed(row, wording) for row in candidate.get("involvement") or []):
        return True
    rows = list(candidate.get("chronology") or [])
    for told in [*candidate["reasons"], *(candidate.get("protective") or [])]:
        rows += [*(told.get("evidence") or []), *(told.get("supporting") or [])]
    for row in rows:
        last = to_date(row.get("ended_on")) or to_date(row.get("occurred_on"))
        if is_sealed(row, wording) and (last is None or last >= start):
            return True
    return False


def _story_start(as_of: date) -> date:
    year, month = divmod(as_of.year * 12 + as_of.month - 1 - CHRONOLOGY_MONTHS, 12)
    return date(year, month + 1, min(as_of.day, 28))
