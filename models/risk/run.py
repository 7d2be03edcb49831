"""The weekly run: back-test, gates, and the list, which is the back-test's last split with no outcome yet.

Scores live in this function's memory and go when it returns; what leaves it are aggregates, the model's files, and the
people listed with their evidence. Nothing reads a clock or a path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from models.risk import drift, explain, gates, labels, listing, registry, report, rescore, rules, splits
from models.risk.asof import as_sundays, knowledge_cutoff
from models.risk.assess import assess
from models.risk.backtest import positions_of
from models.risk.declare import RiskConfig, RuleBook
from models.risk.inputs import input_problems, quiet_weeks_of
from models.risk.leak import LeakCheck, leak_check
from models.risk.panel import build_panel
from models.risk.queue import lottery, queues
from models.risk.recorders import recorders_of
from models.risk.registration import registration_problem
from models.risk.rolling import roll, try_to_fit

# Keys differ from machine to machine; they are no part of what a run says.
KEYS = frozenset({"person_key", "household_key", "event_key", "worker_record_key", "siblings", "siblings_listed"})


@dataclass(frozen=True)
class WeeklyRun:
    """What a weekly run hands over. `candidates` and `notices` concern people (keep them encrypted); all else is
    aggregate. channel: "model+rules" or "rules"; statement: why there is no model list, empty when there is one.
    choice: by what the places were filled, and the lotteries held (queue.py).
    accepted: what has not passed and who accepted that, for the list. evaluation: figures of all weeks judged, each by
    its newest model, empty when there were none; evaluations: those of each split alone. leak: whether features see
    what could not be known; drift: what has moved (drift.py)."""

    as_of_date: date
    known_until: datetime
    channel: str
    statement: str
    accepted: list[str]
    gates: list[dict[str, Any]]
    candidates: list[dict[str, Any]]
    notices: list[dict[str, Any]]
    evaluation: dict[str, Any]
    evaluations: list[dict[str, Any]]
    rule_yields: list[dict[str, Any]]
    cohort: dict[str, dict[str, int]]
    features: list[dict[str, Any]]
    history: dict[str, Any]
    model: registry.ModelFiles | None
    leak: LeakCheck
    drift: dict[str, Any]
    choice: dict[str, Any] = field(default_factory=dict)
    plots: dict[str, bytes] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Everything the run says, without keys: equal on two machines whose pseudonym keys differ. JSON-able."""
        return {
            "as_of_date": self.as_of_date.isoformat(),
            "channel": self.channel,
            "statement": self.statement,
            "accepted": self.accepted,
            "gates": self.gates,
            "candidates": [_keyless(c) for c in self.candidates],
            "notices": [_keyless(c) for c in self.notices],
            "evaluation": self.evaluation,
            "evaluations": self.evaluations,
            "rule_yields": self.rule_yields,
            "choice": self.choice,
            "drift": self.drift,
            # Of the model what it was made of: its own numbers may differ in the last bit between processors.
            "model": None if self.model is None else self.model.card["hashes"],
        }


