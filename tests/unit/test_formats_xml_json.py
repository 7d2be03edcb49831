"""Paths in census-like XML, JSON columns, and columns whose breakdown refuses a drop."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from gate_support import START, column, make_contract, plain_zones, write_drop

from data_quality.code_sets import CodeSet, CodeSets
from data_quality.contract import ContractRefused
from data_quality.feed_check import check_file
from data_quality.gate import accept_drop
from data_quality.raw_tables import ensure_raw_tables
from data_quality.sweep import sweep_landing

ALWAYS = (date(1, 1, 1), date(9999, 12, 31))
CODES = CodeSets(
    {
        "factor": CodeSet("factor", (("1A", *ALWAYS), ("2B", *ALWAYS))),
        "yes_no": CodeSet("yes_no", (("N", *ALWAYS), ("Y", *ALWAYS))),
    }
)
CHILDREN = """<?xml version="1.0" encoding="iso-8859-1"?>
<Message xmlns="http://example.org/cin"><Header><ReferenceDate>2026-03-31</ReferenceDate></Header>
<Children>
 <Child id="c1"><ChildIdentifiers><LAchildID>0012</LAchildID><UPN/></ChildIdentifiers>
  <CINdetails><CINreferralDate>2026-01-02</CINreferralDate>
   <Assessments><AssessmentFactors>1A</AssessmentFactors><AssessmentFactors>2B</AssessmentFactors></Assessments>
   <Nickname>Zo\xeb</Nickname></CINdetails>
  <CINdetails><CINreferralDate>2026-02-03</CINreferralDate></CINdetails>
 </Child>
 <Child id="c2"><CINdetails><CINreferralDate>2026-02-04</CINreferralDate><CINreferralDate>2026-02-05</CINreferralDate>
  </CINdetails><ChildIdentifiers><LAchildID>0013</LAchildID></ChildIdentifiers></Child>
 <Child id="c3"><CINdetails><CINreferralDate>2026-02-06</CINreferralDate></CINdetails>
  <ChildIdentifiers><LAchildID>0014</LAchildID></ChildIdentifiers><!-- after its row --></Child>
