"""The domestic abuse service: a weekly list, given with the victim's consent and sealed by default.

A case and the children of the family, whatever the service was told of them: a birth date for three in four, a
postcode for three in five (a refuge's never).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

import pandas as pd

from synthetic.agencies.casework import as_text, closing
from synthetic.agencies.corruption import Rates, key_hash, local_ids
from synthetic.agencies.ground import Ground, after, recorded, yes_no
from synthetic.agencies.views import Feed, View, columns, stack_versions

AGENCY = "da_service"
WEDNESDAY = 2

FLAG = Feed(
    AGENCY,
    "flag",
    columns(
        "case_ref child_no child_forename child_surname child_dob:date postcode service_engaged_date:date child_present"
        " service_end_date:date"
    ),
    ("case_ref", "child_no"),
    "full",
    time(19, 0),
    WEDNESDAY,
    names_people=True,
)
FEEDS = (FLAG,)

RATES = Rates(missing_birth_date=0.25, missing_postcode=0.40)


def build(ground: Ground) -> Iterator[View]:
    """The service's flag feed."""
    draws = ground.defects(FLAG.label)
    case = ground.table("da_service")
    ids = pd.Series(
        local_ids(draws, key_hash(case["da_case_id"]), "DA{:d}", 2_001), index=case["da_case_id"].to_numpy()
    )
    members = ground.family_members(
        case[["da_case_id", "family_id", "engaged_date", "end_date", "child_present"]], "engaged_date"
    )
    members = members[members["is_child"]].sort_values(["da_case_id", "birth_date", "person_id"], kind="stable")
    members = members.reset_index(drop=True)
    hashes = key_hash(members["da_case_id"].astype(str) + "/" + members["person_id"].astype(str))
    members["postcode"] = ground.home_on(members["person_id"], members["engaged_date"])["postcode"]
    view = ground.identity(members[["person_id", "postcode"]], hashes, draws, RATES)
    rows = pd.DataFrame(
        {
            "case_ref": as_text(members["da_case_id"].map(ids)),
            "child_no": (members.groupby("da_case_id").cumcount() + 1).astype(str).astype(object),
            "child_forename": view["forename"],
            "child_surname": view["surname"],
            "child_dob": view["birth_date"],
            "postcode": view["postcode"],
            "service_engaged_date": members["engaged_date"],
            "child_present": yes_no(members["child_present"]),
            "service_end_date": pd.NaT,
            "_recorded_at": recorded(after(members["engaged_date"], 1), draws, "open", hashes),
            "_person_id": members["person_id"],
            "_flags": view["flags"],
        }
    )
    over = closing(rows, draws, hashes, pd.Series(after(members["end_date"], 1)), service_end_date=members["end_date"])
    yield View(FLAG, stack_versions(FLAG, [rows, over]))
