"""Which planted children the weekly lists name, how early, and what limits it.

Lists are made week by week by the code that makes the real one (`models.risk.queue.queues`): the model's share, then
the rules, nobody again within the pack's number of weeks, each team's own capacity. The model speaks in all of them:
whether the gates would let it is another question. It is fitted twice, half a year apart, on what was known on the
first day it speaks on, before any planted need.

Beside it, at the same capacity: for each agency the list of a model that learns from this agency's events and the
child's age alone; counting everything recorded, as the model's gate is judged against; the rules alone; and *informed*,
a model that has been shown half of the planted children and is tried on the other half: about what the capacity allows
somebody who knows how the patterns look. Also the list at twice and four times the places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from benchmarks.emerging_harm_plant import Planted
from governance.pseudonym import Pseudonym
from models.risk import labels, rules, splits, train
from models.risk.backtest import Rotation, fit_rotation, positions_of
from models.risk.declare import RiskConfig, RuleBook, load_risk, load_rules
from models.risk.measures import wilson
from models.risk.panel import Panel, build_panel
from models.risk.queue import MODEL_CHANNEL, queues
from models.risk.select import weekly_lists
from pipelines.hub import Hub
from pipelines.weekly_lists import children_on

MARTS = "warehouse.marts"
JUDGED_WEEKS, WEEKS_BEFORE = 52, 8
NEGATIVES = 100_000


def judge(
    hub: Hub, con: duckdb.DuckDBPyConnection, planted: Planted, say: Callable[[str], None], least_positives: int
) -> dict[str, Any]:
    """All figures, aggregate."""
    raw = hub.declaration("risk.yml")
    half = JUDGED_WEEKS // 2
    evaluation = raw["evaluation"] | {"test_weeks": half, "splits": 2, "split_step_weeks": half}
    # A small trial world has fewer outcomes than the pack asks a model to learn from.
    target = raw["target"] | {"minimum_positives": min(raw["target"]["minimum_positives"], least_positives)}
    config = load_risk(raw | {"evaluation": evaluation, "target": target})
    book = load_rules(hub.declaration("rules.yml"), config)
    weeks = [d for (d,) in con.execute(f"select distinct as_of_date from {MARTS}.person_week order by 1").fetchall()]
    children = children_on(con, weeks[-1])
    capacity = {team: int(places or 0) for team, places in hub.capacity(children).items()}
    plan = [s for s in splits.plan_splits(config, weeks[0], weeks[-1]) if s.judged_on]
    say("panel")
    panel = build_panel(con, config, sorted({d for s in plan for d in (*s.train, *s.test)} & set(weeks)))
    outcomes = labels.read_outcomes(con, config.target, MARTS)
    Pseudonym(hub.keys.pseudonym).install(con)
    kids = _matched(con, planted, hub.settings.synthetic_suppliers / "truth")
    say("model")
    rotations = [fit_rotation(panel, outcomes, config, split) for split in plan]
    log_odds, at = _scores(panel, rotations)
    told: dict[str, Any] = {
        "children": children,
        "places_a_week": sum(capacity.values()),
        "judged": [plan[0].test[0].isoformat(), plan[-1].test[-1].isoformat()],
        "planted": len(planted.children),
        "matched": int((kids["person_keys"].map(len) > 0).sum()),
        "need_found_in_marts": _found(con, config, kids),
        "patterns": {
            "beginnings": dict(Counter(planted.children["beginning"])),
            "things_seen": {"/".join(k): int(n) for k, n in planted.seen.groupby(["agency", "kind"]).size().items()},
        },
    }
    found = {}
    for times in (1, 2, 4):
        say(f"lists at {times} x capacity")
        more = {t: n * times for t, n in capacity.items()}
        found[times] = _in_time(kids, _weekly(panel, at, log_odds, more, config, book))
    told["list"] = _told(kids, found[1])
    told["list_at_2_times_the_places"], told["list_at_4_times_the_places"] = (_short(kids, found[n]) for n in (2, 4))
    told["before_the_pattern"] = _before(panel, at, log_odds, capacity, config, book, kids)
    say("single agencies")
    told["others"] = _others(panel, outcomes, config, book, plan, at, capacity, con, kids)
    best = max((o for o in told["others"] if o["way"].startswith("agency: ")), key=lambda o: o["in_time"])
    told["best_single_agency"] = best
    say("informed")
    told["informed"] = _informed(panel, at, kids, capacity, config)
    told["passed"] = told["list"]["in_time"] >= 0.6 * len(planted.children)
    return told


def _matched(con: duckdb.DuckDBPyConnection, planted: Planted, truth: Path) -> pd.DataFrame:
    """The planted children with `person_keys`: the hub's persons made of no other child's records (oracle matching)."""
    table = con.execute(
        "select m.person_key::varchar as person_key, any_value(t.true_person_id) as person_id"
        f" from read_parquet('{truth / 'record_identity.parquet'}') as t"
        " join warehouse.identity_export.record_person as m on m.record_key ="
        " pseudonym(t.agency || chr(31) || t.feed || chr(31) || t.source_key)"
        " where m.known_to > timestamp '9999-01-01' group by 1 having count(distinct t.true_person_id) = 1"
    ).df()
    keys = table.groupby("person_id")["person_key"].agg(set).to_dict()
    return planted.children.assign(person_keys=[keys.get(p, set()) for p in planted.children["person_id"]])


def _found(con: duckdb.DuckDBPyConnection, config: RiskConfig, kids: pd.DataFrame) -> int:
    """How many planted needs are outcomes in the marts, dated by their referral."""
    rows = con.execute(
        f"select person_key::varchar, occurred_on from {MARTS}.label where target = ?", [config.target.name]
    ).fetchall()
    there = set(rows)
    return sum(
        any((k, pd.Timestamp(n).date()) in there for k in ks)
        for ks, n in zip(kids["person_keys"], kids["need_on"], strict=True)
    )


def _scores(panel: Panel, rotations: Sequence[Rotation]) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds of the test rows, and their positions in the panel, ordered by date."""
    at = [positions_of(panel, r.split.test) for r in rotations]
    return np.concatenate([r.log_odds(panel, a) for r, a in zip(rotations, at, strict=True)]), np.concatenate(at)


