"""Adult social care, in columns like those of the Adult Social Care Client Level Data, and the police's notifications
about adults.

Not one of the agencies a demo starts with: it joins later (`synthetic.joining`), with a world of its own (`adults`).
A row is recorded on the day it is about; an end is a change of the row. NHS numbers for 86 %, one adult in twenty has
two numbers of the council's. A few rows are about somebody suspected, or under handling code C: the receiver must
refuse them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, time

import numpy as np
import pandas as pd

from synthetic.adults import Adults, make_adults
from synthetic.agencies.corruption import POLICE_RATES, Defects, Rates, garble, key_hash, local_ids
from synthetic.agencies.ground import Ground, keep_where, recorded
from synthetic.agencies.views import Feed, View, columns, stack_versions, to_utc

AGENCY = "adult_social_care"
NHS_FILL, TWO_NUMBERS, ASKED = 0.86, 0.05, 0.6
SUSPECTED, HANDLING_C = 0.01, 0.01
_OPEN = np.datetime64("NaT", "s")
_PERSON_ID = "LA_Person_Unique_Identifier"


def _feed(name: str, key: str, text: str, *, names_people: bool = False) -> Feed:
    return Feed(AGENCY, name, columns(text), (key,), "delta", time(21, 0), names_people=names_people)


PERSON = _feed(
    "person", _PERSON_ID,
    f"{_PERSON_ID} NHS_Number Forename Surname Date_of_Birth:date Client_Type Date_of_Death:date row_state",
    names_people=True,
)  # fmt: skip
REQUEST = _feed(
    "request", "Request_Identifier",
    f"Request_Identifier {_PERSON_ID} Event_Start_Date:date Request_Route_of_Access Request_Reason Event_Outcome"
    " row_state",
)  # fmt: skip
ASSESSMENT = _feed(
    "assessment", "Assessment_Identifier",
    f"Assessment_Identifier {_PERSON_ID} Event_Start_Date:date Event_End_Date:date Assessment_Type Event_Outcome"
    " row_state",
)  # fmt: skip
SERVICE = _feed(
    "service", "Service_Identifier",
    f"Service_Identifier {_PERSON_ID} Event_Start_Date:date Event_End_Date:date Service_Type Event_Outcome"
    " Responsible_Team row_state",
)  # fmt: skip
CONCERN = _feed(
    "safeguarding_concern", "Concern_Identifier",
    f"Concern_Identifier {_PERSON_ID} Concern_Raised_Date:date Concern_Recorded_Datetime:datetime Concern_Source"
    " Person_Role row_state",
)  # fmt: skip
ENQUIRY = _feed(
    "safeguarding_enquiry", "Enquiry_Identifier",
    f"Enquiry_Identifier Concern_Identifier {_PERSON_ID} Event_Start_Date:date Event_End_Date:date Enquiry_Type"
    " Enquiry_Outcome Desired_Outcomes_Asked row_state",
)  # fmt: skip
NOTIFICATION = Feed(
    "police", "adult_notification",
    columns(
        "apn_ref occurred_dt:datetime submitted_dt:datetime hub_sent_dt:datetime subject_role subject_forename"
        " subject_surname subject_dob:date handling_code row_state"
    ),
    ("apn_ref",), "delta", time(23, 35), encoding="cp1252", date_format="%d/%m/%Y",
    timestamp_format="%d/%m/%Y %H:%M", names_people=True,
)  # fmt: skip

FEEDS = (PERSON, REQUEST, ASSESSMENT, SERVICE, CONCERN, ENQUIRY, NOTIFICATION)


@dataclass(frozen=True)
class _Numbers:
    """The council's number under which an event's adult goes: some have two, used in turn."""

    first: pd.Series
    second: pd.Series

    def of(self, event: pd.DataFrame) -> pd.Series:
        other = event["person_id"].map(self.second)
        use_other = other.notna() & (event["event_id"] % 2 == 0)
        return event["person_id"].map(self.first).where(~use_other, other)


def true_adults(ground: Ground, children: int, start: date, end: date) -> Adults:
    """The adults behind these feeds; the same for the same seed."""
    person = ground.table("person")
    parents = person[person["role"].astype(str) != "child"]
    return make_adults(children, ground.settings.seed, start, end, parents)


def build(ground: Ground, adults: Adults) -> Iterator[View]:
    """Every feed of adult social care, and the police's about adults."""
    draws = ground.defects(AGENCY)
    event = adults.event.assign(hash=key_hash(adults.event["event_id"]))
    known = event[event["kind"] != "notification"]
    numbers = _numbers(draws, adults, known)
    yield View(PERSON, _people(draws, adults, known, numbers))
    yield from _work(draws, known, numbers)
    yield View(NOTIFICATION, _notifications(ground, adults, event[event["kind"] == "notification"]))


