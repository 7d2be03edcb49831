"""Putting a pack and the engine's dbt project together: what lands where, what is refused, what is left alone."""

import hashlib
import shutil

import pytest
import yaml
from zonepair import CONTRACTS, PACK, REPOSITORY, contract

from pipelines.dbt_assembly import AssemblyProblem, assemble

ENGINE = REPOSITORY / "dbt_project"


@pytest.fixture
def pack(tmp_path):
    return shutil.copytree(PACK, tmp_path / "pack")


def _hashes(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_pack_is_only_read_and_a_second_assembly_writes_nothing(pack, tmp_path):
    before = _hashes(pack)
    first = assemble(pack, ENGINE, tmp_path / "out", CONTRACTS)
    (tmp_path / "out" / "target").mkdir()
    (tmp_path / "out" / "target" / "partial_parse.msgpack").write_text("dbt's own")
    second = assemble(pack, ENGINE, tmp_path / "out", CONTRACTS)
    assert first.written and not second.written and not second.removed
    assert (tmp_path / "out" / "target" / "partial_parse.msgpack").exists()
    assert _hashes(pack) == before


def test_the_same_pack_gives_the_same_bytes_whatever_the_order_of_contracts(pack, tmp_path):
    assemble(pack, ENGINE, tmp_path / "one", CONTRACTS)
    assemble(pack, ENGINE, tmp_path / "two", tuple(reversed(CONTRACTS)))
    assert _hashes(tmp_path / "one") == _hashes(tmp_path / "two")


def test_only_changed_files_are_rewritten_and_lost_ones_removed(pack, tmp_path):
    assemble(pack, ENGINE, tmp_path / "out", CONTRACTS)
    changed = pack / "staging/alpha/stg_alpha__event.sql"
    changed.write_text(changed.read_text() + "-- changed\n")
    (pack / "staging/alpha/stg_alpha__episode.sql").unlink()
    again = assemble(pack, ENGINE, tmp_path / "out", CONTRACTS)
    assert set(again.written) == {
        "models/staging/warehouse/alpha/stg_alpha__event.sql",
        "models/canonical/warehouse/canonical_episode.sql",
    }
    assert again.removed == ("models/staging/warehouse/alpha/stg_alpha__episode.sql",)


def test_a_new_agency_joins_the_union_by_its_files_alone(pack, tmp_path):
    folder = pack / "staging" / "youth_justice"
    folder.mkdir()
    (folder / "stg_youth_justice__event.sql").write_text("select * from {{ source('warehouse', 'alpha__event') }}")
    made = assemble(pack, ENGINE, tmp_path / "out", CONTRACTS)
    union = (tmp_path / "out/models/canonical/warehouse/canonical_event.sql").read_text()
    assert made.staging["stg_youth_justice__event"] == "warehouse"
    assert union.index("ref('stg_alpha__event')") < union.index("ref('stg_youth_justice__event')")


def test_a_model_that_reads_both_zones_is_refused(pack, tmp_path):
    crossing = pack / "staging/alpha/stg_alpha__crossing.sql"
    crossing.write_text("select 1 from {{ source('identity', 'alpha__person') }}, {{ ref('stg_alpha__event') }}")
    with pytest.raises(AssemblyProblem, match=r"crossing\.sql reads both zones"):
        assemble(pack, ENGINE, tmp_path / "out", CONTRACTS)


def test_a_canonical_table_of_the_other_zone_is_refused(pack, tmp_path):
    (pack / "staging/alpha/stg_alpha__event.sql").write_text("select 1 from {{ source('identity', 'alpha__person') }}")
    with pytest.raises(AssemblyProblem, match="reads both zones"):
        assemble(pack, ENGINE, tmp_path / "out", CONTRACTS)


def test_a_feed_without_a_contract_is_refused_by_name(pack, tmp_path):
    (pack / "staging/alpha/stg_alpha__event.sql").write_text("select 1 from {{ source('warehouse', 'alpha__person') }}")
    with pytest.raises(AssemblyProblem, match="no contract puts a column of that feed there"):
        assemble(pack, ENGINE, tmp_path / "out", CONTRACTS)


def test_a_missing_code_set_is_refused_by_name(pack, tmp_path):
    (pack / "codes/kind.csv").unlink()
    with pytest.raises(AssemblyProblem, match=r"codes/kind\.csv"):
        assemble(pack, ENGINE, tmp_path / "out", CONTRACTS)


def test_sources_follow_the_zones_of_the_contract(pack, tmp_path):
    feeds = (*CONTRACTS, contract("note", {"note_id": "identity", "text": "drop"}))
    assemble(pack, ENGINE, tmp_path / "out", feeds)
    sources = yaml.safe_load((tmp_path / "out/models/sources/feeds.yml").read_text())["sources"]
    tables = {source["name"]: [table["name"] for table in source["tables"]] for source in sources}
    assert tables == {
        "identity": ["alpha__episode", "alpha__event", "alpha__note", "alpha__person"],
        "warehouse": ["alpha__episode", "alpha__event"],
        "audit": ["alpha__person"],
    }
    person = sources[0]["tables"][-1]["config"]
    assert person["meta"]["agency"] == "alpha" and person["freshness"]["warn_after"] == {"count": 48, "period": "hour"}


def test_text_of_a_contract_cannot_become_sql_or_jinja(pack, tmp_path):
    from dataclasses import replace

    hostile = replace(CONTRACTS[1], owners=("o'{{ env_var('HOME') }}",))
    assemble(pack, ENGINE, tmp_path / "out", (CONTRACTS[0], hostile, CONTRACTS[2]))
    sql = (tmp_path / "out/models/reference/feed.sql").read_text()
    assert "{{" not in sql and "o''" in sql
    sources = yaml.safe_load((tmp_path / "out/models/sources/feeds.yml").read_text())
    assert "{{" not in str(sources)


def test_the_pack_declares_cohort_and_targets(pack, tmp_path):
    assemble(pack, ENGINE, tmp_path / "out", CONTRACTS)
    project = yaml.safe_load((tmp_path / "out/dbt_project.yml").read_text())
    declared = yaml.safe_load((pack / "cohort.yml").read_text())
    assert project["vars"]["targets"] == declared["targets"]
    assert project["vars"]["cohort"] == declared["cohort"]


def test_the_engine_names_no_agency_of_the_demo():
    words = [path.name for path in (REPOSITORY / "partnerships/northmere/staging").glob("*")]
    text = "\n".join(path.read_text() for path in ENGINE.rglob("*") if path.is_file())
    assert not [word for word in words if f"{word}__" in text or f"'{word}'" in text]
