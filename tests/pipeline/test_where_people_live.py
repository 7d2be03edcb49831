"""Whose patch a person lives in and how deprived its area is, against the true home; what of it leaves the zone."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from governance.pseudonym import Pseudonym
from models.risk.declare import DeclarationError, load_risk
from models.risk.lineage import READ, require_clean_lineage, sources_read
from pipelines.hub import Hub, HubProblem
from pipelines.risk_pack import build_steps
from pipelines.settings import Settings
from tests.demo_hub import DemoHub

PACK = Path(__file__).parents[2] / "partnerships" / "northmere"
DAY = pd.Timestamp("2026-10-04")


@pytest.fixture(scope="module")
def people(finished: DemoHub) -> pd.DataFrame:
    """Persons with one true home on the day: what the hub says of it, and what is true."""
    with finished.zones.open("warehouse", read_only=True) as con:
        said = con.execute(
            "select person_key::varchar as person_key, area_team, imd_quintile from marts.person"
            " left join audit.person_attribute using (person_key) where is_current"
        ).df()
        owner = con.execute(
            "select record_key::varchar as record_key, person_key::varchar as person_key"
            " from identity_export.record_person where known_to > '9000-01-01'"
        ).df()
    record = pd.read_parquet(finished.drops / "truth" / "record_identity.parquet")
    key_of = Pseudonym(finished.keys.pseudonym).key_of
    record["record_key"] = [str(key_of(*one)) for one in record[["agency", "feed", "source_key"]].itertuples(False)]
    most = owner.merge(record, on="record_key").groupby("person_key")["true_person_id"].agg(lambda ids: ids.mode()[0])
    lives = pd.read_parquet(finished.drops / "world" / "person_address.parquet")
    since, until = (pd.to_datetime(lives[column], errors="coerce") for column in ("start_date", "end_date"))
    lives = lives[(since <= DAY) & ~(until <= DAY) & (lives["use"] == "home")].drop_duplicates("person_id", keep=False)
    address = pd.read_parquet(finished.drops / "world" / "address.parquet").rename(columns={"area_team": "true_team"})
    with (PACK / "codes" / "area_deprivation.csv").open(encoding="utf-8", newline="") as file:
        fifths = {row["area"]: row["imd_quintile"] for row in csv.DictReader(file)}
    address["true_fifth"] = [fifths[postcode[:-2]] for postcode in address["postcode"]]
    true = most.rename("person_id").reset_index().merge(lives, on="person_id").merge(address, on="address_id")
    return said.merge(true, on="person_key")


def test_nearly_everybody_has_the_team_and_the_fifth_of_their_home(people: pd.DataFrame) -> None:
    assert len(people) > 300
    for said, true in (("area_team", "true_team"), ("imd_quintile", "true_fifth")):
        known = people[people[said].notna()]
        assert len(known) > 0.95 * len(people), said
        # Who moved lately, or of whom agencies say different things, may still be thought to be elsewhere.
        assert (known[said] == known[true]).mean() > 0.93, said
        assert (known[said] == known[true]).groupby(known["outward"]).mean().min() > 0.8, said
    assert set(people["imd_quintile"].dropna()) == set("12345")


def test_of_an_area_only_its_fifth_leaves_the_identity_zone(finished: DemoHub, people: pd.DataFrame) -> None:
    with finished.zones.open("warehouse", read_only=True) as con:
        columns = [name for name, *_ in con.execute("describe audit.person_deprivation").fetchall()]
        carriers = con.execute(
            "select schema_name from duckdb_columns() where database_name = 'warehouse'"
            " and (column_name ilike '%depriv%' or column_name ilike '%imd%')"
        ).fetchall()
    assert columns == ["person_key", "deprivation_quintile"]
    assert {schema for (schema,) in carriers} == {"audit"}


def test_no_fact_may_be_built_on_it(finished: DemoHub) -> None:
    config = load_risk(Hub(Settings(partnership=str(PACK))).declaration("risk.yml"))
    assert "imd_quintile" in [one.name for one in config.fairness.attributes]
    manifest = json.loads((finished.root / "dbt" / "target" / "manifest.json").read_text(encoding="utf-8"))
    steps = build_steps(manifest)
    require_clean_lineage(config, steps)
    assert "audit.person_deprivation" in steps["person_attribute"].reads
    # What is behind the panel and the target, whose retention is looked at; the cohort and outcomes as well as facts.
    behind = set(sources_read(steps))
    assert {"warehouse.police__ppn", "warehouse.csc__cla_episodes", "identity_export.person"} <= behind
    for name in READ:
        peeping = replace(steps[name], reads=(*steps[name].reads, "audit.person_deprivation"))
        with pytest.raises(DeclarationError, match=r"built on audit\.person_deprivation, of the audit zone"):
            require_clean_lineage(config, steps | {name: peeping})


@pytest.mark.parametrize(
    "rows",
    [["ZM1 2,6"], ["ZM1 2,"], [",3"], ["ZM1 2,3", "zm1  2,4"], ["ZM1 2AB,3", "ZM12AB,3"]],
    ids=["no fifth", "none", "no area", "twice", "twice as a whole postcode"],
)
def test_a_table_of_areas_that_cannot_be_used_is_refused_by_its_line(rows: list[str], tmp_path: Path) -> None:
    (tmp_path / "codes").mkdir()
    (tmp_path / "partnership.yml").touch()
    lines = ["area,imd_quintile", "ZM9,1", *rows]
    (tmp_path / "codes" / "area_deprivation.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(HubProblem, match=rf"area_deprivation\.csv .*line {len(lines)}:"):
        Hub(Settings(partnership=str(tmp_path))).area_deprivation()
