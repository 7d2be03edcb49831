"""Hide the number and look: what is counted, of whom, and what is not told. And input nobody would wish for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from linkage_people import database, fill, frame, load, record, town

from models.linkage import LinkageModel, LinkageSettings, link
from models.linkage.hidden_identifier import LEAST, hidden_identifier, rate
from models.linkage.history import walled

S = LinkageSettings()
NOW = dt.datetime(2026, 10, 5, 1)


@pytest.fixture(scope="module")
def model() -> LinkageModel:
    folder = Path(__file__).parents[2] / "partnerships/northmere/linkage"
    return LinkageModel.from_files({path.name: path.read_bytes() for path in folder.iterdir()})


def night(con, model):
    how = {"order_hash": lambda texts: list(range(len(texts))), "areas": {}, "now": NOW, "run_id": "r"}
    return link(con, model=model, settings=S, **how)


def test_recall_and_precision_by_group_with_intervals_and_nothing_of_the_few(model) -> None:
    con, made = database(), town(100, seed=6, twins=0.3)
    load(con, made)
    result = night(con, model)
    groups = pd.DataFrame({"record_key": made.records["record_key"]})
    groups["ethnicity"] = np.where(made.truth.reindex(groups["record_key"]).to_numpy() % 90 == 0, "Few", "Many")
    apart = walled(con, NOW, "canonical", result.assignment)
    asked = (result.records, result.edges, apart, groups, model, S, pd.Timestamp(NOW))
    found = hidden_identifier(*asked)
    pd.testing.assert_frame_equal(found, hidden_identifier(*asked))
    table = found.set_index(["measure", "scope"])
    assert table.loc[("recall", "all"), "value"] >= 0.9 and table.loc[("precision", "all"), "value"] >= 0.98
    assert {"ethnicity: Many", "sex: F", "age: 5 to 10", "agency: acute_trust"} <= set(found["scope"])
    told = found[found["value"].notna()]
    assert (told["low"] <= told["value"]).all() and (told["value"] <= told["high"]).all() and (told["n"] >= LEAST).all()
    assert table.loc[("recall", "ethnicity: Few"), ["value", "low", "high"]].isna().all()
    # A sample of persons is part of the whole: fewer pairs, the same measures.
    some = hidden_identifier(*asked, persons=40).set_index(["measure", "scope"])
    assert 0 < some.loc[("recall", "all"), "n"] < table.loc[("recall", "all"), "n"]


def test_nobody_a_barrier_touches_is_measured(model) -> None:
    con, made = database(), town(20, seed=6)
    load(con, made)
    result = night(con, model)
    everyone = set(result.records["record_key"])
    asked = (result.edges, everyone, pd.DataFrame({"record_key": []}), model, S, pd.Timestamp(NOW))
    assert hidden_identifier(result.records, *asked).empty


def test_pairs_of_one_person_are_worth_less_than_pairs_of_many() -> None:
    good = np.r_[np.zeros(10, bool), np.ones(190, bool)]
    many, few = rate(good, np.arange(200)), rate(good, np.arange(200) // 10)
    assert many[0] == few[0] == 0.95 and few[1] < many[1] and few[2] > many[2]


def test_one_number_shared_by_five_thousand_rows_joins_nobody(model) -> None:
    con = database()
    con.execute(
        "insert into canonical.person_record select uuid(), 'acute_trust', 'ed', i::varchar, "
        "'Fo' || chr((97 + i % 25)::int), 'Su' || chr((97 + i % 23)::int) || chr((97 + i % 19)::int), "
        "date '2008-02-03' + (i % 4000)::int, 'F', null, null, '9434765919', null, null, false, true, "
        "timestamp '2026-10-04', timestamp '2026-01-01', timestamp '9999-12-31' from range(5000) r(i)"
    )
    result = night(con, model)
    counts = result.quality["placeholders"].set_index("reason")["records"]
    assert counts["nhs_number_shared"] > 4500 and result.assignment["record_key"].nunique() == 5000
    assert result.quality["cluster_sizes"]["records"].max() < 10


def test_columns_without_any_value_and_one_record_alone_lose_nothing(model) -> None:
    con = database()
    rows = [
        record("k", "csc", "person", str(i), surname="Ray" if i else None, upn=None if i else "X") for i in range(4)
    ]
    fill(con, "canonical.person_record", frame(rows))
    result = night(con, model)
    assert set(result.assignment["record_key"]) == {row["record_key"] for row in rows[1:]}
    assert hidden_identifier(
        result.records, result.edges, set(), pd.DataFrame({"record_key": []}), model, S, pd.Timestamp(NOW)
    ).empty