def _weekly(panel: Panel, at: np.ndarray, log_odds: np.ndarray | None, capacity: Mapping[str, int], config: RiskConfig,
            book: RuleBook) -> list[tuple[date, str, bool, int]]:  # fmt: skip
    """Everybody listed: (week, person_key, by the model?, rules that held), from lists made one after the other."""
    day = panel.rows["as_of_date"].to_numpy()[at].astype("datetime64[D]")
    last: dict[str, date] = {}
    out = []
    for week in np.unique(day):
        here = at[day == week]
        today = week.item()
        now = Panel(panel.rows.iloc[here].reset_index(drop=True), panel.take(here, panel.names), panel.names)
        recently = {k for k, d in last.items() if (today - d).days < 7 * config.channels.relist_after_weeks}
        mine = None if log_odds is None else log_odds[day == week]
        holds = rules.fired(now, book)
        for queue in queues(now, holds, mine, capacity, config, book, recently):
            for position in queue.taken.tolist():
                key = str(now.rows["person_key"].iloc[position])
                last[key] = today
                out.append((today, key, queue.channel == MODEL_CHANNEL, int(holds[position].sum())))
    return out


def _listed(panel: Panel, at: np.ndarray, score: np.ndarray, capacity: Mapping[str, int], config: RiskConfig,
            eligible: np.ndarray | None = None) -> list[tuple[date, str, bool, int]]:  # fmt: skip
    """The same from one score for all places."""
    rows = panel.rows.iloc[at].reset_index(drop=True)
    relist = config.channels.relist_after_weeks
    mask = weekly_lists(rows, score, capacity, seed=config.training.seed, relist_after_weeks=relist, eligible=eligible)
    chosen = rows[mask]
    days = chosen["as_of_date"].to_numpy().astype("datetime64[D]").tolist()
    return [(d, str(k), True, 0) for d, k in zip(days, chosen["person_key"], strict=True)]


def _in_time(kids: pd.DataFrame, listed: Sequence[tuple[date, str, bool, int]]) -> list[dict[str, Any] | None]:
    """For each planted child its first listing since its pattern began and before need, None when there was none."""
    by_key: dict[str, list[tuple[date, bool, int]]] = {}
    for day, key, model, held in listed:
        by_key.setdefault(key, []).append((day, model, held))
    out = []
    for keys, begins, need in zip(kids["person_keys"], kids["begins"], kids["need_on"], strict=True):
        first, last = pd.Timestamp(begins).date(), pd.Timestamp(need).date()
        mine = sorted(x for k in keys for x in by_key.get(k, ()) if first <= x[0] < last)
        out.append({"weeks": (last - mine[0][0]).days / 7, "model": mine[0][1], "rules": mine[0][2]} if mine else None)
    return out


