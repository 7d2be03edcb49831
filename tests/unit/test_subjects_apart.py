"""Records about others than the hub's own persons: off without a sign-off, and never mixed in by a model."""

import dataclasses
import datetime
import hashlib
import shutil
from functools import cache
from pathlib import Path

import pytest
import yaml

from data_quality.contract import FeedContract
from pipelines.assets.subjects import subject_identity_assets, subject_list_assets
from pipelines.dbt_assembly import CANONICAL, AssemblyProblem, assemble
from pipelines.hub import Hub
from pipelines.partnership import Partnership, PartnershipProblem, SignOff
from pipelines.sensors import completed_drops_sensor
from pipelines.settings import REPOSITORY, Settings
from pipelines.subject_barrier import models_off

PACK = REPOSITORY / "partnerships" / "northmere"
ENGINE = REPOSITORY / "dbt_project"
SIGNED = {
    "name": "Director of Adult Social Services", "by": "E. Example", "signed": "2026-09-15", "expires": "2027-08-31",
}  # fmt: skip
ADULT_FILES = ("feeds/adult_social_care__*", "feeds/police__adult_notification*", "staging/adult_social_care/*",
               "staging/police/*__adult_*", "marts/adult/*", "codes/asc_*", "subjects/*")  # fmt: skip


