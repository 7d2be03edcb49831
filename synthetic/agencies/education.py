"""Schools, through the authority's education system: rolls, attendance as exceptions, exclusions.

The pupil file holds everybody who has been on a roll since the history began (leavers stay), one row a UPN, sent whole
each Sunday. Attendance is every mark that is not plain present, sent each evening; a mark may be entered a day late,
and an unexplained ``N`` becomes its real code when the school has found out, at most ten days on. What schools sent to
the front door is listed each evening.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import time

import numpy as np
import pandas as pd
import pyarrow as pa

from synthetic.agencies.casework import LOST, as_text
from synthetic.agencies.codes import (
    ATTENDANCE_CODES_BEFORE,
    ATTENDANCE_CODES_FROM,
    EXCLUSION_REASONS_AFTER,
    EXCLUSION_REASONS_BEFORE,
    EXCLUSION_REASONS_FROM,
    EXCLUSION_REASONS_UNTIL,
)
from synthetic.agencies.corruption import join_flags, key_hash, local_ids
from synthetic.agencies.ground import Ground, after, first_seen, keep_where, recorded, yes_no
from synthetic.agencies.views import (
    FAR_FUTURE,
    FIRST_DROP_DATE,
    Feed,
    Kind,
    View,
    at_work,
    columns,
    stack_versions,
    to_utc,
)
from synthetic.calendar import nc_year

AGENCY = "education"
UPRN_FILL = 0.60
SUNDAY, FRIDAY = 6, 4

#: Share of marks entered the day after.
LATE_MARKS = 0.08


def _feed(
    name: str, key: tuple[str, ...], text: str, sent_at: time, weekday: int | None = None, *, names_people: bool = False
) -> Feed:
    held: tuple[tuple[str, Kind], ...] = columns(text)
    return Feed(
        AGENCY,
        name,
        held,
        key,
        "delta" if held[-1][0] == "row_state" else "full",
        sent_at,
        weekday,
        date_format="%d/%m/%Y",
        timestamp_format="%d/%m/%Y %H:%M:%S",
        names_people=names_people,
    )


SCHOOL = _feed("school", ("URN",), "URN SchoolName Phase LAEstab", time(18, 30), SUNDAY)
PUPIL = _feed(
    "pupil",
    ("UPN",),
    "UPN URN ForenameYP SurnameYP DOB:date Sex Postcode UPRN Ethnicity FSMEligible SENprovision",
    time(18, 35),
    SUNDAY,
    names_people=True,
)
ENROLMENT = _feed(
    "enrolment",
    ("UPN", "URN", "EntryDate"),
    "UPN URN EntryDate:date LeavingDate:date EnrolStatus NCyearActual row_state",
    time(18, 15),
)
ATTENDANCE = _feed(
    "attendance",
    ("UPN", "AttendanceDate", "Session"),
    "UPN URN AttendanceDate:date Session AttendanceCode MinutesLate:integer row_state",
    time(18, 0),
)
#: Counted by another system than registers are, which writes Parquet.
POSSIBLE_SESSIONS = replace(
    _feed(
        "possible_sessions",
        ("URN", "WeekBeginning"),
        "URN WeekBeginning:date PossibleSessions:integer",
        time(18, 40),
        SUNDAY,
    ),
    format="parquet",
)
EXCLUSIONS = _feed(
    "exclusions",
    ("UPN", "Category", "StartDate"),
    "UPN URN Category Reason1 Reason2 Reason3 StartDate:date StartSession SessionsLost:integer row_state",
    time(18, 45),
    FRIDAY,
)
SAFEGUARDING_NOTIFICATION = _feed(
    "safeguarding_notification",
    ("NotificationId",),
    "NotificationId UPN URN SentDate:date Route row_state",
    time(18, 20),
)

FEEDS = (SCHOOL, PUPIL, ENROLMENT, ATTENDANCE, POSSIBLE_SESSIONS, EXCLUSIONS, SAFEGUARDING_NOTIFICATION)

#: How schools send a concern to the front door.
ROUTES = {"PORTAL": 0.6, "EMAIL": 0.33, "POST": 0.07}


def build(ground: Ground) -> Iterator[View]:
    """Every education feed."""
    school = ground.table("school")
    listed = pd.DataFrame(
        {
            "URN": as_text(school["urn"]),
            "SchoolName": as_text(school["name"]),
            "Phase": as_text(school["phase"]),
            "LAEstab": as_text(school["la_estab"]),
            "_recorded_at": np.datetime64("2015-01-01T09:00:00", "s"),
        }
    )
    yield View(SCHOOL, stack_versions(SCHOOL, [listed]))
    spells = ground.table("enrolment")
    spells = spells[spells["person_id"].map(ground.person["upn"]).notna()].reset_index(drop=True)
    yield View(PUPIL, _pupils(ground, spells))
    yield View(ENROLMENT, _enrolments(ground, spells))
    yield View(ATTENDANCE, _attendance(ground))
    yield View(POSSIBLE_SESSIONS, _possible_sessions(ground))
    yield View(EXCLUSIONS, _exclusions(ground))
    yield View(SAFEGUARDING_NOTIFICATION, _notifications(ground))


def _pupils(ground: Ground, spells: pd.DataFrame) -> pd.DataFrame:
    """A pupil's row changes when the school or the address known to it does."""
    draws = ground.defects(AGENCY)
    opened = first_seen([spells[["person_id", "entry_date"]].set_axis(["person_id", "opened_on"], axis=1)])
    homes = ground.address_versions(opened, draws, median_days=14, p95_days=100, noticed=0.85)
    homes = homes[["person_id", "person_address_id", "learnt_on", "postcode", "uprn"]]
    moves = spells[spells["enrol_status"].astype(str) != "S"][["person_id", "urn", "entry_date"]]
    moves = pd.concat(
        [moves, spells[~spells["person_id"].isin(moves["person_id"])][["person_id", "urn", "entry_date"]]]
    )
    entry = pd.DataFrame({"person_id": moves["person_id"], "day": moves["entry_date"], "urn": as_text(moves["urn"])})
    place = homes.rename(columns={"learnt_on": "day"})
    changes = pd.concat([entry, place], ignore_index=True)
    changes["day"] = changes["day"].astype("datetime64[s]")
    changes = changes.sort_values(["person_id", "day"], kind="stable", ignore_index=True)
    held = ["urn", "postcode", "uprn", "person_address_id"]
    by_person = changes.groupby("person_id")[held]
    changes[held] = by_person.ffill()
    changes = changes.drop_duplicates(["person_id", "day"], keep="last")
    changes = changes.dropna(subset=["urn", "postcode"]).reset_index(drop=True)
    hashes = key_hash(changes["person_id"])
    view = ground.identity(changes[["person_id", "postcode"]], hashes, draws)
    true = ground.of_person(changes["person_id"])
    rows = pd.DataFrame(
        {
            "UPN": as_text(true["upn"]),
            "URN": changes["urn"],
            "ForenameYP": view["forename"],
            "SurnameYP": view["surname"],
            "DOB": view["birth_date"],
            "Sex": view["sex"],
            "Postcode": view["postcode"],
            "UPRN": keep_where(changes["uprn"], draws.chosen("uprn", hashes, UPRN_FILL)),
            "Ethnicity": as_text(true["ethnicity"]),
            "FSMEligible": yes_no(true["fsm"]),
            "SENprovision": as_text(true["sen_provision"]),
            "_recorded_at": recorded(changes["day"], draws, "pupil", hashes),
            "_person_id": changes["person_id"],
            "_flags": view["flags"],
        }
    )
    step = changes.groupby("person_id").cumcount().to_numpy()
    return stack_versions(PUPIL, [rows[step == n] for n in range(int(step.max(initial=0)) + 1)])


