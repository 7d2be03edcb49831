"""Housing: homelessness applications with everybody on them, temporary accommodation, notices to tenants.

Entered the next day. A UPRN for 88 % of applications. People are typed in by the officer, adults first. A hostel's or
refuge's postcode is shared by many families that have nothing to do with one another. A tenancy notice names an
address and nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

import numpy as np
import pandas as pd

from synthetic.agencies.casework import as_text, closing, mapped
from synthetic.agencies.codes import CODES
from synthetic.agencies.corruption import key_hash, local_ids
from synthetic.agencies.ground import Ground, after, keep_where, recorded
from synthetic.agencies.views import Feed, View, columns, stack_versions

AGENCY = "housing"
UPRN_FILL = 0.88


def _feed(name: str, key: tuple[str, ...], text: str, *, names_people: bool = False) -> Feed:
    return Feed(
        AGENCY,
        name,
        columns(text),
        key,
        "delta",
        time(20, 30),
        date_format="%d/%m/%Y",
        timestamp_format="%d/%m/%Y %H:%M:%S",
        names_people=names_people,
    )


APPLICATION = _feed(
    "application",
    ("CaseID",),
    "CaseID ApplicationDate:date HouseholdType ReasonLossSettledHome DutyOwed DutyEndDate:date DutyEndReason UPRN"
    " PreviousPostcode SupportNeeds row_state",
)
PERSON = _feed(
    "person",
    ("CaseID", "PersonNo"),
    "CaseID PersonNo PersonForename PersonSurname PersonDOB:date PersonSex RelationshipToApplicant row_state",
    names_people=True,
)
TEMPORARY = _feed(
    "temporary_accommodation",
    ("TAId",),
    "TAId CaseID TAType TAStart:date TAEnd:date TAPostcode row_state",
)
NOTICE = _feed(
    "tenancy_notice",
    ("NoticeId",),
    "NoticeId UPRN Postcode NoticeType IssuedDate:date OutcomeCode OutcomeDate:date row_state",
)

FEEDS = (APPLICATION, PERSON, TEMPORARY, NOTICE)


def build(ground: Ground) -> Iterator[View]:
    """Every housing feed."""
    case = ground.table("housing_application")
    draws = ground.defects(APPLICATION.label)
    ids = pd.Series(local_ids(draws, key_hash(case["case_id"]), "HC{:d}", 30_001), index=case["case_id"].to_numpy())
    yield View(APPLICATION, _applications(ground, ids))
    yield View(PERSON, _people(ground, ids))
    yield View(TEMPORARY, _temporary(ground, ids))
    yield View(NOTICE, _notices(ground))


def _applications(ground: Ground, ids: pd.Series) -> pd.DataFrame:
    draws = ground.defects(APPLICATION.label)
    true = ground.table("housing_application")
    hashes = key_hash(true["case_id"])
    place = ground.table("address").set_index("address_id").loc[true["address_id"].to_numpy()].reset_index(drop=True)
    rows = pd.DataFrame(
        {
            "CaseID": as_text(true["case_id"].map(ids)),
            "ApplicationDate": true["application_date"],
            "HouseholdType": mapped(true["household_type"], "household_type"),
            "ReasonLossSettledHome": mapped(true["reason"], "home_loss_reason"),
            "DutyOwed": as_text(true["duty"]),
            "DutyEndDate": pd.NaT,
            "DutyEndReason": None,
            "UPRN": keep_where(place["uprn"], draws.chosen("uprn", hashes, UPRN_FILL)),
            "PreviousPostcode": keep_where(place["postcode"], ~draws.hit("missing_postcode", hashes, 0.02)),
            "SupportNeeds": _support_needs(true["support_needs"]),
            "_recorded_at": recorded(after(true["application_date"], 1), draws, "open", hashes),
        }
    )
    over = closing(
        rows,
        draws,
        hashes,
        pd.Series(after(true["duty_end_date"], 1)),
        DutyEndDate=true["duty_end_date"],
        DutyEndReason=mapped(true["duty_end_reason"], "duty_end_reason"),
    )
    return stack_versions(APPLICATION, [rows, over])


def _support_needs(lists: pd.Series) -> list[str | None]:
    """Lists of needs in the words of the national return, joined by ``;``, None for none."""
    table = CODES["support_need"]
    named = [[table.get(need, need) for need in held.split(";")] for held in lists.astype(str)]
    return [";".join(need for need in needs if need) or None for needs in named]


def _people(ground: Ground, ids: pd.Series) -> pd.DataFrame:
    draws = ground.defects(PERSON.label)
    case = ground.table("housing_application")[["case_id", "family_id", "application_date"]]
    members = ground.family_members(case, "application_date")
    order = members["role"].astype(str).map({"mother": 0, "father": 1, "child": 2})
    members = members.assign(order=order).sort_values(["case_id", "order", "birth_date", "person_id"], kind="stable")
    members = members.reset_index(drop=True)
    number = members.groupby("case_id").cumcount() + 1
    hashes = key_hash(members["case_id"].astype(str) + "/" + members["person_id"].astype(str))
    view = ground.identity(members[["person_id"]], hashes, draws)
    adult = (members["order"] < 2).to_numpy()
    relation = np.where(~adult, "CHILD", np.where(number == 1, "APPLICANT", "PARTNER")).astype(object)
    rows = pd.DataFrame(
        {
            "CaseID": as_text(members["case_id"].map(ids)),
            "PersonNo": number.astype(str).astype(object),
            "PersonForename": view["forename"],
            "PersonSurname": view["surname"],
            "PersonDOB": view["birth_date"],
            "PersonSex": view["sex"],
            "RelationshipToApplicant": relation,
            "_recorded_at": recorded(
                after(members["application_date"], 1), draws, "open", key_hash(members["case_id"])
            ),
            "_person_id": members["person_id"],
            "_flags": view["flags"],
        }
    )
    return stack_versions(PERSON, [rows])


def _temporary(ground: Ground, ids: pd.Series) -> pd.DataFrame:
    draws = ground.defects(TEMPORARY.label)
    true = ground.table("temporary_accommodation")
    hashes = key_hash(true["ta_id"])
    place = ground.table("address").set_index("address_id").loc[true["address_id"].to_numpy()].reset_index(drop=True)
    rows = pd.DataFrame(
        {
            "TAId": local_ids(draws, hashes, "TA{:d}", 5_001),
            "CaseID": as_text(true["case_id"].map(ids)),
            "TAType": as_text(true["ta_type"]),
            "TAStart": true["start_date"],
            "TAEnd": pd.NaT,
            "TAPostcode": as_text(place["postcode"]),
            "_recorded_at": recorded(after(true["start_date"], 1), draws, "open", hashes),
        }
    )
    over = closing(rows, draws, hashes, pd.Series(after(true["end_date"], 1)), TAEnd=true["end_date"])
    return stack_versions(TEMPORARY, [rows, over])


def _notices(ground: Ground) -> pd.DataFrame:
    draws = ground.defects(NOTICE.label)
    true = ground.table("tenancy_notice")
    hashes = key_hash(true["notice_id"])
    place = ground.table("address").set_index("address_id").loc[true["address_id"].to_numpy()].reset_index(drop=True)
    rows = pd.DataFrame(
        {
            "NoticeId": local_ids(draws, hashes, "TN{:d}", 20_001),
            "UPRN": as_text(place["uprn"]),
            "Postcode": keep_where(place["postcode"], ~draws.hit("missing_postcode", hashes, 0.02)),
            "NoticeType": as_text(true["notice_type"]),
            "IssuedDate": true["issued_date"],
            "OutcomeCode": None,
            "OutcomeDate": pd.NaT,
            "_recorded_at": recorded(after(true["issued_date"], 1), draws, "open", hashes),
        }
    )
    over = closing(
        rows,
        draws,
        hashes,
        pd.Series(after(true["outcome_date"], 1)),
        OutcomeCode=true["outcome"],
        OutcomeDate=true["outcome_date"],
    )
    return stack_versions(NOTICE, [rows, over])
