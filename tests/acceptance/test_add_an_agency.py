"""A new agency is files of the pack: a contract, staging SQL, one feature with its sentence, and its drops. No Python.

The pack lies outside the repository, and is left exactly as it was.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.demo_hub import CHILDREN, DemoHub

PACK = Path(__file__).parents[2] / "partnerships" / "northmere"
COLUMNS = ["intervention_id", "forename", "surname", "date_of_birth", "postcode", "intervention_type", "start_date"]


def _column(name: str, kind: str, zone: str, why: str, **more: object) -> dict:
    custom = {"zone": zone, "necessity": why, **{k: v for k, v in more.items() if k in ("occurredOn",)}}
    return {
        "name": name,
        "logicalType": kind,
        "description": why,
        "customProperties": [{"property": key, "value": value} for key, value in custom.items()],
        **{key: value for key, value in more.items() if key not in custom},
    }


CONTRACT = {
    "apiVersion": "v3.0.2",
    "kind": "DataContract",
    "id": "test.youth_justice.intervention",
    "name": "youth_justice__intervention",
    "version": "1.0.0",
    "status": "active",
    "description": {"purpose": "Help under way for young people.", "usage": "Hub only.", "limitations": "Partial."},
    "schema": [
        {
            "name": "intervention",
            "physicalType": "csv",
            "description": "One row per intervention of the youth justice service.",
            "properties": [
                _column("intervention_id", "string", "identity", "Tells interventions apart.", primaryKey=True,
                        primaryKeyPosition=1, required=True),
                _column("forename", "string", "identity", "Compared in linkage."),
                _column("surname", "string", "identity", "Compared in linkage."),
                _column("date_of_birth", "date", "identity", "Compared in linkage."),
                _column("postcode", "string", "identity", "Compared in linkage."),
                _column("intervention_type", "string", "warehouse", "What kind of help it is."),
                _column("start_date", "date", "warehouse", "Dates the help.", required=True, occurredOn=True),
            ],
        }
    ],
    "slaProperties": [
        {"property": "frequency", "value": 1, "unit": "d"},
        {"property": "latency", "value": 3, "unit": "d"},
        {"property": "retention", "value": 72, "unit": "m"},
    ],
    "team": {"name": "Youth justice service", "members": [{"username": "yjs.owner", "role": "owner"}]},
    "customProperties": [
        {"property": "agency", "value": "youth_justice"},
        {"property": "feed", "value": "intervention"},
        {"property": "delivery", "value": {"encoding": "utf-8", "delimiter": ",", "dateFormat": "%Y-%m-%d",
                                           "mode": "full", "timestampFormat": "%Y-%m-%d %H:%M:%S",
                                           "timezone": "Europe/London"}},
        {"property": "agreement", "value": {"id": "T-1", "signed": "2026-04-01", "expires": "2027-12-31",
                                            "lawfulBasis": "public task", "purpose": "early help"}},
        {"property": "assumedLagDays", "value": 1},
        {"property": "releaseDefault", "value": "ask_owner"},
        {"property": "landingRetentionDays", "value": 35},
    ],
}  # fmt: skip

PERSON_RECORD = """
select
    record_key, 'youth_justice' as agency, 'intervention' as feed, intervention_id as source_key,
    forename, surname, date_of_birth as birth_date, cast(null as varchar) as sex, postcode,
    cast(null as varchar) as uprn, cast(null as varchar) as nhs_number, cast(null as varchar) as upn,
    cast(null as varchar) as local_id, false as professional, true as names_a_person,
    extracted_at, known_from, known_to
from {{ versions(source('identity', 'youth_justice__intervention')) }}
"""
EVENT = """
select
    record_key || ':youth_justice_started' as event_key, record_key as source_record_key, record_key,
    'youth_justice' as agency, 'intervention' as feed, 'youth_justice_started' as event_type,
    start_date as occurred_on, cast(null as timestamp) as occurred_at, 1.0 as value,
    intervention_type as detail, 'ask_owner' as release, known_from, known_to