def _enrolments(ground: Ground, spells: pd.DataFrame) -> pd.DataFrame:
    """Entry, the last September before the first drops (when the year group moved up), leaving."""
    draws = ground.defects(ENROLMENT.label)
    true = ground.of_person(spells["person_id"])
    hashes = key_hash(spells["enrolment_id"])
    rows = pd.DataFrame(
        {
            "UPN": as_text(true["upn"]),
            "URN": as_text(spells["urn"]),
            "EntryDate": spells["entry_date"],
            "LeavingDate": pd.NaT,
            "EnrolStatus": as_text(spells["enrol_status"]),
            "NCyearActual": as_text(nc_year(true["birth_date"], spells["entry_date"])),
            "_recorded_at": recorded(after(spells["entry_date"], 1), draws, "entry", hashes),
        }
    )
    september = np.datetime64(f"{FIRST_DROP_DATE.year}-09-03", "s")
    leaving = spells["leaving_date"]
    rolled = (spells["entry_date"] < september).to_numpy() & (leaving.isna() | (leaving > september)).to_numpy()
    moved_up = rows[rolled].copy()
    on = pd.Series(np.full(len(moved_up), september), index=moved_up.index)
    moved_up["NCyearActual"] = as_text(nc_year(true.loc[rolled, "birth_date"], on))
    moved_up["_recorded_at"] = recorded(on, draws, "september", hashes[rolled])
    gone = leaving.notna().to_numpy()
    left = rows[gone].copy()
    left["LeavingDate"] = leaving[gone]
    left["NCyearActual"] = as_text(nc_year(true.loc[gone, "birth_date"], leaving[gone]))
    left["_recorded_at"] = recorded(after(leaving[gone], 1), draws, "leaving", hashes[gone])
    return stack_versions(ENROLMENT, [rows, moved_up, left])


