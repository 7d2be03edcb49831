"""Mistakes planted in the demo: there at their rates, told of as they stand in the files, and nothing else changed."""

import json
import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from synthetic.agencies import BUILDERS, FEEDS, Feed, Ground
from synthetic.agencies.casework_defects import RATES, casework_slips
from synthetic.agencies.code_change import update_codes
from synthetic.agencies.corruption import Defects
from synthetic.agencies.drops import drop_connection, received_at
from synthetic.agencies.incidents import CALENDAR, SENT_AGAIN, Delivery, absences, deliveries, told_until
from synthetic.agencies.planting import NEW_CODE, plant
from synthetic.agencies.row_defects import CASEWORK, EVENTS, ROW_DEFECTS, RowDefect
from synthetic.agencies.views import FAR_FUTURE, FIRST_DROP_DATE, PLANTED, ViewSettings
from synthetic.demo import advance_demo, create_demo, send_night
from synthetic.world import World

PACK = Path(__file__).parents[2] / "partnerships" / "northmere"
NIGHTS = 31
ROWS = 40_000
BY_LABEL = {feed.label: feed for feed in FEEDS}
FILE_KINDS = {incident.kind for incident in CALENDAR if incident.night <= NIGHTS} - {
    "september_code_set", "clock_repeated_hour",
}  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """400 children of agencies five times as careless as they are, a month on."""
    place = tmp_path_factory.mktemp("careless")
    create_demo(place / "out", place / "landing", children=400, seed=3, error_multiplier=5.0)
    advance_demo(place / "out", place / "landing", nights=NIGHTS)
    return place


@pytest.fixture(scope="module")
def planted(demo) -> pd.DataFrame:
    return pd.read_parquet(demo / "out" / "truth" / "planted_defect.parquet")


def _read(demo: Path, agency: str, feed: str, file_name: str) -> pd.DataFrame:
    encoding = BY_LABEL[f"{agency}.{feed}"].encoding
    path = demo / "landing" / agency / feed / file_name
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding=encoding)


def _keys(rows: pd.DataFrame, agency: str, feed: str) -> pd.Series:
    first, *rest = (rows[column] for column in BY_LABEL[f"{agency}.{feed}"].key)
    return first.str.cat(rest, sep="\x1f")


def test_the_truth_stands_in_the_files_row_by_row(demo, planted):
    rows = planted[planted["row_no"].notna()]
    assert len(rows) > 1_000
    for (agency, feed, name), group in rows.groupby(["agency", "feed", "file_name"]):
        key = _keys(_read(demo, agency, feed, name), agency, feed)
        assert (key.iloc[group["row_no"].astype(int) - 1].to_numpy() == group["source_key"].to_numpy()).all(), name


def test_kinds_that_need_no_luck_are_all_there(planted):
    assert set(planted.loc[planted["row_no"].isna(), "kind"]) >= FILE_KINDS
    often = {defect.kind for defect in ROW_DEFECTS if defect.rate >= 0.0005} - {"cin_8869", "future_date"}
    carried = {"name_variant", "date_swap", "placeholder_date", "wrong_sex", "missing_postcode", "twin", "handling_c"}
    noted = {"duplicate_row", "duplicate_key", "n_code_resolved", "september_code_set", "clock_repeated_hour"}
    missing = (carried | noted | {"invalid_nhs_number", "invalid_postcode", "unknown_code"}) - set(planted["kind"])
    assert not missing
    assert len(often & set(planted["kind"])) > len(often) / 2


def test_duplicates_say_what_the_gate_will_say(demo, planted):
    """An exact repeat is its second row; of two rows under one key both are told."""
    for (agency, feed, name), group in planted.groupby(["agency", "feed", "file_name"]):
        twice = group[group["kind"].isin(["duplicate_row", "duplicate_key"])].groupby("source_key")["kind"].agg(list)
        sent = _read(demo, agency, feed, name) if len(twice) else pd.DataFrame()
        sent = sent.assign(key=_keys(sent, agency, feed)) if len(twice) else sent
        for key, rows in sent[sent["key"].isin(twice.index)].groupby("key") if len(twice) else ():
            differ = twice[key] == ["duplicate_key"] * 2
            assert differ or twice[key] == ["duplicate_row"]
            assert len(rows) == 2 and (rows.drop(columns="row_state", errors="ignore").nunique() == 2).any() == differ


