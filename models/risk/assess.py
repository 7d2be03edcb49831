"""All figures of the weeks judged: what was found, who was missed, for whom it works less well, how steady it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from models.risk import explain, fairness, labels, maturation, missed, recorders, rules, steadiness
from models.risk.backtest import Judged, refit_rotation
from models.risk.bootstrap import FamilyBootstrap, ListStatistics
from models.risk.calibrate import chance
from models.risk.declare import RiskConfig, RuleBook
from models.risk.evaluate import MODEL, evaluate
from models.risk.evidence import MOST_REASONS
from models.risk.measures import rounded
from models.risk.panel import Panel
from models.risk.rolling import Rolled, lists_of

REFIT_WEEKS = 4
SHAKEN_ROWS = 200
SAMPLED_ROWS = 2_000
RECORDED_KINDS = frozenset({"count", "episodes_started", "episodes_ended", "open_episode"})


def assess(
    panel: Panel,
    rolled: Rolled,
    outcomes: labels.Outcomes,
    config: RiskConfig,
    book: RuleBook,
    capacity: Mapping[str, int],
    as_of: date,
    attributes: pd.DataFrame | None = None,
    recorded_by: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """Aggregates of the back-test's weeks as one dict, JSON-able.

    attributes: a row a person with `person_key` and the audited attributes, None when the audit cannot be made;
    recorded_by: by way of grouping, person_key -> who records (recorders.py), as on the newest week judged.
    """
    judged = rolled.judged
    assert judged is not None
    scores, listed = lists_of(judged, capacity, config)
    family = judged.family
    out = evaluate(judged.rows, judged.y, judged.log_odds, scores, listed, family, capacity, config)
    least, seed = config.evaluation.smallest_cell, config.training.seed
    person = judged.rows["person"].to_numpy()
    stats = ListStatistics(
        FamilyBootstrap(family, config.evaluation.bootstrap, config.evaluation.level, seed), judged.y, person
    )
    ours = listed.get(MODEL, listed["rules"])
    out["missed_by_theme"] = missed.missed_by(_recorded_themes(panel, judged.at, config), stats, ours, least)
    patterns: dict[str, np.ndarray] = {r.title: judged.holds[:, i] for i, r in enumerate(book.rules)}
    patterns |= {"no named pattern": ~np.any(judged.holds, axis=1)}
    out["missed_by_pattern"] = missed.missed_by(patterns, stats, ours, least)
    out["lead_time"] = {n: missed.lead_times(mask, judged.days, person, least) for n, mask in listed.items()}
    out["maturation"] = maturation.maturation_curve(outcomes, panel.rows, config.target, as_of)
    newest = rolled.newest
    if newest is None or judged.log_odds is None:
        return out
    taught = panel.rows[panel.rows["as_of_date"].isin(pd.to_datetime(list(newest.split.train)))]
    out["hindsight"] = maturation.hindsight_gap(outcomes, taught, config.target, newest.split.trained_on, as_of)
    out["influence"] = _influence(panel, rolled, judged, config)
    out["theme_yields"] = _theme_yields(panel, rolled, judged, ours, config)
    out["stability"] = _stability(panel, rolled, judged, outcomes, config, capacity)
    if recorded_by is not None:
        out["recorders"] = _recorders(judged, recorded_by, config)
    if attributes is not None and config.fairness.attributes:
        out["fairness"] = fairness.audit(
            fairness.groups_of(panel, judged.at, attributes, config),
            judged.y,
            ours,
            judged.log_odds,
            person,
            family,
            judged.contact_count,
            judged.rows["as_of_date"].dt.to_period("Q").astype(str).to_numpy(),
            config,
        )
    return out


def _recorded_themes(panel: Panel, at: np.ndarray, config: RiskConfig) -> dict[str, np.ndarray]:
    """By theme, whether anything of it is recorded about a row; and whether nothing is at all."""
    out: dict[str, np.ndarray] = {}
    for theme, title in config.themes.items():
        names = [f.name for f in config.features if f.theme == theme and f.kind in RECORDED_KINDS and not f.protective]
        if names:
            out[title] = np.logical_or.reduce([panel.column(n)[at] > 0 for n in names])
    if out:
        out["nothing recorded"] = ~np.logical_or.reduce(list(out.values()))
    return out


def _themes(panel: Panel, rolled: Rolled, judged: Judged, positions: np.ndarray, config: RiskConfig) -> pd.DataFrame:
    """The contribution of each theme to the score of some of the rows judged, a column each, named by its title."""
    found = np.zeros((len(positions), len(config.themes)))
    for number, learnt in rolled.rotations.items():
        mine = np.flatnonzero(judged.split[positions] == number)
        if len(mine):
            parts = explain.of_rotation(panel, judged.at[positions[mine]], learnt, config).by_theme()
            for column, theme in enumerate(config.themes):
                found[mine, column] = parts.get(theme, np.zeros(len(mine)))
    return pd.DataFrame(found, columns=list(config.themes.values()))


def _influence(panel: Panel, rolled: Rolled, judged: Judged, config: RiskConfig) -> dict[str, Any]:
    """What moves the newest model's score: mean size of each theme's and each feature's contribution in log-odds, over
    a seeded sample of the rows it judged; features that move nothing are left out."""
    assert rolled.newest is not None
    at = judged.at[judged.split == max(rolled.rotations)]
    size = min(SAMPLED_ROWS, len(at))
    sample = np.sort(np.random.default_rng(config.training.seed).choice(at, size=size, replace=False))
    parts = explain.of_rotation(panel, sample, rolled.newest, config)
    weight = np.abs(parts.values).mean(axis=0)
    order = np.argsort(-weight, kind="stable")
    features = [
        {
            "label": config.feature(parts.names[c]).label,
            "theme": config.themes[parts.themes[c]],
            "size": rounded(weight[c]),
        }
        for c in order
        if weight[c] > 0
    ]
    themes = [
        {"theme": config.themes[name], "size": rounded(np.abs(values).mean())}
        for name, values in parts.by_theme().items()
    ]
    return {"rows": size, "themes": sorted(themes, key=lambda t: (-t["size"], t["theme"])), "features": features}


def _theme_yields(
    panel: Panel, rolled: Rolled, judged: Judged, listed: np.ndarray, config: RiskConfig
) -> list[dict[str, Any]]:
    """What came of people listed for a theme: among the heaviest that raised their score, as reasons are told."""
    places = np.flatnonzero(listed)
    values = _themes(panel, rolled, judged, places, config).to_numpy()
    person = judged.rows["person"].to_numpy()[places]
    heavy = np.argsort(-values, axis=1, kind="stable")[:, :MOST_REASONS]
    out = []
    for column, (theme, title) in enumerate(config.themes.items()):
        told = np.flatnonzero((heavy == column).any(axis=1) & (values[:, column] > 0))
        _, first = np.unique(person[told], return_index=True)
        found = int(judged.y[places[told[first]]].sum())
        smallest = config.evaluation.smallest_cell
        frequency = rules.natural_frequency(found, len(first), smallest, config.outcome_words)
        out.append({"id": theme, "title": title} | frequency)
    return out


def _stability(
    panel: Panel, rolled: Rolled, judged: Judged, outcomes: labels.Outcomes, config: RiskConfig, capacity
) -> dict[str, Any]:
    """Turnover with its reasons, overlap with refits, and how reasons stand up to small changes (see steadiness.py)."""
    assert judged.log_odds is not None and rolled.newest is not None
    settings, seed = config.evaluation, config.training.seed

    def themes_of(positions: np.ndarray) -> pd.DataFrame:
        return _themes(panel, rolled, judged, positions, config)

    pointed = steadiness.pointed_to(judged.rows, chance(judged.log_odds), capacity, seed)
    out = steadiness.turnover(judged.rows, pointed, judged.split, themes_of, settings.smallest_cell)
    mine = judged.where(judged.split == max(rolled.rotations))
    days = np.unique(mine.rows["as_of_date"].to_numpy())
    some = days[np.unique(np.linspace(0, len(days) - 1, REFIT_WEEKS).astype(int))]
    mine = mine.where(np.isin(mine.rows["as_of_date"].to_numpy(), some))
    assert mine.log_odds is not None
    first = steadiness.pointed_to(mine.rows, chance(mine.log_odds), capacity, seed)
    overlaps = []
    for number in range(settings.refits):
        again = refit_rotation(panel, outcomes, config, rolled.newest, seed + 1 + number)
        other = steadiness.pointed_to(mine.rows, chance(again.log_odds(panel, mine.at)), capacity, seed)
        overlaps.append(steadiness.overlap(mine.rows, first, other))
    known = [o for o in overlaps if o is not None]
    out["refit_overlap"] = min(known) if known else None
    out["places"] = int(first.sum())
    out["reasons"] = _shaken_reasons(panel, mine.at[first][:SHAKEN_ROWS], rolled, config)
    return out


def _shaken_reasons(panel: Panel, at: np.ndarray, rolled: Rolled, config: RiskConfig) -> dict[str, float | None]:
    """How far the themes that raise a score stay the same when values change a little."""
    assert rolled.newest is not None
    before: list[np.ndarray] = []
    after: list[np.ndarray] = []
    for number, part in enumerate(rolled.newest.parts):
        mine = at[rolled.newest.fold[at] == number]
        if not len(mine):
            continue
        X = panel.take(mine, [f.name for f in part.fitted.features])
        moved = steadiness.shaken(X, [f.kind for f in part.fitted.features], config.training.seed)
        for values, kept in ((X, before), (moved, after)):
            themes = explain.contributions(part.fitted, part.calibration, values).by_theme()
            kept.extend(np.column_stack([themes.get(t, np.zeros(len(mine))) for t in config.themes]))
    return steadiness.kept_reasons(np.array(before), np.array(after))


def _recorders(judged: Judged, recorded_by: Mapping[str, Mapping[str, str]], config: RiskConfig) -> dict[str, Any]:
    """By way of grouping, how far the recorder explains the score, in the newest week judged."""
    assert judged.log_odds is not None
    day = judged.rows["as_of_date"].to_numpy()
    here = day == day.max()
    keys = judged.rows["person_key"][here].astype(str)
    settings = config.evaluation
    return {
        way: recorders.recorder_effect(
            judged.log_odds[here],
            judged.contact_count[here],
            keys.map(lambda k, who=who: who.get(k, recorders.NOBODY)).to_numpy().astype(object),
            settings.smallest_cell,
            settings.recorder_share,
        )
        for way, who in recorded_by.items()
    }
