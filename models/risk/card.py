"""The model card: what the model is for, what it reads and never reads, how it is judged, who answers for it.

Two parts. `model_card` is written from the declarations alone: it is kept with the code and compared in the tests, so
that a changed declaration changes the card in the same commit. `run_figures` is written from one week's run.
Sections follow Mitchell et al. 2019 (intended use, factors, metrics, data, ethical considerations, caveats).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.risk.card_pack import Pack, day, joined, looked_up, notice, number, percent, share, table, titled
from models.risk.declare import Feature
from models.risk.gate_declare import Gate

WAYS = {"model": "the model", "contact_count": "counting contacts", "rules": "the named patterns", "random": "a draw"}


def model_card(pack: Pack) -> str:
    """The card as far as declarations go, as Markdown."""
    config = pack.config
    return joined(
        [
            f"# Model card: {pack.partnership['title']}",
            notice(pack),
            f"Written from the partnership's declarations, version {config.version} registered on"
            f" {day(config.registered_on)}. Figures of a week's run stand below it in `assurance/`.",
            "## What it is for",
            pack.answer("purpose", "senior responsible owner"),
            f"Mode: **{pack.partnership['mode']}**. {_modes(pack)}",
            "### What it is not for",
            pack.answer("not_for", "senior responsible owner"),
            "## What it learns to find",
            f"**{config.target.name}**: {config.target.description}",
            f"An outcome counts within {config.target.horizon_days} days after a week, and is believed"
            f" {config.target.maturity_days} days later, when it has been decided and recorded. A model needs outcomes"
            f" of at least {config.target.minimum_positives} different {pack.people} in its training weeks.",
            "## Whom it looks at",
            *_cohort(pack),
            "## What it reads",
            *_features(pack),
            "### What it never reads",
            *_never(pack),
            "## Where the data come from",
            *_data(pack),
            "## How it is trained",
            *_training(pack),
            "## How it is judged",
            *_judging(pack),
            "## Who decides",
            *_oversight(pack),
            "## Limits that are known",
            pack.answer("limitations", "head of analysis"),
            "## Whom to ask",
            pack.answer("contact_email", "partnership's manager"),
        ]
    )


def _modes(pack: Pack) -> str:
    return {
        "shadow": "The model is judged and names nobody.",
        "pilot": "Lists go to the weekly meeting, under the sign-offs below.",
        "live": "Lists are part of the ordinary weekly meeting.",
    }.get(str(pack.partnership["mode"]), "")


def _cohort(pack: Pack) -> list[str]:
    cohort = pack.cohort.get("cohort") or {}
    if not cohort:
        return ["The pack declares no cohort: everybody known to the hub."]
    ages = [cohort.get("min_age_months"), cohort.get("max_age_months")]
    known = None not in ages
    said = f"Aged {ages[0]} to {ages[1]} months" if known else "Of any age"
    rows = [
        [
            rule["reason"].replace("_", " "),
            ", ".join(str(e) for e in (*rule.get("events", []), *rule.get("episodes", []))),
            str(rule.get("routed_to", "nobody")).replace("_", " "),
        ]
        for rule in cohort.get("exclusions", [])
    ]
    out = [f"{said}, and recorded by some agency in the last {cohort.get('seen_within_days')} days."]
    if rows:
        out.append(
            f"Not listed, each counted on the list; where somebody is already with the {pack.people}, they are told:"
        )
        out.append(table(["left out because", "holds while or after", "told instead"], rows))
    return out


def _features(pack: Pack) -> list[str]:
    config = pack.config
    read = len(config.model_features)
    out = [
        f"{len(config.features)} features are declared; the model reads {read}, the others serve named patterns and"
        " comparison. Each is as known on the Monday after the week, at two in the morning."
    ]
    for theme, title in config.themes.items():
        rows = [
            [f.label, f.kind.replace("_", " "), _window(f), _who(f), "yes" if f.model else "no"]
            for f in config.features
            if f.theme == theme
        ]
        if rows:
            out += [f"### {title}", table(["feature", "kind", "looks back", "of whom", "read by the model"], rows)]
    return out


def _window(feature: Feature) -> str:
    return f"{feature.reach_weeks} weeks" if feature.reach_weeks else "the day itself"


def _who(feature: Feature) -> str:
    return {"person": "the person", "household": "the household", "household_others": "others at home"}[feature.scope]


def _never(pack: Pack) -> list[str]:
    config = pack.config
    out = [
        "Held against every declaration and against the SQL behind every fact, when the pack is loaded:",
        table(["never", "why"], [[n.term.replace("_", " "), n.why] for n in config.never_features]),
    ]
    if config.never_exceptions:
        out.append("Columns of such names that are used where no fact carries them to a feature:")
        rows = [[e.term, e.model, e.why] for e in config.never_exceptions]
        out.append(table(["column", "step", "why it may be"], rows))
    if config.never_alone:
        out.append(f"Never counted as a single event: {', '.join(n.replace('_', ' ') for n in config.never_alone)}.")
    return out


def _data(pack: Pack) -> list[str]:
    rows = [
        [
            titled(pack, f),
            f.purpose,
            f"{f.agreement}, to {day(f.expires)}" if f.expires else f.agreement,
            f.retention_months,
        ]
        for f in pack.feeds
        if f.subject is None
    ]
    audit = sorted({column for f in pack.feeds for column in f.columns.get("audit", ())})
    return [
        "One agreement a feed; a feed without a valid agreement is not read. Columns outside an agreement are dropped.",
        table(["feed", "what it is for", "agreement", "kept, months"], rows),
        f"Kept apart for the fairness audit, where no feature can read them: {', '.join(audit) or 'nothing'}."
        f"{looked_up(pack)} Lawful grounds of each feed stand in the transparency record (`atrs.md`).",
    ]


def _training(pack: Pack) -> list[str]:
    config, t = pack.config, pack.config.training
    settings = {"logistic": t.logistic, "boosting": t.boosting, "blend": {}}
    names = {
        "logistic": "elastic-net logistic regression, each coefficient bound to the declared sign",
        "boosting": "gradient-boosted trees, monotone in the declared direction",
        "blend": "the mean of both log-odds",
    }
    defaults = {"blend": "as above"}
    rows = [
        [names[c], ", ".join(f"{k} {v:g}" for k, v in settings[c].items()) or defaults.get(c, "the engine's defaults")]
        for c in t.candidates
    ]
    known = f"{t.window_weeks} weeks whose outcomes were known by then"
    drawn = (
        f"all rows with an outcome and up to {t.negatives_per_positive} others for each, drawn with seed {t.seed} and"
        " weighted back"
    )
    apart = (
        f" Families are dealt into {config.evaluation.family_folds} parts: nobody is scored by a model that learnt from"
        " their own family."
    )
    return [
        f"Every week anew, on every {_nth(t.step_weeks)} Sunday of {known}: {drawn}."
        + (apart if config.evaluation.family_folds > 1 else ""),
        "Candidates, compared on families they have not learnt from; a later one is taken only when it is better by"
        f" {100 * t.prefer_earlier_within:g} %:",
        table(["candidate", "settings"], rows),
        "Chances are calibrated by two numbers fitted on predictions for families not learnt from (Platt scaling). What"
        " moves a score is additive over features and asserted to sum to it.",
        f"Beside it always: a count (*{config.feature(config.comparators.contact_count).label}*), the named patterns"
        " and a draw. Named patterns:",
        table(
            ["pattern", "why", "talk within"],
            [[r.title, r.why, _days(r.deadline_working_days)] for r in pack.book.rules],
        ),
        f"The model fills {100 * config.channels.model_share:g} % of a team's places, the patterns the rest; nobody is"
        f" listed again within {config.channels.relist_after_weeks} weeks.",
    ]


def _days(number: int) -> str:
    return f"{number} working day{'' if number == 1 else 's'}"


def _nth(step: int) -> str:
    return {1: "single", 2: "second", 3: "third", 4: "fourth"}.get(step, f"{step}th")


def _judging(pack: Pack) -> list[str]:
    config, e = pack.config, pack.config.evaluation
    hashes = [r.hash for r in config.registrations if r.version == config.version]
    out = [
        f"Back-test over {e.judged_weeks} weeks, each by the newest model there could have been; intervals at"
        f" {100 * e.level:g} % by drawing families {e.bootstrap} times; counts under {e.smallest_cell} are withheld.",
        "Gates, registered before they were used"
        + (f" (hash `{hashes[0]}`)" if hashes else " (**not registered**)")
        + ":",
        table(
            ["gate", "what it asks", "limits"], [[g.title, g.kind.replace("_", " "), _limits(g)] for g in config.gates]
        ),
        "Without a pass the named patterns' list alone is issued, and says so; a named person may accept, for a reason"
        " and until a day, that some gates have not passed.",
    ]
    overrides = pack.partnership.get("gate_overrides") or []
    rows = [[o.get("gate"), o.get("status"), o.get("by"), o.get("reason"), day(o.get("until"))] for o in overrides]
    out.append(table(["accepted gate", "although", "by", "because", "until"], rows) if rows else "Nothing is accepted.")
    if config.fairness.attributes:
        audited = ", ".join(a.title.lower() for a in config.fairness.attributes)
        out.append(
            f"**Fairness** is measured by {audited}; *{config.fairness.missing}* is a group. What cannot be told is"
            " unproven, never fair."
        )
    out.append(
        "**Drift**: a person is told when something moves from the training weeks and from this season a year ago."
    )
    limits = [
        [name.replace("_", " "), limit["most"], limit["why"]]
        for name, limit in config.drift.model_dump().items()
        if isinstance(limit, Mapping)
    ]
    out.append(table(["what moves", "limit", "why"], limits))
    return out


def _limits(gate: Gate) -> str:
    """A gate's own settings, in words."""
    said = {
        "benefit": f"lower bound above {gate.least_difference:g}, at least {gate.minimum_found} found",
        "calibration": f"slope {gate.slope[0]:g} to {gate.slope[1]:g}, error beyond chance at most"
        f" {100 * gate.largest_relative_error:g} % of what was observed, at least {gate.minimum_found} outcomes",
        "fairness": ", ".join(f"{m} within {100 * v:g} in a hundred" for m, v in gate.margins.items())
        + f", at least {gate.minimum_found} people",
        "stability": f"turnover at most {gate.most_turnover:g}, overlap of refits at least {gate.least_overlap:g}",
        "linkage": ", ".join(f"{m} at least {v:g}" for m, v in gate.least.items()),
        "sign_offs": ", ".join(r.replace("_", " ") for r in gate.required),
        "feeds": ", ".join(gate.required),
        "mode": f"{gate.shadow_weeks} weeks in shadow before live running",
        "inputs": f"no feed silent for {gate.quiet_weeks} weeks, no feature dead, no clock ahead",
    }
    return said.get(gate.kind, "")