</Children></Message>""".encode("iso-8859-1")


def census(folder: Path, **changes):
    """A contract over the file above; `changes` replaces how factors are joined."""
    joined = changes or {"separator": ";"}
    return make_contract(
        folder,
        [
            column("child", "identity", key=1, path="../ChildIdentifiers/LAchildID"),
            column("referred", "warehouse", "date", key=2, path="CINreferralDate"),
            column("factors", "warehouse", path="Assessments/AssessmentFactors", codeSet="factor", **joined),
            column("mark", "identity", path="../@id"),
            column("until", "warehouse", "date", path="../../../Header/ReferenceDate"),
        ],
        feed="cin",
        delivery={"format": "xml", "rowPath": "Children/Child/CINdetails", "mode": "full"},
    )


def take(con, folder, contract, content, count, codes=CODES):
    ensure_raw_tables(con, [contract])
    name = f"{contract.feed}_20261005_full.{contract.delivery.format}"
    drop = write_drop(folder, content, extracted=START, count=count, name=name, feed=contract.feed, mode="full")
    return accept_drop(con, drop, contract, codes)


@pytest.mark.parametrize(
    ("changes", "factors"), [({}, "1A;2B"), ({"jsonArray": True}, '["1A", "2B"]')], ids=["joined", "array"]
)
def test_columns_climb_to_parents_and_repeated_elements_are_joined(tmp_path, changes, factors):
    with plain_zones() as con:
        report = take(con, tmp_path, census(tmp_path, **changes), CHILDREN, 4)
        assert (report.rows_in, report.loaded, report.columns_dropped) == (4, 3, ("./Nickname",)), report
        assert con.execute(
            "select child, mark, referred, factors, until from identity.raw.csc__cin "
            "join warehouse.raw.csc__cin using (record_key) order by referred"
        ).fetchall() == [
            ("0012", "c1", date(2026, 1, 2), factors, date(2026, 3, 31)),
            ("0012", "c1", date(2026, 2, 3), None, date(2026, 3, 31)),
            ("0014", "c3", date(2026, 2, 6), None, date(2026, 3, 31)),
        ]
        assert con.execute("select row_no, column_name, rule from quarantine.gate.quarantined_row").fetchall() == [
            (3, "referred", "malformed_row")
        ]


@pytest.mark.parametrize(
    ("change", "rule", "says"),
    [
        (lambda x: x.replace(b"?>", b'?><!DOCTYPE a [<!ENTITY b "cc">]>', 1), "unsafe_xml", "document type"),
        (lambda x: x.replace(b"?>", b'?><!DOCTYPE a SYSTEM "file:///etc/passwd">', 1), "unsafe_xml", "document type"),
        (lambda x: x[:400], "not_xml", "line 6"),
        (lambda x: x.replace(b"<Child ", b"<Kid ").replace(b"</Child>", b"</Kid>"), "row_path", "CINdetails below"),
        (lambda x: x.replace(b"LAchildID", b"ChildNo"), "missing_column", "column child"),
        (lambda x: x.replace(b"iso-8859-1", b"klingon-1"), "not_xml", "encoding"),
        (lambda x: x.replace(b"iso-8859-1", b"utf-8"), "not_xml", "line 7"),
        (lambda x: x.replace(b"<Nickname>", b"<a>" * 90).replace(b"</Nickname>", b"</a>" * 90), "not_xml", "XML"),
        (lambda x: x.replace(b"<Children>", b"<Children><!-- <CINdetails> -->"), None, None),
    ],
)
def test_a_census_file_that_is_not_as_agreed(tmp_path, change, rule, says):
    with plain_zones() as con:
        report = take(con, tmp_path, census(tmp_path), change(CHILDREN), 4)
    assert report.rule == rule and (says is None or says in report.reason), report.reason


@pytest.mark.parametrize(
    ("delivery", "columns", "says"),
    [
        ({"format": "xml"}, {}, "rowPath must be"),
        ({"format": "xml", "rowPath": "a//b"}, {}, "rowPath must be"),
        ({"format": "tsv"}, {}, "format must be one of csv, parquet, xlsx, xml"),
        ({"format": "xlsx", "headerRow": 0}, {}, "headerRow must be"),
        ({}, {"path": "a/../b"}, "path must look like"),
        ({}, {"jsonKeys": ["A"]}, "jsonKeys must name"),
        ({}, {"severity": "refuse", "refuseAbove": 20}, "refuseAbove must be a share"),
        ({}, {"severity": "shout"}, "inform, quarantine, refuse, stop"),
    ],
)
def test_a_contract_that_cannot_be_followed_is_refused(tmp_path, delivery, columns, says):
    with pytest.raises(ContractRefused, match=says):
        make_contract(tmp_path, [column("a", "identity", key=1, **columns)], delivery=delivery)


OUTCOME = {"NFA": "yes_no", "SEEN": "boolean", "ON": "date", "COUNT": "integer", "NOTE": "string"}


@pytest.mark.parametrize(
    ("sent", "rules"),
    [
        ('{"NFA":"Y","SEEN":true,"ON":"2026-10-01","COUNT":3,"NOTE":"any"}', []),
        ('{"NFA":"","SEEN":null,"COUNT":"3"}', []),
        ("{}", []),
        ("", []),
        ('{"NFA":"X"}', ["code_set"]),
        ('{"nfa":"Y"}', ["json_key"]),
        ('{"NFA":"Y","NFA":"N"}', ["json_key"]),
        ('{"SEEN":"perhaps"}', ["json_value"]),
        ('{"ON":"01/10/2026"}', ["json_value"]),
        ('{"COUNT":1.5}', ["json_value"]),
        ('{"NOTE":{"a":1}}', ["json_value"]),
        ('{"OTHER":1,"NFA":"X","COUNT":"x"}', ["json_key", "json_value", "code_set"]),
        ("[]", ["json"]),
        ('{"NFA":', ["json"]),
    ],
)
def test_the_keys_and_values_of_a_json_column(tmp_path, sent, rules):
    contract = make_contract(
        tmp_path, [column("id", "identity", key=1), column("outcome", "warehouse", jsonKeys=OUTCOME)]
    )
    rows = [["1", sent]]
    drop = write_drop(tmp_path, rows, extracted=START, header=["id", "outcome"])
    with plain_zones() as con:
        ensure_raw_tables(con, [contract])
        report = accept_drop(con, drop, contract, CODES)
        assert report.loaded == (not rules)
        failed = con.execute(
            "select json_extract_string(failures, '$[*].rule'), column_name from quarantine.gate.quarantined_row"
        ).fetchall()
        assert failed == ([(rules, "outcome")] if rules else [])


def test_an_unknown_code_in_json_comes_back_when_the_set_is_updated(tmp_path):
    contract = make_contract(
        tmp_path,
        [column("id", "identity", key=1), column("outcome", "warehouse", jsonKeys=OUTCOME),
         column("factors", "warehouse", jsonArray=True, codeSet="factor")],
    )  # fmt: skip
    newer = CodeSets({"factor": CodeSet("factor", (("1A", *ALWAYS), ("9Z", date(2026, 9, 1), date(9999, 12, 31)))),
                      "yes_no": CodeSet("yes_no", (("X", *ALWAYS),))})  # fmt: skip
    header = ["id", "outcome", "factors"]
    write_drop(tmp_path, [["1", '{"NFA":"X"}', '["1A","9Z"]'], ["2", '{"Q":1}', ""]], extracted=START, header=header)
    with plain_zones() as con:
        for codes in (CODES, newer):
            sweep_landing(con, tmp_path, {contract.name: contract}, codes, now=START + timedelta(days=2),
                          archive=lambda path, outcome: path.unlink())  # fmt: skip
        assert con.execute("select factors from warehouse.raw.csc__contacts").fetchall() == [('["1A","9Z"]',)]
        left = "select row_no, rule from quarantine.gate.quarantined_row where resolved_by_drop is null"
        assert con.execute(left).fetchall() == [(2, "json_key")]


@pytest.mark.parametrize(("bad", "rows", "refused"), [(5, 20, True), (4, 20, False), (19, 19, False), (0, 40, False)])
def test_a_column_that_is_broken_as_a_whole_refuses_the_drop(tmp_path, bad, rows, refused):
    columns = [column("id", "identity", key=1), column("on", "warehouse", "date", severity="refuse")]
    contract = make_contract(tmp_path, columns)
    sent = [[str(place), "01/10/2026" if place < bad else "2026-10-01"] for place in range(rows)]
    drop = write_drop(tmp_path, sent, extracted=START, header=["id", "on"])
    findings = check_file(drop.path, contract, CODES, START)
    with plain_zones() as con:
        ensure_raw_tables(con, [contract])
        report = accept_drop(con, drop, contract, CODES)
        logged = con.execute(
            "select rows_in, rows_loaded, rows_quarantined, status from warehouse.gate.drop_log"
        ).fetchall()
    if refused:
        assert report.rule == "rule_share" and "in column on, 5 of 20 rows break the rule date" in report.reason
        assert logged == [(20, 0, 0, "refused")] and "rule_share" in findings.refusal
    else:
        assert (report.loaded, report.quarantined) == (rows - bad, bad) and findings.refusal is None


def test_a_required_column_that_comes_empty_refuses_too_and_stop_holds_nothing(tmp_path):
    columns = [column("id", "identity", key=1), column("code", "warehouse", required=True, severity="refuse"),
               column("on", "warehouse", "date", severity="stop")]  # fmt: skip
    contract = make_contract(tmp_path, columns)
    with plain_zones() as con:
        ensure_raw_tables(con, [contract])
        drop = write_drop(tmp_path, [["1", "x", "31/31/31"]], extracted=START, header=["id", "code", "on"])
        report = accept_drop(con, drop, contract, CODES)
        assert (report.loaded, report.informed) == (1, (("on", "date", 1),))
        empty = [[str(place), "", ""] for place in range(20)]
        drop = write_drop(tmp_path, empty, extracted=START + timedelta(days=1), header=["id", "code", "on"])
        assert accept_drop(con, drop, contract, CODES).rule == "rule_share"