def _table(feed: Feed, rows: int) -> pa.Table:
    """Row versions of a feed, all new, with something in every column."""
    kinds = {"text": pa.string(), "date": pa.timestamp("s"), "datetime": pa.timestamp("s"), "integer": pa.int64()}
    days = np.datetime64("2024-01-01", "s") + (np.arange(rows) % 900) * np.timedelta64(86400, "s")
    columns = {}
    for name, kind in feed.columns:
        text = ['["1B"]' if "json" in name else f"{name[:4]}{n}" for n in range(rows)]
        columns[name] = pa.array({"text": text, "integer": range(rows)}.get(kind, days), kinds[kind])
    columns |= {
        "_recorded_at": pa.array(days), "_superseded_at": pa.array(np.full(rows, FAR_FUTURE)),
        "_row_op": pa.array(["new"] * rows),
    }  # fmt: skip
    return pa.table(columns)


def _kinds(table: pa.Table) -> pd.Series:
    return table.column("_planted").cast(pa.string()).to_pandas().value_counts()


def test_events_are_sent_twice_and_codes_go_wrong_at_their_rates():
    feed = BY_LABEL["csc.contacts"]
    table = _table(feed, ROWS)
    found = _kinds(plant(feed, table, None, Defects(7, "x")))
    for kind, rate in (("duplicate_row", 0.004), ("duplicate_key", 2 * 0.001), ("unknown_code", 0.001)):
        assert found[kind] == pytest.approx(ROWS * rate, abs=4 * (ROWS * rate) ** 0.5), kind
    assert _kinds(plant(feed, table, None, Defects(7, "x", 0.0))).empty


def test_a_row_goes_wrong_alike_in_any_company():
    feed = BY_LABEL["csc.contacts"]
    table = _table(feed, 20_000)
    some = pa.array(range(0, 20_000, 3))
    whole = plant(feed, table, None, Defects(7, "x")).to_pandas()
    part = plant(feed, table.take(some), None, Defects(7, "x")).to_pandas()
    whole = whole[whole["cont_contact_id"].isin(part["cont_contact_id"])]
    order = ["cont_contact_id", "_recorded_at", "_row_op", "_wrong_text"]
    pd.testing.assert_frame_equal(
        whole.sort_values(order, ignore_index=True), part.sort_values(order, ignore_index=True),
        check_categorical=False, check_dtype=False,
    )  # fmt: skip


def test_most_held_rows_come_back_as_they_should_be():
    feed = BY_LABEL["csc.contacts"]
    rows = plant(feed, _table(feed, ROWS), None, Defects(7, "x")).to_pandas()
    held = set(rows.loc[rows["_planted"].isin(["unknown_code", "malformed_json"]), "cont_contact_id"])
    back = rows[rows["cont_contact_id"].isin(held) & rows["_row_op"].eq("updated")]
    assert back["_wrong_text"].isna().all() and back["row_state"].eq("updated").all()
    assert len(back) / len(held) == pytest.approx(0.8, abs=0.15)


def _contract(label: str) -> dict[str, dict]:
    document = yaml.safe_load((PACK / "feeds" / f"{label.replace('.', '__')}.odcs.yaml").read_text("utf-8"))
    return {held["name"]: held for held in document["schema"][0]["properties"]}


@pytest.mark.parametrize("defect", ROW_DEFECTS, ids=lambda d: f"{d.kind}-{d.feed}")
def test_the_contract_handles_a_mistake_as_the_truth_expects(defect: RowDefect):
    held = _contract(defect.feed)[defect.column]
    custom = {item["property"]: item["value"] for item in held.get("customProperties", [])}
    severity = custom.get("severity", "quarantine")
    if defect.expected in ("quarantine", "inform"):
        assert severity in {"quarantine": ("quarantine", "refuse"), "inform": ("inform", "stop")}[defect.expected]
    rule = {
        "code_set": "codeSet" in custom, "json": custom.get("json") or "jsonKeys" in custom,
        "nhs_number": custom.get("check") == "nhs_number", "upn": custom.get("check") == "upn",
        "postcode": custom.get("check") == "postcode", "required": held.get("required"),
        "length": "maxLength" in held.get("logicalTypeOptions", {}),
        "date": held["logicalType"] == "date", "plausible_date": held["logicalType"] == "date",
        "integer": held["logicalType"] == "integer",
    }  # fmt: skip
    assert rule.get(defect.rule, defect.expected == "check"), defect.rule


