"""What the hub hands the risk step, and how its figures are shown: nothing hidden comes out in a table."""

from __future__ import annotations

import json
from datetime import date, datetime
from types import SimpleNamespace

import duckdb
import pytest

from pipelines.assets.risk import basis_of
from pipelines.risk_pack import (
    audit_attributes,
    build_steps,
    linkage_quality,
    registered_before,
    shadow_weeks,
    terms,
)
from pipelines.risk_tables import evaluation_tables, trends


def test_what_earlier_models_were_judged_by_is_read_from_the_log_and_else_from_their_cards(tmp_path):
    cards = {
        "boosting-1": {"as_of_date": "2026-09-27", "registration": {"version": 2, "hash": "aa"}},
        "boosting-2": {"as_of_date": "2026-10-04", "registration": {"version": 2, "hash": "bb"}},
        "logistic-3": {"as_of_date": "2026-10-04", "registration": {"version": 3, "hash": "cc"}},
        "older": {"as_of_date": "2026-01-04"},
    }
    for name, card in cards.items():
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "card.json").write_text(json.dumps(card))
    (tmp_path / "models" / "damaged").mkdir()
    (tmp_path / "models" / "damaged" / "card.json").write_text("{")

    def asked(root, *logged: tuple[int, str]) -> dict[int, str]:
        entries = [SimpleNamespace(detail={"registration": {"version": v, "hash": h}}) for v, h in logged]
        entries.insert(0, SimpleNamespace(detail={"registration": None}))
        audit = SimpleNamespace(entries=lambda what: entries if what == ["risk.judged"] else [])
        return registered_before(
            SimpleNamespace(settings=SimpleNamespace(root=root), store=SimpleNamespace(audit=audit))
        )

    assert asked(tmp_path) == {2: "aa", 3: "cc"} and asked(tmp_path / "none") == {}
    # The log is believed, whatever cards say or whether they are there.
    logged = ((2, "ab"), (2, "ad"), (4, "dd"))
    assert asked(tmp_path, *logged) == {2: "ab", 3: "cc", 4: "dd"}
    assert asked(tmp_path / "none", *logged) == {2: "ab", 4: "dd"}


def hub(mode: str, clock: str = "wall") -> SimpleNamespace:
    judged = [  # week, mode, whether a model was judged, when
        ("2026-09-27", "shadow", "m1", datetime(2026, 9, 28, 3)),
        ("2026-09-27", "shadow", "m1", datetime(2026, 9, 29, 3)),  # made again
        ("2026-10-04", "shadow", "m2", datetime(2026, 10, 12, 0, 59)),  # late, before the next one was due
        ("2026-10-11", "pilot", "m3", datetime(2026, 10, 12, 3)),
        ("2026-10-18", "shadow", None, datetime(2026, 10, 19, 3)),  # no model could be learnt
        ("2026-08-30", "shadow", "m4", datetime(2026, 10, 19, 3)),  # a past week, made afterwards
    ]
    entries = [
        SimpleNamespace(at=at, detail={"as_of_date": week, "mode": how, "model": model})
        for week, how, model, at in judged
    ]
    audit = SimpleNamespace(entries=lambda what: entries if what == ["risk.judged"] else [])
    return SimpleNamespace(partnership=SimpleNamespace(mode=mode, clock=clock), store=SimpleNamespace(audit=audit))


def test_weeks_in_shadow_are_counted_once_with_a_model_in_their_own_time_and_only_for_live_running():
    assert shadow_weeks(hub("live")) == 2 and shadow_weeks(hub("pilot")) == 0
    assert shadow_weeks(hub("live", clock="drops")) == 3


def test_an_acceptance_whose_reason_no_list_may_print_has_none():
    given = [{"gate": "fairness", "by": "A. Example", "reason": why} for why in ("More months.", "A high risk score.")]
    pack = SimpleNamespace(declaration=lambda name: {"gate_overrides": given}, capacity=lambda n: {"North": n})
    got = terms(pack, 3)
    assert [one["reason"] for one in got["gate_overrides"]] == ["More months.", None] and got["capacity"] == {
        "North": 3
    }


@pytest.fixture
def con():
    con = duckdb.connect()
    con.execute("attach ':memory:' as warehouse")
    return con


