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

from models.risk import explain, gates, labels, listing, plots, registry, rules, splits
from models.risk.asof import as_sundays, knowledge_cutoff
from models.risk.backtest import FittedSplit, fit_split, judge_split
from models.risk.declare import RiskConfig, RuleBook
from models.risk.panel import Panel, build_panel

PLOTTED_ROWS = 2_000
# Keys differ from machine to machine; they are no part of what a run says.
KEYS = frozenset({"person_key", "household_key", "event_key", "worker_record_key", "siblings", "siblings_listed"})


@dataclass(frozen=True)
class WeeklyRun:
    """What a weekly run hands over. `candidates` and `notices` concern people (keep them encrypted); all else is
    aggregate. channel: "model+rules" or "rules"; statement: why there is no model list, empty when there is one."""

    as_of_date: date
    known_until: datetime
    channel: str
    statement: str
    gates: list[dict[str, Any]]
    candidates: list[dict[str, Any]]
    notices: list[dict[str, Any]]
    evaluations: list[dict[str, Any]]
    rule_yields: list[dict[str, Any]]
    cohort: dict[str, dict[str, int]]
    features: list[dict[str, Any]]
    history: dict[str, Any]
    model: registry.ModelFiles | None
    plots: dict[str, bytes] = field(default_factory=dict)

    @property
    def evaluation(self) -> dict[str, Any]:
        """The newest split's figures; empty when there was nothing to judge by."""
        return self.evaluations[-1] if self.evaluations else {}

    def content(self) -> dict[str, Any]:
        """Everything the run says, without keys: equal on two machines whose pseudonym keys differ. JSON-able."""
        return {
            "as_of_date": self.as_of_date.isoformat(),
            "channel": self.channel,
            "statement": self.statement,
            "gates": self.gates,
            "candidates": [_keyless(c) for c in self.candidates],
            "notices": [_keyless(c) for c in self.notices],
            "evaluations": self.evaluations,
            "rule_yields": self.rule_yields,
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
    progress: Callable[[str], None] = lambda stage: None,
) -> WeeklyRun:
    """Run the week that ends on `as_of_date` (a Sunday).

    con: `marts` must be readable, temporary tables are made and dropped. partnership: partnership.yml as a dict with
    `capacity: {team: places}`. record_person: relation of links, for how records were joined. code_hash: of the code,
    for the card. listed_recently: person keys that may not be listed again yet. progress: told each stage's name.
    Raises ValueError when the spine holds nobody on the date.
    """
    as_sundays([as_of_date])
    progress("history")
    weeks = _weeks(con, marts, as_of_date)
    if not weeks or weeks[-1] != as_of_date:
        raise ValueError(f"the spine has no row for {as_of_date.isoformat()}")
    plan = splits.plan_splits(config, weeks[0], as_of_date)
    history = labels.history_sum(config, weeks[0], as_of_date)
    # A week whose look-back reaches before the history would be judged on half of what could be known.
    settled = weeks[0] + timedelta(weeks=config.training.lookback_weeks)
    earlier = [s for s in plan if s.judged_on is not None and s.test[0] >= settled and set(s.test) <= set(weeks)]
    progress("panel")
    dates = sorted({d for s in plan for d in (*s.train, *s.test) if d in set(weeks)} - {as_of_date})
    panel = build_panel(con, config, dates, marts=marts) if dates else None
    everyone = build_panel(con, config, [as_of_date], marts=marts, cohort_only=False)
    in_cohort = everyone.rows["exclusion_reason"].isna().to_numpy()
    now = everyone.where(in_cohort)
    teams = tuple(sorted(now.rows["area_team"].dropna().astype(str).unique()))
    capacity = {t: int(n or 0) for t, n in (partnership.get("capacity") or {}).items()}
    outcomes = labels.read_outcomes(con, config.target, marts)

    progress("back-test")
    evaluations: list[dict[str, Any]] = []
    yields: list[dict[str, Any]] = rules.no_yields(book)
    learnt: FittedSplit | None = None
    because: str | None = (
        None if earlier else "no past week has both a model that could have been fitted and known outcomes"
    )
    for split in earlier:
        assert panel is not None
        learnt, because = _try_to_fit(panel, outcomes, config, split)
        figures, yields = judge_split(panel, outcomes, config, book, capacity, split, learnt)
        evaluations.append(figures)

    progress("gates")
    results = gates.judge(
        config,
        gates.GateInput(
            as_of=as_of_date,
            partnership=partnership,
            teams=teams,
            history=history,
            no_model_because=because,
            feeds=_feeds(con, marts),
            evaluation=evaluations[-1] if evaluations else None,
        ),
    )
    progress("list")
    speaks = gates.all_passed(results)
    statement = gates.statement(results)
    log_odds = None
    if speaks and panel is not None:
        final, because = _try_to_fit(panel, outcomes, config, plan[-1])
        if final is None:
            speaks, statement = False, f"This week's list comes from the named patterns alone: {because}."
        else:
            learnt = final
            log_odds = learnt.log_odds(now, np.arange(len(now.rows)))
    holds = rules.fired(now, book)
    chosen = listing.choose(now, holds, log_odds, capacity, config, book, listed_recently)
    place = np.flatnonzero(in_cohort)
    candidates, told = listing.describe(
        con,
        everyone,
        [(int(place[p]), c) for p, c in chosen],
        listing.open_cases(everyone, book),
        config,
        book,
        learnt if speaks else None,
        yields,
        marts=marts,
        record_person=record_person,
    )
    progress("report")
    return WeeklyRun(
        as_of_date=as_of_date,
        known_until=knowledge_cutoff(as_of_date),
        channel="model+rules" if speaks else "rules",
        statement=statement,
        gates=[r.as_dict() for r in results],
        candidates=candidates,
        notices=told,
        evaluations=evaluations,
        rule_yields=yields,
        cohort=_cohort(everyone, teams, capacity, candidates),
        features=_features(now, config),
        history={"words": history.words, "needed": history.needed, "available": history.available},
        model=None if learnt is None else _register(learnt, config, book, code_hash, evaluations, as_of_date),
        plots=_plots(evaluations, learnt, now),
    )


