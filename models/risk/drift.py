"""Has the world moved away from what the model learnt? Features, score, base rate, and what comes too late.

School is seasonal: in August nobody misses a lesson. So what is now is compared twice, with the weeks the model learnt
from and with the same season a year before (the Sundays 51 to 53 weeks ago, the nearest of them: holidays move), and a
person is told only of what has moved from both, the same way. Where there is no year before, one comparison must do,
and the words say so. What moved more than a year ago is ordinary by now and stands in the table alone.

Everything here is an aggregate; counts under the smallest cell are withheld.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from models.risk import drift_arrivals, drift_estimate, labels
from models.risk.backtest import Judged, Rotation, positions_of
from models.risk.calibrate import chance
from models.risk.declare import Feature, RiskConfig
from models.risk.drift_measures import NOTHING, Moved, bins_of, counts_in, ratio_of, stability_index
from models.risk.panel import Panel, build_panel
from models.risk.select import draw
from models.risk.train import SIGNED

SAMPLED_ROWS = 60_000
LEVEL_LESS = SIGNED | {"age", "age_band", "household_size"}


def watch(
    con: duckdb.DuckDBPyConnection,
    config: RiskConfig,
    panel: Panel,
    learnt: Rotation | None,
    judged: Judged | None,
    outcomes: labels.Outcomes,
    capacity: Mapping[str, int],
    as_of: date,
    weeks: Sequence[date],
    marts: str,
    delivered_since: Mapping[str, date] | None = None,
) -> dict[str, Any]:
    """All that is watched, JSON-able, with `warnings`: a sentence each, naming what moved and what to do.

    panel: holds the as-of date and the training weeks of `learnt`; judged: the back-test's rows, for the estimate;
    weeks: Sundays of the spine; delivered_since: as for drift_arrivals. What cannot be told (no model yet, no year
    before) is None.
    """
    season = year_before(as_of, weeks)
    there = season_panel(con, config, panel, season, marts)
    now = positions_of(panel, [as_of])
    features = [] if learnt is None else of_features(panel, now, learnt, there, config, weeks[0])
    scores = None if learnt is None else score_now(panel, now, learnt, config)
    out: dict[str, Any] = {
        "as_of_date": as_of.isoformat(),
        "season": [d.isoformat() for d in season],
        "people": len(now),
        "features": features,
        "score": None if learnt is None or scores is None else of_score(panel, scores, learnt, as_of, config),
        "base_rate": base_rate(panel, outcomes, config, as_of),
        "arrivals": drift_arrivals.arrivals(
            con, config.drift, as_of, config.evaluation.smallest_cell, marts, delivered_since
        ),
        "estimate": drift_estimate.estimate(panel.rows.iloc[now], scores, judged, capacity, config),
    }
    out["warnings"] = warnings_of(out, config)
    return out


def year_before(as_of: date, weeks: Sequence[date]) -> list[date]:
    """The Sundays of the same season a year before that the spine holds."""
    known = set(weeks)
    return [d for w in reversed(drift_arrivals.SEASON_WEEKS) if (d := as_of - timedelta(weeks=w)) in known]


def season_panel(
    con: duckdb.DuckDBPyConnection, config: RiskConfig, panel: Panel, season: Sequence[date], marts: str
) -> tuple[Panel, list[np.ndarray]]:
    """A panel that holds the season's Sundays, and the positions of each; the run's own panel where it has them."""
    here = [positions_of(panel, [d]) for d in season]
    if all(len(one) for one in here):
        return panel, here
    built = build_panel(con, config, season, marts=marts)
    return built, [positions_of(built, [d]) for d in season]


def of_features(
    panel: Panel,
    now: np.ndarray,
    learnt: Rotation,
    season: tuple[Panel, list[np.ndarray]],
    config: RiskConfig,
    first: date,
) -> list[dict[str, Any]]:
    """Each feature of the model: how far it has moved from the training weeks and from the season a year before.

    first: the first Sunday of the history. A week whose window would reach before it is not compared: a window of two
    years that is still filling grows by itself.
    """
    taught = positions_of(panel, learnt.split.train)
    people_taught = panel.rows["person"].iloc[taught].nunique()
    sample = _sampled(panel, taught, config)
    sampled_day = _days(panel, sample)
    out = []
    for name in config.model_features:
        feature = config.feature(name)
        # Less the mean of the peers everybody moves when few of them do: what it is relative to is looked at instead.
        source = config.feature(feature.base) if feature.base else feature
        whole = np.datetime64(first + timedelta(weeks=source.reach_weeks), "D")
        x, then = panel.column(source.name)[now], panel.column(source.name)[sample[sampled_day >= whole]]
        weeks = sum(np.datetime64(d, "D") >= whole for d in learnt.split.train)
        edges = bins_of(np.concatenate([x, then]))
        counts = counts_in(edges, x)
        index = stability_index(counts, counts_in(edges, then), len(x), people_taught)
        # A person stands in many training weeks: what one week holds is what is independent.
        level = recorded(source, x, then, len(taught) / len(learnt.split.train), config) if weeks else NOTHING
        before = []
        for at in season[1]:
            if not len(at) or _days(season[0], at[:1])[0] < whole:
                continue
            old = season[0].column(source.name)[at]
            before.append(
                (
                    stability_index(counts, counts_in(edges, old), len(x), len(old)),
                    recorded(source, x, old, len(old), config),
                )
            )
        out.append(_feature_row(feature, index, level, before, config, len(now)))
    return out


def _days(panel: Panel, at: np.ndarray) -> np.ndarray:
    """As-of dates of the rows at the positions."""
    return panel.rows["as_of_date"].to_numpy()[at].astype("datetime64[D]")


def recorded(feature: Feature, now: np.ndarray, then: np.ndarray, people_then: float, config: RiskConfig) -> Moved:
    """The share of people for whom anything is recorded, as a ratio; nothing for features without such a thing."""
    if feature.kind in LEVEL_LESS or not len(then):
        return NOTHING
    empty = 7.0 * feature.weeks if feature.kind == "days_since" else 0.0
    share = float((then != empty).mean())
    return ratio_of(float((now != empty).sum()), len(now), share * people_then, people_then, config.drift.least)


def _feature_row(
    feature: Feature,
    index: float | None,
    level: Moved,
    before: Sequence[tuple[float | None, Moved]],
    config: RiskConfig,
    people: int,
) -> dict[str, Any]:
    """A feature's line; `moved`: "more", "less" or "otherwise" (its distribution) where both comparisons say so."""
    limits = config.drift
    seasonal = [i for i, _ in before if i is not None]
    nearest = min(seasonal) if seasonal else None
    ratios = [m for _, m in before if m.by is not None]
    closest = min(ratios, key=lambda m: abs(np.log(max(m.by or 0.0, 1e-9)))) if ratios else NOTHING
    sign = level.beyond_factor(limits.recorded.most)
    if before:
        # All of the Sundays must agree: holidays move by a week.
        signs = {m.beyond_factor(limits.recorded.most) for _, m in before}
        sign = sign if signs == {sign} else 0
    shape = index is not None and index > limits.distribution.most
    if before:
        shape = shape and nearest is not None and nearest > limits.distribution.most
    moved = {1: "more", -1: "less"}.get(sign) or ("otherwise" if shape else None)
    least = config.evaluation.smallest_cell

    def told(share: float | None) -> float | None:
        return None if share is None or 0 < share * people < least else share

    return {
        "name": feature.name,
        "label": feature.label,
        "theme": feature.theme,
        "index_training": index,
        "index_season": nearest,
        "recorded_now": told(level.now),
        "recorded_training": told(level.then),
        "recorded_season": told(closest.then),
        "ratio_training": level.by if told(level.now) is not None else None,
        "ratio_season": closest.by if told(level.now) is not None else None,
        "moved": moved,
    }