@pytest.mark.parametrize("defect", [d for d in ROW_DEFECTS if not d.source], ids=lambda d: f"{d.kind}-{d.feed}")
def test_a_spoilt_text_is_another_text(defect: RowDefect):
    form = BY_LABEL[defect.feed].form(defect.column)
    right = {"upn": "A005123456789", "nhs_number": "9434765919", "postcode": "ZM1 1AA", "integer": "7"}
    text = datetime(2016, 2, 29, 8, 15).strftime(form) if form else right.get(defect.rule, '["1A","2B"]')
    for bits in range(40):
        assert defect.spoil(text, bits, form) != text


def test_two_values_of_an_event_sent_twice_are_codes_of_its_set():
    for label, (column, codes) in EVENTS.items():
        custom = {item["property"]: item["value"] for item in _contract(label)[column]["customProperties"]}
        known = pd.read_csv(PACK / "codes" / f"{custom['codeSet']}.csv", dtype=str)["code"]
        assert set(codes) <= set(known), label


# --- social care, table against table ---


@pytest.fixture(scope="module")
def casework(demo) -> dict[str, pd.DataFrame]:
    ground = Ground(World.read(demo / "out").tables, ViewSettings(3))
    return {view.feed.name: view.rows for view in BUILDERS["csc"](ground) if isinstance(view.rows, pd.DataFrame)}


def _broken(views: dict[str, pd.DataFrame], at: pd.Timestamp) -> dict[str, int]:
    """How many records break each rule at an instant: the rules said again, in other words than the planting's."""
    now = {
        name: rows[(rows["_recorded_at"] <= at) & (rows["_superseded_at"] > at) & rows["_row_op"].ne("deleted")]
        for name, rows in views.items()
    }
    referral, person = now["cin_episodes"], now["person"].set_index("pers_person_id")
    made = referral.set_index("cine_referral_id")[["cine_referral_date", "cine_close_date"]]
    found = {
        "cin_8525Q": (person["pers_dob"].notna() == person["pers_expected_dob"].notna()).sum(),
        "cin_8520": (person["pers_dob"] > pd.Timestamp("2027-12-31")).sum(),
        "cin_8630": (referral["cine_close_date"] < referral["cine_referral_date"]).sum(),
        "cin_8606": (
            (referral["cine_person_id"].map(person["pers_dob"]) - referral["cine_referral_date"]).dt.days > 280
        ).sum(),
        "cin_8815": int(referral.loc[referral["cine_close_date"].isna(), "cine_person_id"].duplicated().sum()),
    }
    for rule, name, day, of in (
        ("cin_1103", "cin_assessments", "cina_assessment_start_date", "cina_referral_id"),
        ("cin_1104", "initial_cp_conference", "icpc_icpc_date", "icpc_referral_id"),
        ("cin_1105", "cp_plans", "cppl_cp_plan_start_date", "cppl_referral_id"),
    ):
        found[rule] = (now[name][day] < now[name][of].map(made["cine_referral_date"])).sum()
    enquiry = now["s47_enquiry"]
    found["cin_8565"] = (
        enquiry["s47e_s47_start_date"] > enquiry["s47e_referral_id"].map(made["cine_close_date"])
    ).sum()
    plans = now["cin_plans"].merge(now["cp_plans"], left_on="cinp_person_id", right_on="cppl_person_id")
    far = pd.Timestamp("2100-01-01")
    both = plans["cinp_cin_plan_start_date"] < plans["cppl_cp_plan_end_date"].fillna(far)
    both &= plans["cppl_cp_plan_start_date"] < plans["cinp_cin_plan_end_date"].fillna(far)
    found["cin_4016"] = plans.loc[both, "cinp_cin_plan_id"].nunique()
    pairs = referral.merge(referral, on="cine_person_id")
    pairs = pairs[pairs["cine_referral_id_x"] < pairs["cine_referral_id_y"]]
    closed = pairs["cine_close_date_x"].notna() | pairs["cine_close_date_y"].notna()
    meet = pairs["cine_referral_date_x"] < pairs["cine_close_date_y"].fillna(far)
    meet &= pairs["cine_referral_date_y"] < pairs["cine_close_date_x"].fillna(far)
    found["cin_8820"] = int((closed & meet).sum())
    return {rule: int(count) for rule, count in found.items()}