def test_what_is_not_there_is_none(con):
    assert audit_attributes(con) is None and linkage_quality(con, date(2026, 10, 4)) is None


def test_the_newest_quality_of_linkage_known_by_then_counts(con):
    con.execute("create schema warehouse.identity_export")
    con.execute(
        "create table warehouse.identity_export.linkage_quality as select * from (values"
        " (timestamp '2026-10-03 01:00', 'precision', 'all', 0.99, 0.98, 1.0),"
        " (timestamp '2026-10-05 01:00', 'precision', 'all', 0.995, 0.99, 1.0),"
        " (timestamp '2026-10-06 01:00', 'precision', 'all', 0.5, 0.4, 0.6),"
        " (timestamp '2026-10-05 01:00', 'precision', 'sex: F', 0.7, 0.6, 0.8),"
        " (timestamp '2026-10-05 01:00', 'recall', 'all', null, null, null))"
        " as t(night, measure, scope, value, low, high)"
    )
    assert linkage_quality(con, date(2026, 10, 4)) == {
        "precision": {"estimate": pytest.approx(0.995), "low": pytest.approx(0.99), "high": 1.0}
    }


def test_the_manifest_becomes_steps_with_their_zone():
    manifest = {
        "sources": {"source.hub.audit.pupil": {"source_name": "audit", "name": "pupil"}},
        "nodes": {
            "model.hub.event": {
                "resource_type": "model",
                "name": "event",
                "schema": "marts",
                "raw_code": "select 1",
                "depends_on": {"nodes": ["source.hub.audit.pupil", "macro.hub.versions"]},
            },
            "test.hub.unique": {"resource_type": "test", "name": "unique", "depends_on": {"nodes": []}},
        },
    }
    steps = build_steps(manifest)
    assert steps["audit.pupil"].zone == "audit" and steps["event"].reads == ("audit.pupil",) and len(steps) == 2


def test_a_withheld_figure_is_called_that_and_the_list_says_what_was_accepted():
    group = {
        "group": "F",
        "people": None,
        **dict.fromkeys(("selection", "precision", "missed", "calibration")),
        "difference": {"precision": None, "missed": {"estimate": 0.01, "low": -0.02, "high": 0.04}},
        "recording": {"listed_without_need": None, "given_recording": 0.5},
    }
    shown = evaluation_tables({"fairness": {"attributes": [{"title": "Sex", "groups": [group]}]}})
    (row,) = [line for line in shown["fairness"].value.splitlines() if "Sex" in line]
    assert row.count("withheld") == 7 and "0.010 (-0.020 to 0.040)" in row
    assert trends({}) == {}
    audited = {"at_capacity": {}, "base_rate": 0.01, "average_precision": {}}
    gaps = [("a", -0.04, 0.02), ("b", 0.04, -0.02), ("c", None, 0.3)]
    groups = [
        {"group": n, "difference": {"precision": p and {"estimate": p}, "missed": {"estimate": m}}} for n, p, m in gaps
    ]
    audited["fairness"] = {"attributes": [{"name": "sex", "groups": groups}, {"name": "send", "groups": []}]}
    told = {name: value for name, value in trends(audited).items() if name.startswith("widest_gap")}
    assert told == {"widest_gap_precision_sex": 0.04, "widest_gap_missed_sex": 0.3}
    month = {"split": "test from 2026-01-04", "base_rate": 0.01, "average_precision": {"model": 0.05}}
    month["at_capacity"] = {"model": {"precision": {"estimate": 0.3, "low": 0.2, "high": 0.4}}}
    by_month = evaluation_tables({}, [month, month])["month_by_month"].value.splitlines()
    assert len(by_month) == 4 and "0.050 |  |  |  | 0.300 (0.200 to 0.400)" in by_month[2]
    assert "month_by_month" not in evaluation_tables({}, [month])
    spoke = SimpleNamespace(statement="", accepted=["It is not yet shown. Accepted until ..."])
    assert "but the following" in basis_of(spoke)[0] and basis_of(spoke)[1].startswith("It is not yet shown")
    assert basis_of(SimpleNamespace(statement="Why not.", accepted=[])) == ["Why not."]
    assert "passed every check" in basis_of(SimpleNamespace(statement="", accepted=[]))[0]