def score_now(panel: Panel, at: np.ndarray, learnt: Rotation, config: RiskConfig) -> np.ndarray:
    """Calibrated log-odds of the rows at the positions. Rows outside the model's split (an older model is looked at
    when none speaks this week) go to one of its parts by lot: for a distribution it does not matter to which."""
    own = learnt.fold[at]
    lot = draw(panel.rows["sort_no"].to_numpy()[at], config.training.seed, 0)
    part = np.where(own >= 0, own, (lot * len(learnt.parts)).astype(np.int64))
    out = np.empty(len(at))
    for number, one in enumerate(learnt.parts):
        mine = np.flatnonzero(part == number)
        out[mine] = one.log_odds(panel, at[mine])
    return out


def of_score(
    panel: Panel, scores: np.ndarray, learnt: Rotation, as_of: date, config: RiskConfig
) -> dict[str, Any] | None:
    """The score's distribution now, in the training weeks (each family scored by the part that has not seen it), and
    in the training week nearest to this season a year before."""
    taught = positions_of(panel, learnt.split.train)
    sample = _sampled(panel, taught, config)
    then = learnt.log_odds(panel, sample)
    edges = bins_of(np.round(np.concatenate([scores, then]), 6))
    counts = counts_in(edges, scores)
    people = panel.rows["person"].iloc[taught].nunique()
    out: dict[str, Any] = {
        "index_training": stability_index(counts, counts_in(edges, then), len(scores), people),
        "index_season": None,
        "mean_now": round(float(chance(scores).mean()), 6),
        "mean_training": round(float(chance(then).mean()), 6),
    }
    ago = as_of - timedelta(weeks=52)
    near = min(learnt.split.train, key=lambda d: abs((d - ago).days))
    if abs((near - ago).days) <= 21:
        same = learnt.log_odds(panel, positions_of(panel, [near]))
        out["index_season"] = stability_index(counts, counts_in(edges, same), len(scores), len(same))
        out["mean_season"] = round(float(chance(same).mean()), 6)
    most = config.drift.distribution.most
    told = [i for i in (out["index_training"], out["index_season"]) if i is not None]
    out["moved"] = bool(told) and min(told) > most
    return out