def _numbers(draws: Defects, adults: Adults, known: pd.DataFrame) -> _Numbers:
    who = adults.person["person_id"]
    who = who[who.isin(known["person_id"])]
    hashes = key_hash(who)
    first = pd.Series(local_ids(draws, hashes, "A{:d}", 700_001), index=who.to_numpy())
    # Only adults whose NHS number is held: nothing else could tell that two numbers are one adult.
    twice = draws.chosen("nhs", hashes, NHS_FILL) & draws.chosen("two_numbers", hashes, TWO_NUMBERS)
    second = pd.Series(
        local_ids(replace(draws, scope=f"{AGENCY}.second"), hashes[twice], "A{:d}", 900_001),
        index=who.to_numpy()[twice],
        dtype=object,
    )
    return _Numbers(first, second)


def _people(draws: Defects, adults: Adults, known: pd.DataFrame, numbers: _Numbers) -> pd.DataFrame:
    used = known.assign(number=numbers.of(known)).groupby(["person_id", "number"], sort=True)["day"].min().reset_index()
    true = adults.person.set_index("person_id").loc[used["person_id"].to_numpy()].reset_index()
    hashes = key_hash(true["person_id"])
    carer = known.loc[known["detail"] == "CARER_BREAKDOWN", "person_id"]
    rows = pd.DataFrame(
        {
            _PERSON_ID: used["number"],
            "NHS_Number": keep_where(true["nhs_number"].astype(object), draws.chosen("nhs", hashes, NHS_FILL)),
            "Forename": true["forename"],
            "Surname": true["surname"],
            "Date_of_Birth": true["birth_date"],
            "Client_Type": np.where(true["person_id"].isin(carer), "Carer known by association", "Service User"),
            "Date_of_Death": pd.NaT,
            "_recorded_at": recorded(used["day"], draws, "person", hashes),
            "_person_id": true["person_id"],
            "_flags": np.where(true["person_id"].isin(numbers.second.index), "two_numbers", ""),
        }
    )
    return stack_versions(PERSON, [rows])


