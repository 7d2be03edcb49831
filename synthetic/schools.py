"""Schools, who went where, possible sessions, and suspensions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.calendar import curriculum_year, school_days, year_labels
from synthetic.context import Context, choose
from synthetic.frames import text_or_none
from synthetic.parameters import AREA_TEAMS, WorldParameters
from synthetic.population import FAR
from synthetic.randomness import pick, stream

Ints = NDArray[np.int64]
PHASES = ("PRI", "SEC", "SPE", "AP", "NUR")
COUNTS = (92, 17, 5, 2, 2)
SAINTS = ("Aldwyn", "Bega", "Cedd", "Chad", "Eata", "Hild", "Mildred", "Osyth", "Petroc", "Winifred")
REASONS = (
    "LD",
    "CB",
    "PP",
    "PA",
    "VP",
    "VA",
    "OW",
    "BW",
    "BU",
    "TB",
    "RA",
    "SM",
    "SB",
    "DR",
    "VR",
    "DM",
    "TH",
    "MP",
    "OS",
)
REASON_SHARES = (
    0.34,
    0.17,
    0.15,
    0.06,
    0.04,
    0.11,
    0.012,
    0.008,
    0.01,
    0.005,
    0.01,
    0.008,
    0.004,
    0.02,
    0.025,
    0.02,
    0.006,
    0.015,
    0.007,
)


def make_schools(parameters: WorldParameters) -> pd.DataFrame:
    """Schools with URN, name, phase, LAEstab, area (index) and outward code; every area has at least one primary."""
    rng = stream(parameters.seed, "schools")
    count = [max(low, round(n * parameters.children / 60_000)) for n, low in zip(COUNTS, (4, 4, 1, 1, 1), strict=True)]
    phase = np.repeat(np.array(PHASES, dtype=object), count)
    n = len(phase)
    order = np.concatenate([np.arange(c) for c in count])
    area = order % len(AREA_TEAMS)
    outward = area * 3 + 1 + order // len(AREA_TEAMS) % 3
    words = (
        "Alder",
        "Beacon",
        "Curlew",
        "Fallow",
        "Heron",
        "Juniper",
        "Larch",
        "Osprey",
        "Quarry",
        "Rowan",
        "Sandpiper",
        "Teasel",
        "Willow",
    )
    ends = {
        "PRI": "Primary School",
        "SEC": "Academy",
        "SPE": "Special School",
        "AP": "Pupil Referral Unit",
        "NUR": "Nursery School",
    }
    shuffle = np.argsort(rng.random(n), kind="stable")
    name = [
        f"St {SAINTS[i % 10]}'s {'CE' if i % 3 else 'RC'} {ends[p]} {'' if i < 20 else i // 20 + 1}".strip()
        if p == "PRI" and i % 4 == 3
        else f"{words[i % 13]} {('Hill', 'Bank', 'Park', 'Road', 'Green', 'Field')[i // 13 % 6]} {ends[p]}"
        for i, p in zip(shuffle.tolist(), phase.tolist(), strict=True)
    ]
    estab = (
        np.where(
            phase == "SEC",
            4000,
            np.where(phase == "SPE", 7000, np.where(phase == "AP", 1100, np.where(phase == "NUR", 1000, 2000))),
        )
        + order
    )
    return pd.DataFrame(
        {
            "urn": 900_100 + np.arange(n) * 7,
            "name": name,
            "phase": phase,
            "la_estab": [f"005/{e}" for e in estab.tolist()],
            "area": area,
            "outward": [f"ZM{o}" for o in outward.tolist()],
            "places": np.where(phase == "SEC", 1150, np.where(phase == "PRI", 320, 90)),
        }
    )


def make_enrolments(context: Context, schools: pd.DataFrame) -> pd.DataFrame:
    """One row per spell of a child at a school: child, school (row), entry, leave (FAR = open), phase, stage.

    Reception to year 6 in a primary of the home area, year 7 to 11 in a secondary, and for 42 % a sixth form;
    nurseries are left out. A house move brings a change of school with chance 0.25 (primary) or 0.12; a few change
    without moving.
    """
    rng, population = context.rng("enrolments"), context.population
    n = population.children
    born_year = population.birth.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    after_august = (population.birth.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12) >= 8
    reception = born_year + 4 + after_august
    attends = rng.random(n) < 0.925
    special = (context.people.table["sen_provision"].to_numpy()[:n] == "E") & (rng.random(n) < 0.36)
    stays_on = rng.random(n) < 0.42
    spells = []
    for phase, begin, years, who in (
        ("PRI", 0, 7, attends & ~special),
        ("SEC", 7, 5, attends & ~special),
        ("SEC", 12, 2, attends & ~special & stays_on),
        ("SPE", 0, 14, attends & special),
    ):
        entry = _september(reception + begin)
        leave = _july(reception + begin + years)
        child = np.flatnonzero(who & (leave > context.low) & (entry <= context.high))
        spells.append(
            pd.DataFrame({"child": child, "entry": entry[child], "leave": leave[child], "phase": phase, "stage": begin})
        )
    spell = pd.concat(spells, ignore_index=True)
    child = spell["child"].to_numpy()
    spell["entry"] = np.maximum(spell["entry"].to_numpy(), population.child_from[child])
    spell["leave"] = np.minimum(spell["leave"].to_numpy(), population.child_to[child])
    spell = spell[spell["leave"] > spell["entry"] + 5].reset_index(drop=True)
    spell = _with_school_moves(context, spell, rng)
    spell = spell.sort_values(["child", "entry"], kind="stable", ignore_index=True)
    spell["school"] = _choose_schools(context, spell, schools, rng)
    spell["leave"] = np.where(spell["leave"] > context.high, FAR, spell["leave"])
    return spell[spell["leave"] >= context.low].reset_index(drop=True)


def _september(year: Ints) -> Ints:
    """2 September of each year."""
    return (
        (year - 1970).astype("datetime64[Y]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        + 244
        + ((year % 4) == 0)
    )


def _july(year: Ints) -> Ints:
    """31 August: the roll is kept until the end of the school year."""
    return _september(year) - 2


def _with_school_moves(context: Context, spell: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Cut spells at house moves and at changes for other reasons (at most one cut each pass, two passes)."""
    homes, population = context.homes, context.population
    moved = np.flatnonzero(np.append(False, homes.family[1:] == homes.family[:-1]))
    for number in range(2):
        child = spell["child"].to_numpy()
        family = population.family_of[child]
        key = homes.family[moved] * 4_000_000 + homes.start[moved]
        entry, leave = spell["entry"].to_numpy(), np.minimum(spell["leave"].to_numpy(), context.high)
        place = np.minimum(np.searchsorted(key, family * 4_000_000 + entry + 60, side="right"), max(len(moved) - 1, 0))
        cut = homes.start[moved][place] if len(moved) else np.full(len(child), FAR)
        hit = (homes.family[moved][place] == family) & (cut < leave - 60) if len(moved) else np.zeros(len(child), bool)
        hit &= rng.random(len(child)) < np.where(spell["phase"] == "PRI", 0.25, 0.12)
        other = ~hit & (rng.random(len(child)) < 0.012 * np.maximum(leave - np.maximum(entry, context.low), 0) / 365.25)
        day = np.where(
            hit, cut + 4, entry + 40 + (rng.random(len(child)) * np.maximum(leave - entry - 80, 1)).astype(np.int64)
        )
        change = (hit | (other & (number == 0))) & (day > entry + 30) & (day < leave - 30)
        second = spell[change].assign(entry=day[change])
        spell.loc[change, "leave"] = day[change] - 1
        spell = pd.concat([spell, second], ignore_index=True)
    return spell


