"""Was anyone helped, put together: lists and decisions of past weeks in, counts out, against a slow count by hand."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pytest

from models.risk.run import run_weekly
from pipelines import risk_helped
from pipelines.assets.risk import batch_of
from pipelines.clock import weekly_cutoff
from review.freeze import listed_recently
from tests.risk_marts import make_marts, sundays
from tests.unit.test_risk_run import BOOK, PARTNERSHIP
from tests.unit.test_risk_run import CONFIG as ALL

CONFIG = ALL.model_copy(
    update={
        "training": ALL.training.model_copy(update={"candidates": ("logistic",)}),
        "evaluation": ALL.evaluation.model_copy(update={"smallest_cell": 1}),
    }
)
WEEKS = 150
DAYS = sundays(WEEKS)
MATURE, YOUNG = (DAYS[100], DAYS[104]), DAYS[-2]
NOW = weekly_cutoff(DAYS[-1])
HORIZON = timedelta(days=CONFIG.target.horizon_days)
UP = {"episodes": ["early_help", "health_caseload"], "within_days": 280}
SHADOW = PARTNERSHIP | {"mode": "shadow", "capacity": {"North": 25, "South": 25}}


class Store:
    """Lists, batches and decisions as the hub's store tells them."""

    def __init__(self) -> None:
        self.batches: dict[date, dict] = {}
        self.decided: list[dict] = []
        self.audit = SimpleNamespace(entries=lambda what: [], require_intact=lambda: None)

    def issued(self, kind: str, latest_only: bool = True) -> list[SimpleNamespace]:
        return [SimpleNamespace(as_of_date=w, document_id=f"{w} {t}") for w in self.batches for t in ("North", "South")]

    def document(self, document_id: str) -> dict:
        week, team = document_id.split()
        mine = [c for c in self.batches[date.fromisoformat(week)]["candidates"] if c["area_team"] == team]
        return {"families": [{"children": [{"person_key": c["person_key"]}]} for c in mine]}

    def latest_batch(self, week: date) -> date:
        return week

    def candidates(self, week: date) -> dict:
        return self.batches[week]

    def decisions(self, now: datetime | None = None) -> list[dict]:
        return self.decided


@pytest.fixture(scope="module")
def con():
    con = make_marts(700, WEEKS, 13, rate=3.0)
    con.execute("alter table warehouse.marts.label add column basis varchar default 'need'")
    con.execute("create schema warehouse.identity_export")
    con.execute(
        "create table warehouse.identity_export.record_person as select distinct person_key as record_key, person_key,"
        " timestamp '2000-01-01' as known_from, timestamp '9999-12-31' as known_to from warehouse.marts.person_week"
    )
    return con


@pytest.fixture(scope="module")
def store(con) -> Store:
    """Three weeks whose lists come from the patterns; help is offered to every other child of the first."""
    store = Store()
    for week in (*MATURE, YOUNG):
        recently = listed_recently(store, week, CONFIG.channels.relist_after_weeks)
        store.batches[week] = batch_of(run_weekly(con, CONFIG, BOOK, SHADOW, week, listed_recently=recently))
    for number, one in enumerate(store.batches[MATURE[0]]["candidates"]):
        store.decided.append(
            {
                "document_id": f"{MATURE[0]} {one['area_team']}",
                "person_key": one["person_key"],
                "kind": "offered" if number % 2 else "no_action",
                "look_again_on": None,
            }
        )
    return store


def told_of(con, store, weeks, monkeypatch, **declared) -> risk_helped.Helped:
    monkeypatch.setattr(risk_helped, "load_declarations", lambda hub: (CONFIG, BOOK))
    monkeypatch.setattr(store, "batches", {week: store.batches[week] for week in weeks})
    return risk_helped.helped(SimpleNamespace(store=store, declaration=lambda name: declared), con, NOW)


def homes_of(con, store, week: date) -> dict[str, set[str]]:
    """By home with somebody on the week's lists, everybody of the cohort who lives there."""
    everybody = con.execute(
        "select coalesce(household_key, person_key)::varchar, person_key::varchar from warehouse.marts.person_week"
        " where as_of_date = ? and exclusion_reason is null",
        [week],
    ).fetchall()
    listed = {one["household_key"] or one["person_key"] for one in store.batches[week]["candidates"]}
    found = defaultdict(set)
    for home, key in everybody:
        if home in listed:
            found[home].add(key)
    return found


