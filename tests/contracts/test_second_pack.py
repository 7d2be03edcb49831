"""The second partnership is files alone: agreements hold, drops tell nothing early, the engine knows none of it."""

import csv
import gzip
import io
import json
import re
from datetime import date
from pathlib import Path

import pytest
import yaml

from data_quality.code_sets import CodeSets
from data_quality.contract import agreement_state, load_pack_contracts
from models.risk.declare import DeclarationError, load_risk, load_rules
from models.risk.labels import require_kept
from models.risk.registration import registration_problem
from pipelines.partnership import Partnership
from pipelines.replay import ReplayProblem, replay
from tests.oulad_pack import PACK, few_students

REPOSITORY = Path(__file__).parents[2]
CONTRACTS = load_pack_contracts(PACK / "feeds")
RISK = yaml.safe_load((PACK / "risk.yml").read_text())
FIRST = date(2013, 2, 3)
PROTECTED = {
    "gender",
    "sex",
    "age_band",
    "region",
    "highest_education",
    "imd_band",
    "deprivation_quintile",
    "disability",
}


def test_no_line_of_the_engine_knows_the_pack():
    names = re.compile(r"oulad|university|id_student|studying", re.I)
    packages = ("pipelines", "data_quality", "models", "review", "governance", "synthetic", "dbt_project")
    texts = [
        path
        for package in packages
        for path in (REPOSITORY / package).rglob("*")
        if path.suffix in {".py", ".sql", ".yml", ".yaml", ".j2", ".json", ".md"} and "target" not in path.parts
    ]
    assert len(texts) > 200
    assert [str(path.relative_to(REPOSITORY)) for path in texts if names.search(path.read_text("utf-8"))] == []


def test_agreements_hold_and_nothing_unknown_is_asked():
    assert set(CONTRACTS) == {"university__student", "university__registration", "university__assessment"}
    codes = CodeSets.from_folder(PACK / "codes")
    for contract in CONTRACTS.values():
        assert agreement_state(contract, date(2013, 2, 4)) == "valid"
        assert contract.purpose and contract.owners
        for column in contract.columns:
            assert column.code_set is None or codes.get(column.code_set).codes


def test_protected_attributes_live_in_the_audit_store_alone():
    zones = {column.name: set(column.zones) for contract in CONTRACTS.values() for column in contract.columns}
    assert all(zones[name] == {"audit"} for name in PROTECTED & set(zones))
    readers = [
        path.stem
        for path in (PACK / "staging").rglob("*.sql")
        if "'audit'" in path.read_text() or any(re.search(rf"\b{name}\b", path.read_text()) for name in PROTECTED)
    ]
    assert sorted(readers) == ["stg_university__person_attribute", "stg_university__person_record"]
    assert "cast(null as varchar) as sex" in (PACK / "staging/university/stg_university__person_record.sql").read_text()
    for name in ("gender", "age_band", "imd_band"):
        spoilt = {**RISK, "features": [{**RISK["features"][0], "name": name}]}
        with pytest.raises(DeclarationError, match="never used"):
            load_risk({**spoilt, "comparators": {"contact_count": name}})


def test_the_question_is_registered_and_every_feature_reads_something_that_is_told():
    config = load_risk(RISK)
    load_rules(yaml.safe_load((PACK / "rules.yml").read_text()), config)
    assert registration_problem(config, {}) is None
    partnership = Partnership.load(PACK / "partnership.yml")
    require_kept(config, {"events": int((partnership.retention.event_months or 0) * 30.4375)})
    staged = " ".join(path.read_text() for path in (PACK / "staging").rglob("*.sql"))
    for feature in config.features:
        for told in (*feature.events, *feature.episodes, *feature.details):
            assert f"'{told}'" in staged or told in (PACK / "codes" / "assessment.csv").read_text()
    words = yaml.safe_load((PACK / "wording.yml").read_text())
    assert {event for feature in config.features for event in feature.events} <= set(words["event_types"])


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_a_replay_tells_nothing_before_its_day_and_goes_on_where_it_stopped(tmp_path):
    pack = few_students(tmp_path, 3)
    landing = tmp_path / "landing"
    first = replay(pack, CONTRACTS, landing, FIRST, until=date(2013, 2, 10))
    assert first.until == date(2013, 2, 10)
    later = replay(pack, CONTRACTS, landing, FIRST, after=first.until, until=date(2013, 3, 3))
    again = tmp_path / "again"
    whole = replay(pack, CONTRACTS, again, FIRST, until=date(2013, 3, 3))
    assert (first.drops + later.drops, first.rows + later.rows) == (whole.drops, whole.rows)
    assert sorted(p.name for p in landing.rglob("*")) == sorted(p.name for p in again.rglob("*"))
    for manifest in sorted(landing.rglob("*.manifest.json")):
        said = json.loads(manifest.read_text())
        sunday = date.fromisoformat(said["received_at"][:10])
        rows = _rows(manifest.parent / said["file"])
        assert said["rows"] == len(rows) and sunday.isoweekday() == 7
        assert (said["mode"], said["history"]) == (("full", True) if sunday == FIRST else ("delta", False))
        for row in rows:
            days = [value for name, value in row.items() if name.startswith("date_") and value]
            assert all(date.fromisoformat(day) <= sunday for day in days)
            # Nobody has failed or passed before the module ends in October.
            assert row.get("final_result", "") == ""


def test_every_outcome_is_told_in_the_end(tmp_path):
    pack = few_students(tmp_path, 3)
    replay(pack, CONTRACTS, tmp_path / "landing", FIRST)
    folder = tmp_path / "landing" / "university" / "registration"
    last = {
        tuple(row[key.name] for key in CONTRACTS["university__registration"].keys): row["final_result"]
        for file in sorted(folder.glob("*.csv"))
        for row in _rows(file)
    }
    text = gzip.decompress((pack / "data" / "student_info.csv.gz").read_bytes()).decode()
    truth = {
        (row["id_student"], row["code_module"], row["code_presentation"]): row["final_result"]
        for row in csv.DictReader(io.StringIO(text))
    }
    assert last == truth and len(truth) > 100


def test_a_replay_that_cannot_be_says_why(tmp_path):
    pack = few_students(tmp_path, 1)
    with pytest.raises(ReplayProblem, match="Sunday"):
        replay(pack, CONTRACTS, tmp_path / "landing", date(2013, 2, 4))
    query = pack / "replay" / "university__student.sql"
    query.write_text("select id_student, date '2013-02-03' as sent_on from student_info")
    with pytest.raises(ReplayProblem, match="lacks age_band"):
        replay(pack, CONTRACTS, tmp_path / "landing", FIRST)
    for path in (pack / "replay").glob("*.sql"):
        path.unlink()
    with pytest.raises(ReplayProblem, match="nothing to send"):
        replay(pack, CONTRACTS, tmp_path / "landing", FIRST)
