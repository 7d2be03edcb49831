"""The rolling back-test, one path for its command and its benchmark: panel, roll, assessment on the weekly marts.

A model every few weeks, each judged on the weeks until the next. Nothing is written, registered or listed: scores go
when the functions return, and what they hand over are figures of many people, small counts still in them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
import pandas as pd

from models.risk import labels, rules, splits
from models.risk.assess import assess
from models.risk.declare import RiskConfig, RuleBook, load_rules
from models.risk.gate_declare import Evaluation
from models.risk.panel import build_panel
from models.risk.recorders import recorders_of
from models.risk.rolling import Rolled, roll
from models.risk.splits import Split
from pipelines.hub import Hub, HubProblem
from pipelines.progress import tell
from pipelines.risk_pack import audit_attributes
from pipelines.weekly_lists import children_on

MARTS = "warehouse.marts"
STAGES = ("panel", "back_test", "assessment")
Stage = Callable[[str], AbstractContextManager[None]]
"""Entered with the name of each of STAGES while it lasts."""


@dataclass(frozen=True)
class Planned:
    """A back-test before its panel: what it is judged by, and the Sundays it needs."""

    book: RuleBook
    capacity: dict[str, int]
    plan: list[Split]
    outcomes: labels.Outcomes
    dates: list[date]


@dataclass(frozen=True)
class BackTest:
    """A finished roll. given: what it was judged by; rows: person-weeks of the panel; rolled: its models and judged
    rows; figures: of all weeks judged together (assess.py); yields: of each named pattern in them."""

    as_of: date
    config: RiskConfig
    given: Planned
    rows: int
    rolled: Rolled
    figures: dict[str, Any]
    yields: list[dict[str, Any]]


def rolling(config: RiskConfig, count: int, step: int, folds: int | None = None) -> RiskConfig:
    """The declarations with `count` splits, each judged on the `step` weeks until the next; all else as declared."""
    changes: dict[str, Any] = {"splits": count, "split_step_weeks": step, "test_weeks": step}
    changes |= {"family_folds": folds} if folds else {}
    evaluation = Evaluation.model_validate(config.evaluation.model_dump() | changes)
    return config.model_copy(update={"evaluation": evaluation})


def newest_week(con: duckdb.DuckDBPyConnection) -> date:
    """The newest Sunday the weekly marts hold.

    Raises:
        HubProblem: there are no weekly marts, or nobody in them.
    """
    there = con.execute(
        "select 1 from duckdb_tables() where database_name = 'warehouse' and schema_name = 'marts'"
        " and table_name = 'person_week'"
    ).fetchall()
    newest = con.execute(f"select max(as_of_date) from {MARTS}.person_week").fetchall()[0][0] if there else None
    if newest is None:
        raise HubProblem("There are no weekly marts to look back on. Run a week first: `hub run weekly`.")
    return newest


def planned(hub: Hub, con: duckdb.DuckDBPyConnection, config: RiskConfig, as_of: date) -> Planned:
    """The back-test of the week that ends on `as_of`, as the weekly run makes it.

    Raises:
        HubProblem: the marts hold nobody on that day.
    """
    weeks = _weeks(con, as_of)
    if not weeks or weeks[-1] != as_of:
        raise HubProblem(f"The marts hold nobody on {as_of:%d %B %Y}. Run the week first: `hub run weekly`.")
    settled = weeks[0] + timedelta(weeks=config.training.lookback_weeks)
    plan = [
        s
        for s in splits.plan_splits(config, weeks[0], as_of)
        if s.judged_on is not None and s.test[0] >= settled and set(s.test) <= set(weeks)
    ]
    return Planned(
        load_rules(hub.declaration("rules.yml"), config),
        {team: int(places or 0) for team, places in hub.capacity(children_on(con, as_of)).items()},
        plan,
        labels.read_outcomes(con, config.target, MARTS),
        sorted({d for s in plan for d in (*s.train, *s.test)} & set(weeks)),
    )


def back_test(hub: Hub, con: duckdb.DuckDBPyConnection, config: RiskConfig, stage: Stage) -> BackTest:
    """Panel, roll and assessment on the newest Sunday of the marts.

    Raises:
        HubProblem: there are no marts, the history is too short for so many splits, or no week can be judged.
    """
    as_of = newest_week(con)
    _require_history(config, _weeks(con, as_of)[0], as_of)
    given = planned(hub, con, config, as_of)
    with stage("panel"):
        panel = build_panel(con, config, given.dates)
    with stage("back_test"):
        rolled = roll(panel, given.outcomes, config, given.book, given.capacity, given.plan, tell)
    judged = rolled.judged
    if judged is None:
        raise HubProblem(f"No week can be judged: {rolled.because}.")
    with stage("assessment"):
        newest = pd.Timestamp(judged.rows["as_of_date"].max()).date()
        recorded_by = recorders_of(con, config, MARTS, newest)
        audited = audit_attributes(con)
        figures = assess(panel, rolled, given.outcomes, config, given.book, given.capacity, as_of, audited, recorded_by)
        smallest = config.evaluation.smallest_cell
        yields = rules.yields(judged.rows, judged.holds, judged.y, given.book, smallest, config.outcome_words)
    return BackTest(as_of, config, given, len(panel.rows), rolled, figures, yields)


def _weeks(con: duckdb.DuckDBPyConnection, as_of: date) -> list[date]:
    """The Sundays of the marts up to a day."""
    found = con.execute(
        f"select distinct as_of_date from {MARTS}.person_week where as_of_date <= ? order by 1", [as_of]
    ).fetchall()
    return [d for (d,) in found]


def _require_history(config: RiskConfig, first: date, as_of: date) -> None:
    """Refuse more splits than the history can hold, with the sum, and say how many it can."""
    history, asked = labels.history_sum(config, first, as_of), config.evaluation
    if history.available >= history.needed:
        return
    weeks = (history.available - history.needed + history.test) // 7
    most = (weeks - asked.test_weeks) // asked.split_step_weeks + 1 if weeks >= asked.test_weeks else 0
    raise HubProblem(
        f"The history is too short for {asked.splits} splits of {asked.test_weeks} weeks: {history.words}. "
        + (f"It holds {most} at most: ask for --splits {most}." if most else "It cannot hold one yet.")
    )