def rows(con, sql: str, *values) -> dict[str, list[date]]:
    """Days by person."""
    found = defaultdict(list)
    for key, day in con.execute(sql, list(values)).fetchall():
        found[key].append(day)
    return found


def test_listed_families_are_counted_as_by_hand(con, store, monkeypatch):
    week = MATURE[0]
    known = "known_from <= ? and known_to > ?"
    needs = rows(con, f"select person_key::varchar, occurred_on from warehouse.marts.label where {known}", NOW, NOW)
    begun = rows(
        con,
        "select person_key::varchar, started_on from warehouse.marts.episode where"
        f" episode_type in ('early_help', 'health_caseload') and {known}", NOW, NOW,
    )  # fmt: skip
    homes, young = homes_of(con, store, week), homes_of(con, store, YOUNG)
    kinds = {one["person_key"]: one["kind"] for one in store.decided}
    on_later_list = {one["person_key"] for one in store.batches[YOUNG]["candidates"]}
    assert len(homes) > 20 and week + HORIZON < YOUNG

    told = told_of(con, store, (week, YOUNG), monkeypatch, help_taken_up=UP)
    assert (told.weeks_compared, told.weeks_young, told.left_out) == ([week], 1, {})
    # Of the young week's families it is not known yet what came: they count among the families and nowhere else.
    assert told.listed["families"] == len(homes) + len(young)

    def share(what: str, came: list[bool]) -> None:
        assert 0 < sum(came) < len(came), what
        assert told.listed[what]["of"] == len(came), what
        assert told.listed[what]["estimate"] == pytest.approx(sum(came) / len(came), abs=1e-6), what

    def within(days: list[date], length: timedelta) -> bool:
        return any(week < day <= week + length for day in days)

    share("need", [any(within(needs[key], HORIZON) for key in keys) for keys in homes.values()])
    up = timedelta(days=UP["within_days"])
    share("taken_up", [any(within(begun[key], up) for key in keys) for keys in homes.values()])
    share("offered", [any(kinds.get(key) == "offered" for key in keys) for keys in homes.values()])
    later = [bool(keys & on_later_list) and within([YOUNG], HORIZON) for keys in homes.values()]
    assert told.listed["listed_later"]["estimate"] == 0.0 == sum(later), "the young week is beyond the horizon"


def test_those_who_just_missed_are_families_of_whom_nobody_was_listed(con, store, monkeypatch):
    told = told_of(con, store, (*MATURE, YOUNG), monkeypatch, help_taken_up=UP)
    assert told.weeks_compared == list(MATURE)
    (near,) = [one for one in told.compared if one["channel"] == "rules" and one["way"] == "near"]
    assert near["missed"]["families"] > 5 and near["missed"]["need"]["of"] == near["missed"]["families"]
    assert near["missed"]["offered"]["estimate"] == 0.0, "nobody decided about them"
    assert near["difference"]["low"] < near["difference"]["estimate"] < near["difference"]["high"]
    assert told.seed == CONFIG.training.seed and told.lottery_rule and told.draws[1]["channel"] == "rules"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"choice": None}, risk_helped.NOT_RECORDED),
        ({"choice": "other rules"}, risk_helped.RULES_CHANGED),
        ({"model": "boosting-0123456789ab"}, risk_helped.NO_MODEL),
        ({"candidates": "one less"}, risk_helped.OTHER_PEOPLE),
    ],
    ids=["not recorded", "rules", "model", "people"],
)
def test_a_week_that_cannot_be_made_again_is_left_out_with_its_reason(con, store, monkeypatch, changed, why):
    first = store.batches[MATURE[0]]
    if changed.get("choice"):
        changed = {"choice": first["choice"] | {"rules_hash": "other"}}
    if "candidates" in changed:
        changed = {"candidates": first["candidates"][1:]}
    monkeypatch.setitem(store.batches, MATURE[0], first | changed)
    told = told_of(con, store, (*MATURE, YOUNG), monkeypatch)
    # Who is taken off a list may be listed in the second week, which then cannot be made again either.
    assert told.left_out[why] == (2 if "candidates" in changed else 1) and MATURE[0] not in told.weeks_compared
    assert told.listed["taken_up"] is None, "no pack says what counts as taken up"
