"""Levels and weights of pairs against every condition asked of every pair, and against Splink's own scoring."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from splink.backends.duckdb import DuckDBAPI

from models.linkage import LinkageModel, LinkageSettings, duck, model, weigh
from models.linkage.score import score
from models.linkage.table import comparisons as of_tables
from models.linkage.train import linker_over
from models.linkage.values import Values

PACK = Path(__file__).parents[2] / "partnerships" / "northmere" / "linkage"
FORENAMES = ["oliver", "olivre", "oliverr", "ruby", "ray", "jo", "j", "zoë", "zoe", "zöe", "qwertyn", None]
SURNAMES = ["smith", "smyth", "smiht", "ray", "oliver", "low-ray", "low", "qwertson", None]
DATES = ["2011-02-03", "2011-03-02", "2011-02-13", "2011-01-01", "2011-10-03", "1980-02-03", "1980-01-01", None]
POSTCODES = ["NM11AA", "NM11AB", "NM12AB", "NM1 1A", "ZM31AA", None]
NUMBERS = ["9434765919", "9434765918", "943476591", None, None]


def people(seed: int, n: int = 90) -> pd.DataFrame:
    """Nodes with any mixture of values, most of them alike and many missing."""
    rng = np.random.default_rng(seed)
    drawn = {
        name: [values[i] for i in rng.integers(len(values), size=n)]
        for name, values in {
            "forename": FORENAMES, "surname": SURNAMES, "birth_date": DATES, "sex": ["F", "M", None],
            "postcode": POSTCODES, "nhs_number": NUMBERS, "upn": NUMBERS,
        }.items()
    }  # fmt: skip
    nodes = pd.DataFrame(drawn, dtype="object")
    nodes.insert(0, "node", np.arange(n))
    nickname = {"oliver": ("oliver", "ollie"), "olivre": ("olivre", "ollie"), "ruby": ("ruby", "ray")}
    nodes["forename_forms"] = [None if v is None else nickname.get(v, (v,)) for v in nodes["forename"]]
    nodes["surname_parts"] = [None if v is None else tuple(v.split("-")) for v in nodes["surname"]]
    years = rng.choice(["2011", "2012", "1980"], n)
    nodes["birth_year"] = [born[:4] if born else year for born, year in zip(nodes["birth_date"], years, strict=True)]
    nodes["birth_day"] = [None if born is None else str(ord(born[9]) * 9) for born in nodes["birth_date"]]
    return nodes


@pytest.mark.parametrize("compared", [model.comparisons(), of_tables.comparisons(["nhs_number"])])
def test_levels_are_those_of_every_condition_asked_of_every_pair(compared: list[dict[str, Any]]) -> None:
    nodes = people(1)
    left, right = np.array(list(product(range(len(nodes)), repeat=2))).T
    cases = []
    for number, comparison in enumerate(compared):
        conditions = [level["sql_condition"] for level in comparison["comparison_levels"]]
        whens = " ".join(f"when {sql} then {place}" for place, sql in enumerate(conditions[:-1]))
        cases.append(f"case {whens} else {len(conditions) - 1} end as level_{number}")
    sides = ", ".join(f"{side}.{column} as {column}_{side}" for column in nodes for side in "lr")
    with duckdb.connect() as con:
        duck.load_nodes(con, nodes)
        asked = con.sql(
            f"select {', '.join(cases)} from (select {sides} from node_plain as l, node_plain as r) "
            "order by node_l, node_r"
        ).df()
        found = weigh.compare(Values(con, nodes), compared, left, right)
    for number, (comparison, level) in enumerate(zip(compared, found.levels, strict=True)):
        assert level.tolist() == asked[f"level_{number}"].tolist(), comparison["output_column_name"]
        assert len(np.unique(level)) > 1


@pytest.mark.parametrize("seed", [1, 2])
def test_the_weights_of_a_night_are_those_of_splink_with_the_pack_s_model(seed: int) -> None:
    """Whole and by column, values that the frozen frequencies do not know and pairs below the threshold included."""
    files = {path.name: path.read_bytes() for path in PACK.iterdir()}
    trained = LinkageModel.from_files(files)
    known = trained.frequencies["forename"]["value"].head(3).tolist()
    nodes = people(seed)
    nodes["forename"] = nodes["forename"].replace({"oliver": known[0], "olivre": known[1], "ruby": known[2]})
    settings = LinkageSettings(keep_weight=-6.0)
    ours, _ = score(nodes, pd.DataFrame({"node_l": [0], "node_r": [1]}), trained, settings)
    with duckdb.connect() as con:
        everything = {**trained.settings, "blocking_rules_to_generate_predictions": ["1 = 1"]}
        linker = linker_over(con, nodes, everything)
        for column, frame in trained.frequencies.items():
            table = frame.rename(columns={"value": column, "frequency": f"tf_{column}"})
            con.register(f"frozen_{column}", table)
            con.execute(f"create table tf_{column} as select * from frozen_{column}")
            told = DuckDBAPI(connection=con).register(con.table(f"tf_{column}"), dataset_display_name=f"in_{column}")
            linker.table_management.register_term_frequency_lookup(told, column)
        table = linker.inference.predict().physical_name
        theirs = con.sql(f"select * from {table}").df().set_index(["node_l", "node_r"])
    scored = ours[ours["match_weight"] != 0.0].set_index(["node_l", "node_r"])
    assert len(scored) > 100 and (scored["match_weight"] < 0).any() and (scored["match_weight"] > 20).any()
    theirs = theirs.loc[scored.index]
    np.testing.assert_allclose(scored["match_weight"], theirs["match_weight"], rtol=0, atol=1e-12)
    told_by_column = pd.DataFrame(scored["weights"].map(json.loads).tolist(), index=scored.index)
    for column in told_by_column:
        np.testing.assert_allclose(told_by_column[column], theirs[f"mw_{column}"].round(2), rtol=0, atol=0.011)
    assert set(told_by_column) == {name[3:] for name in theirs if name.startswith("mw_")}
    assert (told_by_column[["tf_adj_forename", "tf_adj_surname"]] != 0).any(axis=1).any()


def test_a_pair_nobody_scored_is_looked_at_without_a_weight() -> None:
    files = {path.name: path.read_bytes() for path in PACK.iterdir()}
    trained = LinkageModel.from_files(files)
    extra = pd.DataFrame({"node_l": [0, 0, 2], "node_r": [5, 5, 3]})
    nodes = people(3, 8).assign(forename=list("abcdefgh"), surname=list("ijklmnop"), nhs_number=None, upn=None)
    edges, _ = score(nodes.assign(birth_date=None), extra, trained, LinkageSettings())
    assert edges[["node_l", "node_r", "match_weight"]].to_numpy().tolist() == [[0, 5, 0], [2, 3, 0]]
    assert set(json.loads(edges["weights"][0]).values()) == {None}
    assert not edges["same_birth"].any() and edges["both_surname"].all()