def _choose_schools(context: Context, spell: pd.DataFrame, schools: pd.DataFrame, rng: np.random.Generator) -> Ints:
    """A school of the phase in the home area for each spell; siblings go together; a cut spell means another school."""
    family = context.population.family_of[spell["child"].to_numpy()]
    area = context.area_of_family(family, spell["entry"].to_numpy())
    favourite = rng.random(context.population.families)[family]
    own = np.where(rng.random(len(spell)) < 0.12, rng.random(len(spell)), favourite)
    again = spell.groupby(["child", "stage", "phase"], sort=False).cumcount().to_numpy()
    phase = spell["phase"].to_numpy()
    out = np.zeros(len(spell), dtype=np.int64)
    for one in ("PRI", "SEC", "SPE"):
        for index in range(len(AREA_TEAMS)):
            rows = np.flatnonzero((phase == one) & (area == index))
            pool = np.flatnonzero((schools["phase"] == one).to_numpy() & (schools["area"] == index).to_numpy())
            if not len(pool) or (len(pool) == 1 and again[rows].any()):
                pool = np.flatnonzero((schools["phase"] == one).to_numpy())
            out[rows] = pool[((own[rows] * len(pool)).astype(np.int64) + again[rows]) % len(pool)]
    return out


def enrolment_table(context: Context, spell: pd.DataFrame, schools: pd.DataFrame) -> pd.DataFrame:
    """The enrolment table of the world."""
    rng = context.rng("enrolment_table")
    child = spell["child"].to_numpy()
    table = pd.DataFrame(
        {
            "person_id": context.people.child_person[child],
            "urn": schools["urn"].to_numpy()[spell["school"].to_numpy()],
            "entry_date": spell["entry"],
            "leaving_date": spell["leave"],
            "enrol_status": np.where(rng.random(len(spell)) < 0.985, "C", "M"),
            "nc_year_entry": year_labels(
                np.maximum(curriculum_year(context.population.birth[child], spell["entry"].to_numpy()), 0)
            ),
        }
    )
    table = table.sort_values(["entry_date", "person_id"], kind="stable", ignore_index=True)
    table.insert(0, "enrolment_id", np.arange(1, len(table) + 1))
    return table