def _oversight(pack: Pack) -> list[str]:
    out = [pack.answer("human_decisions", "senior responsible owner")]
    rows = [
        [
            one.get("name", key.replace("_", " ")),
            one.get("by"),
            one.get("reference"),
            day(one.get("signed")),
            day(one.get("expires")),
        ]
        for key, one in (pack.partnership.get("sign_offs") or {}).items()
    ]
    out.append(
        table(["signed off", "by", "reference", "on", "until"], rows) if rows else "**Nobody has signed it off.**"
    )
    sunset = pack.partnership.get("sunset")
    out.append(f"Without renewal no list is issued after {day(sunset)}." if sunset else "**No sunset date is set.**")
    return out


def run_figures(run: Mapping[str, Any]) -> str:
    """A week's figures. run: as_of_date, channel, statement, accepted, gates, evaluation (small counts withheld), model
    (name and card, or None), drift."""
    card = (run.get("model") or {}).get("card")
    evaluation: Mapping[str, Any] = run.get("evaluation") or {}
    return joined(
        [
            f"# Figures of the week that ended on {day(run['as_of_date'])}",
            run["statement"] or "The list came from the named patterns and from the model.",
            *(f"- {one}" for one in run["accepted"]),
            "## The model",
            *(_model(run["model"]["name"], card) if card else ["No model could be learnt this week."]),
            "## What it found in the weeks judged",
            *_found(evaluation),
            "## Gates",
            table(["gate", "says", "why"], [[g["title"], _status(g), g["words"]] for g in run["gates"]]),
            "## Fairness",
            *_fairness(evaluation.get("fairness")),
            "## What has moved",
            *_drift(run.get("drift") or {}),
        ]
    )


