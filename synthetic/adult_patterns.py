"""In which weeks an adult truly meets one of the five patterns: worked out day by day from the true stories.

Written from the sentences people read, without a look at the SQL that finds the patterns, so that one can be held
against the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from synthetic.adults import AGENCIES, by_person

SIX_MONTHS, TWELVE_WEEKS, EIGHT_WEEKS = timedelta(days=182), timedelta(days=84), timedelta(days=56)
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class _Known:
    """What of one adult's story had happened by a Sunday."""

    sunday: date
    concerns: list[tuple[date, str]]
    enquiries: list[date]
    closed_without_action: list[date]
    services: list[tuple[date, date | None]]
    breakdowns: list[date]

    def looked_at_since(self, day: date) -> bool:
        return any(started >= day for started in self.enquiries)

    def care_ended_before(self, day: date) -> list[date]:
        """Ends of care in the twelve weeks before a day on (and since) which no care is in place."""
        if any(ended is None or ended > day for _, ended in self.services):
            return []
        return [ended for _, ended in self.services if ended is not None and day - TWELVE_WEEKS < ended <= day]


def pattern_truth(event: pd.DataFrame, start: date, end: date) -> pd.DataFrame:
    """true_person_id, pattern, as_of_date: the Sundays on which a pattern holds and something of it is a week old."""
    found = [
        (who, pattern, sunday)
        for who, rows in by_person(event).items()
        for sunday in _sundays(rows, start, end)
        for pattern, newest in _patterns(_known(rows, sunday))
        if newest > sunday - WEEK
    ]
    frame = pd.DataFrame(found, columns=["true_person_id", "pattern", "as_of_date"])
    return frame.assign(as_of_date=pd.to_datetime(frame["as_of_date"])).drop_duplicates(ignore_index=True)


def _patterns(known: _Known) -> Iterator[tuple[str, date]]:
    """Each pattern that holds, with the day of its newest row."""
    sunday = known.sunday
    recent = [day for day, _ in known.concerns if day > sunday - SIX_MONTHS]
    if len(recent) >= 3 and not known.looked_at_since(min(recent)):
        yield "third_concern", max(recent)
    by_agencies = [(day, who) for day, who in known.concerns if day > sunday - EIGHT_WEEKS and who in AGENCIES]
    if len({who for _, who in by_agencies}) >= 2 and not known.looked_at_since(min(day for day, _ in by_agencies)):
        yield "two_agencies", max(day for day, _ in by_agencies)
    lately = [day for day, _ in known.concerns if day > sunday - TWELVE_WEEKS]
    again = [day for day in lately if any(day - SIX_MONTHS <= shut < day for shut in known.closed_without_action)]
    if again and not known.looked_at_since(min(again)):
        yield "again_after_no_action", max(again)
    for name, days in (
        ("carer_after_service", [day for day in known.breakdowns if day > sunday - TWELVE_WEEKS]),
        ("concern_after_care", lately),
    ):
        left = [day for day in days if known.care_ended_before(day)]
        if left and not known.looked_at_since(min(left)):
            yield name, max(left)


def _sundays(rows: pd.DataFrame, start: date, end: date) -> list[date]:
    """Sundays of the weeks in which something happened: a pattern is news in no other."""
    days = [stamp.date() for column in ("day", "ended_on") for stamp in rows[column].dropna()]
    return sorted({day + timedelta(days=6 - day.weekday()) for day in days if start <= day <= end})


def _known(rows: pd.DataFrame, sunday: date) -> _Known:
    concerns, enquiries, closed, services, breakdowns = [], [], [], [], []
    for kind, began, ended_on, detail in rows[["kind", "day", "ended_on", "detail"]].itertuples(index=False):
        day = began.date()
        ended = None if pd.isna(ended_on) or ended_on.date() > sunday else ended_on.date()
        if day > sunday:
            continue
        if kind == "concern":
            concerns.append((day, str(detail)))
        elif kind == "enquiry":
            enquiries.append(day)
            closed += [ended] if ended is not None and detail == "NFA" else []
        elif kind == "service":
            services.append((day, ended))
        elif kind == "request" and detail == "CARER_BREAKDOWN":
            breakdowns.append(day)
    return _Known(sunday, concerns, enquiries, closed, services, breakdowns)
