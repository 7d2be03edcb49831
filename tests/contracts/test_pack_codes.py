"""Code sets, calendars and areas of the demo partnership: well formed, dated, without overlap, and used."""

import csv
import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from data_quality.contract import load_pack_contracts

PACK = Path(__file__).parents[2] / "partnerships" / "northmere"
REFERENCE = {"area_deprivation", "area_team", "school_calendar", "bank_holidays"}
SETS = sorted(path for path in (PACK / "codes").glob("*.csv") if path.stem not in REFERENCE)
REGISTER_REFORM = date(2024, 8, 19)


def rows(name):
    with (PACK / "codes" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def valid(name, on):
    return {
        row["code"]
        for row in rows(name)
        if (not row["valid_from"] or date.fromisoformat(row["valid_from"]) <= on)
        and (not row["valid_to"] or on <= date.fromisoformat(row["valid_to"]))
    }


def partnership():
    return yaml.safe_load((PACK / "partnership.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_code_set_is_well_formed(path):
    spells = defaultdict(list)
    for row in rows(path.stem):
        assert list(row) == ["code", "label", "valid_from", "valid_to"]
        assert row["code"] == row["code"].strip() != ""
        assert row["label"].strip()
        first = date.fromisoformat(row["valid_from"]) if row["valid_from"] else date.min
        last = date.fromisoformat(row["valid_to"]) if row["valid_to"] else date.max
        assert first <= last
        spells[row["code"]].append((first, last))
    for code, found in spells.items():
        found.sort()
        assert all(one[1] < two[0] for one, two in pairwise(found)), code


def test_codes_are_used():
    named = {
        column.code_set
        for contract in load_pack_contracts(PACK / "feeds").values()
        for column in contract.columns
        if column.code_set
    }
    # Outcomes of social care arrive as objects: their flags are keys, which no column names.
    keys = {"contact_outcome", "referral_outcome", "assessment_outcome", "s47_outcome"}
    assert {path.stem for path in SETS} == named | keys


def test_register_codes_change_with_the_2024_regulations():
    before = valid("attendance_code", REGISTER_REFORM - timedelta(days=1))
    after = valid("attendance_code", REGISTER_REFORM)
    assert before - after == {"H", "J", "Y"}
    assert after - before == {"C1", "C2", "J1", "K", "Q", *(f"Y{i}" for i in range(1, 8))}


def test_exclusion_reasons_change_in_2026():
    school_year_2024 = valid("exclusion_reason", date(2025, 1, 15))
    new = valid("exclusion_reason", date(2026, 9, 15))
    assert {"DB", "DA"} <= school_year_2024 and not {"DB", "DA"} & new
    assert {"LD", "CB", "DR", "AR", "SB", "BW", "TB", "MP", "OS"} <= new - school_year_2024


def test_every_register_mark_is_mapped_or_left_out_on_purpose():
    sql = (PACK / "staging/education/stg_education__event.sql").read_text(encoding="utf-8")
    marks = sql.split("session_mark as (")[1].split("end as event_type")[0]
    mapped = set(re.findall(r"'([A-Z]\d?)'", marks))
    no_event = {"/", "\\", "B", "D", "E", "K", "P", "V", "W", "X", "Q", "Y", "Z", "#", *(f"Y{i}" for i in range(1, 8))}
    assert mapped | no_event == {row["code"] for row in rows("attendance_code")}
    assert not mapped & no_event


def test_every_outward_code_has_a_team_of_the_partnership():
    areas = rows("area_team")
    teams = {team["name"] for team in partnership()["areas"]["teams"]}
    assert {row["area_team"] for row in areas} == teams
    assert len({row["outward_code"] for row in areas}) == len(areas)


def test_every_sector_of_every_team_has_its_fifth_of_deprivation():
    """The areas of the made world differ: no team is all of one fifth, and the fifths are of one size."""
    fifth = {row["area"]: row["imd_quintile"] for row in rows("area_deprivation")}
    outward = {row["outward_code"]: row["area_team"] for row in rows("area_team")}
    assert fifth.keys() == {f"{code} {digit}" for code in outward for digit in range(10)}
    assert set(Counter(fifth.values()).values()) == {len(fifth) // 5} and set(fifth.values()) == set("12345")
    of_team = defaultdict(list)
    for area, one in fifth.items():
        of_team[outward[area.split()[0]]].append(int(one))
    assert all(len(set(found)) >= 4 for found in of_team.values())
    mean = {team: sum(found) / len(found) for team, found in of_team.items()}
    # The made world records more of families in the north than of families in the south with the same need.
    assert min(mean, key=mean.get) == "North" and max(mean, key=mean.get) == "South"


def test_calendar_reaches_to_the_day_after_which_the_hub_refuses():
    until = partnership()["calendar"]["valid_until"]
    weeks = rows("school_calendar")
    mondays = [date.fromisoformat(row["week_beginning"]) for row in weeks]
    assert all(monday.weekday() == 0 for monday in mondays)
    assert all(two - one == timedelta(days=7) for one, two in pairwise(mondays))
    assert mondays[-1] >= until and mondays[0] <= date(2019, 9, 2)
    assert date.fromisoformat(rows("bank_holidays")[-1]["date"]) >= until
    for row in weeks:
        sessions = int(row["possible_sessions"])
        assert (row["is_school_week"] == "true") == (sessions > 0) and 0 <= sessions <= 10
        assert bool(row["term"]) == (sessions > 0)


def test_bank_holidays_are_those_of_england():
    holidays = pytest.importorskip("holidays")
    frozen = {date.fromisoformat(row["date"]) for row in rows("bank_holidays")}
    years = range(min(frozen).year, max(frozen).year + 1)
    assert frozen == set(holidays.country_holidays("GB", subdiv="ENG", years=years))


def test_sign_offs_and_agencies_are_named():
    pack = partnership()
    assert pack["label"] == "synthetic" and pack["mode"] in ("shadow", "pilot", "live")
    for name in ("senior_responsible_owner", "caldicott_guardian", "dpia"):
        entry = pack["sign_offs"][name]
        assert entry["by"] and entry["signed"] < entry["expires"]
    contracts = load_pack_contracts(PACK / "feeds").values()
    assert set(pack["agencies"]) == {contract.agency for contract in contracts}
    colours = [agency["colour"] for agency in pack["agencies"].values()]
    assert len(set(colours)) == len(colours)
    assert pack["agencies"]["da_service"]["sealed"] is True