def _short(kids: pd.DataFrame, first: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    """In time and ever, with the interval of the share in time."""
    hits = sum(f is not None and f["weeks"] >= WEEKS_BEFORE for f in first)
    low, high = wilson(hits, len(kids))
    return {
        "in_time": hits,
        "ever_before_need": sum(f is not None for f in first),
        "low": round(low, 3),
        "high": round(high, 3),
    }


def _told(kids: pd.DataFrame, first: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    """The list's figures in full."""
    early = [f for f in first if f is not None and f["weeks"] >= WEEKS_BEFORE]
    weeks = [f["weeks"] for f in first if f is not None]
    by = {}
    for name in sorted(set(kids["beginning"])):
        mine = [f for f, b in zip(first, kids["beginning"], strict=True) if b == name]
        by[name] = {"planted": len(mine), "in_time": sum(f is not None and f["weeks"] >= WEEKS_BEFORE for f in mine)}
    return _short(kids, first) | {
        "in_time_by_the_model": sum(f["model"] for f in early),
        "in_time_by_rules_alone": sum(not f["model"] for f in early),
        "weeks_before_need": [round(float(q), 1) for q in np.quantile(weeks, (0.25, 0.5, 0.75))] if weeks else [],
        "by_beginning": by,
    }


def _before(panel, at, log_odds, capacity, config, book, kids) -> dict[str, Any]:
    """Planted children listed in as many weeks as a pattern lasts, but before theirs began: what chance would name."""
    earlier = kids.assign(need_on=kids["begins"], begins=kids["begins"] - (kids["need_on"] - kids["begins"]))
    return _short(earlier, _in_time(earlier, _weekly(panel, at, log_odds, capacity, config, book)))


def _others(panel, outcomes, config: RiskConfig, book, plan, at, capacity, con, kids) -> list[dict[str, Any]]:
    """Each other way of choosing, at the same capacity."""
    out = []
    fired = rules.fired(
        Panel(panel.rows.iloc[at].reset_index(drop=True), panel.take(at, panel.names), panel.names), book
    )
    held = fired.sum(axis=1).astype(float)
    ways = {
        "contact_count": (panel.column(config.comparators.contact_count)[at].astype(float), None),
        "rules": (held, held > 0),
    }
    for agency, names in _by_agency(config, con).items():
        kept = [f.model_copy(update={"model": f.name in names}) for f in config.features]
        only = config.model_copy(
            update={
                "features": tuple(kept),
                "training": config.training.model_copy(update={"candidates": ("logistic",)}),
            }
        )
        try:
            rotations = [fit_rotation(panel, outcomes, only, split) for split in plan]
        except labels.NotEnoughEvidence:
            continue
        ways[f"agency: {agency}"] = (_scores(panel, rotations)[0], None)
    for way, (score, eligible) in ways.items():
        first = _in_time(kids, _listed(panel, at, score, capacity, config, eligible))
        out.append({"way": way} | _short(kids, first))
    return out


def _by_agency(config: RiskConfig, con: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """By agency the model's features that rest on its events and episodes alone, and the child's age."""
    told_by: dict[str, set[str]] = {}
    for table, column in (("event", "event_type"), ("episode", "episode_type")):
        for kind, agency in con.execute(f"select distinct {column}, agency from {MARTS}.{table}").fetchall():
            told_by.setdefault(kind, set()).add(agency)
    age = {f.name for f in config.features if f.model and f.kind in {"age", "age_band"}}
    out: dict[str, set[str]] = {}
    for feature in (f for f in config.features if f.model):
        base = config.feature(feature.base) if feature.base else feature
        agencies = set().union(*(told_by.get(k, set()) for k in (*base.events, *base.episodes)))
        if len(agencies) == 1:
            out.setdefault(next(iter(agencies)), set(age)).add(feature.name)
    return dict(sorted(out.items()))


def _informed(
    panel: Panel, at: np.ndarray, kids: pd.DataFrame, capacity: Mapping[str, int], config: RiskConfig
) -> dict[str, Any]:
    """What a model finds that was shown the patterns of the other half of the planted children, both ways round."""
    features = [config.feature(n) for n in config.model_features]
    key = panel.rows["person_key"].iloc[at].astype(str).to_numpy()
    day = panel.rows["as_of_date"].to_numpy()[at].astype("datetime64[D]")
    place = {k: n for n, keys in enumerate(kids["person_keys"]) for k in keys}
    number = np.full(len(at), -1)
    shown_now = np.zeros(len(at), dtype=bool)
    for row in np.flatnonzero(np.isin(key, list(place))):
        n = number[row] = place[key[row]]
        begins, need = (np.datetime64(pd.Timestamp(kids[c].iloc[n]), "D") for c in ("begins", "need_on"))
        # In the opening quarter there is next to nothing to see, and eight weeks before need it is too late.
        shown_now[row] = begins + 0.25 * (need - begins) <= day[row] <= need - np.timedelta64(7 * WEEKS_BEFORE, "D")
    rng = np.random.default_rng(config.training.seed)
    strangers = np.flatnonzero(number < 0)
    others = rng.choice(strangers, size=min(NEGATIVES, len(strangers)), replace=False)
    X = panel.take(at, [f.name for f in features])
    first: list[dict[str, Any] | None] = [None] * len(kids)
    for half in (0, 1):
        shown = np.flatnonzero(shown_now & (number % 2 == half))
        teach = np.concatenate([shown, others])
        y = np.arange(len(teach)) < len(shown)
        fitted = train.fit("boosting", X[teach], y, np.ones(len(y)), features, config.training)
        tried = (number < 0) | (number % 2 != half)
        listed = _listed(panel, at, fitted.log_odds(X), capacity, config, tried)
        for n, one in enumerate(_in_time(kids, listed)):
            if n % 2 != half:
                first[n] = one
    return _short(kids, first)
