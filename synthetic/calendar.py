"""School terms of the fictional authority, school days, and national-curriculum years.

Terms follow the usual English pattern: autumn from the first Wednesday of September, a week's half-term in late
October, a fortnight at Christmas, half-term in mid February, a fortnight around Easter, half-term in the last week of
May, end of term around 22 July. Five INSET days leave 190 days. Worked example: academic year 2024/25 starts on 4
September 2024; the week of 28 October is half-term; the last day before Christmas is 20 December.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DAY = dt.timedelta(days=1)


def easter(year: int) -> dt.date:
    """Easter Sunday (anonymous Gregorian computus, Meeus 1991)."""
    a, b, c = year % 19, year // 100, year % 100
    d = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    e = (32 + 2 * (b % 4) + 2 * (c // 4) - d - c % 4) % 7
    f = d + e - 7 * ((a + 11 * d + 22 * e) // 451) + 114
    return dt.date(year, f // 31, f % 31 + 1)


def _monday(day: dt.date) -> dt.date:
    return day - day.weekday() * DAY


def _first_weekday(year: int, month: int, weekday: int) -> dt.date:
    first = dt.date(year, month, 1)
    return first + (weekday - first.weekday()) % 7 * DAY


def academic_year(start: int) -> list[tuple[str, int, dt.date, dt.date]]:
    """The six half-terms of the academic year beginning in September `start`: (term, number, first day, last day)."""
    autumn_start = _first_weekday(start, 9, 2)
    october = _monday(dt.date(start, 10, 28))
    christmas = dt.date(start, 12, 20)
    christmas -= (christmas.weekday() - 4) % 7 * DAY
    spring_start = _monday(christmas) + 21 * DAY if christmas.day <= 18 else _monday(christmas) + 17 * DAY
    # With a late end of term schools come back on the Monday after New Year's Day's week.
    spring_start = max(_monday(spring_start + 2 * DAY), dt.date(start + 1, 1, 2))
    while spring_start.weekday() > 4 or spring_start <= dt.date(start + 1, 1, 1):
        spring_start += DAY
    february = _monday(dt.date(start + 1, 2, 17))
    sunday = easter(start + 1)
    easter_break = sunday - 13 * DAY if sunday >= dt.date(start + 1, 4, 5) else sunday - 6 * DAY
    may = (
        _monday(dt.date(start + 1, 5, 31))
        if dt.date(start + 1, 5, 31).weekday() < 5
        else _monday(dt.date(start + 1, 5, 28))
    )
    end = dt.date(start + 1, 7, 22)
    end -= max(0, end.weekday() - 4) * DAY
    return [
        ("autumn", 1, autumn_start, october - 3 * DAY),
        ("autumn", 2, october + 7 * DAY, christmas),
        ("spring", 3, spring_start, february - 3 * DAY),
        ("spring", 4, february + 7 * DAY, easter_break - 3 * DAY),
        ("summer", 5, easter_break + 14 * DAY, may - 3 * DAY),
        ("summer", 6, may + 7 * DAY, end),
    ]


@lru_cache(maxsize=4)
def school_days(first: int = 2019, last: int = 2028) -> pd.DataFrame:
    """One row per day schools are open, academic years `first`/.. to `last`/..

    The last year is given for its autumn term only. Columns: date, academic_year, term, half_term, week_beginning.
    """
    rows: list[tuple[dt.date, str, str, int, dt.date]] = []
    for start in range(first, last + 1):
        bank = {easter(start + 1) - 2 * DAY, easter(start + 1) + DAY, _first_weekday(start + 1, 5, 0)}
        year = [
            (day, f"{start}/{(start + 1) % 100:02d}", term, number, _monday(day))
            for term, number, low, high in academic_year(start)
            for day in (low + i * DAY for i in range((high - low).days + 1))
            if day.weekday() < 5 and day not in bank
        ]
        # INSET: first days of the autumn, spring and summer terms, then Mondays after half-term, until 190 remain.
        terms = [min(r[0] for r in year if r[3] == number) for number in (1, 3, 5, 6, 2, 4)]
        inset = set(terms[: max(0, min(6, len(year) - 190))])
        year = [r for r in year if r[0] not in inset]
        if len(year) > 190:
            year = year[:190]
        rows += [r for r in year if start < last or r[2] == "autumn"]
    frame = pd.DataFrame(rows, columns=["date", "academic_year", "term", "half_term", "week_beginning"])
    for column in ("date", "week_beginning"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[s]")
    return frame


def holidays_of_school(first: int = 2019, last: int = 2028) -> list[tuple[str, dt.date, dt.date]]:
    """School holidays between half-terms: (name, first day, last day)."""
    names = ("October half-term", "Christmas", "February half-term", "Easter", "May half-term")
    found = []
    for start in range(first, last + 1):
        terms = academic_year(start)
        for name, before, after in zip(names, terms, terms[1:], strict=False):
            found.append((name, before[3] + DAY, after[2] - DAY))
        found.append(("Summer", terms[-1][3] + DAY, _first_weekday(start + 1, 9, 2) - DAY))
    return found


def curriculum_year(birth: NDArray[np.int64], on: NDArray[np.int64]) -> NDArray[np.int64]:
    """National-curriculum year of children born on day `birth` (days since 1970) on day `on`: 0 is reception, -1
    and -2 nursery.

    A child starts reception in the September after the fourth birthday.
    """
    born = birth.astype("datetime64[D]")
    then = on.astype("datetime64[D]")
    return _school_cohort(then) - _school_cohort(born) - 5


def _school_cohort(day: NDArray[np.datetime64]) -> NDArray[np.int64]:
    months = day.astype("datetime64[M]").astype(np.int64)
    return (months - 8) // 12 + 1970


def nc_year(birth_date: pd.Series, on_date: pd.Series) -> pd.Series:
    """NCyearActual ('N1', 'N2', 'R', '1' .. '13') of each child on each date; 'X' outside school age."""
    birth = birth_date.to_numpy().astype("datetime64[D]").astype(np.int64)
    on = on_date.to_numpy().astype("datetime64[D]").astype(np.int64)
    return pd.Series(year_labels(curriculum_year(birth, on)), index=birth_date.index)


def year_labels(years: NDArray[np.int64]) -> NDArray[np.object_]:
    """Text of curriculum years -2 .. 13; anything else is 'X'."""
    labels = np.array(["N1", "N2", "R", *[str(i) for i in range(1, 14)], "X"], dtype=object)
    return labels[np.where((years >= -2) & (years <= 13), years + 2, 16)]