from {{ versions(source('warehouse', 'youth_justice__intervention')) }}
"""
FEATURE = {
    "name": "youth_justice_26w",
    "kind": "count",
    "events": ["youth_justice_started"],
    "window_weeks": 26,
    "monotone": 1,
    "label": "Youth justice interventions begun in the last 26 weeks",
    "sentence": "The youth justice service began work with {count} [intervention|interventions] {between}.",
}


def _write_agency(pack: Path) -> None:
    (pack / "feeds" / "youth_justice__intervention.odcs.yaml").write_text(yaml.safe_dump(CONTRACT, sort_keys=False))
    staging = pack / "staging" / "youth_justice"
    staging.mkdir()
    for canonical, sql in (("person_record", PERSON_RECORD), ("event", EVENT)):
        (staging / f"stg_youth_justice__{canonical}.sql").write_text(sql)
    risk = yaml.safe_load((pack / "risk.yml").read_text(encoding="utf-8"))
    theme = risk["features"][0]["theme"]
    risk["features"].append({**FEATURE, "theme": theme})
    (pack / "risk.yml").write_text(yaml.safe_dump(risk, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _write_drop(hub: DemoHub) -> int:
    people = pd.read_parquet(hub.drops / "world" / "person.parquet")
    born = pd.to_datetime(people.birth_date)
    teens = people[(people.role == "child") & (born > "2009-12-01") & (born < "2014-01-01")].head(12)
    folder = hub.root / "landing" / "youth_justice" / "intervention"
    folder.mkdir(parents=True)
    file = folder / "intervention_20261004_full.csv"
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(COLUMNS)
        for number, (_, person) in enumerate(teens.iterrows()):
            started = date(2026, 9, 1) - timedelta(days=7 * number)
            day = pd.Timestamp(person.birth_date).date().isoformat()
            writer.writerow([f"YJ{number:05}", person.forename, person.surname, day, "", "Turnaround", started])
    manifest = {
        "agency": "youth_justice", "feed": "intervention", "file": file.name, "mode": "full", "history": True,
        "extracted_at": "2026-10-04T18:00:00Z", "received_at": "2026-10-04T19:00:00Z",
        "window": {"from": "2026-01-01", "to": "2026-10-04"}, "rows": len(teens),
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "schema_version": "1.0.0",
        "code_set_version": "2026-09",
    }  # fmt: skip
    (folder / "intervention_20261004_full.manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return len(teens)


def _fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoHub, dict[str, str], int]:
    folder = tmp_path_factory.mktemp("elsewhere")
    pack = folder / "southmere"
    shutil.copytree(PACK, pack)
    _write_agency(pack)
    before = _fingerprint(pack)
    hub = DemoHub(folder, partnership=str(pack))
    # By the command itself, as its users start it.
    hub.execute("demo", "create", "--children", str(CHILDREN))
    sent = _write_drop(hub)
    hub.execute("dbt", "parse")
    hub.execute("run", "nightly")
    hub.execute("run", "weekly")
    return hub, before, sent


def test_its_events_reach_the_marts_under_the_right_persons(extended: tuple[DemoHub, dict[str, str], int]) -> None:
    hub, _, sent = extended
    with hub.zones.open("warehouse", read_only=True) as con:
        events, persons, others = con.execute(
            """
            with own as (select * from marts.event where event_type = 'youth_justice_started')
            select count(*), count(distinct own.person_key), count(distinct elsewhere.person_key)
            from own left join marts.event as elsewhere
                on elsewhere.person_key = own.person_key and elsewhere.agency <> 'youth_justice'
            """
        ).fetchall()[0]
    assert events >= sent
    assert persons == sent
    assert others >= 0.8 * sent, "its children were not recognised as children other agencies know"


def test_its_feature_is_in_the_panel(extended: tuple[DemoHub, dict[str, str], int]) -> None:
    from models.risk.declare import load_risk
    from models.risk.panel import build_panel

    hub, _, sent = extended
    config = load_risk(yaml.safe_load((Path(hub.partnership) / "risk.yml").read_text(encoding="utf-8")))
    with hub.zones.open("warehouse", read_only=True) as con:
        panel = build_panel(con, config, [date(2026, 10, 4)], cohort_only=False)
    column = panel.X[:, list(panel.names).index(FEATURE["name"])]
    assert 0 < column.sum() <= sent


def test_it_is_in_the_asset_graph(extended: tuple[DemoHub, dict[str, str], int]) -> None:
    hub, _, _ = extended
    manifest = json.loads((hub.root / "dbt" / "target" / "manifest.json").read_text(encoding="utf-8"))
    assert any(name.endswith("stg_youth_justice__event") for name in manifest["nodes"])
    assert "youth_justice" in hub.run("status")


def test_the_pack_is_left_as_it_was(extended: tuple[DemoHub, dict[str, str], int]) -> None:
    hub, before, _ = extended
    assert _fingerprint(Path(hub.partnership)) == before
