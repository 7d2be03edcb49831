"""What the gate asks of every batch, what stays of it in the history, and what keeps a list from being issued."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pytest

from data_quality.contract import ContractRefused
from data_quality.drop_log import recover
from data_quality.expectations import history
from data_quality.expectations.observer import Observe
from data_quality.expectations.standing import current_rows, judge_standing
from data_quality.expectations.stops import Override, OverrideRefused, load_overrides, stops
from data_quality.expectations.volume import band
from data_quality.sweep import sweep_landing
from pipelines.list_stops import ListStopped, decided_lines, require_no_stop
from pipelines.partnership import Agency
from pipelines.quiet_days import QuietDays
from tests.gate_support import CODES, COLUMNS, START, column, make_contract, plain_archive, plain_zones, row, write_drop

CANARY = "Zyxwquist"
DAY = timedelta(days=1)
LATE = START + timedelta(days=400)


def declare(name, severity, expectation, **kwargs):
    return {
        "name": name,
        "type": "custom",
        "engine": "greatExpectations",
        "severity": severity,
        "description": "What holds.",
        "implementation": {"type": expectation, "kwargs": kwargs},
    }


SEEN_AGAIN = declare("sources_silent", "inform", "expect_column_groups_to_be_seen_again", column="source_code")
MOSTLY_1A = declare(
    "mostly_1a", "stop", "expect_column_values_to_be_in_set", column="note", value_set=["ok"], mostly=0.5
)


def sweep(con, landing, *contracts, quiet=lambda contract, day: False, codes=CODES, **more):
    by_name = {contract.name: contract for contract in contracts}
    report = sweep_landing(
        con,
        landing,
        by_name,
        codes,
        now=LATE,
        archive=plain_archive(landing),
        observe=Observe(con, codes, quiet),
        **more,
    )
    return report, judge_standing(con, by_name, by_name)


def said(con, *names):
    return [
        (one.passed, one.checked, one.unexpected)
        for one in history.outcomes(con)
        if not names or one.expectation in names
    ]


def rows(count, first=0, **values):
    return [row(str(number), **values) for number in range(first, first + count)]


def test_every_batch_leaves_counts_and_no_value(tmp_path):
    contract = make_contract(tmp_path, quality=[MOSTLY_1A], volume={"min": 3, "calendar": "school_days"})
    with plain_zones() as con:
        landing = tmp_path / "landing"
        write_drop(landing, [row("1", person=CANARY), row("2", person="P2")], extracted=START)
        write_drop(landing, [[*row("3"), CANARY]], extracted=START + DAY, header=[*COLUMNS, "more"])
        report, _ = sweep(con, landing, contract)
        found = history.outcomes(con)
    assert not any(one.observer_problem for one in report.feeds["csc__contacts"].loaded)
    first, second = sorted({one.received_at for one in found})
    by_name = {(one.received_at, one.expectation, one.column_name): one for one in found}
    assert by_name[first, "volume_agreed", ""].passed is False
    assert by_name[second, "dropped_column", ""].unexpected == 1
    assert by_name[first, "expect_column_values_to_be_unique", "contact_id"].severity == "stop"
    # Two rows are too few for a share of them to mean anything.
    assert not any(one.expectation == "mostly_1a" for one in found)
    assert CANARY not in repr(found)


def test_a_killed_drop_leaves_no_answers_and_the_next_run_the_same(tmp_path):
    contract = make_contract(tmp_path)

    def kill_at(name):
        if name == "warehouse complete":
            raise KeyboardInterrupt

    with plain_zones() as con, plain_zones() as other:
        for zones, killed in ((con, True), (other, False)):
            landing = tmp_path / f"landing_{killed}"
            write_drop(landing, rows(3), extracted=START)
            if killed:
                with pytest.raises(KeyboardInterrupt):
                    sweep(zones, landing, contract, step=kill_at)
                assert said(zones)
                recover(zones)
                assert not said(zones)
            sweep(zones, landing, contract)
        assert history.outcomes(con) == history.outcomes(other)


def test_a_band_is_learned_from_the_feed_itself():
    assert band([100, 104, 98, 96, 110, 101, 99, 5]).least == pytest.approx(59.7)
    assert (band([0, 0, 1, 0]).least, band([0, 0, 1, 0]).most) == (0, 10)
    assert band([1000, 1400, 700, 1200, 900, 1300]).least < 600


def test_a_required_feed_that_collapses_stops_the_list_but_not_in_the_holidays(tmp_path):
    contract = make_contract(tmp_path, requiredForList=True, volume={"calendar": "school_days"})
    friday = datetime(2026, 9, 11, 18)
    weeks = [
        {"week_beginning": f"{friday - 4 * DAY + 7 * n * DAY:%Y-%m-%d}", "possible_sessions": "10"} for n in range(9)
    ]
    quiet = QuietDays([week for place, week in enumerate(weeks) if place != 5], frozenset())
    with plain_zones() as con:
        landing = tmp_path / "landing"
        for week, count in enumerate([100, 102, 98, 100, 100, 0, 30, 99]):
            write_drop(landing, rows(count, first=1000 * week), extracted=friday + 7 * week * DAY)
        sweep(con, landing, contract, quiet=quiet)
        fell = said(con, "volume_collapse")
        assert fell == [(True, 100, 0), (False, 30, 1), (True, 99, 0)]
        contracts = {contract.name: contract}
        after = [friday + 7 * week * DAY + DAY for week in range(8)]
        assert [bool(stops(con, contracts, (), moment)) for moment in after] == [False] * 6 + [True, False]
        stop = stops(con, contracts, (), after[6])[0]
    assert stop.counts() == "30 rows, where about 100 are usual"


def test_a_group_that_falls_silent_inside_a_full_file_is_missed(tmp_path):
    contract = make_contract(
        tmp_path, [column("contact_id", "identity", key=1), column("source_code", "warehouse")], quality=[SEEN_AGAIN]
    )
    with plain_zones() as con:
        landing = tmp_path / "landing"
        for night in range(9):
            lines = [[f"{night}-{code}-{n}", code] for code in "ABCDEFGHIJ" for n in range(20)]
            lines = [line for line in lines if night < 5 or line[1] not in ("AB" if night < 8 else "ABCDEFGH")]
            write_drop(landing, lines, extracted=START + night * DAY, header=["contact_id", "source_code"])
        sweep(con, landing, contract)
        # Two nights may be chance, the third is not; on the last night most are silent, which is a day off.
        assert said(con, "sources_silent") == [(True, 10, 0)] * 4 + [(False, 10, 2)]


PEOPLE = [column("person_id", "identity", key=1), column("born", "warehouse", "date")]
CASES = [
    column("case_id", "identity", key=1),
    column("person_id", "identity", references="csc__person"),
    column("opened", "warehouse", "date"),
    column("closed", "warehouse", "date"),
]
STANDING = [
    declare("born_first", "inform", "expect_column_pair_dates_in_order", column_A="person_id.born", column_B="opened"),
    declare("one_open", "inform", "expect_one_open_spell", column_list=["person_id", "opened", "closed"]),
    declare("in_order", "inform", "expect_column_pair_dates_in_order", column_A="opened", column_B="closed"),
    declare(
        "apart", "inform", "expect_spells_apart", column_list=["person_id", "opened", "closed"],
        others={"feed": "csc__cases", "column_list": ["person_id", "opened", "closed"]},
    ),
]  # fmt: skip


def test_rules_across_feeds_count_what_stands_now_whatever_came_first(tmp_path):
    person = make_contract(tmp_path, PEOPLE, feed="person")
    cases = make_contract(tmp_path, CASES, feed="cases", quality=STANDING)
    header = [name["name"] for name in CASES]

    def tell(lines, hours, feed="cases", names=header):
        write_drop(landing, lines, extracted=START + timedelta(hours=hours), feed=feed, header=names)

    with plain_zones() as con:
        landing = tmp_path / "landing"
        tell([["1", "P", "2026-01-01", ""], ["2", "P", "2026-02-01", ""], ["3", "Q", "2026-02-01", "2026-01-01"]], 0)
        # The people come after their cases, in the same night.
        tell([["P", "2026-01-15"], ["Q", ""]], 1, "person", ["person_id", "born"])
        assert sweep(con, landing, person, cases)[1] == {}
        assert said(con, "born_first") == [(False, 2, 1)]
        assert said(con, "one_open") == [(False, 3, 2)]
        assert said(con, "in_order") == [(False, 1, 1)]
        rows_now = current_rows(con, cases, ("case_id", "person_id.born"), {person.name: person, cases.name: cases})
        assert list(rows_now.columns) == ["case_id", "person_id.born"] and len(rows_now) == 3
        # Nothing came: nothing is judged twice. Then case 1 is put right.
        before = history.outcomes(con)
        sweep(con, landing, person, cases)
        assert history.outcomes(con) == before
        tell([["1", "P", "2026-01-20", "2026-01-25"]], 24)
        sweep(con, landing, person, cases)
        assert said(con, "born_first", "one_open") == [(False, 2, 1), (False, 3, 2), (True, 2, 0), (True, 3, 0)]
        weeks = history.weekly(con, until=LATE, weeks=60)
        born = [
            (one.batches, one.failed, one.checked, one.unexpected) for one in weeks if one.expectation == "born_first"
        ]
        assert born == [(2, 1, 2, 0)]


def test_a_stop_holds_until_a_good_batch_or_a_named_decision(tmp_path):
    contract = make_contract(tmp_path, quality=[MOSTLY_1A])
    hub = SimpleNamespace(
        agencies={"csc": Agency(title="Social care", contact={"role": "Data", "telephone": "01632 960101"})}
    )
    with plain_zones() as con:
        landing = tmp_path / "landing"
        for night, (count, note) in enumerate([(30, "ok"), (30, "bad"), (0, ""), (30, "ok")]):
            write_drop(landing, rows(count, first=100 * night, note=note), extracted=START + night * DAY)
        sweep(con, landing, contract)

        def at(night, *overrides):
            return stops(con, {contract.name: contract}, overrides, START + night * DAY + timedelta(hours=2))

        # The empty delta of the third night takes nothing back.
        assert [len(at(night)) for night in range(4)] == [0, 1, 1, 0]
        with pytest.raises(
            ListStopped, match=r"csc__contacts breaks the rule mostly_1a since .*: 30 of 30 rows"
        ) as stopped:
            require_no_stop(at(2), hub)
        assert "Ring Data, 01632 960101" in str(stopped.value) and "overrides.yml" in str(stopped.value)
        decision = Override("csc__contacts", "mostly_1a", "R. Example", "Known and harmless.", START.date() + DAY)
        require_no_stop(at(1, decision), hub)
        assert "until 06 October 2026 by decision of R. Example" in decided_lines(at(1, decision), hub)[0]
        with pytest.raises(ListStopped):
            require_no_stop(at(2, decision), hub)
        softened = make_contract(tmp_path, quality=[{**MOSTLY_1A, "severity": "inform"}])
        assert stops(con, {contract.name: softened}, (), START + DAY + timedelta(hours=2)) == []


def test_overrides_name_who_why_and_until_when(tmp_path):
    path = tmp_path / "overrides.yml"
    assert load_overrides(path) == ()
    path.write_text("overrides:\n- {feed: a__b, rule: r, by: R. Example, reason: because, until: 2026-10-20}\n")
    assert load_overrides(path) == (Override("a__b", "r", "R. Example", "because", date(2026, 10, 20)),)
    path.write_text("overrides:\n- {feed: a__b, rule: r, until: 2026-10-20}\n")
    with pytest.raises(OverrideRefused, match="entry 1: it needs by, reason"):
        load_overrides(path)
    path.write_text("overrides:\n- {feed: a__b, rule: r, by: R, reason: because, until: soon}\n")
    with pytest.raises(OverrideRefused, match="a last day"):
        load_overrides(path)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({**SEEN_AGAIN, "severity": "quarantine"}, "severity must be one of inform, stop"),
        ({**SEEN_AGAIN, "engine": "soda"}, "write `type: custom` and `engine: greatExpectations`"),
        ({**SEEN_AGAIN, "implementation": {"kwargs": {}}}, "must hold the `type` of an expectation"),
        (declare("r", "inform", "expect_column_values_to_not_be_null", column="row_state"), "row_state is neither"),
        (
            declare("r", "inform", "expect_column_pair_dates_in_order", column_A="note.x", column_B="note"),
            "note.x is nei",
        ),
    ],
)
def test_a_rule_that_cannot_be_asked_refuses_its_contract(tmp_path, rule, says):
    with pytest.raises(ContractRefused, match=says):
        make_contract(tmp_path, quality=[rule])


def test_rows_of_a_drop_can_be_bounded_by_the_contract(tmp_path):
    bounds = {"name": "some", "type": "library", "metric": "rowCount", "mustBeGreaterThan": 0, "mustBeLessOrEqualTo": 9}
    assert make_contract(tmp_path, quality=[bounds]).volume == (1, 9)
