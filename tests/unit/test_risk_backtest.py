"""`hub risk backtest`: a split a row, small counts withheld, one page that stands behind no list, clear refusals."""

from __future__ import annotations

import io
import json
import re
from contextlib import contextmanager
from html import unescape
from types import SimpleNamespace

import duckdb
import pytest
import yaml
from pydantic import ValidationError
from rich.console import Console
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.evaluation.page import BACK_TEST, SECTIONS, render
from pipelines.evaluation.withheld import withheld, withheld_splits
from pipelines.hub import HubProblem
from pipelines.progress import listening
from pipelines.risk_backtest import STAGES, back_test, newest_week, rolling
from pipelines.risk_backtest_page import HEADER, row, tables, told_of
from tests.risk_marts import PACK, configuration, make_marts, sundays

WEEKS = 162
HEAD = {"owner": "Somewhere · confidential", "synthetic": "Everything here is made up.", "danger_now": ""}
CONFIG, _ = configuration(
    target={"horizon_days": 91, "maturity_days": 28, "minimum_positives": 10},
    training={"lookback_weeks": 26, "candidates": ["logistic"]},
    evaluation={"family_folds": 2, "bootstrap": 50, "smallest_cell": 1},
)
HUB = SimpleNamespace(
    capacity=lambda children: {"North": 3, "South": None},
    declaration=lambda name: yaml.safe_load((PACK / name).read_text(encoding="utf-8")),
)


@pytest.fixture(scope="module")
def con():
    return make_marts(700, WEEKS, 11, rate=2.0)


@pytest.fixture(scope="module")
def rolled(con):
    """A back-test of two splits, with the stages it went through and what it said meanwhile."""
    stages, said = [], []

    @contextmanager
    def stage(name):
        stages.append(name)
        yield

    tables_before = con.execute("select database_name, schema_name, table_name from duckdb_tables() order by all")
    before = tables_before.fetchall()
    with listening(said.append):
        done = back_test(HUB, con, rolling(CONFIG, 2, 4), stage)
    after = con.execute("select database_name, schema_name, table_name from duckdb_tables() order by all").fetchall()
    assert before == after, "a back-test leaves something behind"
    return done, stages, said


@pytest.fixture(scope="module")
def told(rolled):
    return json.loads(json.dumps(told_of(rolled[0])))


def printed(told, width: int = 250) -> str:
    text = io.StringIO()
    for table in tables(told):
        Console(width=width, file=text).print(table)
    return text.getvalue()


def words_of(html: str) -> str:
    shown = re.sub(r"<[^>]+>", " ", re.sub(r"<(style|svg).*?</\1>", " ", html, flags=re.DOTALL))
    return re.sub(r"\s+", " ", unescape(shown))


# --- the path -------------------------------------------------------------------------------------------------------


def test_splits_are_as_far_apart_as_each_is_long_and_all_else_is_as_declared() -> None:
    asked = rolling(CONFIG, 8, 4)
    assert (asked.evaluation.splits, asked.evaluation.split_step_weeks, asked.evaluation.test_weeks) == (8, 4, 4)
    assert asked.evaluation.judged_weeks == 32 and asked.evaluation.family_folds == CONFIG.evaluation.family_folds
    assert asked.model_copy(update={"evaluation": CONFIG.evaluation}) == CONFIG
    assert rolling(CONFIG, 8, 4, folds=3).evaluation.family_folds == 3
    with pytest.raises(ValidationError):
        rolling(CONFIG, 0, 4)


def test_every_stage_and_every_split_is_told(rolled) -> None:
    done, stages, said = rolled
    assert tuple(stages) == STAGES
    assert [one.split(":")[0] for one in said] == ["split 1 of 2", "split 2 of 2"]
    assert done.as_of == sundays(WEEKS)[-1] and len(done.rolled.evaluations) == len(done.given.plan) == 2
    # The splits follow each other: no week is judged twice, none in between is left out.
    (_, first), (second, _) = [(one.test[0], one.test[-1]) for one in done.given.plan]
    assert (second - first).days == 7
    assert done.figures["weeks"] == 8 and done.given.capacity == {"North": 3, "South": 0}


def test_without_marts_it_says_what_to_run() -> None:
    empty = duckdb.connect()
    empty.execute("attach ':memory:' as warehouse")
    with pytest.raises(HubProblem, match="no weekly marts"):
        newest_week(empty)
    empty.execute("create schema warehouse.marts")
    empty.execute("create table warehouse.marts.person_week (as_of_date date)")
    with pytest.raises(HubProblem, match="hub run weekly"):
        back_test(HUB, empty, rolling(CONFIG, 2, 4), lambda name: pytest.fail("it began"))