def _attendance(ground: Ground) -> pa.Table:
    """Millions of rows, so built column by column: no text is made that is not in the file."""
    draws = ground.defects(ATTENDANCE.label)
    true = ground.table("attendance")
    upn = ground.person["upn"].dropna()
    position = pd.Series(np.arange(len(upn)), index=upn.index)
    person = position.loc[true["person_id"].to_numpy()].to_numpy()
    date = true["date"].to_numpy().astype("datetime64[s]")
    session = true["session"].astype("category")
    afternoon = session.cat.codes.to_numpy() == list(session.cat.categories).index("PM")
    mark = person.astype(np.uint64) * np.uint64(1 << 20) + (
        date.astype("datetime64[D]").astype(np.uint64) << np.uint64(1)
    )
    late = draws.chosen("late", key_hash(mark + afternoon), LATE_MARKS)
    clock = np.where(afternoon, np.timedelta64(13 * 3600 + 1800, "s"), np.timedelta64(9 * 3600 + 1800, "s"))
    clock = clock + np.where(late, np.timedelta64(86400, "s"), np.timedelta64(0, "s"))
    entered = to_utc(np.asarray(date + clock))
    found_out = true["resolved_on"].to_numpy().astype("datetime64[s]")
    resolved = ~np.isnat(found_out)
    put_right = to_utc(np.asarray(found_out + np.timedelta64(15 * 3600, "s")))
    put_right[resolved] = np.maximum(put_right[resolved], entered[resolved] + np.timedelta64(3600, "s"))
    again = np.flatnonzero(resolved)
    upns = pa.array(upn.to_numpy(dtype=object), pa.string())
    columns_of = {
        "UPN": pa.DictionaryArray.from_arrays(pa.array(person, pa.int32()), upns),
        "URN": _dictionary(true["urn"]),
        "AttendanceDate": pa.array(date.astype("datetime64[D]")),
        "Session": _dictionary(session),
        "AttendanceCode": _dictionary(_as_then(true["code"], date)),
        "MinutesLate": pa.array(true["minutes_late"].to_numpy(), mask=true["minutes_late"].to_numpy() == 0),
    }
    start = pa.table(columns_of)
    initial = _dictionary(_as_then(true["initial_code"], date))
    start = start.set_column(start.schema.get_field_index("AttendanceCode"), "AttendanceCode", initial)
    final = pa.table(columns_of).take(pa.array(again))
    versions = [
        _stamped(start, entered, np.where(resolved, put_right, FAR_FUTURE), "new"),
        _stamped(final, put_right[again], np.full(len(again), FAR_FUTURE), "updated"),
    ]
    return pa.concat_tables(versions, promote_options="permissive")


def _as_then(codes: pd.Series, on: np.ndarray) -> pd.Series:
    """Registration codes as they were on each day."""
    held = codes.astype("category")
    texts = [str(text) for text in held.cat.categories]
    every = sorted({*texts, *ATTENDANCE_CODES_BEFORE.values()})
    now = np.array([every.index(text) for text in texts])
    then = np.array([every.index(ATTENDANCE_CODES_BEFORE.get(text, text)) for text in texts])
    at = held.cat.codes.to_numpy()
    old = on < np.datetime64(ATTENDANCE_CODES_FROM)
    return pd.Series(pd.Categorical.from_codes(np.where(old, then[at], now[at]), categories=pd.Index(every)))


