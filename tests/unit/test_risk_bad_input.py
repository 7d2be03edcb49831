"""Whatever is wrong with what comes in, the week's run names the cause, and the named patterns' list still comes out.

No outcomes, a short history and a changed target are in test_risk_run.py; files of a model changed or swapped in
test_risk_run.py and test_risk_registry.py.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from datetime import timedelta

import pytest

from models.risk import relations
from models.risk.asof import knowledge_cutoff
from models.risk.declare import DeclarationError
from models.risk.lineage import Step
from models.risk.run import run_weekly
from pipelines import risk_pack
from pipelines.hub import Hub
from pipelines.risk_pack import load_declarations
from pipelines.settings import Settings
from tests.risk_marts import PACK, configuration, make_marts, registered, sundays
from tests.unit.test_risk_run import EASY, PARTNERSHIP

WEEKS = 96
AS_OF = sundays(WEEKS)[-1]
CONFIG, BOOK = configuration(
    target={"horizon_days": 56, "maturity_days": 28, "minimum_positives": 5},
    training={"lookback_weeks": 13, "candidates": ["logistic"]},
    evaluation={"test_weeks": 4, "bootstrap": 50, "refits": 0, "family_folds": 2},
)
# Only what this file is about may fail: the inputs are judged as the pack declares.
LENIENT = registered(
    CONFIG.model_copy(
        update={"gates": tuple(g if g.kind == "inputs" else g.model_copy(update=EASY) for g in CONFIG.gates)}
    )
)
TERMS = PARTNERSHIP | {
    "gate_overrides": [
        {"gate": gate, "status": status, "by": "A. Example", "reason": "Not asked here.", "until": AS_OF}
        for gate in ("fairness", "linkage", "stability", "calibration", "beats_contact_count", "beats_rules")
        for status in ("not enough evidence", "failed")
    ]
}


@pytest.fixture(scope="module")
def con():
    return make_marts(350, WEEKS, 31, rate=3.0)


@contextmanager
def changed(con, table: str, *statements):
    """The marts with a table changed, and as they were afterwards."""
    con.execute(f"create table kept_{table} as select * from warehouse.marts.{table}")
    try:
        for statement, values in statements:
            con.execute(statement, values or None)
        yield con
    finally:
        con.execute(f"delete from warehouse.marts.{table}")
        con.execute(f"insert into warehouse.marts.{table} select * from kept_{table}")
        con.execute(f"drop table kept_{table}")


def run_of(con, config=LENIENT):
    return run_weekly(con, config, BOOK, TERMS, AS_OF)


def refused(run, gate: str, *words: str) -> None:
    """The gate has not passed and says why, the model names nobody, and the patterns' list is there."""
    (one,) = [g for g in run.gates if g["id"] == gate]
    assert one["status"] != "passed" and all(w in one["words"] for w in words), one["words"]
    assert run.channel == "rules" and all(w in run.statement for w in words)
    assert run.candidates and all("model" not in c["channel"] for c in run.candidates)
    assert all(c["reasons"] for c in run.candidates)


def test_everybody_with_an_outcome_leaves_nothing_to_tell_them_from(con):
    everyone = (
        "insert into warehouse.marts.label by name select distinct p.person_key, 'statutory_need_182d' as target,"
        " (p.as_of_date + 3)::date as occurred_on, (p.as_of_date + 4)::timestamp as known_from,"
        " timestamp '9999-12-31' as known_to from warehouse.marts.person_week as p"
    )
    with changed(con, "label", (everyone, {})):
        refused(run_of(con), "history", "nothing but outcomes")


@pytest.fixture(scope="module")
def spoilt(con):
    """One run in which four things are wrong with what the model reads; each has to be named."""
    faults = (
        # Early help has recorded no need for months.
        (
            "delete from warehouse.marts.event where event_type = 'eh_need_identified' and occurred_on > $day",
            {"day": AS_OF - timedelta(weeks=30)},
        ),
        (
            "delete from warehouse.marts.event where feed = 'absence_illness'"
            " and occurred_on > $first and occurred_on <= $last",
            {"first": AS_OF - timedelta(weeks=26), "last": AS_OF - timedelta(weeks=13)},
        ),
        # Some agencies' rows say that they happened a month after they were known.
        (
            "update warehouse.marts.event set known_from = occurred_on - 30, known_to = timestamp '9999-12-31'"
            " where agency in ('police', 'csc')",
            {},
        ),
    )
    with pytest.MonkeyPatch.context() as patch, changed(con, "event", *faults):
        # And the panel takes what was known an hour too late.
        patch.setattr(relations, "knowledge_cutoff", lambda day: knowledge_cutoff(day) + timedelta(hours=1))
        return run_of(con)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(('"Needs noted by early help, 26 weeks"', "now the same for everybody"), id="a dead feature"),
        pytest.param(
            ("Nothing of education.absence_illness happened from",),
            id="a feed absent for a quarter",
        ),
        pytest.param(("are dated after the day on which they were known",), id="a clock that runs ahead"),
        pytest.param(("Features see what nobody could know on the day",), id="a panel that looks ahead"),
    ],
)
def test_what_is_wrong_with_the_inputs_is_named_and_the_patterns_list_comes_out(spoilt, words):
    refused(spoilt, "inputs", *words)
    assert not spoilt.leak.passed and "police_da_4w" in spoilt.leak.moved


def test_nothing_recorded_at_all_is_said_and_an_empty_list_comes_out(con):
    with changed(con, "event", ("delete from warehouse.marts.event", {})):
        run = run_of(con)
    assert run.channel == "rules" and run.statement and run.candidates == []
    assert all(one["status"] in {"passed", "failed", "not enough evidence"} for one in run.gates)


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("partnership.yml", "event_months: 72", "event_months: 30", "the hub's record of events"),
        ("feeds/police__ppn.odcs.yaml", "retention, value: 72", "retention, value: 30", "police__ppn"),
        # The target is made of it; no gate names it.
        ("feeds/csc__cla_episodes.odcs.yaml", "retention, value: 72", "retention, value: 30", "csc__cla_episodes"),
    ],
)
def test_a_pack_that_deletes_before_its_gates_could_speak_is_refused_when_it_is_loaded(
    tmp_path, monkeypatch, file, old, new, what
):
    # Which feeds are behind what is read is asked of the real manifest in tests/pipeline/test_where_people_live.py.
    read = {name: Step("warehouse", "", ()) for name in ("warehouse.police__ppn", "warehouse.csc__cla_episodes")}
    steps = {"event": Step("marts", "select 1", tuple(read)), **read}
    monkeypatch.setattr(risk_pack, "_steps_of", lambda hub: steps)
    folder = shutil.copytree(PACK, tmp_path / "pack")
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(DeclarationError) as refused:
        load_declarations(Hub(Settings(partnership=str(folder))))
    said = str(refused.value)
    assert said.startswith(f"risk.yml: {what} is not kept for as long as the gates need: look-back 364 + training")
    assert said.endswith("days needed; 913 days are there")
