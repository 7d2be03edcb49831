"""The drops of a small demo: contracts kept, codes known, bytes repeatable, identities apart, no future."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import nhs_number
import pandas as pd
import pytest
import yaml

from synthetic.agencies import BUILDERS, FEEDS, JOINING, Feed, Ground
from synthetic.agencies.drops import SCHEMA_VERSION
from synthetic.agencies.views import FIRST_DROP_DATE, ViewSettings
from synthetic.demo import DemoMissingError, WorldEndsError, advance_demo, create_demo
from synthetic.world import World

PACK = Path(__file__).parents[2] / "partnerships" / "northmere"
SEED = 4_711


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """A demo of 400 children with its first drops (``out``, ``landing``)."""
    place = tmp_path_factory.mktemp("demo")
    create_demo(place / "out", place / "landing", children=400, years=5, seed=SEED)
    return place


@pytest.fixture(scope="module")
def advanced(demo, tmp_path_factory) -> Path:
    """The same demo eight nights on, in a folder of its own."""
    place = tmp_path_factory.mktemp("advanced") / "demo"
    shutil.copytree(demo, place)
    advance_demo(place / "out", place / "landing", nights=8)
    return place


@pytest.fixture(scope="module")
def world(demo) -> World:
    return World.read(demo / "out")


@pytest.fixture(scope="module")
def contracts() -> dict[str, dict]:
    """Contract by ``agency.feed``."""
    found = {}
    for path in sorted((PACK / "feeds").glob("*.odcs.yaml")):
        contract = yaml.safe_load(path.read_text("utf-8"))
        found[contract["name"].replace("__", ".")] = contract
    return found


@pytest.fixture(scope="module")
def truth(demo) -> pd.DataFrame:
    return pd.read_parquet(demo / "out" / "truth" / "record_identity.parquet")


def _custom(part: dict) -> dict:
    return {held["property"]: held["value"] for held in part.get("customProperties", [])}


def _feed(label: str) -> Feed:
    return next(feed for feed in FEEDS if feed.label == label)


def _files(place: Path, label: str) -> list[Path]:
    return sorted((place / "landing").glob(f"{label.replace('.', '/')}/*.{_feed(label).format}"))


def _read(path: Path, encoding: str = "utf-8") -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding=encoding)


def _sent(path: Path, feed: Feed) -> pd.DataFrame:
    """The rows of a file as texts, whatever its format."""
    if feed.format == "csv":
        return _read(path, feed.encoding)
    rows = pd.read_parquet(path) if feed.format == "parquet" else pd.read_excel(path, sheet_name=feed.name)
    for name, kind in feed.columns:
        if kind in ("date", "datetime"):
            rows[name] = pd.to_datetime(rows[name]).dt.strftime(feed.form(name))
    return rows.astype("str").mask(rows.isna(), "")


def _good(place: Path, path: Path, feed: Feed) -> pd.DataFrame:
    """The rows of a file in which nothing was planted that a gate can see."""
    rows = _sent(path, feed)
    planted = pd.read_parquet(place / "out" / "truth" / "planted_defect.parquet")
    seen = planted[planted["file_name"].eq(path.name) & planted["expected"].isin(["quarantine", "inform"])]
    seen = seen[seen["agency"].eq(feed.agency) & seen["row_no"].notna()]
    return rows.drop(index=(seen["row_no"].astype(int) - 1).unique()).reset_index(drop=True)


def _first(place: Path, label: str) -> pd.DataFrame:
    return _good(place, _files(place, label)[0], _feed(label))


def _keys(rows: pd.DataFrame, feed: Feed) -> list[str]:
    return ["\x1f".join(key) for key in rows[list(feed.key)].itertuples(index=False)]


def _with_truth(place: Path, label: str, truth: pd.DataFrame) -> pd.DataFrame:
    feed = _feed(label)
    rows = _first(place, label)
    rows["source_key"] = _keys(rows, feed)
    mine = truth[(truth["agency"] == feed.agency) & (truth["feed"] == feed.name)]
    return rows.merge(mine, on="source_key", validate="one_to_one")


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_registry_and_the_contracts_name_the_same_feeds(contracts):
    joining = [feed for feeds in JOINING.values() for feed in feeds]
    assert sorted(feed.label for feed in [*FEEDS, *joining]) == sorted(contracts)


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.label)
def test_a_feed_is_as_its_contract_says(feed, contracts):
    contract = contracts[feed.label]
    properties = contract["schema"][0]["properties"]
    assert list(feed.column_names) == [held["name"] for held in properties]
    kinds = {
        "string": {"text"},
        "date": {"date"},
        "timestamp": {"datetime"},
        "integer": {"integer"},
        "number": {"integer"},
    }
    for (name, kind), held in zip(feed.columns, properties, strict=True):
        assert kind in kinds[held["logicalType"]], name
    keys = [held for held in properties if held.get("primaryKey")]
    assert feed.key == tuple(held["name"] for held in sorted(keys, key=lambda held: held["primaryKeyPosition"]))
    delivery = _custom(contract)["delivery"]
    assert (feed.encoding, feed.mode) == (delivery["encoding"], delivery["mode"])
    assert feed.format == delivery.get("format", "csv")
    assert (feed.date_format, feed.timestamp_format) == (delivery["dateFormat"], delivery["timestampFormat"])
    assert contract["version"] == SCHEMA_VERSION


def _codes(name: str) -> dict[str, tuple[str, str]]:
    table = _read(PACK / "codes" / f"{name}.csv")
    return {row.code: (row.valid_from or "0001-01-01", row.valid_to or "9999-12-31") for row in table.itertuples()}


def _parts(value: str, custom: dict) -> Iterator[str]:
    if custom.get("jsonArray") or custom.get("json") or custom.get("jsonObject"):
        yield from json.loads(value)
    elif custom.get("separator"):
        yield from value.split(custom["separator"])
    else:
        yield value


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.label)
def test_every_row_keeps_the_rules_of_its_contract(feed, advanced, contracts):
    properties = contracts[feed.label]["schema"][0]["properties"]
    day = next((held["name"] for held in properties if _custom(held).get("occurredOn")), None)
    paths = _files(advanced, feed.label)
    assert paths
    for path in paths:
        rows = _good(advanced, path, feed)
        assert tuple(rows.columns) == feed.column_names
        assert not rows.duplicated(list(feed.key)).any()
        if "row_state" in rows:
            rows = rows[rows["row_state"] != "deleted"]
        for held in properties:
            custom, values = _custom(held), rows[held["name"]]
            assert not (held.get("required") and (values == "").any()), held["name"]
            options = held.get("logicalTypeOptions") or {}
            if pattern := options.get("pattern"):
                assert values[values != ""].str.fullmatch(pattern).all(), held["name"]
            if "codeSet" in custom:
                _check_codes(rows, held["name"], day, custom, feed)


def _check_codes(rows: pd.DataFrame, column: str, day: str | None, custom: dict, feed) -> None:
    codes = _codes(custom["codeSet"])
    held = rows.loc[rows[column] != "", [column, *([day] if day else [])]].drop_duplicates()
    for row in held.to_dict("records"):
        for code in _parts(row[column], custom):
            assert code in codes, (column, code)
            if day and row[day]:
                form = feed.date_format if len(row[day]) <= 10 else feed.timestamp_format
                on = datetime.strptime(row[day], form).date().isoformat()
                assert codes[code][0] <= on <= codes[code][1], (column, code, on)


def test_manifests_describe_their_files(advanced):
    for manifest in sorted((advanced / "landing").rglob("*.manifest.json")):
        said = json.loads(manifest.read_text("utf-8"))
        feed, path = _feed(f"{said['agency']}.{said['feed']}"), manifest.parent / said["file"]
        assert path.name.removesuffix(path.suffix) == manifest.name.removesuffix(".manifest.json")
        assert said["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert said["rows"] == len(_sent(path, feed))
        assert said["history"] == path.stem.endswith("20261004_full")
        assert said["mode"] == ("full" if said["history"] else feed.mode)
        assert said["window"]["from"] < said["window"]["to"] == said["extracted_at"] <= said["received_at"]
        if said["history"]:
            assert said["received_at"] == "2026-10-04T19:00:00Z"
    assert not list(advanced.rglob("*.part"))


def test_feeds_go_out_on_their_days_alone(advanced):
    for feed in FEEDS:
        nights = [date.fromisoformat(re.search(r"_(\d{8})_", path.name)[1]) for path in _files(advanced, feed.label)]
        assert nights[0] == FIRST_DROP_DATE
        assert all(feed.weekday is None or night.weekday() == feed.weekday for night in nights[1:])
        assert len(nights) == (9 if feed.weekday is None else 2)


def test_one_seed_gives_the_same_bytes_and_two_nights_are_one_and_one(demo, tmp_path):
    again = tmp_path / "again"
    create_demo(again / "out", again / "landing", children=400, years=5, seed=SEED)
    assert _hashes(again) == _hashes(demo)
    apart, together = tmp_path / "apart", tmp_path / "together"
    shutil.copytree(again, apart)
    shutil.copytree(again, together)
    advance_demo(apart / "out", apart / "landing", nights=1)
    advance_demo(apart / "out", apart / "landing", nights=1)
    advance_demo(together / "out", together / "landing", nights=2)
    assert _hashes(apart) == _hashes(together)


def test_a_night_written_twice_is_the_same(advanced, tmp_path):
    """Killed after writing, before the night is remembered: the next run writes the same files again."""
    place = tmp_path / "demo"
    shutil.copytree(advanced, place)
    state = json.loads((place / "out" / "state.json").read_text())
    state["nights"] -= 1
    (place / "out" / "state.json").write_text(json.dumps(state))
    advance_demo(place / "out", place / "landing", nights=1)
    assert _hashes(place / "landing") == _hashes(advanced / "landing")


def test_there_must_be_a_demo_and_a_world_for_the_night(advanced, tmp_path):
    with pytest.raises(DemoMissingError):
        advance_demo(tmp_path / "nothing", tmp_path / "landing")
    with pytest.raises(WorldEndsError):
        advance_demo(advanced / "out", tmp_path / "landing", nights=400)


def test_history_holds_nothing_of_the_future(demo):
    for feed in FEEDS:
        rows = _first(demo, feed.label)
        for name, kind in feed.columns:
            if kind in ("date", "datetime") and name not in ("pers_expected_dob", "WeekBeginning"):
                form = feed.date_format if kind == "date" else feed.timestamp_format
                known = pd.to_datetime(rows.loc[rows[name] != "", name], format=form)
                assert (known <= pd.Timestamp("2026-10-04 20:00")).all(), (feed.label, name)


def test_identifiers_belong_to_nobody_real(demo):
    for feed in FEEDS:
        rows = _first(demo, feed.label)
        for name in rows.columns:
            values = rows.loc[rows[name] != "", name]
            if name in ("pers_common_child_id", "eh_nhs_number", "NHSNumber"):
                assert values.map(nhs_number.is_valid).all()
                assert values.map(lambda text: int(text) >= 9_000_000_000).all()
            elif name in ("UPN", "send_upn"):
                assert values.str.fullmatch(r"[A-Z]005\d{9}").all()
            elif "postcode" in name.lower():
                assert values.str.startswith("ZM").all(), "no postcode area starts with Z"


def test_every_record_that_names_a_person_is_in_the_truth_once(advanced):
    truth = pd.read_parquet(advanced / "out" / "truth" / "record_identity.parquet")
    assert not truth.duplicated(["agency", "feed", "source_key"]).any()
    known = set(zip(truth["agency"], truth["feed"], truth["source_key"], strict=True))
    for feed in FEEDS:
        if feed.names_people:
            for path in _files(advanced, feed.label):
                unknown = {(feed.agency, feed.name, key) for key in _keys(_good(advanced, path, feed), feed)} - known
                assert len(unknown) == 0, path.name


def test_unnamed_police_children_carry_no_name(demo, truth):
    rows = _with_truth(demo, "police.ppn", truth)
    unnamed = rows[rows["flags"].str.contains("unnamed")]
    assert len(unnamed)
    for column in ("subject_forename", "subject_surname", "subject_dob", "niche_nominal_id", "school_stated"):
        assert (unnamed[column] == "").all()
    assert (unnamed["approx_age"] != "").all()
    assert (unnamed["address_text"] != "").all()
    assert (rows.loc[~rows["flags"].str.contains("unnamed"), "subject_surname"] != "").all()


def test_police_subjects_are_children_and_never_suspects(demo, truth, world):
    rows = _with_truth(demo, "police.ppn", truth)
    person = world.tables["person"].set_index("person_id")
    assert (person.loc[rows["true_person_id"], "role"].astype(str) == "child").all()
    assert not rows["subject_role"].isin(["PERPETRATOR", "SUSPECT"]).any()
    assert (rows["handling_code"] == "C").eq(rows["flags"].str.contains("handling_c")).all()


def test_no_record_mixes_two_identities(demo, truth, world):
    """Numbers and birth date of a record are those of the one identity it names, also for adopted children."""
    person = world.tables["person"].set_index("person_id")
    for label, column, held in (
        ("csc.person", "pers_common_child_id", "nhs_number"),
        ("earlyhelp.person", "eh_nhs_number", "nhs_number"),
        ("education.pupil", "UPN", "upn"),
        ("acute_trust.ed_attendance", "NHSNumber", "nhs_number"),
        ("community_health.patient", "NHSNumber", "nhs_number"),
    ):
        rows = _with_truth(demo, label, truth)
        own = person.loc[rows["true_person_id"], held].astype(str).to_numpy()
        assert ((rows[column] == own) | (rows[column] == "")).all(), label


def test_a_new_identity_is_recorded_after_its_barrier(world):
    ground = Ground(world.tables, ViewSettings(SEED))
    views = {view.feed.name: view.rows for view in BUILDERS["csc"](ground)}
    barrier, person = views["linkage_barrier"], views["person"].drop_duplicates("pers_person_id")
    assert len(barrier) == len(world.tables["barrier"]) > 0
    recorded = person.set_index("pers_person_id")["_recorded_at"]
    assert barrier["barr_person_id_before"].isin(recorded.index).all()
    assert (barrier["barr_person_id_after"].map(recorded) > barrier["_recorded_at"]).all()


def test_without_errors_nobody_is_misspelt(world):
    ground = Ground(world.tables, ViewSettings(SEED, error_multiplier=0.0))
    person = world.tables["person"].set_index("person_id")
    patients = next(view.rows for view in BUILDERS["community_health"](ground) if view.feed.name == "patient")
    assert (patients["Surname"].to_numpy() == person.loc[patients["_person_id"], "surname"].to_numpy()).all()
    notices = next(view.rows for view in BUILDERS["police"](ground) if view.feed.name == "ppn")
    assert not notices["_flags"].str.contains("unnamed|variant|swap|placeholder|missing|handling").any()


def test_unexplained_marks_become_codes_within_ten_days(world):
    ground = Ground(world.tables, ViewSettings(SEED))
    rows = next(view.rows for view in BUILDERS["education"](ground) if view.feed.name == "attendance").to_pandas()
    later = rows[rows["_row_op"] == "updated"]
    assert len(later)
    first = rows[rows["_superseded_at"] < pd.Timestamp("9999-01-01")]
    assert (first["AttendanceCode"] == "N").all()
    wait = later["_recorded_at"] - pd.to_datetime(later["AttendanceDate"])
    assert wait.between(pd.Timedelta(0), pd.Timedelta(days=11)).all()
    assert not rows[rows["_row_op"] == "new"].duplicated(["UPN", "AttendanceDate", "Session"]).any()


def _views(world: World, agency: str, error_multiplier: float = 1.0) -> dict[str, pd.DataFrame]:
    ground = Ground(world.tables, ViewSettings(SEED, error_multiplier))
    return {view.feed.name: view.rows for view in BUILDERS[agency](ground) if isinstance(view.rows, pd.DataFrame)}


def test_rows_on_the_wrong_child_are_withdrawn_within_ten_weeks(world):
    contacts = _views(world, "csc", error_multiplier=20.0)["contacts"]
    gone = contacts[contacts["_row_op"] == "deleted"].set_index("cont_contact_id")["_recorded_at"]
    assert len(gone) / contacts["cont_contact_id"].nunique() == pytest.approx(0.2 / 1.2, abs=0.07)
    made = contacts[contacts["_row_op"] == "new"].set_index("cont_contact_id")["_recorded_at"]
    assert (gone - made[gone.index]).between(pd.Timedelta(days=1), pd.Timedelta(days=70)).all()


def test_agencies_tell_late_each_in_its_own_way(world):
    notices = _views(world, "police")["ppn"]
    first = notices[notices["_row_op"] == "new"].drop_duplicates("ppn_ref")
    lag = (first["submitted_dt"] - first["occurred_dt"]).dt.total_seconds() / 86400
    told = notices["hub_sent_dt"].notna().groupby(notices["ppn_ref"]).any()
    sent = told.reindex(first["ppn_ref"]).to_numpy()
    assert lag[~sent].median() == pytest.approx(2.0, abs=1.0)
    assert lag[~sent].quantile(0.95) < 25
    assert lag[sent].max() < 1
    assert (notices["hub_sent_dt"].isna() | (notices["hub_sent_dt"] >= notices["submitted_dt"])).all()
    health = _views(world, "community_health")["care_contact"]
    born_before = health[health["review_type"] != "antenatal"]
    delay = (born_before["_recorded_at"] - born_before["Contact_Date"]).dt.days
    assert delay.between(19, 30).mean() > 0.98
    attendance = _views(world, "acute_trust")["ed_attendance"]
    told = attendance[attendance["_row_op"] == "new"]
    assert ((told["_recorded_at"] - told["ArrivalDateTime"]).dt.total_seconds() / 3600).between(1, 9).all()


def test_an_open_assessment_says_nothing_of_its_outcome(world):
    rows = _views(world, "csc")["cin_assessments"]
    opened = rows[rows["_row_op"] == "new"]
    for column in ("cina_assessment_auth_date", "cina_assessment_outcome_json", "cina_assessment_outcome_nfa"):
        assert opened[column].isna().all()
    done = rows[rows["_row_op"] == "updated"]
    assert (done["_recorded_at"].dt.normalize() == done["cina_assessment_auth_date"]).all()


def test_agencies_hold_identifiers_as_far_as_they_do(demo):
    filled = {}
    for label, column in (
        ("csc.person", "pers_common_child_id"),
        ("earlyhelp.person", "eh_nhs_number"),
        ("acute_trust.ed_attendance", "NHSNumber"),
        ("community_health.patient", "NHSNumber"),
        ("housing.application", "UPRN"),
    ):
        rows = _first(demo, label)
        filled[label] = ((rows[column] != "").mean(), len(rows))
    for label, share in (
        ("csc.person", 0.82),
        ("earlyhelp.person", 0.65),
        ("acute_trust.ed_attendance", 0.97),
        ("community_health.patient", 0.99),
        ("housing.application", 0.88),
    ):
        held, rows = filled[label]
        assert held == pytest.approx(share, abs=4 * (share * (1 - share) / max(rows, 1)) ** 0.5 + 0.01), label
