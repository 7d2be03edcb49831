"""What a weekly run says of itself besides the list: cohort, features, the model's files and card, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from models.risk import explain, plots_score, plots_style, registry
from models.risk.backtest import Rotation
from models.risk.calibrate import Calibration
from models.risk.declare import RiskConfig, RuleBook
from models.risk.panel import Panel
from models.risk.registration import registration_hash
from models.risk.train import Fitted

PLOTTED_ROWS = 2_000
FAMILIES = (
    "Families are dealt into {folds} parts. Each part of the model learnt from all parts but one and scores that one"
    " alone, on the list as in the back-test: no family is scored by a model that learnt from it."
)
NO_FAMILIES = (
    "Families are not kept apart: people of the test weeks also stand in the training weeks, which are earlier."
)


def cohort_of(
    everyone: Panel, teams: Sequence[str], capacity: Mapping[str, int], candidates: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, int]]:
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


def features_of(now: Panel, config: RiskConfig) -> list[dict[str, Any]]:
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


def register(
    learnt: Rotation,
    config: RiskConfig,
    book: RuleBook,
    code_hash: str,
    evaluation: Mapping[str, Any],
    verdicts: Sequence[Mapping[str, Any]],
    as_of: date,
    scored: Mapping[str, Any],
) -> registry.ModelFiles:
    """The model's files with a card and the hashes of what made it. verdicts: what the gates said this week; scored:
    the mark of the rows it scored (rescore.py)."""
    first = learnt.parts[0]
    train, folds = learnt.split.train, len(learnt.parts)
    card = {
        "as_of_date": as_of.isoformat(),
        "purpose": "weekly list" if learnt.split.judged_on is None else "back-test only: names nobody",
        "trained_on": learnt.split.trained_on.isoformat(),
        "training_weeks": [train[0].isoformat(), train[-1].isoformat(), len(train)],
        "embargo_days": (learnt.split.trained_on - train[-1]).days,
        "parts": [
            {
                "candidate": p.fitted.name,
                "training_rows": p.rows,
                "training_outcomes": p.outcomes,
                "training_people_with_outcome": p.people_with_outcome,
                "candidates_compared": p.average_precision,
                "constant_features_left_out": list(p.left_out),
            }
            for p in learnt.parts
        ],
        "training_people_with_outcome": min(p.people_with_outcome for p in learnt.parts),
        "constant_features_left_out": list(first.left_out),
        "target": config.target.model_dump(mode="json"),
        "registered_on": config.registered_on.isoformat(),
        "registration": {"version": config.version, "hash": registration_hash(config)},
        "gates": [{k: v[k] for k in ("id", "title", "status", "words", "accepted")} for v in verdicts],
        "families": FAMILIES.format(folds=folds) if folds > 1 else NO_FAMILIES,
        "evaluation": {k: v for k, v in evaluation.items() if k != "curves"},
        "scored": dict(scored),
    }
    return registry.pack_model(_fitted(learnt), _hashes(learnt, config, book, code_hash), card)


def identity_of(learnt: Rotation, config: RiskConfig, book: RuleBook, code_hash: str) -> tuple[str, dict[str, str]]:
    """The name a model would be registered under, and its hashes, its own among them as `content`."""
    content = registry.content_hash(_fitted(learnt))
    return registry.name_of(_fitted(learnt), content), {**_hashes(learnt, config, book, code_hash), "content": content}


def _fitted(learnt: Rotation) -> list[tuple[Fitted, Calibration]]:
    return [(p.fitted, p.calibration) for p in learnt.parts]


def _hashes(learnt: Rotation, config: RiskConfig, book: RuleBook, code_hash: str) -> dict[str, str]:
    """Of what made a model: code, rows, features, risk.yml, rules.yml."""
    return {
        "code": code_hash,
        "data": registry.digest(p.data_hash.encode() for p in learnt.parts),
        "features": registry.features_hash(f for p in learnt.parts for f in p.fitted.features),
        "config": registry.config_hash(config),
        "rules": registry.rules_hash(book),
    }


def plots_of(learnt: Rotation | None, panel: Panel, at: np.ndarray, config: RiskConfig) -> dict[str, bytes]:
    """A picture of the model's contributions on a seeded sample of the panel's rows `at`: the one that needs rows. All
    others are drawn from the evaluation (plots.py)."""
    if learnt is None or not len(at):
        return {}
    size = min(PLOTTED_ROWS, len(at))
    sample = np.sort(np.random.default_rng(0).choice(at, size=size, replace=False))
    parts = explain.of_rotation(panel, sample, learnt, config)
    labels = [config.feature(n).label for n in parts.names]
    drawn = plots_score.contributions(parts.values, panel.take(sample, parts.names), labels)
    return {"contributions": plots_style.png(drawn)}