def test_a_command_without_a_state_says_what_to_run(monkeypatch, tmp_path) -> None:
    for name in ("HUB_VAR", "HUB_DROPS"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("HUB_KEY_FILE", str(tmp_path / "keys.json"))
    found = CliRunner().invoke(app, ["risk", "backtest", "--splits", "2"])
    assert found.exit_code == 1 and isinstance(found.exception, HubProblem)
    assert "hub run weekly" in str(found.exception) and not list(tmp_path.iterdir())


def test_a_short_history_is_refused_with_the_sum_and_what_it_can_hold(con) -> None:
    with pytest.raises(HubProblem) as caught:
        back_test(HUB, con, rolling(CONFIG, 40, 4), lambda name: pytest.fail("it began"))
    said = str(caught.value)
    assert "too short for 40 splits of 4 weeks" in said and "weeks to judge by 1120" in said
    assert f"{7 * (WEEKS - 1)} days are there" in said
    most = int(re.search(r"--splits (\d+)", said)[1])
    with pytest.raises(HubProblem):
        back_test(HUB, con, rolling(CONFIG, most + 1, 4), lambda name: pytest.fail("it began"))

    class Begun(Exception):
        pass

    def begin(name):
        raise Begun

    with pytest.raises(Begun):
        back_test(HUB, con, rolling(CONFIG, most, 4), begin)
    with pytest.raises(HubProblem, match="cannot hold one yet"):
        back_test(HUB, con, rolling(CONFIG, 1, 100), lambda name: pytest.fail("it began"))


# --- what is told ---------------------------------------------------------------------------------------------------


def test_a_row_has_a_split_and_a_last_table_what_was_found_beyond_others(told) -> None:
    text = printed(told)
    assert all(word in text for name in HEADER for word in name.split())
    for one in told["evaluations"]:
        line = row(one)
        assert len(line) == len(HEADER) and line[-1] == "2\u00a0logistic" and one["trained_on"] == one["from"]
        assert line[:2] == [f"{one['from']}\nto {one['to']}", f"{one['people_with_outcome']:,}"]
        assert line[4] == f"{100 * one['at_capacity']['model']['precision']['estimate']:.1f}\u00a0%"
        assert one["trained_on"] in text
    whole = told["evaluation"]["difference"]["contact_count"]
    assert "all weeks together" in text and f"{100 * whole['estimate']:+.1f} of 100" in text
    assert "More than a draw" not in text
    # An ordinary terminal breaks no figure and no day.
    narrow = printed(told, 80)
    assert all(
        f"to {one['to']}" in narrow and row(one)[2] in narrow and row(one)[3] in narrow for one in told["evaluations"]
    )


def test_small_counts_are_withheld_in_the_table(rolled) -> None:
    done = rolled[0]
    evaluation = done.config.evaluation.model_copy(update={"smallest_cell": 10_000})
    strict = SimpleNamespace(**{**vars(done), "config": done.config.model_copy(update={"evaluation": evaluation})})
    told = told_of(strict)
    for one in told["evaluations"]:
        assert row(one)[1:7] == ["withheld"] * 6
    text = printed(told)
    assert "%" not in text.replace("(95 %)", "") and text.count("withheld") >= 12


def test_splits_without_a_model_and_a_single_split_have_a_row(told) -> None:
    whole = {k: v for k, v in told["evaluation"].items() if k != "difference"}
    silent = {**whole, "trained_on": "2023-01-01", "rows_left_out": 0}
    silent["at_capacity"] = {k: v for k, v in whole["at_capacity"].items() if k != "model"}
    silent["average_precision"] = {k: v for k, v in whole["average_precision"].items() if k != "model"}
    assert [row(silent)[place] for place in (3, 4, 7)] == ["no model"] * 3
    assert len(tables({**told, "evaluation": silent, "evaluations": [silent, silent]})) == 1
    bare = {k: told["evaluations"][0][k] for k in ("split", "trained_on", "candidates", "rows_left_out")}
    alone = printed({**told, "evaluations": [bare]})
    assert bare["trained_on"] in alone and "all weeks together" in alone


def test_a_split_that_tells_nothing_takes_another_with_it(rolled) -> None:
    splits = [*rolled[0].rolled.evaluations, rolled[0].rolled.evaluations[0]]
    counts = [round(one["base_rate"] * one["rows"]) for one in splits]
    assert all(count > 3 for count in counts)
    small = {**splits[1], "people_with_outcome": 2, "base_rate": 2 / splits[1]["rows"]}
    told = withheld_splits([splits[0], small, {**splits[2], "base_rate": 0.2}], 3)
    assert [one["base_rate"] is None for one in told] == [True, True, False]
    # The one that went with it tells as little as one that is small itself: no recall from which to work it out.
    assert told[0]["people_with_outcome"] is None and told[0]["at_capacity"]["model"]["recall"] is None
    assert withheld_splits(splits, 3) == [withheld(one, 3) for one in splits]
    assert withheld_splits([small], 3) == [withheld(small, 3)]


# --- the page -------------------------------------------------------------------------------------------------------


def test_the_page_says_that_it_is_a_back_test_and_stands_behind_no_list(told, con) -> None:
    html = render(told, HEAD)
    text = words_of(html)
    assert "<h1>Rolling back-test of the model</h1>" in html and "Everything here is made up." in text
    assert "It stands behind no list" in text and "nothing was registered" in text
    assert "gates have passed" not in text and "Gates this week" not in text and "hub demo oracle" not in text
    assert "Week ending" not in text and "Dagster UI" not in text and "this week" not in text.lower()
    assert BACK_TEST[0](told).id == "splits" and len(BACK_TEST) == len(SECTIONS) - 2
    assert "Each split by itself" in text and "not asked of a back-test" in text
    assert not re.search(r'(?:src|href)="(?!#)', html) and "<script" not in html
    found = con.execute("select distinct person_key::varchar from warehouse.marts.person_week").fetchall()
    everything = html + json.dumps(told)
    assert len(found) > 400 and not [key for (key,) in found if key in everything]