def base_rate(panel: Panel, outcomes: labels.Outcomes, config: RiskConfig, as_of: date) -> dict[str, Any] | None:
    """The share with an outcome, quarter by quarter, every week as it was known when it matured; and the newest
    quarter against the same quarter a year before (a ratio of people, each once)."""
    newest = labels.latest_mature(config.target, as_of)
    days = sorted({pd.Timestamp(d).date() for d in panel.rows["as_of_date"].unique()})
    mature = [d for d in days if d <= newest]
    if not mature:
        return None
    by_week: dict[date, tuple[np.ndarray, np.ndarray]] = {}
    for day in mature:
        rows = panel.rows.iloc[positions_of(panel, [day])]
        known_on = day + timedelta(days=labels.maturity_days(config.target))
        known_on += timedelta(days=-known_on.isoweekday() % 7)
        hit = labels.outcomes_of(outcomes, rows, config.target, known_on)
        by_week[day] = (rows["person"].to_numpy(), hit)
    least = config.evaluation.smallest_cell
    quarters: dict[str, list[date]] = {}
    for day in mature:
        quarters.setdefault(f"{day.year} Q{(day.month + 2) // 3}", []).append(day)
    table = []
    for name, of in quarters.items():
        looked_at, hits, people = _together(by_week, of)
        hidden = 0 < people < least
        share = None if hidden else round(hits / max(looked_at, 1), 6)
        table.append({"quarter": name, "weeks": len(of), "share": share})
    recent = [d for d in mature if d > newest - timedelta(weeks=13)]
    earlier = [d for d in mature if newest - timedelta(weeks=65) < d <= newest - timedelta(weeks=52)]
    moved = _outcome_ratio(by_week, recent, earlier, config)
    return {
        "by_quarter": table,
        "newest": newest.isoformat(),
        "now": moved.now,
        "before": moved.then,
        "ratio": moved.by,
        "moved": {1: "more", -1: "less"}.get(moved.beyond_factor(config.drift.base_rate.most)),
    }


