"""Adults whom adult social care knows: true stories of concerns, enquiries, services and requests.

Apart from the world of the children and drawn from streams of its own, so that it changes nothing there. One in four
is a parent of that world under the same name, birth date and NHS number: records about them would link, were they ever
compared. Stories are planted for each pattern that the hub looks for, and for near misses of each; what truly meets a
pattern is worked out from the stories alone (`adult_patterns`).

Everything happens on a weekday and is recorded the same day, so that a Sunday knows all that came before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from synthetic.identifiers import nhs_numbers
from synthetic.people import forenames, surnames
from synthetic.randomness import pick, stream

#: Adults for every child of the authority: long-term support for 1.8 % of adults, 3.5 adults a child (NHS England).
ADULTS_PER_CHILD, FEWEST_ADULTS, PARENT_SHARE = 0.065, 120, 0.25
#: Of every eight adults, those with one of the planted stories.
PLANTED_SHARE = 0.5
AGENCIES = ("POLICE", "HOSPITAL", "AMBULANCE", "GP", "CARE_PROVIDER", "HOUSING", "SOCIAL_CARE")
SOURCES, SOURCE_SHARES = (*AGENCIES, "PERSONAL", "OTHER"), (18, 14, 9, 6, 25, 4, 10, 11, 3)
OUTCOMES, OUTCOME_SHARES = ("NFA", "RISK_REMOVED", "RISK_REDUCED", "RISK_REMAINS", "CEASED"), (25, 20, 35, 8, 12)
SERVICES = ("Long Term Support: Community", "Long Term Support: Residential Care", "Short Term Support: ST-Max")
#: Share of police concerns that came by a notification, and of notifications that got lost on the way.
NOTIFIED, LOST = 0.85, 0.08


@dataclass(frozen=True)
class Adults:
    """The adults and what happened, in truth.

    Attributes:
        person: person_id, forename, surname, birth_date, sex, nhs_number, death_date (NaT).
        event: event_id, person_id, kind (concern | enquiry | service | request | assessment | notification), day,
            ended_on (NaT: open or a moment), detail (source, outcome, service, reason), cause (event_id or 0).
    """

    person: pd.DataFrame
    event: pd.DataFrame


def make_adults(children: int, seed: int, start: date, end: date, parents: pd.DataFrame) -> Adults:
    """Adults of an authority of that many children between two days.

    Args:
        parents: rows of the children's world (person_id, forename, surname, birth_date, sex, nhs_number, death_date).
    """
    size = max(FEWEST_ADULTS, round(children * ADULTS_PER_CHILD))
    person = _people(size, seed, parents)
    stories = _Stories(stream(seed, "adults", "stories"), start, end)
    for place, person_id in enumerate(person["person_id"].tolist()):
        stories.of_adult(person_id, place)
    return Adults(person, stories.table())


def _people(size: int, seed: int, parents: pd.DataFrame) -> pd.DataFrame:
    rng = stream(seed, "adults", "people")
    alive = parents[parents["death_date"].isna()]
    known = alive.iloc[np.sort(rng.permutation(len(alive))[: int(size * PARENT_SHARE)])]
    new = size - len(known)
    year = 1931 + (rng.random(new) * 72).astype(np.int64)
    female = rng.random(new) < 0.57
    taken = set(parents["nhs_number"].astype(str))
    numbers = [number for number in nhs_numbers(2 * new + 64, rng).tolist() if number not in taken][:new]
    first = int(parents["person_id"].max()) + 1_000_000
    born = [np.datetime64(f"{y}-01-01") + np.timedelta64(d, "D") for y, d in zip(year, rng.integers(0, 365, new))]  # noqa: B905
    others = pd.DataFrame(
        {
            "person_id": np.arange(first, first + new),
            "forename": forenames(rng, female, year),
            "surname": surnames(rng, new),
            "birth_date": np.array(born, dtype="datetime64[s]"),
            "sex": np.where(female, "F", "M"),
            "nhs_number": numbers,
            "death_date": pd.Series(pd.NaT, index=range(new), dtype="datetime64[s]"),
        }
    )
    everyone = pd.concat([known[list(others.columns)], others], ignore_index=True)
    return everyone.iloc[rng.permutation(len(everyone))].reset_index(drop=True)


class _Stories:
    """Collects events; a story begins on a day and plants what a pattern, or a near miss of it, is made of."""

    def __init__(self, rng: np.random.Generator, start: date, end: date) -> None:
        self.rng, self.start, self.end = rng, start, end
        self.rows: list[tuple[int, int, str, date, date | None, str, int]] = []
        self.planted = (
            self._three, self._three_with_enquiry, self._two_agencies, self._one_agency_twice, self._again,
            self._again_late, self._carer, self._carer_with_care, self._care_ended, self._care_ended_long_ago,
        )  # fmt: skip

    def of_adult(self, person_id: int, place: int) -> None:
        """Everyday life for everybody and a planted story for some; one of each in the weeks before the first run."""
        self._everyday(person_id)
        if place < len(self.planted):
            self.planted[place](person_id, date(2026, 9, 28) + timedelta(days=place % 5))
        elif place < len(self.planted) + 2:
            self._add(person_id, "notification", date(2026, 9, 15) + timedelta(days=place % 3), "lost")
        elif self.rng.random() < PLANTED_SHARE:
            self.planted[place % len(self.planted)](person_id, self._day())

    def table(self) -> pd.DataFrame:
        """All events, by day."""
        names = ["event_id", "person_id", "kind", "day", "ended_on", "detail", "cause"]
        frame = pd.DataFrame(self.rows, columns=names)
        for name in ("day", "ended_on"):
            frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
        return frame.sort_values(["day", "event_id"], kind="stable", ignore_index=True)

    # -- everyday life ------------------------------------------------------------------------------------------------

    def _everyday(self, who: int) -> None:
        for _ in range(int(self.rng.poisson(1.2))):
            self._service(who, self._day(), int(self.rng.integers(40, 700)))
        for _ in range(int(self.rng.poisson(1.5))):
            self._add(who, "request", self._day(), str(self._one(("NEW_NEED", "CHANGE_OF_NEED", "OTHER"), (5, 4, 1))))
        for _ in range(int(self.rng.poisson(0.8))):
            day = self._day()
            self._add(who, "assessment", day, "Long Term Assessment", ended=self._after(day, 28))
        for _ in range(int(self.rng.poisson(0.9))):
            day = self._day()
            concern = self._concern(who, day)
            if self.rng.random() < 0.35:
                self._enquiry(who, self._after(day, 3), concern)

    # -- planted stories: `day` is when the last thing happens --------------------------------------------------------

    def _three(self, who: int, day: date) -> None:
        for back in (150, 70, 0):
            self._concern(who, self._before(day, back), "CARE_PROVIDER")

    def _three_with_enquiry(self, who: int, day: date) -> None:
        self._three(who, day)
        self._enquiry(who, self._before(day, 60), 0)

    def _two_agencies(self, who: int, day: date) -> None:
        self._concern(who, self._before(day, 40), "HOSPITAL")
        self._concern(who, day, "POLICE")

    def _one_agency_twice(self, who: int, day: date) -> None:
        self._concern(who, self._before(day, 40), "GP")
        self._concern(who, day, "GP")

    def _again(self, who: int, day: date, since: int = 90) -> None:
        first = self._concern(who, self._before(day, since + 60), "HOUSING")
        self._add(who, "enquiry", self._before(day, since + 55), "NFA", self._before(day, since), first)
        self._concern(who, day, "HOUSING")

    def _again_late(self, who: int, day: date) -> None:
        self._again(who, day, since=200)

    def _carer(self, who: int, day: date, back: int = 30) -> None:
        self._add(who, "service", self._before(day, back + 200), SERVICES[0], self._before(day, back))
        self._add(who, "request", day, "CARER_BREAKDOWN")

    def _carer_with_care(self, who: int, day: date) -> None:
        self._carer(who, day)
        self._add(who, "service", self._before(day, 20), SERVICES[2])

    def _care_ended(self, who: int, day: date, back: int = 50) -> None:
        self._add(who, "service", self._before(day, back + 300), SERVICES[0], self._before(day, back))
        self._concern(who, day, "AMBULANCE")

    def _care_ended_long_ago(self, who: int, day: date) -> None:
        self._care_ended(who, day, back=100)

    # -- what stories are made of -------------------------------------------------------------------------------------

    def _concern(self, who: int, day: date, source: str | None = None) -> int:
        told_by = source or str(self._one(SOURCES, SOURCE_SHARES))
        concern = self._add(who, "concern", day, told_by)
        if told_by == "POLICE" and self.rng.random() < NOTIFIED:
            sent = day if self.rng.random() < 0.6 else self._before(day, 1)
            self._add(who, "notification", sent, "sent", cause=concern)
        elif self.rng.random() < LOST:
            self._add(who, "notification", self._day(), "lost")
        return concern

    def _enquiry(self, who: int, day: date, concern: int) -> None:
        outcome = str(self._one(OUTCOMES, OUTCOME_SHARES))
        self._add(who, "enquiry", day, outcome, self._after(day, int(self.rng.integers(20, 120))), concern)

    def _service(self, who: int, day: date, length: int) -> None:
        kind = str(self._one(SERVICES, (60, 20, 20)))
        self._add(who, "service", day, kind, self._after(day, length) if self.rng.random() < 0.6 else None)

    def _add(self, who: int, kind: str, day: date, detail: str, ended: date | None = None, cause: int = 0) -> int:
        number = len(self.rows) + 1
        self.rows.append((number, who, kind, day, ended, detail, cause))
        return number

    def _one(self, options: tuple[str, ...], shares: tuple[float, ...]) -> str:
        return options[int(pick(self.rng, 1, tuple(map(float, shares)))[0])]

    def _day(self) -> date:
        return _weekday(self.start + timedelta(days=int(self.rng.integers(0, (self.end - self.start).days))))

    def _before(self, day: date, days: int) -> date:
        return _weekday(day - timedelta(days=days), back=True)

    def _after(self, day: date, days: int) -> date:
        return _weekday(day + timedelta(days=days))


def _weekday(day: date, back: bool = False) -> date:
    """The day itself, or the Friday before (the Monday after) a weekend."""
    if day.weekday() < 5:
        return day
    return day - timedelta(days=day.weekday() - 4) if back else day + timedelta(days=7 - day.weekday())


def by_person(event: pd.DataFrame) -> Mapping[int, pd.DataFrame]:
    """Events of each adult, in order of days."""
    return {int(str(who)): rows for who, rows in event.groupby("person_id", sort=True)}
