"""What nobody may learn from a household: where a refuge is, who lives there, who somebody was before a barrier."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from linkage_people import FAR, frame, record

from models.linkage.places import Places, place
from models.linkage.settings import LinkageSettings
from models.linkage.standardise import standardise

S = LinkageSettings()
DAY = pd.Timestamp
FIFTHS = {"ZM1": "1", "ZM2": "2", "ZM3": "3", "ZM4": "4"}
AREAS = {"ZM1": "North", "ZM2": "South", "ZM3": "East", "ZM4": "West"}
# Postcode and UPRN; the last two are where the family may hide: one shared with others, one of its own.
HOMES = [("ZM1 1AA", "11"), ("ZM2 1AA", "21"), ("ZM2 1AA", "22"), ("ZM3 3CC", "31")]
SHARED, APART = 3, ("ZM4 4DD", "41")
_EMPTY = {
    "household_spell": ["person_id", "household_id", "started_on", "ended_on", "known_from", "known_to"],
    "record_household": ["record_key", "household_id", "known_from", "known_to"],
    "person_area": ["person_id", "area_team", "known_from", "known_to"],
}
STATE = {name: pd.DataFrame(columns=columns) for name, columns in _EMPTY.items()}


def town(stays, relations, hiding: tuple[str, str] | None, kind: str = "refuge", barrier=()):
    """Six people of three families; `stays`: (person, agency, home, started, ended); family 0 (persons 0, 1) hides."""
    rows, spells, cluster = [], [], []
    for i, (person, agency, home, start, end) in enumerate(stays):
        secret = person in (0, 1) and home == SHARED and hiding is not None
        postcode, uprn = hiding if secret and hiding else HOMES[home]
        row = record("k", ["csc", "education", "police"][agency], "f", f"{i:03}", forename=f"Fo{person}",
                     surname=["Ray", "Low", "Wren"][person // 2], postcode=postcode, uprn=uprn)  # fmt: skip
        rows.append(row)
        cluster.append(person)
        # Social care marks the address for what it is; a school and the police do not know.
        typed = kind if secret and agency == 0 else "home"
        if agency != 2:
            spells.append((row["record_key"], postcode, uprn, typed, start, end))
    marker = record("k", "housing", "f", "999", forename="Fo0", surname="Ray")
    rows.append(marker)
    cluster.append(0)
    postcode, uprn = hiding or HOMES[0]
    spells.append((marker["record_key"], postcode, uprn, kind if hiding else "home", "2024-01-01", None))
    sent = frame(rows).assign(first_known=DAY("2024-01-01"))
    order = sent.sort_values(["agency", "feed", "source_key"]).index
    records, _ = standardise(sent.loc[order].reset_index(drop=True), S)
    columns = ["record_key", "postcode", "uprn", "address_type", "started_on", "ended_on"]
    address = pd.DataFrame(spells, columns=columns).assign(known_from=DAY("2024-01-01"))
    for column in ("started_on", "ended_on"):
        address[column] = pd.to_datetime(address[column]).astype("datetime64[us]")
    keys = sent["record_key"].tolist()
    kin = [(keys[a], keys[b], "same_family") for a, b in relations if a < len(keys) and b < len(keys)]
    labels = pd.factorize(np.array(cluster)[order])[0]
    tables = {
        "address_spell": address,
        "relationship": pd.DataFrame(kin, columns=["record_key", "other_record_key", "relationship"]),
        "linkage_barrier": pd.DataFrame(
            [(keys[a], keys[b]) for a, b in barrier], columns=["record_key_before", "record_key_after"]
        ),
    }
    return records, labels, np.array(cluster)[order], tables


def places(made, state=STATE, now: str = "2026-10-05") -> Places:
    records, labels, people, tables = made
    ids = np.array([f"P{p:09d}" for p in pd.unique(people)], dtype=object)
    unnamed = pd.DataFrame(
        {
            "record_key": ["u", "v"],
            "postcode": ["ZM33CC", None],
            "uprn": [None, "31"],
            "known_from": [DAY("2024-06-01")] * 2,
        }
    ).astype({"postcode": object, "uprn": object})
    return place(records, labels, ids, unnamed, {**tables, **state}, AREAS, FIFTHS, DAY(now), S)


_stay = st.tuples(
    st.integers(0, 5),
    st.integers(0, 2),
    st.integers(0, 3),
    st.sampled_from(["2020-01-01", "2022-01-01", "2024-02-01"]),
    st.sampled_from([None, "2025-01-01"]),
)


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    st.lists(_stay, min_size=2, max_size=12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=2)
)
def test_nothing_of_any_household_area_or_sibling_depends_on_where_a_hiding_family_is(stays, relations) -> None:
    """Wherever they hide, among others or alone, every result is the same: so no result tells where."""
    # A person of the family that no agency calls kin is known to hide only by a record of their own.
    stays = [*stays, (1, 0, SHARED, "2024-01-01", None)]
    family = {i for i, one in enumerate(stays) if one[0] in (0, 1)} | {len(stays)}
    relations = [pair for pair in relations if (pair[0] in family) == (pair[1] in family)]
    here = places(town(stays, relations, HOMES[SHARED]))
    there = places(town(stays, relations, APART))
    for name in ("household_spell", "record_household", "person_area", "deprivation"):
        pd.testing.assert_frame_equal(getattr(here, name), getattr(there, name))


def test_kin_hide_with_the_one_whose_address_is_marked() -> None:
    stays = [(1, 1, SHARED, "2024-01-01", None), (0, 1, 0, "2020-01-01", None), (2, 1, SHARED, "2024-01-01", None)]
    alone = places(town(stays, [], HOMES[SHARED])).household_spell
    assert "P000000001" in set(alone["person_id"])
    kin = places(town(stays, [(0, 1)], HOMES[SHARED]))
    assert set(kin.household_spell["person_id"]) == {"P000000000", "P000000002"}
    assert kin.person_area.set_index("person_id")["area_team"].to_dict() == {
        "P000000000": "North",
        "P000000002": "East",
    }
    assert kin.deprivation.to_numpy().tolist() == [["P000000000", "1"], ["P000000002", "3"]]


def test_what_was_said_before_the_address_was_known_to_be_a_refuge_is_told_anew() -> None:
    stays = [(0, 0, SHARED, "2024-01-01", None), (0, 1, 0, "2020-01-01", "2024-01-01")]
    open_first = places(town(stays, [], None), now="2026-10-05")
    assert len(open_first.household_spell) == 3 - 1
    state = {name: getattr(open_first, name) for name in _EMPTY}
    after = places(town(stays, [], HOMES[SHARED]), state, now="2026-10-06")
    assert (
        after.household_spell["started_on"].dt.year.tolist() == [2020]
        and (after.household_spell["known_to"] == FAR).all()
    )
    assert after.person_area["area_team"].tolist() == ["North"]


def test_no_household_holds_both_sides_of_a_barrier() -> None:
    stays = [(2, 1, 0, "2020-01-01", None), (3, 1, 0, "2020-01-01", None), (4, 1, 0, "2020-01-01", None)]
    free = places(town(stays, [], None)).household_spell
    barred = places(town(stays, [], None, barrier=[(0, 2)])).household_spell
    assert {"P000000002", "P000000004"} <= set(free["person_id"])
    assert "P000000004" in set(barred["person_id"]) and "P000000002" not in set(barred["person_id"])