def run_weekly(
    con: duckdb.DuckDBPyConnection,
    config: RiskConfig,
    book: RuleBook,
    partnership: Mapping[str, Any],
    as_of_date: date,
    *,
    marts: str = "warehouse.marts",
    record_person: str | None = None,
    code_hash: str = "",
    listed_recently: Set[str] = frozenset(),
    attributes: pd.DataFrame | None = None,
    linkage: Mapping[str, Mapping[str, float]] | None = None,
    shadow_weeks: int = 0,
    registered_before: Mapping[int, str] | None = None,
    delivered_since: Mapping[str, date] | None = None,
    may_speak: Callable[[str, Mapping[str, str]], str] = lambda name, hashes: "",
    progress: Callable[[str], None] = lambda stage: None,
) -> WeeklyRun:
    """Run the week that ends on `as_of_date` (a Sunday).

    con: `marts` must be readable, temporary tables are made and dropped. partnership: partnership.yml as a dict with
    `capacity: {team: places}`. record_person: relation of links, for how records were joined. code_hash: of the code,
    for the card. listed_recently: person keys that may not be listed again yet. attributes: `person_key` and audited
    attributes, for fairness alone. linkage: {measure: {estimate, low, high}}. shadow_weeks: weeks judged in shadow so
    far. registered_before: by version, the hash of what earlier runs were judged by. delivered_since: by `agency.feed`,
    the day its first drop came. may_speak: asked with the name and hashes of the week's model (its own under `content`)
    once every gate has passed; answers with a sentence when a person has taken its word from it, else with nothing.
    progress: told each stage's name.
    Raises ValueError when the spine holds nobody on the date.
    """
    as_sundays([as_of_date])
    progress("history")
    weeks = _weeks(con, marts, as_of_date)
    if not weeks or weeks[-1] != as_of_date:
        raise ValueError(f"the spine has no row for {as_of_date.isoformat()}")
    plan = splits.plan_splits(config, weeks[0], as_of_date)
    history = labels.history_sum(config, weeks[0], as_of_date)
    # A week whose look-back reaches before the history would be judged on a part of what could be known. Features that
    # look back further than that use what there is.
    settled = weeks[0] + timedelta(weeks=config.training.lookback_weeks)
    earlier = [s for s in plan if s.judged_on is not None and s.test[0] >= settled and set(s.test) <= set(weeks)]
    progress("panel")
    dates = {d for s in (*earlier, plan[-1]) for d in (*s.train, *s.test)} & set(weeks)
    panel = build_panel(con, config, sorted(dates), marts=marts)
    at_now = positions_of(panel, [as_of_date])
    everyone = build_panel(con, config, [as_of_date], marts=marts, cohort_only=False)
    in_cohort = everyone.rows["exclusion_reason"].isna().to_numpy()
    now = everyone.where(in_cohort)
    teams = tuple(sorted(now.rows["area_team"].dropna().astype(str).unique()))
    capacity = {t: int(n or 0) for t, n in (partnership.get("capacity") or {}).items()}
    outcomes = labels.read_outcomes(con, config.target, marts)

    progress("back-test")
    rolled = roll(panel, outcomes, config, book, capacity, earlier)
    evaluation: dict[str, Any] = {}
    yields = rules.no_yields(book)
    if rolled.judged is not None:
        newest = pd.Timestamp(rolled.judged.rows["as_of_date"].max()).date()
        recorded_by = recorders_of(con, config, marts, newest)
        evaluation = assess(panel, rolled, outcomes, config, book, capacity, as_of_date, attributes, recorded_by)
        judged, smallest = rolled.judged, config.evaluation.smallest_cell
        yields = rules.yields(judged.rows, judged.holds, judged.y, book, smallest, config.outcome_words)

    progress("gates")
    problems = [
        words
        for weeks_of_silence in quiet_weeks_of(config)
        for words in input_problems(con, panel, rolled.newest, config, as_of_date, weeks_of_silence, marts)
    ]
    ahead = leak_check(con, config, as_of_date, marts=marts, seed=config.training.seed)
    problems += [ahead.words] if ahead.moved else []
    results = gates.judge(
        config,
        gates.GateInput(
            as_of=as_of_date,
            partnership=partnership,
            teams=teams,
            history=history,
            no_model_because=rolled.because,
            feeds=_feeds(con, marts),
            evaluation=evaluation or None,
            linkage=linkage,
            registration=registration_problem(config, registered_before or {}),
            shadow_weeks=shadow_weeks,
            inputs=tuple(problems),
        ),
    )
    progress("list")
    speaks = gates.all_passed(results)
    statement = gates.statement(results)
    learnt, log_odds = rolled.newest, None
    if speaks:
        final, because = try_to_fit(panel, outcomes, config, plan[-1])
        if final is None:
            speaks, statement = False, f"This week's list comes from the named patterns alone: {because}."
        elif because := may_speak(*report.identity_of(final, config, book, code_hash)):
            speaks, statement = False, f"This week's list comes from the named patterns alone. {because}"
        else:
            learnt, log_odds = final, final.log_odds(panel, at_now)
    holds = rules.fired(now, book)
    held = queues(now, holds, log_odds, capacity, config, book, listed_recently)
    chosen = listing.choose(held, holds, book, now.rows["household"].to_numpy())
    places = np.array([p for p, _ in chosen], dtype=np.int64)
    place = np.flatnonzero(in_cohort)
    progress("reasons")
    candidates, told = listing.describe(
        con,
        everyone,
        [(int(place[p]), c) for p, c in chosen],
        listing.open_cases(everyone, book),
        config,
        book,
        explain.of_rotation(panel, at_now[places], learnt, config) if speaks and learnt is not None else None,
        yields,
        evaluation.get("theme_yields", []),
        marts=marts,
        record_person=record_person,
    )
    progress("drift")
    watched = drift.watch(
        con, config, panel, learnt, rolled.judged, outcomes, capacity, as_of_date, weeks, marts, delivered_since
    )
    progress("report")
    verdicts = [r.as_dict() for r in results]
    shown = at_now if learnt is None else positions_of(panel, learnt.split.test[-1:])
    return WeeklyRun(
        as_of_date=as_of_date,
        known_until=knowledge_cutoff(as_of_date),
        channel="model+rules" if speaks else "rules",
        statement=statement,
        accepted=gates.accepted(results) if speaks else [],
        gates=verdicts,
        candidates=candidates,
        notices=told,
        evaluation=evaluation,
        evaluations=rolled.evaluations,
        rule_yields=yields,
        cohort=report.cohort_of(everyone, teams, capacity, candidates),
        features=report.features_of(now, config),
        history={"words": history.words, "needed": history.needed, "available": history.available},
        model=None
        if learnt is None
        else report.register(
            learnt, config, book, code_hash, evaluation, verdicts, as_of_date, rescore.fingerprint(panel, learnt)
        ),
        leak=ahead,
        drift=watched,
        choice={
            "capacity": capacity,
            "model_share": config.channels.model_share,
            "relist_after_weeks": config.channels.relist_after_weeks,
            "rules_hash": registry.rules_hash(book),
            "lottery": lottery(held, config.training.seed),
        },
        plots=report.plots_of(learnt, panel, shown, config),
    )


def _weeks(con: duckdb.DuckDBPyConnection, marts: str, as_of: date) -> list[date]:
    """The spine's Sundays up to the as-of date."""
    found = con.execute(
        f"select distinct as_of_date from {marts}.person_week where as_of_date <= ? order by as_of_date", [as_of]
    ).fetchall()
    return [d for (d,) in found]


def _feeds(con: duckdb.DuckDBPyConnection, marts: str) -> dict[str, bool]:
    """Whether each feed that ever arrived is late, by `agency.feed`."""
    found = con.execute(f"select agency, feed, is_late from {marts}.feed_status").fetchall()
    return {f"{agency}.{feed}": bool(late) for agency, feed, late in found}


def _keyless(value: Any) -> Any:
    """A copy of nested dicts and lists without keys of people, households and rows."""
    if isinstance(value, dict):
        return {k: _keyless(v) for k, v in value.items() if k not in KEYS}
    return [_keyless(v) for v in value] if isinstance(value, list) else value