@pytest.mark.parametrize("rule", sorted(CASEWORK))
def test_each_census_rule_is_broken_alone_and_as_often_as_planted(casework, rule, monkeypatch):
    now = pd.Timestamp("2026-10-04 19:00")
    clean = {kind: count for kind, count in _broken(casework, now).items() if count}
    assert not clean
    for kind in RATES:
        monkeypatch.setitem(RATES, kind, 0.5 if kind == rule else 0.0)
    views = dict(casework)
    slips = [(name, slip) for name, found in casework_slips(casework, Defects(3, "x")).items() for slip in found]
    ((name, slip),) = [pair for pair in slips if len(pair[1].at)]
    rows = views[name].copy()
    wrong = np.array(slip.texts, dtype="M8[s]" if rows[slip.column].dtype.kind == "M" else object)
    if slip.as_another:
        more = rows.loc[slip.at].copy()
        more[slip.column] = wrong
        rows = pd.concat([rows, more], ignore_index=True)
        sent = int((more["_recorded_at"] <= now).sum())
    else:
        rows.loc[slip.at, slip.column] = wrong
        sent = int((rows.loc[slip.at, "_recorded_at"] <= now).sum())
    views[name] = rows
    assert slip.kind == rule
    broken = _broken(views, now)
    assert broken.pop(rule) >= sent > 0
    assert not {kind: count for kind, count in broken.items() if count}


# --- whole files ---


def _nights(feed: Feed, last: int, calendar=CALENDAR) -> Iterator[tuple[date, list[Delivery]]]:
    for number in range(1, last + 1):
        night = FIRST_DROP_DATE + timedelta(days=number)
        yield night, deliveries(feed, night, received_at(feed, night), calendar)


def test_the_calendar_leaves_the_first_week_alone_and_names_nights_on_which_a_file_is_due():
    for incident in CALENDAR:
        feed = BY_LABEL[incident.feed]
        assert incident.night > 8 and incident.night <= 365
        assert incident.kind == "september_code_set" or incident.nights > 1 or feed.is_sent_on(incident.first)
    within_30 = {incident.kind for incident in CALENDAR if incident.night <= 30}
    assert len(within_30) >= 12
    assert {"absent_quarter", "year_end", "clock_missing_hour", "partial_school_week"} <= {i.kind for i in CALENDAR}


@pytest.mark.parametrize("feed", [f for f in FEEDS if f.mode == "delta"], ids=lambda feed: feed.label)
def test_deltas_tell_of_every_instant_once(feed):
    """However files fall out, come late or come twice: what counts of them follows on without gap or overlap."""
    told = told_until(feed, FIRST_DROP_DATE + timedelta(days=1))
    for _, files in _nights(feed, 365):
        for file in files:
            if file.twist in SENT_AGAIN or (file.incident and file.incident.kind == "resent_month"):
                continue
            assert file.since <= told
            if file.twist is None and file.night == file.sent_on:
                assert file.since == told or file.number == 2
            told = max(told, file.extracted)
    assert told >= feed.extracted_at(FIRST_DROP_DATE + timedelta(days=358))


def test_without_a_calendar_every_file_is_there_and_is_one():
    for feed in FEEDS:
        for night, files in _nights(feed, 40, ()):
            assert len(files) == feed.is_sent_on(night)
            assert not absences(feed, night, ())


def test_a_month_of_incidents_loses_nothing(demo, tmp_path):
    """What came in by files refused, cut, doubled and late is what came in without any of it."""
    labels = ("csc.contacts", "acute_trust.ed_attendance", "police.ppn", "housing.application")
    _send(demo, tmp_path, labels, range(1, NIGHTS + 1), ())
    for label in labels:
        agency, name = label.split(".")
        assert _told(demo / "landing", agency, name) == _told(tmp_path, agency, name), label


def _send(demo: Path, landing: Path, labels: tuple[str, ...], nights: range, calendar=CALENDAR) -> None:
    """Some feeds' files of some nights into a landing folder of their own."""
    feeds = [BY_LABEL[label] for label in labels]
    with drop_connection() as con:
        for number in nights:
            night = FIRST_DROP_DATE + timedelta(days=number)
            send_night(con, feeds, demo / "out" / "pending", landing, night, calendar)