def _work(draws: Defects, known: pd.DataFrame, numbers: _Numbers) -> Iterator[View]:
    def of(kind: str, template: str, first: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Events of a kind, and what all their rows hold: id, person, when they were recorded."""
        mine = known[known["kind"] == kind].reset_index(drop=True)
        hashes = mine["hash"].to_numpy()
        shared = pd.DataFrame(
            {
                "id": local_ids(draws, hashes, template, first),
                _PERSON_ID: numbers.of(mine),
                "_recorded_at": recorded(mine["day"], draws, f"{kind}/open", hashes),
            }
        )
        return mine, shared

    def versions(feed: Feed, rows: pd.DataFrame, mine: pd.DataFrame, outcome: str, values: pd.Series) -> View:
        """Open rows, then the same closed with their outcome on the day they ended."""
        over = mine["ended_on"].notna().to_numpy()
        closed = rows[over].copy()
        closed["Event_End_Date"], closed[outcome] = mine.loc[over, "ended_on"], values[over]
        closed["_recorded_at"] = recorded(
            mine.loc[over, "ended_on"], draws, f"{feed.name}/closed", mine.loc[over, "hash"].to_numpy()
        )
        return View(feed, stack_versions(feed, [rows, closed]))

    mine, shared = of("request", "R{:d}", 10_001)
    routes = {"Community / other route": 0.6, "Discharge from hospital": 0.3, "Diversion from hospital services": 0.1}
    yield View(
        REQUEST,
        stack_versions(
            REQUEST,
            [
                shared.rename(columns={"id": "Request_Identifier"}).assign(
                    Event_Start_Date=mine["day"],
                    Request_Route_of_Access=draws.pick("route", mine["hash"].to_numpy(), routes),
                    Request_Reason=mine["detail"],
                    Event_Outcome="Progress to Assessment",
                )
            ],
        ),
    )
    mine, shared = of("assessment", "S{:d}", 10_001)
    rows = shared.rename(columns={"id": "Assessment_Identifier"}).assign(
        Event_Start_Date=mine["day"], Event_End_Date=_OPEN, Assessment_Type=mine["detail"], Event_Outcome=None
    )
    led_to = pd.Series("Progress to Support Planning / Services", index=mine.index)
    yield versions(ASSESSMENT, rows, mine, "Event_Outcome", led_to)

    mine, shared = of("service", "V{:d}", 10_001)
    teams = {"COMMUNITY_NORTH": 0.4, "COMMUNITY_SOUTH": 0.4, "REABLEMENT": 0.1, "HOSPITAL": 0.1}
    rows = shared.rename(columns={"id": "Service_Identifier"}).assign(
        Event_Start_Date=mine["day"],
        Event_End_Date=_OPEN,
        Service_Type=mine["detail"],
        Event_Outcome=None,
        Responsible_Team=draws.pick("team", mine["hash"].to_numpy(), teams),
    )
    yield versions(SERVICE, rows, mine, "Event_Outcome", pd.Series("Service ended as planned", index=mine.index))

    mine, shared = of("concern", "C{:d}", 10_001)
    ids = pd.Series(shared["id"].to_numpy(), index=mine["event_id"].to_numpy())
    yield View(CONCERN, _concerns(draws, mine, shared))

    mine, shared = of("enquiry", "E{:d}", 10_001)
    asked = draws.chosen("asked", mine["hash"].to_numpy(), ASKED)
    rows = shared.rename(columns={"id": "Enquiry_Identifier"}).assign(
        Concern_Identifier=mine["cause"].map(ids).astype(object).where(mine["cause"] > 0, None),
        Event_Start_Date=mine["day"],
        Event_End_Date=_OPEN,
        Enquiry_Type="S42",
        Enquiry_Outcome=None,
        Desired_Outcomes_Asked=np.where(asked, "Y", "N"),
    )
    yield versions(ENQUIRY, rows, mine, "Enquiry_Outcome", mine["detail"])


def _concerns(draws: Defects, mine: pd.DataFrame, shared: pd.DataFrame) -> pd.DataFrame:
    """Concerns, with a few rows beside them about somebody suspected, who has no place in the hub."""
    wall = (mine["day"] + pd.to_timedelta(9 * 60 + mine["hash"] % 480, unit="min")).astype("datetime64[s]")
    rows = shared.rename(columns={"id": "Concern_Identifier"}).assign(
        Concern_Raised_Date=mine["day"],
        Concern_Recorded_Datetime=wall,
        Concern_Source=mine["detail"],
        Person_Role="ADULT_AT_RISK",
        _recorded_at=to_utc(wall),
    )
    suspect = rows[draws.chosen("suspected", mine["hash"].to_numpy(), SUSPECTED)].copy()
    suspect["Concern_Identifier"] = "X" + suspect["Concern_Identifier"].astype(str)
    suspect["Person_Role"] = "ALLEGED_SOURCE_OF_RISK"
    return stack_versions(CONCERN, [pd.concat([rows, suspect], ignore_index=True)])


def _notifications(ground: Ground, adults: Adults, mine: pd.DataFrame) -> pd.DataFrame:
    """What the police sent about adults, names as heard at the door; `lost` ones were recorded by nobody."""
    draws = ground.defects(NOTIFICATION.label)
    mine = mine.reset_index(drop=True)
    hashes = mine["hash"].to_numpy()
    true = adults.person.set_index("person_id").loc[mine["person_id"].to_numpy()].reset_index()
    rates = Rates(placeholder_date=POLICE_RATES.placeholder_date, missing_birth_date=POLICE_RATES.missing_birth_date)
    view = garble(true[["forename", "surname", "birth_date", "sex"]], hashes, draws, rates)
    wall = (mine["day"] + pd.to_timedelta(7 * 60 + hashes % 120, unit="min")).astype("datetime64[s]")
    lost = (mine["detail"] == "lost").to_numpy()
    rows = pd.DataFrame(
        {
            "apn_ref": local_ids(draws, hashes, "APN{:06d}", 10_001),
            "occurred_dt": wall - pd.Timedelta(hours=3),
            "submitted_dt": wall - pd.Timedelta(minutes=30),
            "hub_sent_dt": wall,
            "subject_role": "VICTIM",
            "subject_forename": view["forename"],
            "subject_surname": view["surname"],
            "subject_dob": view["birth_date"],
            "handling_code": np.where(draws.chosen("handling_c", hashes, HANDLING_C) & ~lost, "C", "P"),
            "_recorded_at": to_utc(wall),
            "_person_id": true["person_id"],
            "_flags": np.where(lost, "lost_notification", ""),
        }
    )
    suspect = rows[draws.chosen("suspected", hashes, SUSPECTED)].copy()
    suspect["apn_ref"] = "X" + suspect["apn_ref"].astype(str)
    suspect["subject_role"], suspect["_flags"] = "PERPETRATOR", "refused"
    return stack_versions(NOTIFICATION, [pd.concat([rows, suspect], ignore_index=True)])
