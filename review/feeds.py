"""The data behind a list: when each file came, and how far each agency's news reaches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from review.words import Wording, to_date

# An agency whose newest news is older than this on the list's Sunday is named at the top.
_NEWS_DAYS = 14


def feed_lines(feeds: Iterable[Mapping[str, Any]], wording: Wording) -> list[dict[str, Any]]:
    """Every feed with its last good day; a late, missing or unlawful one with a sentence. Sealed agencies
    and feeds that only serve to match records stay out."""
    lines = []
    unshown = set(wording.pack.get("unshown_feeds", ()))
    for feed in feeds:
        agency, name = str(feed["agency"]), str(feed["feed"])
        if wording.sealed_agency(agency) or f"{agency}__{name}" in unshown:
            continue
        last = to_date(feed.get("last_good_load"))
        late = bool(feed.get("is_late")) or last is None or bool(feed.get("no_agreement"))
        key = "no_agreement" if feed.get("no_agreement") else "late_feed" if last else "never_feed"
        facts = {"agency": wording.agency(agency), "feed": wording.feed(agency, name), "on": last}
        lines.append(
            {
                "agency": agency,
                "agency_name": facts["agency"],
                "feed": name,
                "feed_name": facts["feed"],
                "is_late": late,
                "last_good_on": last.isoformat() if last else None,
                "sentence": wording.sentence(wording.phrase(key), facts) if late else None,
            }
        )
    return sorted(lines, key=lambda line: (line["agency_name"], line["feed_name"]))


def reach_lines(reaches: Mapping[str, date | None], wording: Wording, as_of: date) -> list[dict[str, Any]]:
    """How far each agency's news reaches; sealed agencies stay out. `sentence` is set when it stops early."""
    lines = []
    for agency, newest in reaches.items():
        if wording.sealed_agency(agency):
            continue
        # A thing planned for later (a placement, a review) is no news of that day.
        last = min(newest, as_of) if newest else None
        old = last is None or (as_of - last).days > _NEWS_DAYS
        facts = {"inline": wording.inline(agency), "on": last}
        lines.append(
            {
                "agency": agency,
                "agency_name": wording.agency(agency),
                "newest_on": last.isoformat() if last else None,
                "sentence": wording.sentence(wording.phrase("old_news" if last else "no_news"), facts) if old else None,
            }
        )
    return sorted(lines, key=lambda line: line["agency_name"])


def feed_short(feed: Mapping[str, Any], wording: Wording) -> str:
    """A late feed in a few words."""
    key = "late_short" if feed["last_good_on"] else "never_short"
    facts = {"agency": feed["agency_name"], "feed": feed["feed_name"], "on": feed["last_good_on"]}
    return wording.sentence(wording.phrase(key), facts)