def _told(landing: Path, agency: str, name: str) -> dict[str, tuple[str, ...]]:
    """Last row of each key in the files a gate would take, in the order of their extracts."""
    feed, last = BY_LABEL[f"{agency}.{name}"], {}
    said = [json.loads(path.read_text()) for path in (landing / agency / name).glob("*.manifest.json")]
    for manifest in sorted(said, key=lambda m: (m["extracted_at"], m["received_at"])):
        if manifest["history"]:
            continue
        rows = pd.read_csv(
            landing / agency / name / manifest["file"], dtype=str, keep_default_na=False, encoding=feed.encoding
        )
        if not set(feed.column_names) <= set(rows.columns):
            continue
        rows = rows[list(feed.column_names)]
        last |= dict(zip(_keys(rows, agency, name), rows.itertuples(index=False, name=None), strict=True))
    return last


def test_files_go_wrong_as_the_calendar_says(demo, planted):
    landing = demo / "landing"
    half = landing / "police" / "ppn" / "ppn_20261022_delta.csv"
    assert half.with_suffix(".manifest.json").exists(), "finished the next night"
    said = json.loads((landing / "csc/professionals/professionals_20261020_full.manifest.json").read_text())
    assert said["rows"] > len(_read(demo, "csc", "professionals", said["file"]))
    assert (landing / "earlyhelp/person/person_20261021_delta.csv").read_bytes()[:2] == b"\xff\xfe"
    assert "ModeOfArrival" in (landing / "acute_trust/ed_attendance/ed_attendance_20261015_delta.csv").read_text()
    for kind in ("renamed_column", "retyped_column", "truncated_file", "wrong_encoding"):
        row = planted[planted["kind"] == kind].iloc[0]
        again = row["file_name"].replace(".csv", "_2.csv")
        assert (landing / row["agency"] / row["feed"] / again).exists(), kind
        refused = planted[
            (planted[["agency", "feed", "file_name"]] == row[["agency", "feed", "file_name"]]).all(axis=1)
        ]
        assert refused["row_no"].isna().all(), "its rows are told of in the file sent again"


def test_a_third_of_the_schools_falls_silent_and_catches_up(demo, tmp_path):
    silent, plain = tmp_path / "silent", tmp_path / "plain"
    _send(demo, silent, ("education.attendance",), range(28, 53))
    _send(demo, plain, ("education.attendance",), range(28, 53), ())
    schools = {}
    for path in sorted((silent / "education" / "attendance").glob("*.csv")):
        urns = pd.read_csv(path, dtype=str)["URN"].astype(int)
        schools[path.name] = set(urns[urns % 3 == 0])
    gone = [name for name in schools if "attendance_20261102" <= name < "attendance_20261123"]
    assert len(gone) == 21 and not any(schools[name] for name in gone)
    assert schools["attendance_20261123_delta.csv"]
    assert _told(silent, "education", "attendance") == _told(plain, "education", "attendance")


def test_the_new_code_is_written_from_october_and_can_be_taken_in(demo, planted, tmp_path):
    held = planted[planted["kind"] == "september_code_set"]
    assert len(held) and (held["night"] >= date(2026, 10, 19)).all()
    row = held.iloc[0]
    sent = _read(demo, "education", "attendance", row["file_name"])
    assert sent["AttendanceCode"].iloc[int(row["row_no"]) - 1] == NEW_CODE
    shutil.copy(PACK / "codes" / "attendance_code.csv", tmp_path)
    assert update_codes(tmp_path) and not update_codes(tmp_path)
    assert NEW_CODE in pd.read_csv(tmp_path / "attendance_code.csv", dtype=str)["code"].to_list()


def test_incidents_can_be_switched_off(tmp_path):
    create_demo(tmp_path / "out", tmp_path / "landing", children=400, years=2, seed=3, incidents=False)
    assert not json.loads((tmp_path / "out" / "state.json").read_text())["incidents"]
    advance_demo(tmp_path / "out", tmp_path / "landing", nights=12)
    planted = pd.read_parquet(tmp_path / "out" / "truth" / "planted_defect.parquet")
    assert planted["row_no"].notna().all()
    assert not list((tmp_path / "landing").rglob("*_2.csv"))


def test_planted_columns_never_reach_a_file(demo):
    for path in (demo / "landing").rglob("*_20261004_full.csv"):
        assert not set(PLANTED) & set(path.open(encoding="latin-1").readline().strip().split(","))
