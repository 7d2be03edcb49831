"""School registers as exceptions: every session mark that is not plain present.

Illness follows the season (least in September, most before Christmas) and each child's own constitution; unauthorised
absence follows need (so it carries information), with more before holidays; medical appointments and lateness fill
the rest. Some marks are first entered as N (no reason yet) and resolved within days. Worked example: a pupil ill on
Tuesday and Wednesday of a five-day week has four rows, code I, sessions AM and PM.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.calendar import school_days
from synthetic.context import Context
from synthetic.frames import coded
from synthetic.latent import Floats
from synthetic.parameters import Dynamics
from synthetic.randomness import exponential, lognormal_days

Ints = NDArray[np.int64]
CODES = ("L", "C", "C1", "C2", "E", "G", "I", "M", "N", "O", "R", "T", "U")
CODE = {code: number for number, code in enumerate(CODES)}
# Chance of falling ill in a school week by month, calibrated to the published weekly series (1.9 % of sessions in
# September, 4.9 % in December).
ILLNESS_BY_MONTH = (0.134, 0.122, 0.113, 0.098, 0.093, 0.090, 0.085, 0.07, 0.077, 0.116, 0.148, 0.193)
_NEVER = np.iinfo(np.int32).max


def unauthorised_table(dynamics: Dynamics, signal: bool = True) -> Floats:
    """Chance of any unauthorised absence in a five-day week: [primary or secondary, family level, child level]."""
    slopes = (dynamics.unauthorised_family, dynamics.unauthorised_child) if signal else (0.0, 0.0)
    shape = np.array(
        [
            [exponential(slopes[0] * i + slopes[1] * j) for j in range(dynamics.child_levels)]
            for i in range(dynamics.family_levels)
        ]
    )
    return np.round(
        np.minimum(np.array(dynamics.unauthorised_week)[:, None, None] * shape[None] * (1.0 if signal else 1.9), 0.85),
        9,
    )


def week_chance(table: Floats, share: float, breaking: bool) -> Floats:
    """The table for a week with `share` of its five days open; a quarter more in the last week before a holiday."""
    return np.minimum(table * share * (1.25 if breaking else 1.0), 0.92)


def school_weeks(low: int, high: int) -> list[tuple[int, Ints, bool]]:
    """Weeks with open days from day `low` to `high`: (Monday, open days, is it the last week before a holiday?)."""
    day = school_days()["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    day = day[(day >= low) & (day <= high)]
    monday = day - (day + 3) % 7
    starts = np.unique(monday)
    return [(int(m), day[monday == m], bool(m + 7 not in set(starts.tolist()))) for m in starts.tolist()]


def make_attendance(
    context: Context,
    spell: pd.DataFrame,
    urn: Ints,
    phase_of_school: NDArray[np.object_],
    exclusion: pd.DataFrame,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[pd.DataFrame, NDArray[np.bool_], NDArray[np.bool_]]:
    """The attendance table; and bool [week, child]: any unauthorised absence, on a roll in an open week (what the
    filter reads).
    """
    rng, population, history = context.rng("attendance"), context.population, context.history
    signal = context.parameters.world != "no-signal"
    table = unauthorised_table(context.parameters.laws, signal)
    constitution = lognormal_days(rng, population.children, 1000.0, 0.85) / 1000.0
    child, entry, leave, school = (spell[c].to_numpy() for c in ("child", "entry", "leave", "school"))
    secondary = (phase_of_school[school] != "PRI").astype(np.int64)
    flag = np.zeros(history.active_week.shape, dtype=bool)
    onroll = np.zeros(history.active_week.shape, dtype=bool)
    part_time = np.zeros(population.children, dtype=np.int64)
    suspended = _suspended_sessions(context, exclusion, child, entry, leave)
    parts: list[tuple[NDArray, ...]] = []
    weeks = school_weeks(context.low, context.high)
    for number, (monday, days, breaking) in enumerate(weeks):
        row = np.flatnonzero((entry <= days[0]) & (leave > days[-1]))
        pupil, week = child[row], (monday - history.start) // 7
        x = history.family_level[week, population.family_of[pupil]].astype(np.int64)
        y = history.child_level[week, pupil].astype(np.int64)
        share = len(days) / 5
        marks = []
        draw = rng.random(len(row))
        chance = week_chance(table, share, breaking)
        away = np.flatnonzero(draw < chance[secondary[row], x, y])
        flag[week, pupil[away]] = True
        onroll[week, pupil] = True
        marks.append(_unauthorised(rng, away, len(days), (x + y)[away], breaking))
        ill_chance = ILLNESS_BY_MONTH[int(np.datetime64(monday, "D").astype("datetime64[M]").astype(np.int64) % 12)]
        ill = np.flatnonzero(rng.random(len(row)) < np.minimum(constitution[pupil] * ill_chance * share, 0.7))
        marks.append(_block(rng, ill, len(days), 1 + (rng.standard_exponential(len(ill)) * 1.25).astype(np.int64), "I"))
        part_time[pupil[(y >= 3) & (rng.random(len(row)) < 0.003)]] = monday + 56
        marks.append(_afternoons(np.flatnonzero(part_time[pupil] > monday), len(days)))
        marks.append(
            _single(
                rng,
                np.flatnonzero(rng.random(len(row)) < 0.052 * share),
                len(days),
                ("M", "C", "R", "C1", "T"),
                (0.83, 0.10, 0.04, 0.02, 0.01),
            )
        )
        marks.append(_late(rng, np.flatnonzero(rng.random(len(row)) < (0.035 + 0.016 * (x + y)) * share), len(days)))
        where, session, code, minutes = (np.concatenate([m[i] for m in marks]) for i in range(4))
        # The first of two marks for one session stands (order above is the order of precedence).
        _, first = np.unique(where * 16 + session, return_index=True)
        where, session, code, minutes = where[first], session[first], code[first], minutes[first]
        day = days[session // 2]
        pupil_row = row[where]
        out = np.isin(pupil_row.astype(np.int64) * 200_000 + day * 2 + session % 2, suspended)
        code = np.where(out, CODE["E"], code)
        order = np.lexsort((session % 2, child[pupil_row], urn[school[pupil_row]], day))
        parts.append(
            (
                pupil_row[order].astype(np.int32),
                day[order].astype(np.int32),
                (session % 2)[order].astype(np.int8),
                code[order].astype(np.int8),
                minutes[order].astype(np.int16),
            )
        )
        if progress and number % 10 == 0:
            progress("attendance", number / max(len(weeks), 1))
    pupil_row, day, session, code, minutes = (np.concatenate([p[i] for p in parts]) for i in range(5))
    pupil_row, day, session, code, minutes = _add_suspended(
        suspended, pupil_row, day, session, code, minutes, child, urn[school]
    )
    initial, resolved, code = _unexplained(rng, day, code)
    names = list(CODES)
    frame = pd.DataFrame(
        {
            "person_id": context.people.child_person[child[pupil_row]],
            "urn": urn[school[pupil_row]].astype(np.int32),
            "date": day,
            "session": coded(session, ["AM", "PM"]),
            "code": coded(code, names),
            "minutes_late": minutes,
            "initial_code": coded(initial, names),
            "resolved_on": resolved,
        }
    )
    return frame, flag, onroll


def _block(rng: np.random.Generator, row: Ints, days: int, length: Ints, code: str) -> tuple[Ints, Ints, Ints, Ints]:
    """Whole days of one code from a random day on (cut at the end of the week)."""
    first = (rng.random(len(row)) * days).astype(np.int64)
    length = np.minimum(length, days - first)
    which = np.repeat(np.arange(len(row)), length * 2)
    step = np.arange(len(which)) - np.repeat(np.cumsum(length * 2) - length * 2, length * 2)
    session = first[which] * 2 + step
    return row[which], session, np.full(len(which), CODE[code]), np.zeros(len(which), dtype=np.int64)


def _unauthorised(
    rng: np.random.Generator, row: Ints, days: int, level: Ints, breaking: bool
) -> tuple[Ints, Ints, Ints, Ints]:
    """Unauthorised absence: days away grow with need; a few are late after registers closed (one session) or
    holidays.
    """
    draw = rng.random(len(row))
    length = 1 + (rng.standard_exponential(len(row)) * (0.55 + 0.33 * level)).astype(np.int64)
    holiday = draw > (0.82 if breaking else 0.955)
    late = draw < 0.16
    where, session, code, minutes = _block(rng, row[~late], days, np.where(holiday, 5, length)[~late], "O")
    is_holiday = np.isin(where, row[holiday])
    code = np.where(is_holiday, CODE["G"], code)
    morning = (rng.random(int(late.sum())) * days).astype(np.int64) * 2
    return (
        np.concatenate([where, row[late]]),
        np.concatenate([session, morning]),
        np.concatenate([code, np.full(len(morning), CODE["U"])]),
        np.concatenate([minutes, rng.integers(31, 120, len(morning))]),
    )


def _afternoons(row: Ints, days: int) -> tuple[Ints, Ints, Ints, Ints]:
    """A part-time timetable: every afternoon coded C2."""
    where = np.repeat(row, days)
    return (
        where,
        np.tile(np.arange(days) * 2 + 1, len(row)),
        np.full(len(where), CODE["C2"]),
        np.zeros(len(where), dtype=np.int64),
    )


def _single(
    rng: np.random.Generator, row: Ints, days: int, codes: tuple[str, ...], shares: tuple[float, ...]
) -> tuple[Ints, Ints, Ints, Ints]:
    edges = np.cumsum(np.array(shares))
    which = np.minimum(np.searchsorted(edges, rng.random(len(row)), side="right"), len(codes) - 1)
    session = (rng.random(len(row)) * days * 2).astype(np.int64)
    return row, session, np.array([CODE[c] for c in codes])[which], np.zeros(len(row), dtype=np.int64)


def _late(rng: np.random.Generator, row: Ints, days: int) -> tuple[Ints, Ints, Ints, Ints]:
    session = (rng.random(len(row)) * days).astype(np.int64) * 2
    return (
        row,
        session,
        np.full(len(row), CODE["L"]),
        1 + (rng.standard_exponential(len(row)) * 9).astype(np.int64) % 29,
    )


def _suspended_sessions(context: Context, exclusion: pd.DataFrame, child: Ints, entry: Ints, leave: Ints) -> Ints:
    """Sorted keys (spell row, day, session) of sessions lost to suspension."""
    days = school_days()["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    rows = exclusion[exclusion["sessions_lost"] > 0]
    who, start = rows["person_id"].to_numpy() - 1, rows["start_date"].to_numpy()
    key = child * 4_000_000 + entry
    place = np.searchsorted(key, who * 4_000_000 + start, side="right") - 1
    lost = rows["sessions_lost"].to_numpy()
    which = np.repeat(np.arange(len(rows)), lost)
    step = (
        np.arange(len(which))
        - np.repeat(np.cumsum(lost) - lost, lost)
        + np.where(rows["start_session"] == "PM", 1, 0)[which]
    )
    day = days[np.minimum(np.searchsorted(days, start[which]) + step // 2, len(days) - 1)]
    keep = (day < leave[place[which]]) & (day <= context.high)
    return np.unique((place[which] * 200_000 + day * 2 + step % 2)[keep])


def _add_suspended(
    keys: Ints,
    row: NDArray,
    day: NDArray,
    session: NDArray,
    code: NDArray,
    minutes: NDArray,
    child: Ints,
    urn_of_row: Ints,
) -> tuple[NDArray, ...]:
    """Add an E mark where a suspended session has no mark yet; keep the table sorted by date, school, pupil,
    session.
    """
    have = row.astype(np.int64) * 200_000 + day.astype(np.int64) * 2 + session
    new = keys[~np.isin(keys, have)]
    row = np.concatenate([row, (new // 200_000).astype(np.int32)])
    day = np.concatenate([day, (new % 200_000 // 2).astype(np.int32)])
    session = np.concatenate([session, (new % 2).astype(np.int8)])
    code = np.concatenate([code, np.full(len(new), CODE["E"], dtype=np.int8)])
    minutes = np.concatenate([minutes, np.zeros(len(new), dtype=np.int16)])
    order = np.lexsort((session, child[row], urn_of_row[row], day))
    return row[order], day[order], session[order], code[order], minutes[order]


def _unexplained(rng: np.random.Generator, day: NDArray, code: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """First codes, the day an N was resolved (int32 max: never or not N) and final codes."""
    chance = np.where(code == CODE["O"], 0.42, np.where(code == CODE["I"], 0.05, 0.0))
    first = rng.random(len(code), dtype=np.float32) < chance
    solved = first & (rng.random(len(code), dtype=np.float32) < 0.86)
    lag = 1 + (rng.standard_exponential(len(code), dtype=np.float32) * 2.6).astype(np.int32) % 10
    initial = np.where(first, CODE["N"], code).astype(np.int8)
    return (
        initial,
        np.where(solved, day + lag, _NEVER).astype(np.int32),
        np.where(first & ~solved, CODE["N"], code).astype(np.int8),
    )
