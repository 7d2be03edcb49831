"""Zones: one key, one file, and no way around."""

from pathlib import Path

import pytest

from governance.keys import load_keys
from governance.migrations import SchemaTooNew
from governance.zones import DATABASE_ZONES, ZoneProblem, Zones


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    keys = load_keys("demo", create=True, environ={"HUB_KEY_FILE": str(tmp_path / "keys.json")})
    made = Zones(tmp_path / "var", keys)
    made.migrate()
    return made


def test_migrations_can_be_run_again(zones: Zones) -> None:
    zones.migrate()
    for zone in DATABASE_ZONES:
        with zones.open(zone, read_only=True) as con:
            assert con.execute("select max(number) from schema_version").fetchall()[0][0] >= 1


def test_a_newer_schema_is_refused(zones: Zones) -> None:
    with zones.open("warehouse") as con:
        con.execute("insert into schema_version (number, name) values (9999, 'from the future')")
    with pytest.raises(SchemaTooNew, match="newer version"):
        zones.migrate()


def test_a_connection_sees_only_the_zones_it_named(zones: Zones) -> None:
    with zones.open("warehouse") as con:
        names = {row[0] for row in con.execute("select database_name from duckdb_databases()").fetchall()}
    assert names & set(DATABASE_ZONES) == {"warehouse"}


def test_the_wrong_key_is_told_without_showing_a_key(zones: Zones, tmp_path: Path) -> None:
    other = load_keys("demo", create=True, environ={"HUB_KEY_FILE": str(tmp_path / "other.json")})
    with pytest.raises(ZoneProblem, match="present key") as problem, Zones(zones.root, other).open("identity"):
        pass
    assert other.identity.hex() not in str(problem.value)
    assert problem.value.__cause__ is None


def test_nothing_written_can_be_read_in_the_file(zones: Zones) -> None:
    canary = "CANARY-Aurelia-Thistlewood"
    with zones.open("identity") as con:
        con.execute("create table linkage.note as select ? as name", [canary])
        con.execute("checkpoint identity")
    assert canary.encode() not in zones.path("identity").read_bytes()