def _model(name: str, card: Mapping[str, Any]) -> list[str]:
    weeks = card["training_weeks"]
    parts = card["parts"]
    rows = [
        [
            number,
            p["candidate"],
            f"{p['training_rows']:,}",
            f"{p['training_people_with_outcome']:,}",
            ", ".join(f"{k} {v:.3f}" for k, v in p["candidates_compared"].items()),
            ", ".join(p["constant_features_left_out"]) or "none",
        ]
        for number, p in enumerate(parts, start=1)
    ]
    hashes = card["hashes"] | {"content": card["content_hash"]}
    return [
        f"`{name}`, purpose: {card['purpose']}. Trained on {day(card['trained_on'])} with {weeks[2]} weeks from"
        f" {day(weeks[0])} to {day(weeks[1])}. {card['families']}",
        table(
            ["part", "candidate", "rows", "people with outcome", "average precision compared", "features left out"],
            rows,
        ),
        table(["hash of", "begins"], [[k, f"`{v[:12]}`"] for k, v in sorted(hashes.items())]),
    ]


def _found(evaluation: Mapping[str, Any]) -> list[str]:
    if "at_capacity" not in evaluation:
        return ["No week has matured that could be judged."]
    rows = [
        [WAYS.get(name, name), number(at["listed"]), number(at["found"]), share(at["precision"]), share(at["recall"])]
        for name, at in evaluation["at_capacity"].items()
    ]
    out = [
        f"Base rate: {percent(evaluation['base_rate'])}.",
        table(["chosen by", "listed", "found", "precision (95 %)", "recall (95 %)"], rows),
    ]
    precision = ", ".join(
        f"{WAYS.get(k, k)} {v:.3f}" for k, v in evaluation["average_precision"].items() if v is not None
    )
    out.append(f"Average precision: {precision or 'withheld'}.")
    calibration = evaluation.get("calibration")
    if calibration:
        out.append(
            f"Calibration: slope {calibration['slope']:.2f}, expected calibration error {calibration['ece']:.4f},"
            f" Brier score {calibration['brier']:.4f}; expected {percent(calibration['mean'])}, observed"
            f" {percent(calibration['observed'])}."
        )
    return out


def _fairness(audit: Mapping[str, Any] | None) -> list[str]:
    if not audit:
        return ["It could not be measured."]
    rows = [
        [a["title"], g["group"], share(g["selection"]), share(g["precision"]), share(g["missed"])]
        for a in audit["attributes"]
        for g in a["groups"]
    ]
    return [table(["by", "group", "ever listed", "precision", "missed"], rows)]


def _drift(drift: Mapping[str, Any]) -> list[str]:
    warnings: Sequence[Mapping[str, str]] = drift.get("warnings", [])
    out = [f"- {one['words']} {one['do']}" for one in warnings] or ["Nothing moved beyond its limit."]
    return ["\n".join(out)]


def _status(gate: Mapping[str, Any]) -> str:
    accepted = gate.get("accepted")
    return (
        f"{gate['status']}, accepted until {day(accepted['until'])} by {accepted['by']}" if accepted else gate["status"]
    )
