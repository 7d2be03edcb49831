"""The evaluation page: every figure stands on it or is left out by name, small counts never do, gaps are told."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from html import unescape
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.risk.plots import pictures
from models.risk.plots_score import swarm
from models.risk.plots_style import png, svg
from models.risk.run import run_weekly
from pipelines import best_possible
from pipelines.assets.risk import basis_of
from pipelines.evaluation.page import FIGURES, LEFT_OUT, SECTIONS, read, render, told_of, write_page
from pipelines.evaluation.verdict import first_lines
from pipelines.evaluation.withheld import counts, withheld
from pipelines.evaluation.words import Picture
from tests.risk_marts import attributes_of, configuration, make_marts, registered, sundays
from tests.unit.test_risk_run import EASY, PARTNERSHIP

WEEKS = 162  # so that the weeks judged lie in two quarters
AS_OF = sundays(WEEKS)[-1]
HEAD = {"owner": "Somewhere · confidential", "synthetic": "Everything here is made up.", "danger_now": ""}
CONFIG, BOOK = configuration(
    target={"horizon_days": 91, "maturity_days": 28, "minimum_positives": 10},
    training={"lookback_weeks": 26, "candidates": ["logistic"]},
    evaluation={"test_weeks": 4, "splits": 2, "bootstrap": 50, "smallest_cell": 1},
)
CONFIG = registered(CONFIG.model_copy(update={"gates": tuple(g.model_copy(update=EASY) for g in CONFIG.gates)}))
BY_NAME = {"capacity", "at_capacity", "average_precision", "difference", "by_team", "curves", "lead_time", "recorders"}


@pytest.fixture(scope="module")
def con():
    return make_marts(700, WEEKS, 11, rate=2.0)


@pytest.fixture(scope="module")
def run(con):
    return run_weekly(con, CONFIG, BOOK, PARTNERSHIP, AS_OF, attributes=attributes_of(con))


@pytest.fixture(scope="module")
def told(run) -> dict[str, Any]:
    """What the run leaves when no cell is too small, through JSON as on disk."""
    return json.loads(json.dumps(told_of(run, basis_of(run), CONFIG)))


def html_of(told: dict[str, Any]) -> str:
    return render(told, HEAD)


def words_of(html: str) -> str:
    """What a reader reads."""
    shown = re.sub(r"<[^>]+>", " ", re.sub(r"<(style|svg).*?</\1>", " ", html, flags=re.DOTALL))
    return re.sub(r"\s+", " ", unescape(shown))


# --- every figure ---------------------------------------------------------------------------------------------------


class Watched(dict):
    """A dict that remembers which of its leaves were read, by path; names of teams and the like are told as `*`."""

    def __init__(self, value: dict, path: str, seen: set[str]):
        self.path, self.seen = path, seen
        super().__init__({k: watched(v, self.at(k), seen) for k, v in value.items()})

    def at(self, key: str) -> str:
        name = "*" if self.path.split(".")[-1] in BY_NAME else key
        return f"{self.path}.{name}".lstrip(".")

    def __getitem__(self, key):
        self.seen.add(self.at(key))
        return super().__getitem__(key)

    def get(self, key, default=None):
        return self[key] if key in self.keys() else default

    def items(self):
        return [(key, self[key]) for key in self]

    def values(self):
        return [self[key] for key in self]


def watched(value: Any, path: str, seen: set[str]) -> Any:
    if isinstance(value, dict):
        return Watched(value, path, seen)
    return [watched(v, f"{path}[]", seen) for v in value] if isinstance(value, list) else value


def leaves(value: Any, path: str = "") -> set[str]:
    """Paths of everything that holds no further name."""
    if isinstance(value, dict):
        wild = path.split(".")[-1] in BY_NAME
        return set().union(*(leaves(v, f"{path}.{'*' if wild else k}".lstrip(".")) for k, v in value.items()))
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        return set().union(*(leaves(v, f"{path}[]") for v in value))
    return {path}


def test_every_figure_is_on_the_page_or_left_out_by_name(told) -> None:
    seen: set[str] = set()
    watching = {**told, "evaluation": Watched(told["evaluation"], "", seen)}
    first_lines(watching)
    for section in SECTIONS:
        section(watching)
    there = leaves(told["evaluation"])
    assert {"influence.features[].size", "fairness.attributes[].groups[].over_time[].missed.low"} <= there
    drawn = {"curves.*"}  # by a picture alone
    assert there - seen - drawn == set(LEFT_OUT), "an evaluation has a figure that nobody shows"


def test_every_picture_has_its_place_and_its_words(told) -> None:
    placed = {b.name for s in SECTIONS for b in s(told).blocks if isinstance(b, Picture)}
    drawn = pictures(told["evaluation"], told["evaluations"], told["declared"]["fairness"])
    assert set(drawn) == placed and len(drawn) >= 14
    html = html_of(told)
    assert html.count("<svg") == html.count('<figure role="img" aria-label="') == len(drawn)


def test_the_page_is_one_file_with_ids_of_its_own_and_the_same_each_time(told) -> None:
    html = html_of(told)
    assert html == html_of(told)
    assert not re.search(r'(?:src|href)="(?!#)', html) and "<script" not in html and "url(http" not in html
    ids = Counter(re.findall(r'\bid="([^"]+)"', html))
    assert max(ids.values()) == 1, ids.most_common(3)
    targets = set(re.findall(r'href="#([^"]+)"', html))
    assert targets <= set(ids)
    assert html.count("<table>") == html.count("<caption>")


def test_the_page_starts_with_the_list_and_its_gates(told, run) -> None:
    first = first_lines(told)
    assert first[0].startswith("This week's list comes from")
    passed = sum(g["status"] == "passed" for g in run.gates)
    assert f"{passed} of {len(run.gates)} gates have passed" in first[1]
    text = words_of(html_of(told))
    assert "Everything here is made up." in text
    assert all(g["title"] in text and g["words"] in text for g in run.gates)


def test_no_key_of_a_person_reaches_the_figures_or_the_page(told, con) -> None:
    found = con.execute("select distinct person_key::varchar, household_key::varchar from warehouse.marts.person_week")
    keys = {key for row in found.fetchall() for key in row if key}
    everything = json.dumps(told) + html_of(told)
    assert len(keys) > 600 and not [key for key in keys if key in everything]
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}", everything)
    assert not re.search(r'"(person|person_key|household_key|event_key|log_odds|scores?)":', json.dumps(told))


def test_several_splits_are_told_over_time_and_one_is_not(told) -> None:
    text = words_of(html_of(told))
    assert "Each split by itself" in text and len(told["evaluations"]) == 2
    alone = told | {"evaluations": [{k: v for k, v in told["evaluations"][1].items() if k in {"split", "trained_on",
        "training_weeks", "embargo_days", "candidates", "candidates_compared", "rows_left_out"}}]}  # fmt: skip
    text = words_of(html_of(alone))
    assert "The back-test has one split" in text and "Each split by itself" not in text


# --- what is missing ------------------------------------------------------------------------------------------------


def test_without_an_evaluation_every_chapter_says_so() -> None:
    short = make_marts(120, 40, 3, rate=3.0)
    run = run_weekly(short, CONFIG, BOOK, PARTNERSHIP, sundays(40)[-1])
    assert run.evaluation == {}
    told = json.loads(json.dumps(told_of(run, basis_of(run), CONFIG)))
    html = html_of(told)
    text = words_of(html)
    assert "<svg" not in html and "named patterns alone" in text
    assert text.count("no past week could be judged") >= 10 and "days needed; 273 days are there" in text
    assert "too few so far to say" in text


def test_a_silent_model_leaves_what_can_be_said(con) -> None:
    con.execute("create table kept_labels as select * from warehouse.marts.label")
    con.execute("delete from warehouse.marts.label")
    try:
        run = run_weekly(con, CONFIG, BOOK, PARTNERSHIP, AS_OF)
    finally:
        con.execute("insert into warehouse.marts.label select * from kept_labels")
        con.execute("drop table kept_labels")
    assert run.evaluation and "calibration" not in run.evaluation
    text = words_of(html_of(json.loads(json.dumps(told_of(run, basis_of(run), CONFIG)))))
    assert "there was no model in the weeks judged" in text and "At the teams' capacity" in text
    assert "the lists of named patterns reached in time" in text


# --- small counts ---------------------------------------------------------------------------------------------------


def test_no_small_count_of_a_real_run_is_shown_or_can_be_worked_out(run) -> None:
    least = 6
    for raw in (run.evaluation, *run.evaluations):
        told = withheld(raw, least)
        for name, part in told["at_capacity"].items():
            found = raw["at_capacity"][name]["found"]
            assert (part["precision"] is None and part["found"] is None) == (0 < found < least)
        if told["difference"]["contact_count"]:
            assert told["at_capacity"]["contact_count"]["found"] is not None
        bins = [None if c["observed"] is None else round(c["observed"] * c["n"]) for c in told["calibration"]["curve"]]
        assert not [n for n in bins if n is not None and 0 < n < least] and bins.count(None) != 1
        for name in ("counts", "with_outcome"):
            cells = told["score_histogram"][name]
            assert not [n for n in cells if n is not None and 0 < n < least] and cells.count(None) != 1
        for measure in ("precision", "recall"):
            assert sum(t[measure] is None for t in told["by_team"].values()) != 1
        outcomes = round(raw["base_rate"] * raw["rows"])
        assert all(recall * outcomes >= least - 0.5 or recall == 0 for c in told["curves"].values() for recall, _ in c)


def test_what_is_withheld_takes_what_would_give_it_away_with_it() -> None:
    assert counts([3, 9, 40, 0], 6) == [None, None, 40, 0]
    assert counts([3, 4, 40], 6) == [None, None, 40] and counts([9, 40], 6) == [9, 40]
    small = {"estimate": 0.03, "low": 0.0, "high": 0.1}
    much = {"estimate": 0.3, "low": 0.2, "high": 0.4}
    evaluation = {
        "rows": 10_000, "people_with_outcome": 100, "base_rate": 0.02, "average_precision": {"model": 0.1},
        "at_capacity": {
            "model": {"listed": 100, "found": 30, "precision": much, "recall": much},
            "rules": {"listed": 100, "found": 3, "precision": small, "recall": small},
        },
        "difference": {"rules": {"estimate": 0.27}},
        "by_team": {n: {"listed": k, "precision": p, "recall": p, "cut_off": None}
                    for n, k, p in (("East", 60, much), ("North", 30, much), ("West", 10, None))},
        "missed_by_pattern": [{"name": "no named pattern", "in_need": 97, "missed": much}],
        "theme_yields": [{"id": "a", "shown": 50, "found": None, "low": 0.01, "high": 0.1}],
        "words": "Of ten people ...",
    }  # fmt: skip
    told = withheld(evaluation, 6)
    assert told["at_capacity"]["rules"] == {"listed": 100, "found": None, "precision": None, "recall": None}
    assert told["difference"]["rules"] is None and told["at_capacity"]["model"]["found"] == 30
    assert [t["precision"] for t in told["by_team"].values()] == [much, None, None]
    assert told["missed_by_pattern"][0]["in_need"] is None  # three people are the rest
    assert told["theme_yields"][0]["low"] is None and evaluation["theme_yields"][0]["low"] == 0.01
    few = withheld(evaluation | {"people_with_outcome": 4}, 6)
    assert few["base_rate"] is None and few["average_precision"] == {"model": None} and "words" not in few


def test_a_page_of_withheld_figures_still_reads(run) -> None:
    strict = CONFIG.model_copy(update={"evaluation": CONFIG.evaluation.model_copy(update={"smallest_cell": 10_000})})
    told = json.loads(json.dumps(told_of(run, basis_of(run), strict)))
    text = words_of(html_of(told))
    assert "is withheld, because too few people were found" in text and "None" not in text


# --- the best there could be ----------------------------------------------------------------------------------------


def test_the_best_possible_stands_on_the_page_of_its_own_week_alone(told) -> None:
    part = {"estimate": 0.9, "low": 0.8, "high": 1.0}
    oracle = {"as_of_date": told["as_of_date"], "weeks": 2, "rows": 900, "rows_with_outcome": 30, "precision": None}
    oracle["average_precision"] = {"model": 0.09, "oracle": 0.1, "share": part}
    text = words_of(html_of(told | {"oracle": oracle}))
    assert "Known in this synthetic world alone" in text and "90.0 % (80.0 to 100.0)" in text
    other = words_of(html_of(told | {"oracle": oracle | {"as_of_date": "2020-01-05"}}))
    assert "The last answer is of the week that ended on 5 January 2020" in other and "90.0" not in other
    assert "It was not asked about this week" in words_of(html_of(told))


def test_the_best_chance_is_all_of_itself_and_noise_is_less(monkeypatch) -> None:
    rng = np.random.default_rng(5)
    n = 4_000
    best = rng.beta(0.5, 8, size=n)
    frame = pd.DataFrame(
        {"person": np.arange(n) // 2, "household": np.arange(n) // 4, "sort_no": np.arange(n), "area_team": "East",
         "as_of_date": np.where(np.arange(n) % 2, "2026-01-04", "2026-02-01").astype("datetime64[us]"),
         "y": rng.random(n) < best, "bayes": best, "score": best}
    )  # fmt: skip
    monkeypatch.setattr(best_possible, "_matched", lambda hub, con, judged: frame)
    judged = SimpleNamespace(log_odds=np.zeros(n))
    part = best_possible.best_possible(None, None, judged, {"East": 20}, CONFIG)
    assert part["average_precision"]["share"] == {"estimate": 1.0, "low": 1.0, "high": 1.0}
    assert part["precision"]["share"]["estimate"] == 1.0 and part["precision"]["found"]["model"] > 6
    assert part["weeks"] == 2 and part["rows_with_outcome"] == frame["y"].sum()
    frame["score"] = rng.random(n)
    noise = best_possible.best_possible(None, None, judged, {"East": 20}, CONFIG)
    assert noise["average_precision"]["share"]["high"] < 0.6 and noise["precision"]["share"]["estimate"] < 0.6
    assert best_possible.shown(part, 10_000) | {"weeks": 0} == {"weeks": 0, "rows": n} | dict.fromkeys(
        ("rows_with_outcome", "average_precision", "precision")
    )


# --- files and pictures ---------------------------------------------------------------------------------------------


def test_the_page_is_drawn_again_from_what_lies_in_assurance(told, tmp_path, monkeypatch) -> None:
    hub = SimpleNamespace(settings=SimpleNamespace(root=tmp_path))
    assert read(hub) is None
    (tmp_path / "assurance").mkdir()
    (tmp_path / "assurance" / "evaluation.json").write_text(json.dumps(told), encoding="utf-8")
    monkeypatch.setattr("pipelines.evaluation.page.head", lambda hub: HEAD)
    left = json.loads((tmp_path / "assurance" / FIGURES).read_text(encoding="utf-8"))
    (tmp_path / "assurance" / FIGURES).write_text(json.dumps(left | {"form": 1}), encoding="utf-8")
    assert read(hub) is None, "figures of an earlier form are not drawn"
    (tmp_path / "assurance" / FIGURES).write_text(json.dumps(left), encoding="utf-8")
    page = write_page(hub, read(hub))
    assert page.name == "evaluation.html" and page.stat().st_mode & 0o777 == 0o600
    assert page.read_text(encoding="utf-8") == html_of(told)


def test_pictures_are_the_same_each_time_and_keep_their_ids_apart(told) -> None:
    def drawn() -> dict:
        return pictures(told["evaluation"], told["evaluations"], told["declared"]["fairness"])

    one, two = drawn(), drawn()
    assert png(one["calibration"]) == png(two["calibration"]) and png(one["calibration"]).startswith(b"\x89PNG")
    text = svg(one["fairness_margins"], "fairness_margins")
    assert text.startswith("<svg") and "Sex: F" in text and "<metadata" not in text
    assert {i.startswith("fairness_margins-") for i in re.findall(r'\bid="([^"]+)"', text)} == {True}
    assert str(date.today().year) not in text.replace("Q", "")  # no clock


def test_a_swarm_is_as_wide_as_dots_are_many() -> None:
    values = np.concatenate([np.zeros(300), np.linspace(1, 2, 20)])
    up = swarm(values)
    assert np.abs(up).max() == pytest.approx(0.38) and np.abs(up[300:]).max() < 0.02
    assert len(np.unique(up[:300])) == 300  # no dot hides another of the same value
