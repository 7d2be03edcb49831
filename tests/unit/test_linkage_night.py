"""Whole nights of linkage on a small town: accuracy, barriers, stability, both clocks, homes, no key in any result."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import replace

import duckdb
import numpy as np
import pandas as pd
import pytest
from linkage_people import FAR, Town, database, fill, frame, load, pair_scores, record, town

from models.linkage import LinkageModel, LinkageSettings, ModelMismatch, link, nodes, write
from models.linkage.duck import read_records
from models.linkage.edges import quarantine_shared
from models.linkage.explain import explain
from models.linkage.standardise import standardise
from models.linkage.train import train

S = LinkageSettings()
NOW = dt.datetime(2026, 10, 5, 1)
AREAS = {f"NM{i}": f"Team {i % 3}" for i in range(1, 10)}


def order(texts: list[str]) -> list[int]:
    return [int.from_bytes(hashlib.sha256(t.encode()).digest()[:7]) >> 3 for t in texts]


def night(con: duckdb.DuckDBPyConnection, model: LinkageModel, day: int = 0):
    result = link(
        con, model=model, settings=S, now=NOW + dt.timedelta(days=day), run_id=f"r{day}", order_hash=order, areas=AREAS
    )
    write(con, result)
    return result


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    con = database()
    load(con, town(500, seed=8))
    good, _ = standardise(read_records(con, NOW, "canonical", "linkage"), S)
    node = nodes.contract(good, np.zeros(len(good), dtype=bool))
    return train(quarantine_shared(nodes.node_frame(good, node), S)[0], S, max_pairs=2e5)


@pytest.fixture(scope="module")
def model(files) -> LinkageModel:
    return LinkageModel.from_files(files)


@pytest.fixture(scope="module")
def made() -> Town:
    return town(350, seed=2, twins=0.2)


@pytest.fixture(scope="module")
def first(made, model):
    con = database()
    load(con, made)
    return con, night(con, model)


def test_a_model_edited_by_hand_or_incomplete_is_refused(files) -> None:
    with pytest.raises(ModelMismatch):
        LinkageModel.from_files(files | {"model.json": files["model.json"] + b" "})
    with pytest.raises(ModelMismatch):
        LinkageModel.from_files({k: v for k, v in files.items() if k != "tf_forename.csv"})


def test_persons_are_right_and_families_stay_apart(first, made) -> None:
    _, result = first
    precision, recall = pair_scores(result.assignment, made.truth)
    assert precision >= 0.995 and recall >= 0.96
    live = result.assignment[result.assignment["known_to"] == FAR].set_index("record_key")["person_id"]
    people = live.groupby(made.truth.reindex(live.index).to_numpy()).agg(set)
    merged = sum(bool(people[a] & people[b]) for a, b in made.twins if a in people.index and b in people.index)
    assert len(made.twins) > 20 and merged <= 1


def test_no_person_edge_or_past_spans_a_barrier(first, made) -> None:
    _, result = first
    ever = result.assignment.groupby("record_key")["person_id"].agg(set)
    assert made.barriers
    person = result.assignment[result.assignment["known_to"] == FAR].set_index("record_key")["person_id"]
    for before, after in made.barriers:
        assert not ever[before] & ever[after]
        sides = {person[before], person[after]}
        for a, b in zip(result.edges["record_key_l"], result.edges["record_key_r"], strict=True):
            assert {person[a], person[b]} != sides or person[a] == person[b]


def test_the_same_night_again_changes_nothing(first, model) -> None:
    con, result = first
    again = night(con, model, 0)
    pd.testing.assert_frame_equal(again.assignment, result.assignment)
    assert again.events.empty and again.redirects.empty
    later = night(con, model, 1)
    assert later.events.empty
    columns = ["person_id", "household_id", "started_on", "ended_on"]
    pd.testing.assert_frame_equal(later.household_spell[columns], result.household_spell[columns])


def test_different_keys_give_the_same_persons_homes_and_order(made, model, first) -> None:
    _, one = first
    other = town(350, seed=2, salt="another key", twins=0.2)
    con = database()
    load(con, other)
    two = night(con, model)
    name = dict(zip(made.records["record_key"], made.records["agency"] + made.records["source_key"], strict=True))
    alias = dict(zip(other.records["record_key"], other.records["agency"] + other.records["source_key"], strict=True))

    def content(result, names):
        rows = result.assignment.assign(record=result.assignment["record_key"].map(names)).drop(columns="record_key")
        return rows.sort_values(["record", "known_from"]).reset_index(drop=True)

    pd.testing.assert_frame_equal(content(one, name), content(two, alias))
    for table in ("person", "household", "household_spell", "person_area", "events", "redirects"):
        a, b = getattr(one, table), getattr(two, table)
        keys = list(a.columns)
        pd.testing.assert_frame_equal(
            a.sort_values(keys).reset_index(drop=True), b.sort_values(keys).reset_index(drop=True), check_dtype=False
        )


def test_every_record_has_one_person_at_any_time_it_was_known(first) -> None:
    con, _ = first
    overlaps = con.sql(
        "select count(*) from linkage.person_assignment a join linkage.person_assignment b using (record_key) "
        "where a.known_from < b.known_from and b.known_from < a.known_to"
    ).fetchone()
    gaps = con.sql(
        "select count(*) from canonical.person_record r where not exists (select 1 from linkage.person_assignment a "
        "where a.record_key = r.record_key and a.known_from = r.known_from)"
    ).fetchone()
    assert overlaps == (0,) and gaps == (0,)
    assert con.sql("select count(*) from linkage.person_assignment where known_from >= known_to").fetchone() == (0,)


def one_child(**extra: object) -> dict[str, object]:
    return {"forename": "Marisol", "surname": "Quennell", "birth_date": pd.Timestamp("2013-05-16"), "sex": "F"} | extra


def test_a_bridge_merges_a_retraction_parts_and_the_past_stays(model) -> None:
    """Two records with nothing but an address or a number in common meet through a third, and part when it goes."""
    con = database()
    day = pd.Timestamp
    a = record("k", "education", "pupil", "A", **one_child(postcode="NM1 1AA", known_from=day("2025-01-01")))
    b = record(
        "k",
        "acute_trust",
        "ed",
        "B",
        known_from=day("2025-02-01"),
        nhs_number="9434765919",
        birth_date=day("2013-05-16"),
    )
    c = record(
        "k",
        "csc",
        "person",
        "C",
        **one_child(postcode="NM1 1AA", nhs_number="9434765919", known_from=day("2026-10-05 18:00")),
    )
    fill(con, "canonical.person_record", frame([a, b]))
    start = night(con, model, 0)
    assert start.assignment["person_id"].nunique() == 2
    fill(con, "canonical.person_record", frame([c]))
    joined = night(con, model, 1)
    live = joined.assignment[joined.assignment["known_to"] == FAR]
    assert live["person_id"].unique().tolist() == ["P000000002"] or live["person_id"].nunique() == 1
    assert joined.redirects["to_person_id"].tolist() == live["person_id"].unique().tolist()
    con.execute("update canonical.person_record set known_to = timestamp '2026-10-06 18:00' where source_key = 'C'")
    parted = night(con, model, 2)
    live = parted.assignment[parted.assignment["known_to"] == FAR]
    assert set(live["person_id"]) == {"P000000001", "P000000002"}
    assert parted.events["event"].tolist() == ["reinstated", "split"]
    then = parted.assignment
    at = pd.Timestamp("2026-10-06 02:00")
    known = then[(then["known_from"] <= at) & (at < then["known_to"])]
    assert len(known) == 3 and known["person_id"].nunique() == 1


def test_a_barrier_that_comes_later_parts_the_past_too(model) -> None:
    con = database()
    a = record("k", "csc", "person", "A", **one_child(postcode="NM1 1AA"))
    b = record("k", "csc", "person", "B", **one_child(postcode="NM1 1AA"))
    fill(con, "canonical.person_record", frame([a, b]))
    assert night(con, model, 0).assignment["person_id"].nunique() == 1
    fill(
        con,
        "canonical.linkage_barrier",
        pd.DataFrame(
            [
                {
                    "barrier_id": "x",
                    "record_key_before": a["record_key"],
                    "record_key_after": b["record_key"],
                    "barrier_type": "ADOPTION",
                    "effective_on": pd.Timestamp("2026-10-01"),
                    "known_from": pd.Timestamp("2026-10-05 18:00"),
                    "known_to": FAR,
                }
            ]
        ),
    )
    result = night(con, model, 1)
    ever = result.assignment.groupby("record_key")["person_id"].agg(set)
    assert not ever[a["record_key"]] & ever[b["record_key"]]
    assert result.edges.empty and "split" not in set(result.events["event"])


def test_an_unnamed_child_reaches_the_household_only(model) -> None:
    con = database()
    home = {"postcode": "NM1 1AA", "uprn": "55"}
    rows = [
        record("k", "education", "pupil", "A", **one_child(**home)),
        record(
            "k",
            "education",
            "pupil",
            "B",
            **one_child(**home) | {"forename": "Tobias", "sex": "M", "birth_date": pd.Timestamp("2015-03-09")},
        ),
        record("k", "police", "ppn", "P1", names_a_person=False, uprn="55"),
        record("k", "police", "ppn", "P2", names_a_person=False, postcode="NM9 9ZZ"),
        record("k", "police", "ppn", "P3", surname="UNKNOWN", forename="UNKNOWN"),
    ]
    fill(con, "canonical.person_record", frame(rows))
    spells = [
        {
            "record_key": r["record_key"],
            **home,
            "address_type": "home",
            "started_on": pd.Timestamp("2020-01-01"),
            "ended_on": pd.NaT,
            "known_from": pd.Timestamp("2024-01-01"),
            "known_to": FAR,
        }
        for r in rows[:2]
    ]
    fill(con, "canonical.address_spell", pd.DataFrame(spells))
    fill(
        con,
        "canonical.relationship",
        pd.DataFrame(
            [
                {
                    "record_key": rows[4]["record_key"],
                    "other_record_key": rows[0]["record_key"],
                    "relationship": "same_case",
                    "known_from": pd.Timestamp("2024-01-01"),
                    "known_to": FAR,
                }
            ]
        ),
    )
    result = night(con, model)
    assert set(result.assignment["record_key"]) == {r["record_key"] for r in rows[:2]}
    assert result.household_spell["household_id"].nunique() == 1 and len(result.household_spell) == 2
    assert set(result.record_household["record_key"]) == {rows[2]["record_key"], rows[4]["record_key"]}
    assert result.person["area_team"].tolist() == ["Team 1"] * 2
    assert result.person["birth_month"].dt.day.tolist() == [1, 1]


def test_peoples_decisions_bind_until_they_expire(model) -> None:
    con = database()
    a = record("k", "csc", "person", "A", **one_child(postcode="NM1 1AA"))
    b = record("k", "education", "pupil", "B", **one_child(postcode="NM1 1AA"))
    fill(con, "canonical.person_record", frame([a, b]))
    con.execute(
        "insert into linkage.clerical_decision values "
        "('d', ?, ?, 'cannot_link', 'w', timestamp '2026-10-01', 'r', date '2026-10-06', null)",
        [a["record_key"], b["record_key"]],
    )
    assert night(con, model, 0).assignment["person_id"].nunique() == 2
    result = night(con, model, 2)
    assert result.assignment[result.assignment["known_to"] == FAR]["person_id"].nunique() == 1


def test_nothing_one_record_and_all_null_are_no_trouble(model) -> None:
    for rows in (
        [],
        [record("k", "csc", "person", "A", **one_child())],
        [record("k", "csc", "person", str(i)) for i in range(3)],
    ):
        con = database()
        if rows:
            fill(con, "canonical.person_record", frame(rows))
        result = night(con, model)
        assert result.assignment["person_id"].nunique() == sum(r["forename"] is not None for r in rows)


def test_a_hundred_thousand_equal_placeholders_stay_within_memory(model) -> None:
    con = database()
    con.execute(
        "insert into canonical.person_record select uuid(), 'acute_trust', 'ed', i::varchar, 'Jane', 'Doe', "
        "date '1970-01-01', 'F', null, null, null, null, null, false, true, timestamp '2026-10-04', "
        "timestamp '2026-01-01', timestamp '9999-12-31' from range(100000) r(i)"
    )
    result = night(con, replace(model))
    assert result.assignment["person_id"].nunique() == 100_000
    cut = result.quality["blocking"].set_index("rule").loc["b_names"]
    assert cut["cut_keys"] == 1 and cut["cut_pairs"] > 4e9


def test_results_say_why_and_count_without_naming(first, made) -> None:
    con, result = first
    said = [explain(row)["sentence"] for row in result.edges.head(50).to_dict("records")]
    assert all(s.startswith("The records ") for s in said)
    words = " ".join(t.to_string() for t in result.quality.values()) + " ".join(said)
    assert not any(str(name) in words.split() for name in made.records["surname"].head(200))
    assert con.sql("select count(*) from linkage.edge").fetchone()[0] == len(result.edges)
    assert not [t for (t,) in con.sql("select table_name from information_schema.tables").fetchall() if "splink" in t]
