"""Adult social care: off until its own sign-off, then a list of its own, and nothing of it in anything about a child.

The same small partnership twice, with the same keys: once as it is, once with the agency joined and signed off.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
from tests.demo_hub import DemoHub, copy_of

PACK = Path(__file__).parents[2] / "partnerships" / "northmere"
AGENCY = "adult_social_care"
SIGNED = {"name": "Director of Adult Social Services", "by": "E. Example", "signed": date(2026, 9, 15)}
AS_OF = date(2026, 10, 4)
OFF = "off until its own sign-off"
# Whatever is about a child, or could find its way into what is.
CHILDREN = (
    "identity_export.record_person", "identity_export.record_household", "identity_export.household_spell",
    "identity_export.person", "identity_export.household", "canonical.event", "canonical.episode", "marts.event",
    "marts.episode", "marts.household", "marts.person", "marts.label", "marts.person_week", "marts.cohort_count",
    "audit.person_attribute", "audit.person_deprivation",
)  # fmt: skip
LINKAGE = ("linkage.person_assignment", "linkage.record_household", "canonical.person_record", "canonical.relationship")


def _sign(hub: DemoHub, expires: date) -> None:
    file = Path(hub.partnership) / "partnership.yml"
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    declared["sign_offs"][AGENCY] = {**SIGNED, "expires": expires}
    file.write_text(yaml.safe_dump(declared, sort_keys=False, allow_unicode=True), encoding="utf-8")


@pytest.fixture(scope="module")
def said_before(waiting: DemoHub, finished: DemoHub, tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoHub, str]:
    """The partnership with the agency joined, and what `hub status` said of it before anybody signed."""
    folder = tmp_path_factory.mktemp("adults")
    copied = copy_of(waiting, folder)
    shutil.copytree(PACK, folder / "northmere")
    hub = dataclasses.replace(
        copied, partnership=str(folder / "northmere"), key_file=finished.key_file or finished.folder / "keys.json"
    )
    hub.execute("demo", "join", AGENCY)
    return hub, hub.run("status")


@pytest.fixture(scope="module")
def on(said_before: tuple[DemoHub, str]) -> DemoHub:
    """The same signed off, after a night and a week."""
    hub, _ = said_before
    _sign(hub, expires=date(2027, 8, 31))
    hub.run("run", "nightly")
    hub.run("run", "weekly")
    return hub


@pytest.fixture(scope="module")
def known(on: DemoHub) -> pd.DataFrame:
    """Records about adults with the key the hub gave their adult, and who they truly are."""
    key_of = Pseudonym(on.keys.pseudonym).key_of
    truth = pd.read_parquet(on.drops / "truth" / "adult_identity.parquet")
    keys = truth[["agency", "feed", "source_key"]].itertuples(index=False)
    truth["record_key"] = [str(key_of(*parts)) for parts in keys]
    with on.zones.open("warehouse", read_only=True) as con:
        persons = con.execute(
            "select record_key::varchar as record_key, person_key::varchar as person_key "
            "from identity_export.subject_record where known_to > '9000-01-01'"
        ).df()
    return truth.merge(persons, on="record_key", how="left")


def _contents(hub: DemoHub, zone: str, tables: tuple[str, ...]) -> dict[str, tuple]:
    with hub.zones.open(zone, read_only=True) as con:
        present = {
            f"{schema}.{name}"
            for schema, name in con.execute("select table_schema, table_name from information_schema.tables").fetchall()
        }
        return {
            # Which run wrote a row says nothing about its content.
            table: con.execute(
                "select count(*), sum(hash(one)::hugeint) from "
                f"(select columns(name -> name <> 'run_id') from {zone}.{table}) as one"
            ).fetchall()[0]
            for table in tables
            if table in present
        }


def _documents(hub: DemoHub) -> dict[tuple[str, str], str]:
    store = HubStore(hub.root / "hub.sqlite", hub.keys.hub, Pseudonym(hub.keys.pseudonym).key_of)
    found = {(one.kind, one.slot): one.content_hash for one in store.issued() if one.kind != "subject_list.v1"}
    store.close()
    return found


def test_before_it_is_signed_its_files_wait_and_everybody_is_told_so(said_before: tuple[DemoHub, str]) -> None:
    _, said = said_before
    assert said.count(OFF) == 2, "the agency, and what the police hold of adults"


def test_no_cell_of_the_panel_no_household_no_list_of_a_child_is_touched(on: DemoHub, finished: DemoHub) -> None:
    from models.risk.declare import load_risk
    from models.risk.panel import build_panel

    before, after = _contents(finished, "warehouse", CHILDREN), _contents(on, "warehouse", CHILDREN)
    assert before == after and set(before) == set(CHILDREN)
    assert _contents(finished, "identity", LINKAGE) == _contents(on, "identity", LINKAGE)
    assert _documents(finished) == _documents(on) != {}
    config = load_risk(yaml.safe_load((PACK / "risk.yml").read_text(encoding="utf-8")))
    panels = []
    for hub in (finished, on):
        with hub.zones.open("warehouse", read_only=True) as con:
            panels.append(build_panel(con, config, [AS_OF], cohort_only=False).X)
    assert panels[0].size and np.array_equal(*panels)


def test_rules_put_adults_together_and_nobody_with_a_child(on: DemoHub, known: pd.DataFrame) -> None:
    # Truth knows of adults who are first recorded on a night still to come.
    own = known[(known["agency"] == AGENCY) & known["person_key"].notna()]
    with on.zones.open("warehouse", read_only=True) as con:
        sent = con.execute("select count(distinct record_key) from raw.adult_social_care__person").fetchall()[0][0]
    assert len(own) == sent > 100
    assert (own.groupby("person_key")["true_person_id"].nunique() == 1).all()
    assert (own.groupby("true_person_id")["person_key"].nunique() == 1).all(), "two numbers, one adult"
    parents = pd.read_parquet(on.drops / "world" / "person.parquet")["person_id"]
    assert own["true_person_id"].isin(parents).any(), "some are parents of children the hub knows"
    with on.zones.open("warehouse", read_only=True) as con:
        children = con.execute("select distinct person_key::varchar from identity_export.record_person").fetchall()
    assert not set(known["person_key"]) & {key for (key,) in children}


def test_the_five_patterns_are_found_exactly(on: DemoHub, known: pd.DataFrame) -> None:
    who = known[known["agency"] == AGENCY].drop_duplicates("person_key").set_index("person_key")["true_person_id"]
    with on.zones.open("warehouse", read_only=True) as con:
        rows = con.execute(
            "select person_key::varchar, pattern, as_of_date from marts.adult_pattern where is_new"
        ).fetchall()
    found = {(int(who[key]), pattern, day) for key, pattern, day in rows}
    truth = pd.read_parquet(on.drops / "truth" / "adult_pattern.parquet")
    true = {(int(one), pattern, day.date()) for one, pattern, day in truth.itertuples(index=False)}
    assert found == {one for one in true if one[2] <= AS_OF}
    assert {pattern for _, pattern, _ in found} == {pattern for _, pattern, _ in true}


def test_lost_notifications_are_found_and_hardly_any_other_is_called_lost(on: DemoHub, known: pd.DataFrame) -> None:
    lost = pd.read_parquet(on.drops / "truth" / "lost_adult_notification.parquet")
    with on.zones.open("warehouse", read_only=True) as con:
        seen = con.execute(
            "select record_key::varchar as record_key, arg_max(state, as_of_date) as state, "
            "max(due_on) < date '2026-10-04' as is_over from marts.adult_notification group by 1"
        ).df()
    seen = seen[seen["is_over"]].merge(known[["record_key", "source_key"]], on="record_key")
    is_lost = seen["source_key"].isin(lost["source_key"])
    called = seen["state"] == "not_found"
    assert is_lost.sum() >= 5 and called[is_lost].mean() >= 0.99
    assert called[~is_lost].mean() <= 0.02


def test_the_list_names_whom_a_pattern_holds_for_to_one_recipient_alone(on: DemoHub, known: pd.DataFrame) -> None:
    folder = on.root / "outbox" / "adult-safeguarding-lead"
    assert [path.suffix for path in folder.iterdir()] == [".html"]
    page = next(folder.iterdir()).read_text(encoding="utf-8")
    truth = pd.read_parquet(on.drops / "truth" / "adult_pattern.parquet")
    expected = set(truth.loc[truth["as_of_date"] == pd.Timestamp(AS_OF), "true_person_id"])
    assert page.count('<article class="family"') == len(expected) > 0
    with on.zones.open("identity", read_only=True) as con:
        names = con.execute(
            "select distinct la_person_unique_identifier, forename || ' ' || surname from raw.adult_social_care__person"
        ).fetchall()
    by_id = known[known["feed"] == "person"].set_index("source_key")["true_person_id"]
    listed = {name for number, name in names if by_id[number] in expected}
    assert all(name in page for name in listed)
    for other in (on.root / "outbox").rglob("*.html"):
        if other.parent != folder:
            text = other.read_text(encoding="utf-8")
            assert not [name for name in listed if name in text], other.name


def test_whoever_is_suspected_was_refused_at_the_door(on: DemoHub) -> None:
    with on.zones.open("warehouse", "quarantine", read_only=True) as con:
        inside = con.execute(
            "select count(*) from warehouse.raw.adult_social_care__safeguarding_concern "
            "where person_role <> 'ADULT_AT_RISK'"
        ).fetchall()[0][0]
        refused = con.execute(
            "select distinct rule from quarantine.gate.quarantined_row where feed = 'safeguarding_concern'"
        ).fetchall()
    assert inside == 0 and refused == [("not_to_be_shared",)]


def test_when_the_sign_off_runs_out_it_is_as_if_it_had_never_been_there(on: DemoHub, finished: DemoHub) -> None:
    _sign(on, expires=date(2026, 10, 1))
    assert on.run("status").count(OFF) == 2
    on.run("dbt", "parse")
    assert _assembled(on) == _assembled(finished)


def _assembled(hub: DemoHub) -> dict[str, str]:
    folder = hub.root / "dbt" / "models"
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
