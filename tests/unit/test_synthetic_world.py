"""The synthetic world: shape, identifiers, determinism, and what must never depend on ethnicity or place."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nhs_number
import numpy as np
import pandas as pd
import pytest

from synthetic.calendar import holidays_of_school, school_days
from synthetic.identifiers import UPN_LETTERS
from synthetic.latent import child_steps, make_hazards
from synthetic.parameters import Dynamics, WorldParameters
from synthetic.population import make_population
from synthetic.simulate import simulate
from synthetic.world import World, create_world

SMALL = 400


@pytest.fixture(scope="module")
def world() -> World:
    return create_world(1_500, years=3, seed=11)


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.*")):
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()


def test_the_same_seed_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    create_world(SMALL, years=2, seed=3).write(tmp_path / "here")
    code = (
        "import sys; from pathlib import Path; from synthetic.world import create_world;"
        f"create_world({SMALL}, years=2, seed=3).write(Path(sys.argv[1]))"
    )
    # Another process has another hash seed for text, so anything ordered by hash would differ.
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "there")], check=True, env={"PYTHONHASHSEED": "77", "PATH": ""}
    )
    assert _digest(tmp_path / "here") == _digest(tmp_path / "there")
    create_world(SMALL, years=2, seed=4).write(tmp_path / "other")
    assert _digest(tmp_path / "here") != _digest(tmp_path / "other")


def test_a_written_world_reads_back_and_keeps_truth_apart(world: World, tmp_path: Path) -> None:
    world.write(tmp_path)
    seen = World.read(tmp_path)
    assert seen.truth is None and seen.parameters == world.parameters
    assert set(seen.tables) == set(world.tables)
    for name, table in world.tables.items():
        assert list(seen.tables[name].columns) == list(table.columns), name
        assert len(seen.tables[name]) == len(table), name
    assert set(World.read(tmp_path, truth=True).truth or {}) == {"who", "need_week", "chance", "target"}


def test_identifiers_are_well_formed_and_unique(world: World) -> None:
    person = world.tables["person"]
    assert person["nhs_number"].is_unique
    assert all(nhs_number.is_valid(n) and n.startswith("9") for n in person["nhs_number"])
    upn = person["upn"].dropna()
    assert upn.is_unique and (upn.str[1:4] == "005").all()
    assert all(UPN_LETTERS[sum(int(d) * w for w, d in enumerate(u[1:], 2)) % 23] == u[0] for u in upn)
    assert world.tables["address"]["uprn"].is_unique
    assert world.tables["address"]["postcode"].str.fullmatch(r"ZM\d{1,2} \d[A-Z]{2}").all()


def test_references_hold(world: World) -> None:
    tables = world.tables
    people = set(tables["person"]["person_id"])
    for name, table in tables.items():
        for column in (c for c in table.columns if str(c).startswith("person_id")):
            assert set(table[column]) <= people, (name, column)
        first = str(table.columns[0])
        if first.endswith("_id") and name not in ("police_subject", "attendance"):
            assert table[first].is_unique, name
    for child, parent, key in (
        ("csc_assessment", "csc_referral", "referral_id"),
        ("csc_s47", "csc_referral", "referral_id"),
        ("csc_icpc", "csc_s47", "s47_id"),
        ("csc_cp_plan", "csc_icpc", "icpc_id"),
        ("csc_contact", "csc_referral", "referral_id"),
        ("health_contact", "health_referral", "health_referral_id"),
        ("police_subject", "police_incident", "incident_id"),
        ("temporary_accommodation", "housing_application", "case_id"),
        ("early_help_need", "early_help", "episode_id"),
    ):
        assert set(tables[child][key].dropna()) <= set(tables[parent][key]), (child, parent)


def test_order_of_dates(world: World) -> None:
    tables = world.tables
    referral = tables["csc_referral"].set_index("referral_id")
    assert (referral["close_date"] >= referral["referral_date"]).all()
    assessment = tables["csc_assessment"]
    opened = referral["referral_date"].loc[assessment["referral_id"]].to_numpy()
    assert (assessment["start_date"].to_numpy() >= opened).all()
    assert (assessment["auth_date"] >= assessment["start_date"]).all()
    # Nothing happens under an identity before it begins or after it ends.
    person = tables["person"].set_index("person_id")
    ed = tables["ed_attendance"]
    moment = ed["arrival_at"].to_numpy().astype("datetime64[D]")
    start = person["resident_from"].loc[ed["person_id"]].to_numpy().astype("datetime64[D]")
    end = person["resident_to"].loc[ed["person_id"]].to_numpy().astype("datetime64[D]")
    assert (moment >= start).all()
    assert ((moment < end) | np.isnat(end)).all()


def test_new_identities_share_nothing_but_birth_and_sex(world: World) -> None:
    barrier = world.tables["barrier"]
    person = world.tables["person"].set_index("person_id")
    before, after = person.loc[barrier["person_id_before"]], person.loc[barrier["person_id_after"]]
    assert len(barrier) > 3
    child = (before["role"] == "child").to_numpy()
    assert (before["birth_date"].to_numpy() == after["birth_date"].to_numpy())[child].all()
    assert (before["sex"].to_numpy() == after["sex"].to_numpy())[child].all()
    for column in ("family_id", "nhs_number"):
        assert (before[column].to_numpy() != after[column].to_numpy()).all(), column
    assert (before["resident_to"].to_numpy() == after["resident_from"].to_numpy())[child].all()
    who = (world.truth or {})["who"].set_index("person_id")["human_id"]
    assert (who.loc[barrier["person_id_before"]].to_numpy() == who.loc[barrier["person_id_after"]].to_numpy()).all()


def test_attendance_lies_on_open_days_of_enrolled_children(world: World) -> None:
    attendance = world.tables["attendance"]
    assert set(attendance["date"]) <= set(world.tables["school_day"]["date"])
    assert not attendance.duplicated(["person_id", "date", "session"]).any()
    resolved = attendance["resolved_on"].notna()
    assert (attendance.loc[resolved, "initial_code"] == "N").all()
    assert (attendance.loc[resolved, "resolved_on"] > attendance.loc[resolved, "date"]).all()


def test_school_calendar() -> None:
    days = school_days()
    assert (days.groupby("academic_year").size().iloc[:-1] == 190).all()
    assert (days["date"].dt.weekday < 5).all() and days["date"].is_unique
    for _, low, high in holidays_of_school():
        assert not days["date"].between(pd.Timestamp(low), pd.Timestamp(high)).any()


def test_need_and_harm_do_not_depend_on_ethnicity_or_place() -> None:
    """Other ethnicities and areas: every level and every unobserved event stays the same. Only what is seen changes.

    Help is switched off (`help_down` one), because whom services see decides whom they help.
    """
    laws = replace(Dynamics(), help_down=1.0)
    parameters = WorldParameters(SMALL, 2, 5, "biased", dynamics=laws)
    population = make_population(parameters)
    hazards = make_hazards(laws)
    areas = np.arange(population.families) % 4
    one = simulate(parameters, population, hazards, areas)
    two = simulate(parameters, replace(population, group=(population.group + 2) % 5), hazards, (areas + 1) % 4)
    assert (one.family_level == two.family_level).all()
    assert (one.child_level == two.child_level).all()
    assert len(one.contact) != len(two.contact)
    notice = [k.name for k in laws.kinds_family].index("eviction_notice")
    seen = [run.family_event[run.family_event["kind"] == notice][["week", "family"]] for run in (one, two)]
    pair = seen[0].merge(seen[1], how="outer", indicator=True)
    # Only children in care (nobody at home) can make a difference.
    assert (pair["_merge"] == "both").mean() > 0.9


def test_observation_differs_by_group_at_equal_need() -> None:
    world = create_world(2_000, years=2, seed=9, world="biased")
    person = world.tables["person"]
    black = person.set_index("person_id")["ethnicity"].astype(str).isin(["BAFR", "BCRB", "BOTH"])
    need = (world.truth or {})["need_week"]
    weeks, levels = black.loc[need["person_id"]].to_numpy(), need["need"].to_numpy()
    contact = black.loc[world.tables["csc_contact"]["person_id"]].to_numpy()
    rate = [(contact == side).sum() / (weeks == side).sum() for side in (True, False)]
    assert rate[0] > 1.3 * rate[1]
    assert abs(levels[weeks].mean() - levels[~weeks].mean()) < 0.5


def test_family_share_of_need() -> None:
    """Siblings share about four tenths of the variation in need."""
    laws = Dynamics()
    hazards = make_hazards(laws)
    spread = []
    for law in (hazards.family_law, child_steps(laws).stationary()):
        level = np.arange(len(law))
        spread.append(float((law * level**2).sum() - (law * level).sum() ** 2))
    assert 0.35 < spread[0] / sum(spread) < 0.60


def test_parameters_are_checked() -> None:
    with pytest.raises(ValueError, match="world must be one of"):
        WorldParameters(400, world="other")
    with pytest.raises(ValueError, match="children"):
        WorldParameters(3)
    assert WorldParameters(400, 5).history_start.isoformat() == "2021-10-04"
