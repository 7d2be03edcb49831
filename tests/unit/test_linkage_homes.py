"""Homes and households: what ends a home, which address is a hub, and who at a shared address is one family."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from models.linkage.area import area_spells, deprivation_of_homes
from models.linkage.household import households
from models.linkage.names import surname
from models.linkage.places import _household_ids, place
from models.linkage.residence import timelines
from models.linkage.settings import LinkageSettings
from models.linkage.standardise import standardise
from tests.unit.linkage_people import FAR, frame, record

NONE = np.zeros(0, dtype="int64")
NO_KIN = np.zeros((0, 2), dtype="int64")
DAY = pd.Timestamp


def lines(*rows: tuple[int, str, str | None, str, str | None], placed: np.ndarray = NONE) -> pd.DataFrame:
    """Timelines of ``(person, postcode, uprn, started, ended)``."""
    evidence = pd.DataFrame(
        {
            "postcode": pd.Series([r[1] for r in rows], dtype=object),
            "uprn": pd.Series([r[2] for r in rows], dtype=object),
            "started_on": pd.to_datetime([r[3] for r in rows]),
            "ended_on": pd.to_datetime([r[4] for r in rows]),
            "known_from": pd.to_datetime([r[3] for r in rows]),
        }
    )
    return timelines(evidence, np.array([r[0] for r in rows]), placed)


def homes_of(
    homes: pd.DataFrame, names: dict[int, list[str]], kin: np.ndarray = NO_KIN, hubs: frozenset[str] = frozenset()
) -> dict[int, set[int]]:
    """Open households of each person, made with every surname each was called by."""
    called = pd.DataFrame(
        [(p, *surname(name)) for p, spoken in names.items() for name in spoken],
        columns=["person", "surname", "surname_parts"],
    )
    made = households(homes, called, kin, LinkageSettings(), hubs)
    now = made[made["ended_on"].isna()]
    return {p: set(now.loc[now["person"] == p, "household"]) for p in names}


def test_a_sighting_never_ends_what_a_register_holds_open() -> None:
    made = lines(
        (1, "A", "1", "2020-01-01", None),
        (1, "A", None, "2026-09-26", "2026-09-26"),
        (1, "B", None, "2026-09-27", "2026-09-27"),
    )
    assert made.set_index("address")["ended_on"].isna().to_dict() == {"U1": True, "PB": False}


def test_the_last_sighting_stands_for_those_no_register_holds() -> None:
    seen = lines((1, "A", None, "2024-01-05", "2024-01-05"), (1, "B", None, "2025-01-05", "2025-01-05"))
    assert seen.set_index("address")["ended_on"].isna().to_dict() == {"PA": False, "PB": True}
    # A register that said they left later than that is believed; so is a placement.
    left = lines((1, "A", None, "2024-01-05", "2024-01-05"), (1, "A", "1", "2020-01-01", "2025-01-01"))
    assert left["ended_on"].notna().all()
    away = lines((1, "A", None, "2024-01-05", "2024-01-05"), placed=np.array([1]))
    assert away["ended_on"].notna().all()


def test_a_child_may_have_two_homes() -> None:
    made = lines(
        (1, "A", "1", "2020-01-01", None), (1, "B", "2", "2021-01-01", None), (2, "A", "1", "2020-01-01", None)
    )
    found = homes_of(made, {1: ["Ray"], 2: ["Ray"]})
    assert len(found[1]) == 2 and found[2] < found[1]


def test_a_family_whose_surname_is_spelt_many_ways_is_no_hub() -> None:
    double = ["Crawshaw-Wyles", "Crawshaw", "Wyles", "Wyles Crawshaw", "Crawshaw-Wiles", "Crawshawwyles", "Crawsahw"]
    double += ["Wyles-Crawshaw", "Crawhsaw", "Crawshw Wyles", "Crawshaw-Wylles", "Crawshaw Wyles-Low"]
    n = len(double)
    rows = pd.DataFrame({"surname": double, "uprn": ["77"] * n, "postcode": ["ZM1 1AA"] * n})
    for column in ("forename", "sex", "birth_date", "nhs_number", "upn"):
        rows[column] = None
    good, _ = standardise(rows, LinkageSettings())
    assert good["surname"].nunique() > LinkageSettings().hub_surnames and good["hub"].isna().all()


def test_a_surname_written_another_way_still_finds_its_family_at_a_postcode() -> None:
    rows = [(1, "A", "1", "2020-01-01", None)] + [(p, "A", None, "2021-01-01", None) for p in (2, 3, 4)]
    names = {1: ["Crawshaw-Wyles"], 2: ["Wyles"], 3: ["Crawshaww", "Low"], 4: ["Ray"]}
    found = homes_of(lines(*rows), names)
    assert found[1] == found[2] == found[3] and not found[4] & found[1]


def test_the_name_most_unlike_does_not_decide_when_another_record_has_it_right() -> None:
    rows = [(p, "A", None, "2021-01-01", None) for p in (1, 2)]
    found = homes_of(lines(*rows), {1: ["Xq", "Ray"], 2: ["Ray"]})
    assert found[1] == found[2]


def test_two_families_of_one_name_at_a_postcode_are_told_apart_by_when_they_lived_there() -> None:
    rows = [
        (1, "A", "1", "2015-01-01", "2019-01-01"),
        (2, "A", "2", "2020-01-01", None),
        (3, "A", None, "2021-01-01", None),
    ]
    found = homes_of(lines(*rows), {1: ["Ray"], 2: ["Ray"], 3: ["Ray"]})
    assert found[2] == found[3]
    rows[0] = (1, "A", "1", "2015-01-01", None)
    found = homes_of(lines(*rows), {1: ["Ray"], 2: ["Ray"], 3: ["Ray"]})
    assert len({frozenset(f) for f in found.values()}) == 3


def test_at_a_hub_only_kin_form_a_household_and_it_has_no_address() -> None:
    rows = [(p, "A", "9", "2021-01-01", None) for p in (1, 2, 3, 4)] + [(5, "A", None, "2021-01-01", None)]
    names = {1: ["Ray"], 2: ["Ray"], 3: ["Low"], 4: ["Mill"], 5: ["Low"]}
    homes = lines(*rows)
    found = homes_of(homes, names, np.array([[1, 4]]), frozenset(["9"]))
    assert found[1] == found[2] == found[4] and found[3] == found[5] and not found[1] & found[3]
    called = pd.DataFrame(
        [(p, *surname(n[0])) for p, n in names.items()], columns=["person", "surname", "surname_parts"]
    )
    made = households(homes, called, NO_KIN, LinkageSettings(), frozenset(["9"]))
    assert made["uprn"].isna().all() and made["postcode"].isna().all()


def test_a_hub_takes_no_home_from_its_neighbours_at_the_postcode() -> None:
    hub = [record("k", "education", "pupil", f"H{i}", surname=f"Na{chr(97 + i)}o", forename="Jo", uprn="77",
                  postcode="ZM1 1AA") for i in range(20)]  # fmt: skip
    near = [record("k", "education", "pupil", f"N{i}", surname="Wren", forename=n, postcode="ZM1 1AA")
            for i, n in enumerate(("Ada", "Bea"))]  # fmt: skip
    settings = LinkageSettings()
    sent = frame(hub + near).assign(first_known=DAY("2024-01-01"))
    records, _ = standardise(sent, settings)
    assert (records["hub"] == "uprn").sum() == 20
    spells = sent[["record_key", "postcode", "uprn"]].assign(
        address_type="home", started_on=pd.NaT, ended_on=pd.NaT, known_from=DAY("2024-01-01")
    )
    spells[["started_on", "ended_on"]] = spells[["started_on", "ended_on"]].astype("datetime64[us]")
    empty = {
        "relationship": ["record_key", "other_record_key", "relationship"],
        "linkage_barrier": ["record_key_before", "record_key_after"],
        "household_spell": ["person_id", "household_id", "started_on", "ended_on", "known_from", "known_to"],
        "record_household": ["record_key", "household_id", "known_from", "known_to"],
        "person_area": ["person_id", "area_team", "known_from", "known_to"],
    }
    tables = {"address_spell": spells, **{name: pd.DataFrame(columns=columns) for name, columns in empty.items()}}
    cluster = np.arange(len(records))
    ids = np.array([f"P{i:09d}" for i in cluster], dtype=object)
    unnamed = pd.DataFrame(
        {"record_key": ["u"], "postcode": [None], "uprn": ["77"], "known_from": [DAY("2024-01-01")]}
    ).astype({"postcode": object})
    made = place(records, cluster, ids, unnamed, tables, {}, {}, DAY("2026-10-05"), settings)
    spell = made.household_spell
    assert spell["ended_on"].isna().all() and (spell["known_to"] == FAR).all()
    at = spell.set_index("person_id")["household_id"]
    assert at[ids[20]] == at[ids[21]] and at.nunique() == 21
    # Nobody is placed in a family of the hub by the address alone.
    assert made.record_household.empty


def test_two_homes_since_one_day_are_the_same_two_when_asked_again() -> None:
    made = pd.DataFrame(
        [("P1", 0), ("P1", 1), ("P2", 1), ("P3", 2), ("P3", 3)], columns=["person_id", "household"]
    ).assign(started_on=DAY("2000-01-01"))
    before = pd.DataFrame(
        [("P1", "H2"), ("P1", "H1"), ("P2", "H1"), ("P3", "H4"), ("P3", "H3")], columns=["person_id", "household_id"]
    ).assign(started_on=DAY("2000-01-01"), known_from=DAY("2026-10-05"), known_to=FAR)
    ids = _household_ids(made, before)
    # P2 tells which of P1's homes is which; nobody tells P3's apart, so the older number goes first, always.
    assert ids.tolist() == ["H2", "H1", "H3", "H4"]
    assert _household_ids(made, before.iloc[::-1]).tolist() == ids.tolist()
    # Moved since: the home that is left over is new, and the other one keeps its name.
    alone = _household_ids(made[made["household"] != 3], before)
    assert alone.tolist() == ["H2", "H1", "H3"]


_OUTWARD = st.builds("{}{}".format, st.sampled_from(["ZM", "Z", "ZN"]), st.integers(1, 19))
_INWARD = st.builds("{}{}{}".format, st.integers(0, 9), st.sampled_from("ABD"), st.sampled_from("EFG"))


@given(st.dictionaries(_OUTWARD, st.sampled_from(["North", "South"]), min_size=1), _OUTWARD, _INWARD)
def test_a_home_is_on_the_patch_of_its_own_outward_code_alone(teams: dict, outward: str, inward: str) -> None:
    """ZM1 1AB begins like ZM11 2CD once the blank is gone: three homes in ten of ZM1 once went to another team."""
    homes = pd.DataFrame({"person": [0], "postcode": [outward + inward], "rank": [0]}).assign(
        started_on=DAY("2024-01-01"), known_from=DAY("2024-01-01")
    )
    found = area_spells(homes, teams)["area_team"].tolist()
    assert found == ([teams[outward]] if outward in teams else [])
    sector = {f"{code} {digit}": str(digit % 5 + 1) for code in teams for digit in range(10)}
    fifth = deprivation_of_homes(homes, sector)["deprivation_quintile"].tolist()
    assert fifth == ([str(int(inward[0]) % 5 + 1)] if outward in teams else [])