def _try_to_fit(panel: Panel, outcomes, config: RiskConfig, split) -> tuple[FittedSplit | None, str | None]:
    """The fitted split, or why there is nothing to learn from."""
    try:
        return fit_split(panel, outcomes, config, split), None
    except labels.NotEnoughEvidence as error:
        return None, str(error)


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


def _cohort(everyone: Panel, teams, capacity, candidates) -> dict[str, dict[str, int]]:
    """Per team: places, people in the cohort, people listed, people with a worker already."""
    rows = everyone.rows
    team = rows["area_team"].astype(object).fillna("")
    inside = rows["exclusion_reason"].isna()
    routed = rows["routed_to"].notna()
    return {
        t: {
            "capacity": capacity.get(t, 0),
            "in_cohort": int((inside & (team == t)).sum()),
            "with_worker": int((routed & (team == t)).sum()),
            "listed": sum(c["area_team"] == t for c in candidates),
        }
        for t in teams
    }


def _features(now: Panel, config: RiskConfig) -> list[dict[str, Any]]:
    """Each feature over the cohort this week: how often it is there and how large it is."""
    out = []
    for feature in config.features:
        x = now.column(feature.name).astype(np.float64)
        described = {
            "name": feature.name,
            "label": feature.label,
            "theme": feature.theme,
            "kind": feature.kind,
            "model": feature.model,
        }
        out.append(described | {"mean": round(float(x.mean()), 6), "nonzero_share": round(float((x != 0).mean()), 6)})
    return out


def _register(learnt: FittedSplit, config: RiskConfig, book: RuleBook, code_hash: str, evaluations, as_of: date):
    """The model's files with hashes of what made it."""
    hashes = {
        "code": code_hash,
        "data": learnt.data_hash,
        "features": registry.features_hash(learnt.fitted.features),
        "config": registry.config_hash(config),
        "rules": registry.digest([registry.to_json(book.model_dump(mode="json"))]),
    }
    card = {
        "as_of_date": as_of.isoformat(),
        "purpose": "weekly list" if learnt.split.judged_on is None else "back-test only: names nobody",
        "trained_on": learnt.split.trained_on.isoformat(),
        "training_weeks": [
            learnt.split.train[0].isoformat(),
            learnt.split.train[-1].isoformat(),
            len(learnt.split.train),
        ],
        "training_rows": learnt.rows,
        "training_outcomes": learnt.outcomes,
        "training_people_with_outcome": learnt.people_with_outcome,
        "candidates_compared": learnt.average_precision,
        "constant_features_left_out": list(learnt.left_out),
        "target": config.target.model_dump(mode="json"),
        "registered_on": config.registered_on.isoformat(),
        # What the figures do not show: how the model does on families it has never met.
        "families": "Families of the test weeks also stand in the training weeks, which are earlier: the back-test asks"
        " how well the model does next month in the same authority. Only the comparison of candidates and the"
        " calibration use predictions for families that were not learnt from.",
        "evaluation": {k: v for k, v in (evaluations[-1] if evaluations else {}).items() if k != "curves"},
    }
    return registry.pack_model(learnt.fitted, learnt.calibration, hashes, card)


def _plots(evaluations, learnt: FittedSplit | None, now: Panel) -> dict[str, bytes]:
    """Pictures of the newest split and of the model's contributions on a seeded sample of this week's cohort."""
    out: dict[str, bytes] = {}
    if evaluations and "calibration" in evaluations[-1]:
        out["precision_recall"] = plots.precision_recall_plot(evaluations[-1])
        out["calibration"] = plots.calibration_plot(evaluations[-1])
    if learnt is not None:
        size = min(PLOTTED_ROWS, len(now.rows))
        at = np.sort(np.random.default_rng(0).choice(len(now.rows), size=size, replace=False))
        X = now.take(at, [f.name for f in learnt.fitted.features])
        parts = explain.contributions(learnt.fitted, learnt.calibration, X)
        out["contributions"] = plots.contributions_plot(parts.values, X, [f.label for f in learnt.fitted.features])
    return out


def _keyless(value: Any) -> Any:
    """A copy of nested dicts and lists without keys of people, households and rows."""
    if isinstance(value, dict):
        return {k: _keyless(v) for k, v in value.items() if k not in KEYS}
    return [_keyless(v) for v in value] if isinstance(value, list) else value