_ByWeek = Mapping[date, tuple[np.ndarray, np.ndarray]]  # by as-of date: person and whether there is an outcome, a row


def _together(by_week: _ByWeek, days: Sequence[date]) -> tuple[int, int, int]:
    """Rows of some weeks, those with an outcome, and how many people these are."""
    person = np.concatenate([by_week[d][0] for d in days])
    hit = np.concatenate([by_week[d][1] for d in days])
    return len(hit), int(hit.sum()), len(np.unique(person[hit]))


def _outcome_ratio(by_week: _ByWeek, recent: Sequence[date], earlier: Sequence[date], config: RiskConfig) -> Moved:
    """The share of rows with an outcome in two groups of weeks, with people and not rows as what is independent."""
    if not recent or not earlier:
        return NOTHING
    found = []
    for days in (recent, earlier):
        looked_at, hits, people = _together(by_week, days)
        # As many rows as the people would have, so that the rate stays and the noise is that of people.
        found.append((float(people), looked_at * people / hits if hits else float(looked_at)))
    (k_now, n_now), (k_then, n_then) = found
    return ratio_of(k_now, n_now, k_then, n_then, config.drift.least)


def _sampled(panel: Panel, at: np.ndarray, config: RiskConfig) -> np.ndarray:
    """A seeded sample of positions, in order; all of them where they are few."""
    if len(at) <= SAMPLED_ROWS:
        return at
    chosen = np.random.default_rng(config.training.seed).choice(len(at), size=SAMPLED_ROWS, replace=False)
    return at[np.sort(chosen)]


def warnings_of(found: Mapping[str, Any], config: RiskConfig) -> list[dict[str, str]]:
    """A warning for each thing that moved: `kind`, `about` (a feature or `agency.feed`), `words` and what to `do`."""
    against = "from the training weeks and from the same season a year before" if found["season"] else _NO_YEAR
    out = []
    for one in found["features"]:
        if one["moved"]:
            what = {"more": "is there for more people than", "less": "is there for fewer people than"}
            words = f'"{one["label"]}" '
            words += f"{what[one['moved']]} usual" if one["moved"] in what else "is spread otherwise than usual"
            since = against if one["index_season"] is not None else _NO_YEAR
            out.append(_warning("feature", one["name"], f"{words}: it moved {since}.", _DO["feature"]))
    score = found["score"]
    if score and score["moved"]:
        out.append(_warning("score", "score", f"The scores are spread otherwise: they moved {against}.", _DO["score"]))
    rate = found["base_rate"]
    if rate and rate["moved"]:
        words = f"{rate['moved'].capitalize()} people came to have an outcome than in the same quarter a year before"
        words = words.replace("Less people", "Fewer people")
        out.append(_warning("base_rate", "base rate", f"{words} (newest matured quarter).", _DO["base_rate"]))
    out += drift_arrivals.warnings_of(found["arrivals"], config.drift)
    out += drift_estimate.warnings_of(found["estimate"])
    return out


_NO_YEAR = "from the training weeks (there is no year before to compare with)"
_DO = {
    "feature": "Ask the agencies that tell of it whether recording, coding or a system changed; if it did, train on"
    " weeks after the change or leave the feature out under a new version.",
    "score": "Look at which features moved; where none did, look at who is in the cohort.",
    "base_rate": "Check whether thresholds for help, or how outcomes are recorded, changed; until it is known the"
    " model's chances may be wrong.",
}


def _warning(kind: str, about: str, words: str, do: str) -> dict[str, str]:
    return {"kind": kind, "about": about, "words": words, "do": do}
