"""The census return: what falls into its year, what the reference date does not know, and reading it back."""

import sys
from datetime import date, datetime
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).parents[1]))

from gate_support import column, make_contract, plain_zones, write_drop

from data_quality.code_sets import CodeSets
from data_quality.gate import accept_drop
from data_quality.raw_tables import ensure_raw_tables
from review.cin_census import COLUMNS, Year, cin_census

KNOWN = datetime(2026, 10, 5, 1)


def row(feed, *values):
    """A row of a feed, its columns in order; columns at the end that are not given are empty."""
    return dict(zip(COLUMNS[feed], [*values, *[None] * (len(COLUMNS[feed]) - len(values))], strict=True))


def episode(referral, child, made, closed=None, nfa="N"):
    return row("cin_episodes", referral, child, made, "6", "N1", nfa, closed, "RC7" if closed else None)


ROWS = {feed: [] for feed in COLUMNS} | {
    "person": [
        row("person", "100", "F", "WBRI", date(2015, 5, 2)),
        row("person", "101", "M", None, date(2026, 6, 3)),
        row("person", "102", "M", "BCRB", date(2023, 5, 2)),
    ],
    "send": [row("send", "100", "A005123456789")],
    "disability": [row("disability", "100", "LD"), row("disability", "100", "HEAR")],
    "cin_episodes": [
        episode("R1", "100", date(2024, 9, 1), date(2025, 4, 1)),
        episode("R2", "100", date(2025, 6, 1), date(2026, 8, 1)),
        episode("R3", "101", date(2026, 3, 31), nfa="Y"),
        episode("R4", "102", date(2024, 9, 1), date(2025, 3, 31)),
        episode("R5", "102", date(2026, 4, 1)),
    ],
    "cin_assessments": [
        row("cin_assessments", "A1", "R1", date(2024, 9, 2), date(2024, 10, 2)),
        row("cin_assessments", "A2", "R2", date(2025, 6, 2), date(2025, 7, 2)),
        row("cin_assessments", "A3", "R2", date(2026, 3, 20), date(2026, 4, 20)),
    ],
    "assessment_factors": [
        row("assessment_factors", "A2", '["2B","3A"]'),
        row("assessment_factors", "A3", '["4B"]'),
    ],
    "s47_enquiry": [
        row("s47_enquiry", "S1", "R2", date(2025, 6, 3), date(2025, 6, 20), '{"OUTCOME_CP_CONFERENCE_FLAG":"Y"}'),
        row("s47_enquiry", "S2", "R2", date(2025, 9, 3), date(2025, 9, 20), '{"OUTCOME_NFA_FLAG":"Y"}'),
    ],
    "initial_cp_conference": [row("initial_cp_conference", "C1", "S1", "R2", date(2025, 6, 24), date(2025, 6, 23))],
    "cp_plans": [
        row("cp_plans", "P1", "R0", "100", date(2021, 2, 3), date(2021, 9, 3), "NEG", "NEG"),
        row("cp_plans", "P2", "R2", "100", date(2025, 6, 23), date(2026, 4, 3), "NEG", "EMO"),
    ],
}


def made():
    return cin_census(ROWS, Year(2026), "005", KNOWN)


def texts(element, path):
    return [found.text for found in element.findall(path)]


def test_the_return_says_how_things_stood_on_31_march():
    root = ElementTree.fromstring(made().content)
    assert made() == made()
    assert texts(root, "Header/*/*") == [
        "CIN", "2026", "2026-03-31", "L", "005", "Safeguarding hub", "001", "2026-10-05T01:00:00",
    ]  # fmt: skip
    assert made().children == ("100", "101"), "102 was closed the day before the year and referred the day after"
    first, unborn = root.findall("Children/Child")
    assert texts(first, ".//Disability") == ["HEAR", "LD"] and texts(first, ".//UPN") == ["A005123456789"]
    assert texts(first, "CINdetails/CINclosureDate") == ["2025-04-01"], "the closure in August is not yet known"
    assert texts(first, ".//AssessmentAuthorisationDate") == ["2025-07-02"]
    assert texts(first, ".//AssessmentFactors") == ["2B", "3A"], "only of a finished assessment"
    assert texts(first, ".//AssessmentActualStartDate") == ["2025-06-02", "2026-03-20"]
    assert texts(first, ".//Section47/DateOfInitialCPC") == ["2025-06-23"]
    assert texts(first, ".//ICPCnotRequired") == ["0", "1"]
    assert texts(first, ".//ChildProtectionPlans/*") == ["2025-06-23", "NEG", "EMO", "1"]
    assert [(one.tag, one.text) for one in unborn.find("ChildIdentifiers")] == [
        ("LAchildID", "101"), ("UPNunknown", "UN7"), ("ExpectedPersonBirthDate", "2026-06-03"), ("Sex", "U"),
    ]  # fmt: skip
    assert texts(unborn, ".//Ethnicity") == ["NOBT"] and texts(unborn, ".//Disability") == []
    assert texts(unborn, "CINdetails/ReferralNFA") == ["1"]


def test_elements_stand_in_the_order_of_the_schema():
    details = ElementTree.fromstring(made().content).findall("Children/Child/CINdetails")[1]
    assert list(dict.fromkeys(one.tag for one in details)) == [
        "CINreferralDate", "ReferralSource", "PrimaryNeedCode", "Assessments", "Section47", "ReferralNFA",
        "ChildProtectionPlans",
    ]  # fmt: skip


def test_the_return_can_be_sent_back_as_a_feed(tmp_path):
    contract = make_contract(
        tmp_path,
        [
            column("child", "identity", key=1, path="../ChildIdentifiers/LAchildID"),
            column("referred", "warehouse", "date", key=2, path="CINreferralDate"),
            column("closed", "warehouse", "date", path="CINclosureDate"),
            column("nfa", "warehouse", path="ReferralNFA"),
            column("lea", "warehouse", path="../../../Header/Source/LEA"),
            column(
                "factors", "warehouse", separator=";",
                path="Assessments/FactorsIdentifiedAtAssessment/AssessmentFactors",
            ),
        ],
        feed="cin",
        delivery={"format": "xml", "rowPath": "Children/Child/CINdetails", "mode": "full"},
    )  # fmt: skip
    with plain_zones() as con:
        ensure_raw_tables(con, [contract])
        name = "cin_20261005_full.xml"
        drop = write_drop(
            tmp_path, made().content, extracted=datetime(2026, 10, 5, 18), count=3, name=name, feed="cin", mode="full"
        )
        report = accept_drop(con, drop, contract, CodeSets({}))
        assert (report.rows_in, report.loaded) == (3, 3), report
        assert con.execute(
            "select child, referred, closed, nfa, lea, factors from identity.raw.csc__cin "
            "join warehouse.raw.csc__cin using (record_key) order by referred"
        ).fetchall() == [
            ("100", date(2024, 9, 1), date(2025, 4, 1), "0", "005", None),
            ("100", date(2025, 6, 1), None, "0", "005", "2B;3A"),
            ("101", date(2026, 3, 31), None, "1", "005", None),
        ]
