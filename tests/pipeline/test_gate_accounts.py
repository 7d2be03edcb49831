"""Nothing is unaccounted for: manifests nobody can use, drops sent again, codes and clocks that change."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import pytest

from data_quality.code_sets import CodeSet, CodeSets
from data_quality.feed_status import feed_status
from data_quality.sweep import sweep_landing
from tests.gate_support import CODES, START, column, current, make_contract, plain_archive, plain_zones, row, write_drop

NOW = START + timedelta(days=60)
NIGHT = timedelta(days=1)


def sweep(con, landing, contract, codes=CODES, now=NOW):
    """One night; what it did with the feed."""
    return sweep_landing(
        con, landing, {contract.name: contract}, codes, now=now, archive=plain_archive(landing)
    ).feeds[contract.name]  # fmt: skip


def logged(con):
    """The drop log, oldest first, the same in every database."""
    lines = [
        con.execute(
            "select file_name, mode, status, rows_in, rows_loaded, rows_unchanged, rows_quarantined "
            f"from {database}.gate.drop_log order by drop_id"
        ).fetchall()
        for database in ("quarantine", "warehouse", "identity")
    ]
    assert lines[0] == lines[1] == lines[2]
    for _, _, status, rows_in, loaded, unchanged, held in lines[0]:
        assert rows_in == loaded + unchanged + held or status == "refused"
    return lines[0]


def known_at(con, moment: datetime) -> dict[str, str]:
    """Key -> code as it was known at an instant."""
    return dict(
        con.execute(
            "with counting as (select * from warehouse.raw.csc__contacts where not superseded_on_arrival and "
            "known_from <= ?), newest as (select record_key, arg_max(drop_id, (extracted_at, drop_id)) as drop_id "
            "from counting group by record_key) select contact_id, source_code from newest join counting "
            "using (record_key, drop_id) join identity.raw.csc__contacts using (record_key, drop_id) "
            "where not counting.is_deleted",
            [moment],
        ).fetchall()
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda told: "{", "not valid JSON"),
        (lambda told: json.dumps(told | {"mode": "some"}), "`mode` must be"),
        (lambda told: json.dumps(told | {"agency": "police"}), "another agency"),
        (lambda told: json.dumps(told | {"file": "../secret.csv"}), "plain file name"),
        (lambda told: json.dumps(told | {"file": "cont*.csv"}), "plain file name"),
        (lambda told: json.dumps(told | {"rows": 10**30}), "`rows` must be"),
        (lambda told: json.dumps(told | {"extracted_at": "2030-01-01T00:00:00Z"}), "extracted after it was received"),
        (lambda told: json.dumps(told | {"received_at": "yesterday"}), "its instants must look like"),
    ],
)
def test_a_drop_with_an_unusable_manifest_is_logged_once_and_then_put_away(tmp_path, change, says):
    contract = make_contract(tmp_path)
    landing = tmp_path / "landing"
    drop = write_drop(landing, [row("1")], extracted=START)
    good = drop.manifest_path.read_text(encoding="utf-8")
    drop.manifest_path.write_text(change(json.loads(good)), encoding="utf-8")
    with plain_zones() as con:
        report = sweep(con, landing, contract)
        assert len(report.refused) == 1 and says in report.refused[0] and "contacts_202610051800" in report.refused[0]
        assert logged(con) == [("contacts_202610051800_delta.csv", "unknown", "refused", 0, 0, 0, 0)]
        assert says in feed_status(con, {contract.name: contract}, NOW)[0].last_refusal
        assert drop.path.exists()
        assert not sweep(con, landing, contract, now=NOW + NIGHT).refused and len(logged(con)) == 1
        assert not drop.path.exists() and len(list((drop.path.parent / "refused").iterdir())) == 2


def test_a_manifest_mended_where_it_lies_is_taken(tmp_path):
    contract = make_contract(tmp_path)
    landing = tmp_path / "landing"
    drop = write_drop(landing, [row("1")], extracted=START)
    good = drop.manifest_path.read_text(encoding="utf-8")
    drop.manifest_path.write_text(good[:40], encoding="utf-8")
    with plain_zones() as con:
        sweep(con, landing, contract)
        drop.manifest_path.write_text(good, encoding="utf-8")
        assert sweep(con, landing, contract, now=NOW + NIGHT).loaded
        assert sorted(line[2] for line in logged(con)) == ["loaded", "refused"]


def test_last_month_sent_again_changes_nothing_that_is_newer(tmp_path):
    """An old extract that comes late is history; a new extract of an old window is a correction."""
    contract = make_contract(tmp_path)
    landing = tmp_path / "landing"
    rows = [row("1"), row("2"), row("3")]
    with plain_zones() as con:
        write_drop(landing, rows, extracted=START, name="contacts_20261005_delta.csv")
        write_drop(landing, [row("1", "", note="newer")], extracted=START + 20 * NIGHT)
        sweep(con, landing, contract)
        before = current(con)
        # The very file again, same name and content, received a month later.
        late = START + 30 * NIGHT
        write_drop(landing, rows, extracted=START, received=late, name="contacts_20261005_delta.csv")
        assert [(r.loaded, r.unchanged) for r in sweep(con, landing, contract).loaded] == [(0, 3)]
        # The old window with a row that was wrong then: stored, and only where nothing newer has spoken is it current.
        write_drop(landing, [row("1", "", note="old"), row("4")], extracted=START + NIGHT, received=late + NIGHT)
        assert [r.loaded for r in sweep(con, landing, contract).loaded] == [2]
        assert current(con) - before == {("4", date(2026, 10, 1), "1A", None)} and before <= current(con)
        # Extracted anew, the same window is the newest word.
        again = START + 40 * NIGHT
        write_drop(landing, [row("1"), row("2")], extracted=again, name="contacts_20261005_delta.csv")
        assert [(r.loaded, r.unchanged) for r in sweep(con, landing, contract).loaded] == [(1, 1)]
        assert known_at(con, again + NIGHT)["1"] == "1A" and known_at(con, START + 21 * NIGHT)["1"] is None
        assert len(logged(con)) == 5


def test_two_drops_of_one_night_and_rows_that_come_twice(tmp_path):
    contract = make_contract(tmp_path)
    landing = tmp_path / "landing"
    twice = [row("1"), row("1"), row("2"), row("2", ""), row("3", state="new"), row("3", state="updated")]
    with plain_zones() as con:
        write_drop(landing, twice, extracted=START, name="contacts_20261005_delta.csv")
        evening = START + timedelta(hours=2)
        write_drop(landing, [row("2", note="second")], extracted=evening, name="contacts_20261005_delta_2.csv")
        reports = sweep(con, landing, contract).loaded
        assert [(r.rows_in, r.loaded, r.quarantined) for r in reports] == [(6, 2, 4), (1, 1, 0)]
        rules = con.execute(
            "select row_no, rule, resolved_by_drop is null from quarantine.gate.quarantined_row order by row_no"
        ).fetchall()
        # One of equal rows is loaded and the other settled; contradicting rows wait, until a later drop says which.
        assert rules == [(2, "duplicate_row", False), (3, "duplicate_key", False), (4, "duplicate_key", False),
                         (6, "duplicate_row", False)]  # fmt: skip
        assert {key for key, *_ in current(con)} == {"1", "2", "3"}


def test_a_code_resolved_later_changes_the_past_week_only_as_known_later(tmp_path):
    contract = make_contract(tmp_path)
    landing = tmp_path / "landing"
    with plain_zones() as con:
        write_drop(landing, [row("1", "OLD", on="2026-08-20")], extracted=START)
        write_drop(landing, [row("1", "1A", on="2026-08-20")], extracted=START + 10 * NIGHT)
        sweep(con, landing, contract)
        assert known_at(con, START + 9 * NIGHT) == {"1": "OLD"}
        assert known_at(con, START + 11 * NIGHT) == {"1": "1A"}


def test_a_september_change_of_codes_is_held_and_returns_with_the_new_set(tmp_path):
    contract = make_contract(tmp_path)
    landing = tmp_path / "landing"
    ended = date(2026, 8, 31)
    newer = CodeSets({"referral_source": CodeSet("referral_source", (
        ("1A", date(1, 1, 1), ended), ("1Z", date(2026, 9, 1), date(9999, 12, 31)), ("OLD", date(1, 1, 1), ended),
    ))})  # fmt: skip
    rows = [row("1", "OLD", on="2026-08-31"), row("2", "OLD", on="2026-09-01"), row("3", "1Z", on="2026-09-01"),
            row("4", "1Z", on="2026-08-31")]  # fmt: skip
    with plain_zones() as con:
        write_drop(landing, rows, extracted=START)
        assert [(r.loaded, r.quarantined) for r in sweep(con, landing, contract).loaded] == [(1, 3)]
        report = sweep(con, landing, contract, codes=newer, now=NOW + NIGHT)
        assert [(r.mode, r.rows_in, r.loaded) for r in report.reports] == [("delta", 1, 1)]
        assert {(key, code) for key, _, code, _ in current(con)} == {("1", "OLD"), ("3", "1Z")}
        left = "select row_no from quarantine.gate.quarantined_row where resolved_by_drop is null order by row_no"
        assert con.execute(left).fetchall() == [(2,), (4,)]
        # Asked by the codes of their own day again, rows that were fine stay fine: nothing is sent back.
        assert known_at(con, NOW) == {"1": "OLD"} and known_at(con, NOW + NIGHT) == {"1": "OLD", "3": "1Z"}


def test_clock_changes_leap_day_and_year_end(tmp_path):
    contract = make_contract(
        tmp_path,
        [column("id", "identity", key=1), column("seen", "warehouse", "timestamp", recordedAt=True),
         column("day", "warehouse", "date", occurredOn=True)],
    )  # fmt: skip
    rows = [
        ["gap", "2026-03-29 01:30:00", "2026-03-29"],  # no clock in London ever showed it
        ["twice", "2025-10-26 01:30:00", "2025-10-26"],  # every clock showed it twice
        ["before", "2025-10-26 00:59:59", "2025-10-26"],
        ["after", "2025-10-26 02:00:00", "2025-10-26"],
        ["leap", "2024-02-29 23:59:59", "2024-02-29"],
        ["none", "2026-02-29 12:00:00", "2026-02-28"],
        ["year", "2025-12-31 23:59:59", "2025-12-31"],
    ]
    landing = tmp_path / "landing"
    with plain_zones() as con:
        write_drop(landing, rows, extracted=START, history=True, mode="full", header=["id", "seen", "day"])
        report = sweep(con, landing, contract).loaded[0]
        assert (report.loaded, report.held_by_rule) == (6, (("seen", "timestamp", 1),))
        found = {key: values for key, *values in con.execute(
            "select id, seen, seen_on, fact.known_from from warehouse.raw.csc__contacts as fact "
            "join identity.raw.csc__contacts using (record_key)").fetchall()}  # fmt: skip
    at = datetime
    assert found["gap"][:2] == [at(2026, 3, 29, 1, 30), date(2026, 3, 29)]
    assert found["twice"][0] in (at(2025, 10, 26, 0, 30), at(2025, 10, 26, 1, 30))
    assert found["before"][0] == at(2025, 10, 25, 23, 59, 59) and found["after"][0] == at(2025, 10, 26, 2)
    assert found["leap"] == [at(2024, 2, 29, 23, 59, 59), date(2024, 2, 29), at(2024, 2, 29, 23, 59, 59)]
    assert found["year"][1] == date(2025, 12, 31)
