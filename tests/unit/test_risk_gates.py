"""Each gate says passed, failed or not enough evidence, with its words and numbers."""

from __future__ import annotations

from datetime import date

import pytest

from models.risk.gates import FAILED, PASSED, UNPROVEN, GateInput, all_passed, judge, statement
from models.risk.labels import HistorySum
from tests.risk_marts import configuration

CONFIG, _ = configuration()
SIGNED = {
    name: {"by": "A. Example", "signed": date(2026, 1, 1), "expires": date(2027, 1, 1)}
    for name in ("senior_responsible_owner", "caldicott_guardian", "dpia")
}
FEEDS = {f: False for g in CONFIG.gates if g.kind == "feeds" for f in g.required}
BETTER = {"estimate": 0.12, "low": 0.05, "high": 0.2, "half_width": 0.07, "lift": 1.6}


def given(**changes) -> GateInput:
    """An input that passes every gate, with parts replaced."""
    parts = {
        "as_of": date(2026, 10, 4),
        "partnership": {
            "mode": "pilot",
            "sunset": "2027-08-31",
            "capacity": {"North": 6, "South": 6},
            "sign_offs": SIGNED,
        },
        "teams": ("North", "South"),
        "history": HistorySum(364, 182, 272, 182, 1820),
        "no_model_because": None,
        "feeds": FEEDS,
        "evaluation": {
            "difference": {"contact_count": BETTER, "rules": BETTER},
            "at_capacity": {"model": {"found": 60}},
            "calibration": {"slope": 1.0, "ece": 0.002, "mean": 0.015, "observed": 0.015},
            "people_with_outcome": 400,
        },
    }
    return GateInput(**(parts | changes))


def status(name: str, **changes) -> tuple[str, str]:
    """Status and words of one gate for a changed input."""
    result = next(r for r in judge(CONFIG, given(**changes)) if r.id == name)
    return result.status, result.words


def partnership(**changes) -> dict:
    return {"partnership": dict(given().partnership) | changes}


def dpia(**entry) -> dict:
    return partnership(sign_offs=SIGNED | {"dpia": entry})


def test_everything_in_order_passes_and_says_nothing():
    results = judge(CONFIG, given())
    assert all_passed(results) and statement(results) == ""


@pytest.mark.parametrize(
    ("gate", "changes", "expected", "words"),
    [
        ("mode", partnership(mode="shadow"), FAILED, "names nobody"),
        ("mode", partnership(mode=None), FAILED, "shadow"),
        ("sign_offs", partnership(sign_offs={}), FAILED, "not signed: senior responsible owner"),
        ("sign_offs", dpia(by="D", signed="2025-01-01", expires="2026-10-03"),
         FAILED, "out of date: data protection impact assessment"),
        ("sign_offs", dpia(by="D", signed="2026-10-05"), FAILED, "not signed"),
        ("sign_offs", dpia(signed="2026-01-01"), FAILED, "not signed"),
        ("capacity", partnership(capacity={"North": 6}), FAILED, "1 of 2 teams"),
        ("capacity", partnership(capacity=None), FAILED, "2 of 2 teams"),
        ("sunset", partnership(sunset="2026-10-03"), FAILED, "ended on 2026-10-03"),
        ("sunset", partnership(sunset=None), FAILED, "No date is set"),
        ("history", {"history": HistorySum(364, 182, 272, 182, 900)}, UNPROVEN, "1272 days needed; 900 days are"),
        ("history", {"no_model_because": "there are 3 outcomes; 100 are needed"}, UNPROVEN, "3 outcomes"),
        ("feeds", {"feeds": FEEDS | {"police.ppn": True}}, FAILED, "late: police.ppn"),
        ("feeds", {"feeds": {}}, FAILED, "never received"),
        ("beats_rules", {"evaluation": None}, UNPROVEN, "could not be tested"),
        ("calibration", {"evaluation": None}, UNPROVEN, "could not be tested"),
    ],
)  # fmt: skip
def test_each_refusal_names_its_cause(gate, changes, expected, words):
    verdict, said = status(gate, **changes)
    assert verdict == expected and words in said
    assert said in statement(judge(CONFIG, given(**changes)))


def benefit(found=60, **difference) -> dict:
    evaluation = dict(given().evaluation)
    both = BETTER | difference
    return {"evaluation": evaluation | {
        "difference": {"contact_count": both, "rules": both}, "at_capacity": {"model": {"found": found}}
    }}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (benefit(), PASSED),
        (benefit(low=-0.02, half_width=0.15), UNPROVEN),
        (benefit(low=-0.02, high=0.04, half_width=0.03), FAILED),
        (benefit(estimate=-0.1, low=-0.2, high=-0.01, half_width=0.1), FAILED),
        (benefit(found=5), UNPROVEN),
    ],
)
def test_benefit_is_shown_refuted_or_open(changes, expected):
    assert status("beats_contact_count", **changes)[0] == expected


@pytest.mark.parametrize(("changes", "expected"), [({"slope": 0.4}, FAILED), ({"ece": 0.05}, FAILED), ({}, PASSED)])
def test_calibration_keeps_its_registered_limits(changes, expected):
    evaluation = dict(given().evaluation)
    evaluation["calibration"] = evaluation["calibration"] | changes
    assert status("calibration", evaluation=evaluation)[0] == expected
    assert status("calibration", evaluation=evaluation | {"people_with_outcome": 4})[0] == UNPROVEN
