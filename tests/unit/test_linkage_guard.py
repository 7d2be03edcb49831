"""Nights that are stopped: a wild model, a feed that came empty, a broken hash; and the day after."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from linkage_people import FAR, Town, database, fill, frame, load, record, town

from models.linkage import LinkageModel, LinkageSettings, ModelMismatch, history, write
from models.linkage.guard import Before, Guarded, Tonight, guarded, judge
from models.linkage.quality import figures

S = LinkageSettings()
NOW = dt.datetime(2026, 10, 5, 1)
AREAS = {f"NM{i}": f"Team {i % 3}" for i in range(1, 10)}


def order(texts: list[str]) -> list[int]:
    return [int.from_bytes(hashlib.sha256(t.encode()).digest()[:7]) >> 3 for t in texts]


def night(con: duckdb.DuckDBPyConnection, model, day: int, settings: LinkageSettings = S) -> Guarded:
    now = NOW + dt.timedelta(days=day)
    how = {"run_id": f"r{day}", "order_hash": order, "areas": AREAS}
    done = guarded(con, model=model if callable(model) else lambda: model, settings=settings, now=now, **how)
    rows, signed = figures(done.result.quality, done.verdict.figures), done.verdict.signed_by is not None
    write(
        con, done.result, beside=lambda: history.record(con, done.verdict.row(f"r{day}"), rows, now=now, signed=signed)
    )
    return done


def live(done: Guarded) -> pd.Series:
    rows = done.result.assignment
    return rows[rows["known_to"] == FAR].set_index("record_key")["person_id"].sort_index()


@pytest.fixture(scope="module")
def model() -> LinkageModel:
    folder = Path(__file__).parents[2] / "partnerships/northmere/linkage"
    return LinkageModel.from_files({path.name: path.read_bytes() for path in folder.iterdir()})


@pytest.fixture(scope="module")
def wild(model) -> LinkageModel:
    """Whatever two records say speaks against one person."""
    settings = copy.deepcopy(model.settings)
    for comparison in settings["comparisons"]:
        for level in comparison["comparison_levels"][1:]:
            level.update(m_probability=0.001, u_probability=0.9)
    return LinkageModel(settings, model.frequencies, "wild")


@pytest.fixture
def hub(model) -> tuple[duckdb.DuckDBPyConnection, Town, Guarded]:
    con, made = database(), town(80, seed=4)
    load(con, made)
    return con, made, night(con, model, 0)


def test_a_night_run_again_tells_the_same_figures(hub, model, wild) -> None:
    con, _, _ = hub
    for day, which in ((0, model), (1, wild)):
        night(con, which, day)
        first = history.quality_at(con, NOW + dt.timedelta(days=day), "linkage")
        night(con, which, day)
        pd.testing.assert_frame_equal(history.quality_at(con, NOW + dt.timedelta(days=day), "linkage"), first)
        assert first.set_index("measure").loc["minted" if day == 0 else "ids_changed", "value"] > 0


def test_a_normal_night_passes_a_wild_model_is_stopped_and_the_day_after_heals(hub, model, wild) -> None:
    con, _, first = hub
    new = record("k", "education", "pupil", "NEW", forename="Orsolya", surname="Vantage", birth_date="2014-03-03",
                 sex="F", postcode="NM1 1AA", known_from=pd.Timestamp("2026-10-05 18:00"))  # fmt: skip
    fill(con, "canonical.person_record", frame([new]))
    calm = night(con, model, 1)
    assert not first.verdict.kept and not calm.verdict.kept and calm.verdict.figures["ids_changed"] == 0
    again = new | {"record_key": record("k", "csc", "person", "NEW2")["record_key"], "agency": "csc",
                   "feed": "person", "source_key": "NEW2", "known_from": pd.Timestamp("2026-10-06 18:00")}  # fmt: skip
    fill(con, "canonical.person_record", frame([again]))
    stopped = night(con, wild, 2)
    assert stopped.verdict.kept and "untouched records" in stopped.verdict.why[0]
    kept = live(stopped)
    assert kept.drop(again["record_key"]).equals(live(calm)) and kept[again["record_key"]] not in set(live(calm))
    assert stopped.result.assignment.query("record_key == @again['record_key']")["reason"].tolist() == ["held"]
    # Everything the marts are told is whole: every person has a row, every home its number.
    assert set(kept) <= set(stopped.result.person["person_id"])
    assert set(stopped.result.household_spell["household_id"]) >= set(calm.result.household["household_id"])
    assert len(stopped.result.edges) == len(calm.result.edges)
    healed = night(con, model, 3)
    assert not healed.verdict.kept and live(healed)[again["record_key"]] == live(healed)[new["record_key"]]
    assert live(healed).drop(again["record_key"]).equals(live(calm))
    nights = con.sql("select kept from linkage.night order by night").fetchall()
    assert nights == [(False,), (False,), (True,), (False,)]


def test_a_record_that_came_to_be_of_somebody_else_leaves_the_id_behind(hub, model) -> None:
    con, _, _ = hub
    same = {"forename": "Orsolya", "surname": "Vantage", "birth_date": "2014-03-03", "sex": "F", "postcode": "NM1 1AA"}
    since = pd.Timestamp("2026-10-05 18:00")
    changes, stays = (
        record("k", agency, feed, "PAIR", **same, known_from=since)
        for agency, feed in (("csc", "person"), ("police", "ppn"))
    )
    fill(con, "canonical.person_record", frame([changes, stays]))
    before = live(night(con, model, 1))
    assert before[changes["record_key"]] == before[stays["record_key"]]
    at = dt.datetime(2026, 10, 6, 18)
    con.execute("update canonical.person_record set known_to = ? where record_key = ?", [at, changes["record_key"]])
    other = {"forename": "Tamsin", "surname": "Okafor", "birth_date": "2009-11-21", "postcode": "NM7 7GG"}
    fill(con, "canonical.person_record", frame([changes | other | {"known_from": pd.Timestamp(at)}]))
    parted = night(con, model, 2)
    after = live(parted)
    assert after[stays["record_key"]] == before[stays["record_key"]] != after[changes["record_key"]]
    assert parted.verdict.figures["ids_changed"] == 0


def test_a_named_sign_off_lets_one_night_pass_and_no_more(hub, model, wild) -> None:
    con, _, _ = hub
    history.sign(con, "wild", "R. Example", "retrained on the year 2026", NOW)
    passed = night(con, wild, 1)
    assert not passed.verdict.kept and passed.verdict.signed_by == "R. Example on 05 October 2026"
    assert con.sql("select used_by_night from linkage.sign_off").fetchall() == [(NOW + dt.timedelta(days=1),)]
    assert not night(con, wild, 1).verdict.kept  # the same night again
    assert night(con, model, 2).verdict.kept  # back again is another change


def test_a_sign_off_is_used_up_by_the_first_night_even_if_nothing_changed(hub, model) -> None:
    con, _, _ = hub
    history.sign(con, model.digest, "R. Example", "to be sure", NOW)
    assert night(con, model, 1).verdict.why == ()
    assert con.sql("select used_by_night is not null from linkage.sign_off").fetchall() == [(True,)]


def test_an_empty_feed_retires_nobody_and_all_is_as_it_was_when_it_returns(hub, model) -> None:
    con, made, first = hub
    gone = dt.datetime(2026, 10, 5, 18)
    con.execute("create table aside as select * from canonical.person_record where agency = 'education'")
    con.execute("update canonical.person_record set known_to = ? where agency = 'education'", [gone])
    con.execute("update canonical.address_spell set known_to = ? where record_key in (from aside select record_key)",
                [gone])  # fmt: skip
    stopped = night(con, model, 1)
    assert stopped.verdict.kept and "education/" in stopped.verdict.why[-1]
    assert live(stopped).equals(live(first)) and not stopped.result.events["event"].isin(["retired", "merged"]).any()
    homes = ["person_id", "household_id", "started_on", "ended_on"]
    pd.testing.assert_frame_equal(stopped.result.household_spell[homes], first.result.household_spell[homes])
    assert set(stopped.result.person["person_id"]) == set(first.result.person["person_id"])
    con.execute("delete from canonical.person_record")
    nobody = night(con, model, 2)
    assert nobody.verdict.kept and nobody.verdict.why == (
        f"No record is left of the {len(made.records):,} there were.",
    )
    assert live(nobody).equals(live(first))


def test_a_broken_hash_keeps_yesterday_and_without_one_says_so(hub) -> None:
    def broken() -> LinkageModel:
        raise ModelMismatch("linkage model does not match its hash")

    con, _, first = hub
    stopped = night(con, broken, 1)
    assert stopped.verdict.why == ("Linkage model does not match its hash.",) and live(stopped).equals(live(first))
    with pytest.raises(ModelMismatch):
        night(database(), broken, 0)


def test_a_barrier_is_obeyed_on_a_stopped_night_too(hub, model, wild) -> None:
    con, _, first = hub
    sizes = live(first).value_counts()
    person = sizes.index[0]
    a, b, *rest = live(first).index[live(first) == person]
    row = {"barrier_id": "x", "record_key_before": a, "record_key_after": b, "barrier_type": "ADOPTION",
           "effective_on": pd.Timestamp("2026-10-01"), "known_from": pd.Timestamp("2026-10-05 18:00"),
           "known_to": FAR}  # fmt: skip
    fill(con, "canonical.linkage_barrier", pd.DataFrame([row]))
    stopped = night(con, wild, 1)
    assert stopped.verdict.kept
    ever = stopped.result.assignment.groupby("record_key")["person_id"].agg(set)
    assert not ever[a] & ever[b]
    ends = stopped.result.edges[["record_key_l", "record_key_r"]].isin([a, b, *rest]).any(axis=1)
    assert not ends.any()
    assert not night(con, model, 2).verdict.kept


def test_what_stops_a_night_and_what_does_not() -> None:
    then = pd.Timestamp("2026-10-05")
    people = pd.Series({f"r{i}": f"P{i}" for i in range(10_000)})
    moved = people.copy()
    moved.iloc[:50] = "P9999"
    assert not judge(Before(then, people), Tonight(moved), "m", S).kept
    moved.iloc[50] = "P9999"
    assert judge(Before(then, people), Tonight(moved), "m", S).kept
    assert not judge(Before(None, people.head(0)), Tonight(moved, largest=90), "m", S).kept
    assert not judge(Before(then, people, largest=90), Tonight(people, largest=90), "m", S).kept
    assert judge(Before(then, people, largest=20), Tonight(people, largest=41), "m", S).kept
    few = Before(then, people, {"a/b": 49, "a/c": 100})
    assert not judge(few, Tonight(people, {"a/b": 0, "a/c": 50}), "m", S).kept
    assert judge(few, Tonight(people, {"a/c": 49}), "m", S).why == ("a/c has 49 records left of 100.",)
    assert judge(Before(then, people, barriers=1), Tonight(people), "m", S).kept
    signed = Before(then, people, barriers=1, signed={"m": "R. Example on 05 October 2026"})
    assert not judge(signed, Tonight(people), "m", S).kept and judge(signed, Tonight(people), "n", S).kept
