"""What a partnership declares, and what is refused."""

from datetime import datetime
from pathlib import Path

import pytest
import yaml

from pipelines.hub import Hub, HubProblem
from pipelines.partnership import Partnership, PartnershipProblem
from pipelines.settings import PackNotFound, Settings

PACK = Path(__file__).parents[2] / "partnerships" / "northmere"


def _declared(tmp_path: Path, **changes: object) -> Path:
    raw = yaml.safe_load((PACK / "partnership.yml").read_text(encoding="utf-8"))
    file = tmp_path / "partnership.yml"
    file.write_text(yaml.safe_dump({**raw, **changes}), encoding="utf-8")
    return file


def test_capacity_follows_the_number_of_children_and_is_at_least_one_a_team() -> None:
    northmere = Partnership.load(PACK / "partnership.yml")
    assert sum(filter(None, northmere.capacity(60_000).values())) == 24
    assert set(northmere.capacity(400).values()) == {1}


def test_a_capacity_nobody_set_is_none(tmp_path: Path) -> None:
    unset = Partnership.load(_declared(tmp_path, weekly_capacity=None))
    assert set(unset.capacity(60_000).values()) == {None}


def test_a_wrong_declaration_names_its_field(tmp_path: Path) -> None:
    with pytest.raises(PartnershipProblem, match="mode"):
        Partnership.load(_declared(tmp_path, mode="experiment"))


@pytest.mark.parametrize("pack", ["northmere", "oulad"])
def test_every_pack_says_only_what_is_read(pack: str) -> None:
    Partnership.load(PACK.parent / pack / "partnership.yml")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"weekly_capasity": {"per_60000_children": 24}}, "weekly_capasity"),
        ({"areas": {"teams": [{"name": "North"}]}}, "areas.teams.0.telephone"),
        ({"retention": {"list_month": 3}}, "retention.list_month"),
        ({"schedule": {"nightly": "2 am"}}, "schedule.nightly"),
        ({"schedule": {"nightly": "01:30"}}, "before 02:00"),
        ({"schedule": {"weekly": "Tuesday 06:00"}}, "schedule.weekly"),
        ({"schedule": {"nightly": "05:00", "weekly": "Monday 04:00"}}, "later than nightly"),
    ],
)
def test_what_nobody_would_carry_out_is_refused_by_name(tmp_path: Path, change: dict, named: str) -> None:
    with pytest.raises(PartnershipProblem, match=named):
        Partnership.load(_declared(tmp_path, **change))


def test_a_pack_that_is_not_there_is_named() -> None:
    with pytest.raises(PackNotFound, match="nowhere"):
        _ = Settings(partnership="nowhere").pack


def test_no_run_goes_beyond_the_frozen_calendars() -> None:
    hub = Hub(Settings(partnership=str(PACK)))
    hub.require_calendar(datetime(2028, 8, 28))
    with pytest.raises(HubProblem, match="28 August 2028"):
        hub.require_calendar(datetime(2028, 9, 4))
