"""A few real students through the whole path of the second partnership: files, gate, persons, marts, panel, list.

The steps are those of a night and a week, called one after another without Dagster, which other tests drive.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent.parent / "dbt"))

import zonepair

from governance.landing_archive import archive_with
from governance.order import order_hash_with
from governance.pseudonym import Pseudonym
from tests.oulad_pack import few_students

# Day 28 of the February presentation, the night after it, and the Sunday of the first drops: two are quicker than five.
AS_OF, NIGHT, FIRST = date(2013, 3, 3), datetime(2013, 3, 4, 2), date(2013, 2, 24)


@dataclass
class Made:
    """A hub after a night and the dbt part of a week."""

    hub: Any
    loaded: int
    quarantined: int

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        with self.hub.zones.open("warehouse", read_only=True) as con:
            return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("second")
        patch.setenv("HUB_PARTNERSHIP", str(few_students(root, 10)))
        patch.setenv("HUB_VAR", str(root / "var"))
        patch.setenv("HUB_KEY_FILE", str(root / "keys.json"))
        from pipelines.hub import Hub

        yield _night_and_week(Hub.from_environment(create_keys=True))


def _night_and_week(hub: Any) -> Made:
    from data_quality.sweep import sweep_landing
    from models.linkage import link, write
    from pipelines.assets.identity import export
    from pipelines.dbt_assembly import assemble
    from pipelines.dbt_runs import DBT_PROJECT
    from pipelines.replay import replay

    hub.settings.root.mkdir(parents=True)
    hub.zones.migrate()
    replay(hub.settings.pack, hub.contracts, hub.settings.landing, FIRST, until=AS_OF)
    with hub.zones.open("identity", "warehouse", "quarantine") as con:
        Pseudonym(hub.keys.pseudonym).install(con)
        swept = sweep_landing(
            con, hub.settings.landing, hub.contracts, hub.code_sets, now=NIGHT, archive=archive_with(hub.keys.landing)
        )
    reports = [report for feed in swept.feeds.values() for report in feed.loaded]
    project = assemble(hub.settings.pack, DBT_PROJECT, hub.settings.dbt_folder, hub.contracts.values())
    pair = zonepair.ZonePair(hub.settings.root, hub.zones, project)
    clock = {"HUB_RUN_AT": NIGHT.isoformat(sep=" "), "HUB_AS_OF": AS_OF.isoformat()}
    assert pair.dbt("identity", "run", "--select", "tag:identity", variables=clock).success
    with hub.zones.open("identity", "warehouse") as con:
        result = link(
            con,
            model=hub.linkage_model(),
            settings=hub.linkage_settings(),
            now=NIGHT,
            run_id="test",
            order_hash=order_hash_with(hub.keys.order_seed),
            areas=hub.area_teams(),
        )
        write(con, result)
        export(con, result, hub.keys.pseudonym)
    assert pair.dbt("warehouse", "run", "--select", "tag:warehouse", variables=clock).success
    return Made(hub, sum(one.loaded for one in reports), sum(one.quarantined for one in reports))


def test_every_row_comes_in_and_a_number_is_a_person(made):
    assert made.loaded > 400
    assert made.quarantined == 0
    with made.hub.zones.open("identity", read_only=True) as con:
        sent, persons = con.execute(
            "select (select count(distinct id_student) from raw.university__student),"
            " (select count(distinct person_id) from linkage.person_assignment)"
        ).fetchall()[0]
    assert sent == persons > 100


def test_the_spine_is_the_weeks_of_a_module_being_studied(made):
    rows = made.read(
        "select count(*), count(*) filter (where age_months is null), min(area_team), min(as_of_date),"
        " count(distinct peer_group), count(exclusion_reason) from marts.person_week"
    )
    people, ageless, team, first, modules, excluded = rows[0]
    assert people == ageless > 200
    # The first drop is history: what it tells was known in its own weeks, from the first day of the presentation on.
    assert (team, first, modules, excluded) == ("Support", date(2013, 2, 3), 3, 0)
    # Whoever has left is in no later week.
    assert made.read(
        "select count(*) from marts.person_week as week join marts.event as left_ using (person_key)"
        " where left_.event_type = 'module_left' and left_.occurred_on <= week.as_of_date"
    ) == [(0,)]
    columns = [name for name, *_ in made.read("describe audit.person_attribute")]
    assert columns == ["person_key", "sex", "age_band", "disability", "imd_quintile", "highest_education", "region"]


def test_the_panel_equals_its_sql(made):
    from models.risk.declare import load_risk
    from models.risk.panel import build_panel
    from models.risk.panel_sql import panel_sql

    config = load_risk(made.hub.declaration("risk.yml"))
    with made.hub.zones.open("warehouse") as con:
        panel = build_panel(con, config, [AS_OF])
        table = con.execute(panel_sql(config, [AS_OF])).df()
    assert table["person_key"].astype(str).tolist() == panel.rows["person_key"].tolist()
    assert not (table[list(panel.names)].to_numpy(dtype="float32") != panel.X).any()
    assert (panel.column("behind") > 0).sum() > 5


def test_a_week_lists_who_missed_or_failed_the_last_assignment_and_says_why_no_model_speaks(made):
    from models.risk.run import run_weekly
    from pipelines.dbt_runs import ensure_manifest
    from pipelines.risk_pack import load_declarations

    # As a week reads them: held against what the facts are built from too.
    ensure_manifest(made.hub)
    config, book = load_declarations(made.hub)
    pack = {**made.hub.declaration("partnership.yml"), "capacity": made.hub.capacity(0)}
    with made.hub.zones.open("warehouse") as con:
        run = run_weekly(con, config, book, pack, AS_OF)
        behind = con.execute(
            "select count(distinct person_key) from marts.episode"
            " where episode_type = 'behind' and started_on <= ? and ended_on > ? and known_from <= ? and known_to > ?"
            "   and person_key in (select person_key from marts.person_week where as_of_date = ?)",
            [AS_OF, AS_OF, NIGHT, NIGHT, AS_OF],
        ).fetchall()[0][0]
    assert run.channel == "rules"
    assert "days needed" in run.statement
    assert len(run.candidates) == behind > 5
    assert {one["area_team"] for one in run.candidates} == {"Support"}