def possible_sessions(context: Context, spell: pd.DataFrame, schools: pd.DataFrame) -> pd.DataFrame:
    """Roll and possible sessions of each school and week."""
    days = school_days()
    week = days.groupby("week_beginning").size()
    monday = week.index.to_numpy().astype("datetime64[D]").astype(np.int64)
    inside = (monday >= context.low) & (monday <= context.high)
    monday, opened = monday[inside], week.to_numpy()[inside]
    parts = []
    school, entry, leave = (spell[c].to_numpy() for c in ("school", "entry", "leave"))
    for day, number in zip(monday.tolist(), opened.tolist(), strict=True):
        roll = np.bincount(school[(entry <= day) & (leave > day)], minlength=len(schools))
        parts.append(
            pd.DataFrame(
                {"urn": schools["urn"], "week_beginning": day, "roll": roll, "possible_sessions": roll * 2 * number}
            )[roll > 0]
        )
    return pd.concat(parts, ignore_index=True)


def exclusion_table(context: Context, spell: pd.DataFrame, schools: pd.DataFrame) -> pd.DataFrame:
    """Suspensions and permanent exclusions from the simulation's events, where the child is on a roll that day."""
    rng, event = context.rng("exclusions"), context.history.child_event
    rows = np.flatnonzero(
        (event["kind"] == context.kind_numbers(False)["suspension"]).to_numpy()
        & (event["day"] >= context.low).to_numpy()
    )
    child, day = event["child"].to_numpy()[rows], event["day"].to_numpy()[rows]
    open_days = school_days()["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    day = open_days[np.minimum(np.searchsorted(open_days, day), len(open_days) - 1)]
    school = school_at(spell, child, day)
    keep = (school >= 0) & (day <= context.high)
    frame = pd.DataFrame({"child": child[keep], "day": day[keep], "school": school[keep]}).drop_duplicates(
        ["child", "day"]
    )
    frame = frame.sort_values(["day", "child"], kind="stable", ignore_index=True)
    n = len(frame)
    permanent = rng.random(n) < 0.0105
    first, second, third = (choose(rng, n, REASONS, REASON_SHARES) for _ in range(3))
    two = (rng.random(n) < 0.26) & (second != first)
    three = two & (rng.random(n) < 0.2) & (third != first) & (third != second)
    length = np.array([1, 2, 3, 4, 5, 6, 10, 20])[pick(rng, n, (0.10, 0.40, 0.06, 0.20, 0.03, 0.12, 0.07, 0.02))]
    return pd.DataFrame(
        {
            "exclusion_id": np.arange(1, n + 1),
            "person_id": context.people.child_person[frame["child"].to_numpy()],
            "urn": schools["urn"].to_numpy()[frame["school"].to_numpy()],
            "category": np.where(permanent, "PERM", "SUSP"),
            "reason1": first,
            "reason2": text_or_none(two, second),
            "reason3": text_or_none(three, third),
            "start_date": frame["day"],
            "start_session": np.where(rng.random(n) < 0.62, "AM", "PM"),
            "sessions_lost": np.where(permanent, 0, length),
        }
    )


def school_at(spell: pd.DataFrame, child: Ints, day: Ints) -> Ints:
    """School row where each child is on roll on each day, else -1 (`spell` sorted by child and entry)."""
    key = spell["child"].to_numpy() * 4_000_000 + spell["entry"].to_numpy()
    place = np.searchsorted(key, child * 4_000_000 + day, side="right") - 1
    safe = np.maximum(place, 0)
    on_roll = (place >= 0) & (spell["child"].to_numpy()[safe] == child) & (spell["leave"].to_numpy()[safe] > day)
    return np.where(on_roll, spell["school"].to_numpy()[safe], -1)