def _reasons(codes: pd.Series, on: pd.Series) -> np.ndarray:
    """Reasons for exclusion as they were listed on each day."""
    days = on.to_numpy().astype("datetime64[D]")
    before, after_ = codes.replace(EXCLUSION_REASONS_BEFORE), codes.replace(EXCLUSION_REASONS_AFTER)
    early, late = days < np.datetime64(EXCLUSION_REASONS_FROM), days > np.datetime64(EXCLUSION_REASONS_UNTIL)
    return as_text(codes.where(~early, before).where(~late, after_))


def _dictionary(values: pd.Series) -> pa.DictionaryArray:
    category = values.astype("category")
    texts = pa.array([str(v) for v in category.cat.categories], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(category.cat.codes.to_numpy(), pa.int32()), texts)


def _stamped(table: pa.Table, recorded_at: np.ndarray, superseded_at: np.ndarray, op: str) -> pa.Table:
    ops = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(table), dtype=np.int32)), pa.array([op], pa.string()))
    return (
        table.append_column("row_state", ops)
        .append_column("_recorded_at", pa.array(recorded_at.astype("datetime64[s]")))
        .append_column("_superseded_at", pa.array(superseded_at.astype("datetime64[s]")))
        .append_column("_row_op", ops)
    )


def _possible_sessions(ground: Ground) -> pd.DataFrame:
    """Half-days each school was open in a week, known when the week is over."""
    true = ground.table("possible_sessions")
    true = true[true["roll"] > 0]
    rows = pd.DataFrame(
        {
            "URN": as_text(true["urn"]),
            "WeekBeginning": true["week_beginning"],
            "PossibleSessions": (true["possible_sessions"] // true["roll"]).astype("int64"),
            "_recorded_at": to_utc(after(true["week_beginning"], 4) + np.timedelta64(16 * 3600, "s")),
        }
    )
    return stack_versions(POSSIBLE_SESSIONS, [rows])


def _exclusions(ground: Ground) -> pd.DataFrame:
    draws = ground.defects(EXCLUSIONS.label)
    true = ground.table("exclusion")
    true = true[true["person_id"].map(ground.person["upn"]).notna()].reset_index(drop=True)
    hashes = key_hash(true["exclusion_id"])
    entered = after(true["start_date"], draws.integers("delay", hashes, 0, 6))
    rows = pd.DataFrame(
        {
            "UPN": as_text(true["person_id"].map(ground.person["upn"])),
            "URN": as_text(true["urn"]),
            "Category": as_text(true["category"]),
            "Reason1": _reasons(true["reason1"].astype(object), true["start_date"]),
            "Reason2": _reasons(true["reason2"].astype(object), true["start_date"]),
            "Reason3": _reasons(true["reason3"].astype(object), true["start_date"]),
            "StartDate": true["start_date"],
            "StartSession": as_text(true["start_session"]),
            "SessionsLost": true["sessions_lost"].astype("int64"),
            "_recorded_at": recorded(entered, draws, "exclusion", hashes),
        }
    ).drop_duplicates(list(EXCLUSIONS.key), ignore_index=True)
    # Two reasons of the new list may be one of the old.
    rows.loc[(rows["Reason3"] == rows["Reason2"]) | (rows["Reason3"] == rows["Reason1"]), "Reason3"] = None
    rows.loc[rows["Reason2"] == rows["Reason1"], "Reason2"] = None
    return stack_versions(EXCLUSIONS, [rows])


def _notifications(ground: Ground) -> pd.DataFrame:
    """What schools sent to the front door, each entered on the day it was sent."""
    draws = ground.defects(SAFEGUARDING_NOTIFICATION.label)
    true = ground.table("front_door_notification")
    true = true[true["sender"] == AGENCY].reset_index(drop=True)
    hashes = key_hash(true["notification_id"])
    rows = pd.DataFrame(
        {
            "NotificationId": local_ids(draws, hashes, "SN{:06d}", 20_001),
            "UPN": as_text(true["person_id"].map(ground.person["upn"])),
            "URN": as_text(true["urn"]),
            "SentDate": true["sent_at"],
            "Route": draws.pick("route", hashes, ROUTES),
            "_recorded_at": at_work(true["sent_at"], draws.uniform("hour", hashes), end=17.5),
            "_person_id": true["person_id"],
            "_flags": join_flags(len(true), [(LOST, true["lost"].to_numpy())]),
        }
    )
    return stack_versions(SAFEGUARDING_NOTIFICATION, [rows])
