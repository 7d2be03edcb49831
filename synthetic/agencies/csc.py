"""Children's social care: who it knows (people, addresses, families, barriers), in the columns of the Standard
Safeguarding Dataset. What it does about them is in ``csc_casework``.

It knows the children it was contacted about and, from a referral on, their mother and the brothers and sisters at
home. NHS numbers are there for 82 % of people, UPNs for 70 % of pupils, a UPRN for 75 % of addresses; it hears of a
move after some weeks, of one in ten never. An unborn child has an expected date and no name until some days after
birth.

Seven children in a thousand have been entered a second time, under another number; contacts since then are on either.

An adopted or protected child has two records, under two identities, and one ``linkage_barrier`` row that says they
must never be joined: the new identity's records are made only after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd

from synthetic.agencies import csc_casework
from synthetic.agencies.corruption import Defects, key_hash, local_ids
from synthetic.agencies.csc_numbers import AGENCY, nightly
from synthetic.agencies.ground import Ground, after, first_seen, keep_where, recorded, yes_no
from synthetic.agencies.views import View, stack_versions

NHS_FILL, UPN_FILL, UPRN_FILL, LEGACY_FILL, LINKED_FILL = 0.82, 0.70, 0.75, 0.20, 0.15

#: Share of the children known who are known twice.
SECOND_RECORD = 0.007


PERSON = nightly(
    "person",
    "pers_person_id",
    "pers_person_id pers_forename pers_surname pers_sex pers_ethnicity pers_dob:date pers_expected_dob:date"
    " pers_common_child_id pers_death_date:date pers_send_flag pers_legacy_id row_state",
    names_people=True,
)
LINKED_IDENTIFIERS = nightly(
    "linked_identifiers",
    "link_table_id",
    "link_table_id link_person_id link_identifier_type link_identifier_value link_valid_from_date:date"
    " link_valid_to_date:date row_state",
)
ADDRESS = nightly(
    "address",
    "addr_table_id",
    "addr_table_id addr_person_id addr_address_type addr_address_start_date:date addr_address_end_date:date"
    " addr_address_postcode addr_address_json row_state",
)
FAMILY = nightly("family", "fami_table_id", "fami_table_id fami_family_id fami_person_id row_state")
MOTHER = nightly(
    "mother", "moth_table_id", "moth_table_id moth_person_id moth_childs_person_id moth_childs_dob:date row_state"
)
BARRIER = nightly(
    "linkage_barrier",
    "barr_table_id",
    "barr_table_id barr_person_id_before barr_person_id_after barr_type barr_date:date row_state",
)
DISABILITY = nightly("disability", "disa_table_id", "disa_table_id disa_person_id disa_disability_code row_state")
SEND = nightly("send", "send_table_id", "send_table_id send_person_id send_upn row_state")

FEEDS = (
    PERSON, LINKED_IDENTIFIERS, ADDRESS, FAMILY, MOTHER, BARRIER, DISABILITY, SEND, *csc_casework.FEEDS,
)  # fmt: skip


def build(ground: Ground) -> Iterator[View]:
    """Every social-care feed."""
    known = _known_people(ground)
    ids = pd.Series(known["local_id"].to_numpy(), index=known["person_id"].to_numpy())
    second = _second_records(ground, known)
    yield View(PERSON, _person(ground, pd.concat([known, second], ignore_index=True)))
    yield View(LINKED_IDENTIFIERS, _linked_identifiers(ground, known))
    yield View(ADDRESS, _address(ground, known))
    yield View(FAMILY, _family(ground, known))
    yield View(MOTHER, _mother(ground, known, ids))
    yield View(BARRIER, _barrier(ground, ids))
    yield View(DISABILITY, _disability(ground, known))
    yield View(SEND, _send(ground, known))
    yield from csc_casework.build(ground, ids, second)


def _known_people(ground: Ground) -> pd.DataFrame:
    """person_id, opened_on, local_id of everyone with a social-care record, by person_id."""
    seen = [
        ground.days("csc_contact", "contact_date"),
        ground.days("csc_referral", "referral_date"),
        ground.days("csc_assessment", "start_date"),
        ground.days("csc_cla", "start_date"),
        ground.days("csc_cp_plan", "start_date"),
        ground.days("csc_missing", "start_at"),
    ]
    referral = ground.table("csc_referral")
    families = pd.DataFrame(
        {
            "family_id": ground.of_person(referral["person_id"])["family_id"],
            "opened_on": referral["referral_date"].to_numpy(),
        }
    ).drop_duplicates()
    members = ground.family_members(families, "opened_on")
    seen.append(members.loc[members["role"] != "father", ["person_id", "opened_on"]])
    barrier = ground.table("barrier")
    draws = ground.defects(AGENCY)
    wait = draws.integers("barrier_wait", key_hash(barrier["barrier_id"]), 1, 6)
    seen.append(pd.DataFrame({"person_id": barrier["person_id_before"], "opened_on": barrier["effective_date"]}))
    seen.append(
        pd.DataFrame({"person_id": barrier["person_id_after"], "opened_on": after(barrier["effective_date"], wait)})
    )
    known = first_seen(seen)
    known["hash"] = key_hash(known["person_id"])
    known["local_id"] = local_ids(draws, known["hash"].to_numpy(), "{:d}", 1_000_001)
    return known


def _second_records(ground: Ground, known: pd.DataFrame) -> pd.DataFrame:
    """Children entered afresh, under another number, when the record there was not found; columns of ``known``."""
    draws = ground.defects(f"{AGENCY}.second_record")
    born = ground.of_person(known["person_id"])
    child = born["is_child"].to_numpy() & (known["opened_on"].to_numpy() > born["birth_date"].to_numpy())
    child &= ~born["note"].str.contains("pre_|post_").to_numpy()
    again = known[child & draws.hit("entered_again", known["hash"].to_numpy(), SECOND_RECORD)].copy()
    hashes = again["hash"].to_numpy()
    again["opened_on"] = after(again["opened_on"], draws.integers("wait", hashes, 30, 900))
    again["local_id"] = local_ids(draws, hashes, "{:d}", 8_000_001)
    again["hash"] = draws.bits("hash", hashes)
    return again.reset_index(drop=True)


def _person(ground: Ground, known: pd.DataFrame) -> pd.DataFrame:
    draws = ground.defects(AGENCY)
    hashes = known["hash"].to_numpy()
    true = ground.of_person(known["person_id"])
    view = ground.identity(known[["person_id"]], hashes, draws)
    second = known["person_id"].duplicated()
    born = true["birth_date"]
    full = pd.DataFrame(
        {
            "pers_person_id": known["local_id"],
            "pers_forename": view["forename"],
            "pers_surname": view["surname"],
            "pers_sex": view["sex"],
            "pers_ethnicity": true["ethnicity"].astype(object),
            "pers_dob": view["birth_date"],
            "pers_expected_dob": pd.NaT,
            "pers_common_child_id": keep_where(true["nhs_number"], draws.chosen("nhs", hashes, NHS_FILL)),
            "pers_death_date": pd.NaT,
            "pers_send_flag": yes_no(true["sen_provision"].astype(str).isin(["K", "E"]) & true["is_child"]),
            "pers_legacy_id": keep_where(
                [f"L{n % 900_000 + 100_000}" for n in draws.bits("legacy", hashes).tolist()],
                draws.chosen("has_legacy", hashes, LEGACY_FILL),
            ),
            "_recorded_at": recorded(known["opened_on"], draws, "person", hashes),
            "_person_id": known["person_id"],
            "_flags": view["flags"].where(
                ~second, view["flags"].str.cat(["second_record"] * len(known), ";").str.strip(";")
            ),
        }
    )
    unborn = (known["opened_on"] < born).to_numpy()
    early = full[unborn].copy()
    early["pers_forename"] = "Unborn"
    early["pers_surname"] = true.loc[unborn, "surname"]
    early["pers_sex"] = "U"
    early["pers_expected_dob"] = true.loc[unborn, "expected_date"].fillna(born[unborn])
    early["pers_dob"] = pd.NaT
    early["pers_common_child_id"] = None
    registered = after(born, draws.integers("birth_wait", hashes, 3, 11))
    full.loc[unborn, "_recorded_at"] = recorded(registered, draws, "birth", hashes)[unborn]
    died = true["death_date"].notna().to_numpy()
    late = full[died].copy()
    late["pers_death_date"] = true.loc[died, "death_date"]
    late["_recorded_at"] = recorded(after(true["death_date"], 2), draws, "death", hashes)[died]
    return stack_versions(PERSON, [early, full, late])


def _linked_identifiers(ground: Ground, known: pd.DataFrame) -> pd.DataFrame:
    draws = ground.defects(f"{AGENCY}.linked_identifiers")
    true = ground.of_person(known["person_id"])
    parts = []
    for kind, column in (("Unique Pupil Number", "upn"), ("NHS Number", "nhs_number")):
        hashes = key_hash(known["local_id"] + column)
        born = (known["opened_on"] >= true["birth_date"]).to_numpy()
        chosen = draws.chosen(kind, hashes, LINKED_FILL) & true[column].notna().to_numpy() & born
        parts.append(
            pd.DataFrame(
                {
                    "link_person_id": known["local_id"],
                    "link_identifier_type": kind,
                    "link_identifier_value": true[column].astype(object),
                    "link_valid_from_date": known["opened_on"],
                    "_recorded_at": recorded(known["opened_on"], draws, kind, hashes),
                    "_hash": hashes,
                }
            )[chosen]
        )
    rows = pd.concat(parts, ignore_index=True)
    rows["link_valid_to_date"] = pd.NaT
    rows["link_table_id"] = local_ids(draws, rows["_hash"].to_numpy(), "LNK{:d}", 100_001)
    return stack_versions(LINKED_IDENTIFIERS, [rows])


def _address(ground: Ground, known: pd.DataFrame) -> pd.DataFrame:
    draws = ground.defects(f"{AGENCY}.address")
    homes = ground.address_versions(known, draws, median_days=10, p95_days=60, noticed=0.9)
    homes["type"] = "HOME"
    cla = ground.table("csc_cla")
    places = ground.table("address").set_index("address_id")[["house", "street", "town", "postcode", "uprn"]]
    placed = cla[["cla_id", "person_id", "start_date", "end_date", "address_id"]].join(places, on="address_id")
    placed = placed.assign(type="PLACEMENT", learnt_on=placed["start_date"])
    homes["next_learnt"] = homes.groupby("person_id")["learnt_on"].shift(-1)
    homes["next_start"] = homes.groupby("person_id")["start_date"].shift(-1)
    placed["next_learnt"] = placed["next_start"] = placed["end_date"]
    homes["_hash"] = key_hash(homes["person_address_id"])
    placed["_hash"] = key_hash("cla" + placed["cla_id"].astype(str))
    rows = pd.concat([homes, placed], ignore_index=True)
    hashes = rows["_hash"].to_numpy()
    has_uprn = draws.chosen("uprn", hashes, UPRN_FILL)
    no_postcode = draws.hit("missing_postcode", hashes, 0.02)
    text = [
        json.dumps({"HOUSE": h, "STREET": s, "TOWN": t, "UPRN": u if keep else ""}, separators=(",", ":"))
        for h, s, t, u, keep in zip(
            rows["house"].astype(str), rows["street"], rows["town"], rows["uprn"], has_uprn.tolist(), strict=True
        )
    ]
    ids = pd.Series(known["local_id"].to_numpy(), index=known["person_id"].to_numpy())
    opened = pd.DataFrame(
        {
            "addr_table_id": local_ids(draws, hashes, "ADR{:d}", 500_001),
            "addr_person_id": rows["person_id"].map(ids),
            "addr_address_type": rows["type"],
            "addr_address_start_date": rows["start_date"],
            "addr_address_end_date": pd.NaT,
            "addr_address_postcode": keep_where(rows["postcode"], ~no_postcode),
            "addr_address_json": text,
            "_recorded_at": recorded(rows["learnt_on"], draws, "learnt", hashes),
        }
    )
    left = rows["next_learnt"].notna().to_numpy()
    closed = opened[left].copy()
    closed["addr_address_end_date"] = rows.loc[left, "next_start"]
    closed["_recorded_at"] = recorded(rows["next_learnt"], draws, "left", hashes)[left]
    return stack_versions(ADDRESS, [opened, closed])


def _family(ground: Ground, known: pd.DataFrame) -> pd.DataFrame:
    draws = ground.defects(f"{AGENCY}.family")
    true = ground.of_person(known["person_id"])
    codes, families = pd.factorize(true["family_id"], sort=True)
    names = local_ids(draws, key_hash(np.asarray(families, dtype=np.int64)), "F{:d}", 200_001)
    hashes = known["hash"].to_numpy()
    rows = pd.DataFrame(
        {
            "fami_table_id": local_ids(ground.defects(f"{AGENCY}.family_row"), hashes, "FAM{:d}", 700_001),
            "fami_family_id": names[codes],
            "fami_person_id": known["local_id"],
            "_recorded_at": recorded(known["opened_on"], draws, "family", hashes),
        }
    )
    return stack_versions(FAMILY, [rows])


def _mother(ground: Ground, known: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:
    draws = ground.defects(f"{AGENCY}.mother")
    true = ground.of_person(known["person_id"])
    mothers = true["family_id"].map(ground.table("family").set_index("family_id")["mother_id"])
    has = (true["is_child"] & mothers.isin(ids.index) & (known["opened_on"] >= true["birth_date"])).to_numpy()
    hashes = known["hash"].to_numpy()[has]
    rows = pd.DataFrame(
        {
            "moth_table_id": local_ids(draws, hashes, "MOT{:d}", 300_001),
            "moth_person_id": mothers[has].map(ids),
            "moth_childs_person_id": known.loc[has, "local_id"],
            "moth_childs_dob": true.loc[has, "birth_date"],
            "_recorded_at": recorded(known.loc[has, "opened_on"], draws, "mother", hashes),
        }
    )
    return stack_versions(MOTHER, [rows])


def _barrier(ground: Ground, ids: pd.Series) -> pd.DataFrame:
    draws = ground.defects(f"{AGENCY}.linkage_barrier")
    barrier = ground.table("barrier")
    hashes = key_hash(barrier["barrier_id"])
    rows = pd.DataFrame(
        {
            "barr_table_id": local_ids(draws, hashes, "BAR{:d}", 1_001),
            "barr_person_id_before": barrier["person_id_before"].map(ids),
            "barr_person_id_after": barrier["person_id_after"].map(ids),
            "barr_type": barrier["barrier_type"].astype(object),
            "barr_date": barrier["effective_date"],
            "_recorded_at": recorded(barrier["effective_date"], draws, "barrier", hashes),
        }
    )
    return stack_versions(BARRIER, [rows])


def _disability(ground: Ground, known: pd.DataFrame) -> pd.DataFrame:
    draws = ground.defects(f"{AGENCY}.disability")
    true = ground.of_person(known["person_id"])
    child = (true["is_child"] & (known["opened_on"] >= true["birth_date"])).to_numpy()
    rows = known[child].assign(code=true.loc[child, "disability"].astype(str).str.split(";")).explode("code")
    asked = (rows["code"] != "NONE").to_numpy() | draws.chosen("none_stated", rows["hash"].to_numpy(), 0.3)
    rows = rows[asked].reset_index(drop=True)
    hashes = key_hash(rows["local_id"] + rows["code"])
    out = pd.DataFrame(
        {
            "disa_table_id": local_ids(draws, hashes, "DIS{:d}", 40_001),
            "disa_person_id": rows["local_id"],
            "disa_disability_code": rows["code"],
            "_recorded_at": recorded(rows["opened_on"], draws, "disability", hashes),
        }
    )
    return stack_versions(DISABILITY, [out])


def _send(ground: Ground, known: pd.DataFrame) -> pd.DataFrame:
    draws: Defects = ground.defects(f"{AGENCY}.send")
    true = ground.of_person(known["person_id"])
    started = pd.Series(ground.table("enrolment").groupby("person_id")["entry_date"].min())
    school = known["person_id"].map(started).to_numpy()
    opened = np.fmax(known["opened_on"].to_numpy().astype("datetime64[s]"), school.astype("datetime64[s]"))
    hashes = known["hash"].to_numpy()
    has = true["upn"].notna().to_numpy() & ~np.isnat(school) & draws.chosen("upn", hashes, UPN_FILL)
    rows = pd.DataFrame(
        {
            "send_table_id": local_ids(draws, hashes, "SND{:d}", 60_001),
            "send_person_id": known["local_id"],
            "send_upn": true["upn"].astype(object),
            "_recorded_at": recorded(opened, draws, "send", hashes),
        }
    )
    return stack_versions(SEND, [rows[has]])
