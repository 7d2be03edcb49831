"""The adults' stories and their truth, and the views made of them: apart from the children's world."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from synthetic.adult_patterns import pattern_truth
from synthetic.adults import Adults
from synthetic.agencies import FEEDS, JOINING, Ground, adult_social_care
from synthetic.agencies.views import ViewSettings

FEEDS_FOLDER = Path(__file__).parents[2] / "partnerships" / "northmere" / "feeds"
START, END = date(2021, 10, 4), date(2027, 4, 4)


def _parents() -> pd.DataFrame:
    n = 60
    return pd.DataFrame(
        {
            "person_id": np.arange(1, n + 1), "role": "mother", "forename": [f"Name{i}" for i in range(n)],
            "surname": "Example", "birth_date": pd.Timestamp("1985-03-02"), "sex": "F",
            "nhs_number": [f"9{i:09}" for i in range(n)], "death_date": pd.NaT, "twin_group": None,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def ground() -> Ground:
    barrier = pd.DataFrame({"barrier_type": [], "person_id_before": [], "person_id_after": []})
    return Ground({"person": _parents(), "barrier": barrier}, ViewSettings(1))


@pytest.fixture(scope="module")
def adults(ground: Ground) -> Adults:
    return adult_social_care.true_adults(ground, 400, START, END)


@pytest.fixture(scope="module")
def views(ground: Ground, adults: Adults) -> dict[str, pd.DataFrame]:
    return {view.feed.label: view.rows for view in adult_social_care.build(ground, adults)}


def _story(*rows: tuple[str, str, str | None, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["kind", "day", "ended_on", "detail"]).assign(person_id=1, cause=0)
    return frame.assign(
        day=pd.to_datetime(frame["day"]), ended_on=pd.to_datetime(frame["ended_on"]), event_id=range(len(frame))
    )


def _concern(day: str, source: str = "GP") -> tuple[str, str, None, str]:
    return ("concern", day, None, source)


THREE = [_concern("2026-03-02"), _concern("2026-05-04"), _concern("2026-07-06")]
LAST = _concern("2026-07-06")
CARE = ("service", "2025-01-06", "2026-06-01", "HOME")


@pytest.mark.parametrize(
    ("rows", "pattern"),
    [
        (THREE, "third_concern"),
        ([*THREE, ("enquiry", "2026-05-06", None, "NFA")], None),
        ([*THREE, ("enquiry", "2026-07-07", None, "NFA")], None),
        ([_concern("2026-06-01"), _concern("2026-07-06", "POLICE")], "two_agencies"),
        ([_concern("2026-06-01", "PERSONAL"), _concern("2026-07-06", "POLICE")], None),
        ([("enquiry", "2026-01-05", "2026-03-02", "NFA"), LAST], "again_after_no_action"),
        ([("enquiry", "2026-01-05", "2026-03-02", "RISK_REMOVED"), LAST], None),
        ([CARE, ("request", "2026-07-06", None, "CARER_BREAKDOWN")], "carer_after_service"),
        ([CARE, LAST], "concern_after_care"),
        ([CARE, ("service", "2026-06-15", None, "HOME"), LAST], None),
        ([("service", "2025-01-06", "2026-03-02", "HOME"), LAST], None),
    ],
)
def test_truth_follows_the_sentences_people_read(rows: list, pattern: str | None) -> None:
    found = pattern_truth(_story(*rows), START, END)
    told = {(name, str(day.date())) for _, name, day in found.itertuples(index=False)}
    assert told == ({(pattern, "2026-07-12")} if pattern else set())


def test_stories_are_planted_for_every_pattern_and_drawn_apart_from_the_world(ground: Ground, adults: Adults) -> None:
    truth = pattern_truth(adults.event, START, END)
    assert set(truth["pattern"]) == {
        "third_concern", "two_agencies", "again_after_no_action", "carer_after_service", "concern_after_care",
    }  # fmt: skip
    again = adult_social_care.true_adults(ground, 400, START, END)
    pd.testing.assert_frame_equal(again.event, adults.event)
    shared = set(adults.person["nhs_number"]) & set(_parents()["nhs_number"])
    own = set(adults.person["person_id"]) - set(_parents()["person_id"])
    # Some adults are parents of that world, number and all; nobody else has a number of it.
    assert len(shared) == len(adults.person) - len(own) > 0


def test_feeds_are_as_their_contracts_say(views: dict[str, pd.DataFrame]) -> None:
    assert {feed.label for feed in JOINING["adult_social_care"]} == set(views)
    assert not {feed.label for feed in FEEDS} & set(views)
    for feed in JOINING["adult_social_care"]:
        contract = yaml.safe_load((FEEDS_FOLDER / f"{feed.agency}__{feed.name}.odcs.yaml").read_text("utf-8"))
        properties = contract["schema"][0]["properties"]
        assert [held["name"] for held in properties] == list(feed.column_names), feed.label
        kinds = {"string": "text", "date": "date", "timestamp": "datetime"}
        assert [kinds[held["logicalType"]] for held in properties] == [kind for _, kind in feed.columns], feed.label
        rows = views[feed.label]
        for held in properties:
            if held.get("required"):
                assert rows[held["name"]].notna().all(), held["name"]
            codes = next((c["value"] for c in held["customProperties"] if c["property"] == "codeSet"), None)
            if codes and len(rows):
                allowed = set(pd.read_csv(FEEDS_FOLDER.parent / "codes" / f"{codes}.csv", dtype=str)["code"])
                assert set(rows[held["name"]].dropna()) <= allowed, held["name"]


def test_some_rows_are_there_only_to_be_refused(views: dict[str, pd.DataFrame]) -> None:
    roles = views["adult_social_care.safeguarding_concern"]["Person_Role"]
    assert {"ADULT_AT_RISK"} <= set(roles) <= {"ADULT_AT_RISK", "ALLEGED_SOURCE_OF_RISK"}
    assert (views["adult_social_care.person"].groupby("_person_id").size() > 1).any(), "two numbers, one adult"