def _pack(folder: Path, sign_off: dict | None = None) -> Path:
    pack = shutil.copytree(PACK, folder / "northmere")
    if sign_off is not None:
        file = pack / "partnership.yml"
        declared = yaml.safe_load(file.read_text(encoding="utf-8"))
        declared["sign_offs"]["adult_social_care"] = sign_off
        file.write_text(yaml.safe_dump(declared, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return pack


@cache
def _contracts() -> dict[str, FeedContract]:
    return Hub(Settings()).declared_contracts


def _hub(pack: Path, var: Path) -> Hub:
    """A hub on a pack; contracts are read once for all tests, and only those the pack still has are its own."""
    hub = Hub(Settings(partnership=str(pack), var=var))
    there = {path.name.removesuffix(".odcs.yaml") for path in (pack / "feeds").iterdir()}
    hub.__dict__["declared_contracts"] = {name: one for name, one in _contracts().items() if name in there}
    return hub


def _arrived(hub: Hub, feed: str, day: str) -> None:
    folder = hub.settings.landing.joinpath(*feed.split("__"), "accepted")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{feed.split('__')[1]}_{day}_delta.manifest.json.enc").write_bytes(b"sealed")


def _assembled(hub: Hub, out: Path) -> dict[str, str]:
    contracts = hub.contracts.values()
    assemble(hub.settings.pack, ENGINE, out, contracts, off=hub.feeds_off, subjects=hub.subjects)
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in out.rglob("*")
        if path.is_file()
    }


def test_without_its_sign_off_the_pack_is_as_if_the_agency_were_not_in_it(tmp_path: Path) -> None:
    with_files = _hub(_pack(tmp_path / "with"), tmp_path)
    bare = _pack(tmp_path / "without")
    for pattern in ADULT_FILES:
        removed = list(bare.glob(pattern))
        assert removed, pattern
        for path in removed:
            path.unlink()
    without = _hub(bare, tmp_path)
    assert list(with_files.contracts) == list(without.contracts)
    assert list(with_files.agencies) == list(without.agencies)
    assert with_files.other_subjects == [] == without.other_subjects
    assert _assembled(with_files, tmp_path / "one") == _assembled(without, tmp_path / "two")
    assert subject_identity_assets(with_files.other_subjects) == [] == subject_list_assets(with_files.other_subjects)


def test_with_its_sign_off_what_children_are_told_from_is_the_same_to_the_byte(tmp_path: Path) -> None:
    """Whatever rows about adults come, go or change: no model of the canonical tables, or built on them, reads one."""
    off = _assembled(_hub(_pack(tmp_path / "off"), tmp_path), tmp_path / "one")
    on = _assembled(_hub(_pack(tmp_path / "on", SIGNED), tmp_path), tmp_path / "two")
    more = set(on) - set(off)
    own = {"pack_marts/adult/adult_pattern.sql", "staging/identity/adult_social_care/record_adult.sql"}
    assert {f"models/{name}" for name in own} <= more
    assert not set(off) - set(on)
    # The list of sources and the reference table of feeds name the new feeds; every other file is as it was.
    assert {name for name in off if off[name] != on[name]} == {"models/sources/feeds.yml", "models/reference/feed.sql"}
    canonical = {f"canonical_{table}.sql" for tables in CANONICAL.values() for table in tables}
    assert not canonical & {Path(name).name for name in more}


@pytest.mark.parametrize(
    ("sign_off", "newest_drop", "is_on"),
    [
        (SIGNED, None, True),
        (SIGNED, "20261004", True),
        (SIGNED, "20270901", False),
        (SIGNED, "20260901", False),
        ({**SIGNED, "by": None}, "20261004", False),
        ({"name": "Somebody"}, "20261004", False),
        ({**SIGNED, "expires": "2026-01-01"}, None, False),
    ],
)
def test_only_a_complete_sign_off_in_force_turns_it_on(
    tmp_path: Path, sign_off: dict, newest_drop: str | None, is_on: bool
) -> None:
    hub = _hub(_pack(tmp_path, sign_off), tmp_path / "var")
    # A file of the waiting agency itself proves nothing about the day.
    _arrived(hub, "adult_social_care__person", "20261230")
    if newest_drop:
        _arrived(hub, "csc__person", newest_drop)
    assert ("adult_social_care__person" in hub.contracts) is is_on
    assert ("police__adult_notification" in hub.contracts) is is_on
    assert "police__ppn" in hub.contracts
    assert set(hub.declared_contracts) == set(hub.contracts) | set(hub.feeds_off)


def test_files_of_a_feed_that_is_off_neither_start_a_run_nor_move_the_clock(tmp_path: Path) -> None:
    import dagster as dg

    hub = _hub(_pack(tmp_path), tmp_path / "var")
    folder = hub.settings.landing / "adult_social_care" / "person"
    folder.mkdir(parents=True)
    (folder / "person_20261004_full.manifest.json").write_text('{"received_at": "2026-10-09T19:00:00Z"}')
    assert hub._landed() == []
    job = dg.define_asset_job("nightly")
    sensor = completed_drops_sensor(job, hub.contracts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUB_VAR", str(tmp_path / "var"))
        patch.setenv("HUB_PARTNERSHIP", str(hub.settings.pack))
        seen = sensor(dg.build_sensor_context())
    assert isinstance(seen, dg.SkipReason)


def test_a_sign_off_says_who_until_when() -> None:
    full = SignOff(**SIGNED)
    assert full.holds_on(full.signed) and full.holds_on(full.expires)
    assert not SignOff(name="x", by="y").holds_on(None)


def test_a_subject_that_could_not_name_a_table_is_refused() -> None:
    notification = _contracts()["police__adult_notification"]
    odd = dataclasses.replace(notification, extra={**notification.extra, "subject": "adult; drop"})
    with pytest.raises(PartnershipProblem, match="subject"):
        Partnership.load(PACK / "partnership.yml").subject_of(odd)


CHILD = "select 1 from {{ source('warehouse', 'csc__contacts') }}"
ADULT = "select 1 from {{ source('warehouse', 'adult_social_care__service') }}"
EVENT = "select 1 from {{ ref('adult_event') }}"
EXPORT = "{{ source('identity_export', 'subject_record') }}"
NOTICE = "select 1 from {{ source('identity', 'police__adult_notification') }}"
MIXED = "different subjects"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("marts/adult/mixed.sql", f"{CHILD} union all {ADULT}", MIXED),
        ("marts/front/mixed.sql", f"{CHILD} where x in ({EVENT})", MIXED),
        ("marts/adult/with_engine.sql", EVENT + ", {{ ref('person_week') }}", "person_week"),
        ("marts/adult/export.sql", EVENT + ", {{ source('identity_export', 'person') }}", "apart"),
        ("marts/front/peep.sql", f"select 1 from {EXPORT}, {{{{ ref('event') }}}}", "other subjects alone"),
        # Its name is enough, however it is written.
        ("marts/front/raw.sql", f"{CHILD} union select 1 from warehouse.raw.adult_social_care__service", MIXED),
        ("staging/adult_social_care/stg_adult_social_care__event.sql", ADULT, "canonical"),
        ("staging/police/stg_police__person_record.sql", NOTICE, "canonical"),
    ],
)
def test_a_model_that_mixes_subjects_is_refused_by_name(tmp_path: Path, name: str, text: str, said: str) -> None:
    hub = _hub(_pack(tmp_path, SIGNED), tmp_path)
    file = hub.settings.pack / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(AssemblyProblem, match=said) as refused:
        _assembled(hub, tmp_path / "out")
    assert file.name in str(refused.value)


def test_what_builds_on_an_off_feed_is_off_too(tmp_path: Path) -> None:
    for name, text in (("one", ADULT), ("two", "select * from {{ ref('one') }}"), ("three", CHILD)):
        (tmp_path / f"{name}.sql").write_text(text)
    models = {path.stem: path for path in tmp_path.glob("*.sql")}
    assert models_off(models, {"adult_social_care__service"}) == {"one", "two"}
    assert models_off(models, ()) == frozenset()


def test_whoever_may_harm_is_refused_at_the_door() -> None:
    contracts = _contracts()
    roles = {
        ("adult_social_care__safeguarding_concern", "Person_Role"): {"ALLEGED_SOURCE_OF_RISK"},
        ("police__adult_notification", "subject_role"): {"PERPETRATOR", "SUSPECT"},
    }
    for (feed, column), refused in roles.items():
        found = next(one for one in contracts[feed].columns if one.name == column)
        assert set(found.reject_values) == refused and found.required
    partnership = Partnership.load(PACK / "partnership.yml")
    for name, contract in contracts.items():
        if partnership.subject_of(contract):
            assert contract.release_default == "sealed" and not contract.required_for_list, name
            assert contract.agreement.expires - contract.agreement.signed <= datetime.timedelta(days=366), name
