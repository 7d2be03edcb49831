"""Everything a person needs to judge a listing for themselves: the rows behind each reason, two years of story, who is
involved, what goes well, and how the records were joined. Only what was known at the cut-off; only people listed.

A reason that no source row stands behind is not given: an age or the size of a household is never a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from models.risk.asof import knowledge_cutoff
from models.risk.declare import EPISODE_KINDS, EVENT_KINDS, Feature, RiskConfig, Rule

MOST_REASONS = 5
CHRONOLOGY_WEEKS = 104
PRIOR_WEEKS = 52
# What identifies the row, or the moment, that several events may tell of (see `once` in declare.py).
SAME_ROW = ["source", "event_type", "detail"]
SAME_MOMENT = ["agency", "event_type", "occurred_at"]
SHOWN = ["event_key", "agency", "feed", "event_type", "occurred_on", "value", "detail", "release", "is_new"]


@dataclass(frozen=True)
class Person:
    """Whom evidence is gathered for: key, key of the household on the day, keys of its other members."""

    key: str
    household_key: str | None
    others: tuple[str, ...]


@dataclass(frozen=True)
class Dossier:
    """Facts about the people looked at and their households, as known at the cut-off.

    events, episodes: frames with person_key and household_key as text; basis: person_key -> {agency: how joined}.
    """

    as_of: date
    events: pd.DataFrame
    episodes: pd.DataFrame
    basis: dict[str, dict[str, str]]

    def about(self, person: Person) -> Dossier:
        """The same with only the rows of one person, the others at home and the home itself."""

        def part(frame: pd.DataFrame) -> pd.DataFrame:
            here = frame["person_key"].isin([person.key, *person.others])
            if person.household_key is not None:
                here |= frame["person_key"].isna() & (frame["household_key"] == person.household_key)
            return frame[here]

        return Dossier(self.as_of, part(self.events), part(self.episodes), self.basis)

    def has_news(self) -> bool:
        """Whether any row became known this week; without one no reason has anything new to say."""
        return bool(self.events["is_new"].any() or self.episodes["is_new"].any())


def gather(
    con: duckdb.DuckDBPyConnection,
    config: RiskConfig,
    people: Sequence[Person],
    as_of: date,
    *,
    marts: str,
    record_person: str | None,
) -> Dossier:
    """Read the facts of the people and their households. record_person: relation (record_key, person_key, link_basis,
    known_from, known_to), or None where links are not exported."""
    keys = sorted({k for p in people for k in (p.key, *p.others)})
    homes = sorted({p.household_key for p in people if p.household_key})
    reach = max([CHRONOLOGY_WEEKS, *(f.reach_weeks for f in config.features)]) + PRIOR_WEEKS
    values = {
        "keys": keys,
        "homes": homes,
        "day": as_of,
        "since": as_of - timedelta(weeks=reach),
        "cutoff": knowledge_cutoff(as_of),
        "before": knowledge_cutoff(as_of - timedelta(weeks=1)),
    }
    owned = (
        "(person_key in (select unnest($keys::uuid[]))"
        " or (person_key is null and household_key in (select unnest($homes::uuid[]))))"
    )
    known = "known_from <= $cutoff and $cutoff < known_to"
    owners = "person_key::varchar as person_key, household_key::varchar as household_key"
    common = {k: values[k] for k in ("keys", "homes", "day", "cutoff", "before")}
    events = con.execute(
        f"select {owners}, event_key::varchar as event_key, agency, feed, event_type, occurred_on,"
        f" value::double as value, detail, release, known_from > $before as is_new, occurred_at,"
        f" coalesce(source_record_key::varchar, event_key::varchar) as source from {marts}.event"
        f" where {owned} and {known} and occurred_on <= $day and occurred_on > $since"
        " order by occurred_on, agency, event_type, detail, feed, value, release, event_key",
        common | {"since": values["since"]},
    ).df()
    episodes = con.execute(
        f"select {owners}, episode_key::varchar as event_key, agency, feed, episode_type as event_type, started_on,"
        f" ended_on, outcome as detail, release, team, worker_record_key::varchar as worker_record_key, organisation,"
        f" known_from > $before as is_new, null::timestamp as occurred_at,"
        f" coalesce(source_record_key::varchar, episode_key::varchar) as source"
        f" from {marts}.episode where {owned} and {known} and started_on <= $day"
        " order by started_on, agency, episode_type, ended_on, outcome, team, organisation, episode_key",
        common,
    ).df()
    for frame, columns in ((events, ["occurred_on"]), (episodes, ["started_on", "ended_on"])):
        for column in columns:
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[s]")
    return Dossier(as_of, events, episodes, _basis(con, people, values["cutoff"], marts, record_person))


def _basis(con, people: Sequence[Person], cutoff, marts: str, record_person: str | None) -> dict[str, dict[str, str]]:
    """Per person and agency the least certain way in which a record was joined to the person."""
    if record_person is None:
        return {}
    rows = con.execute(
        # Their events by person first: the table is large, and only a few people are looked at.
        f"with theirs as (select distinct record_key, agency from {marts}.event"
        " where person_key in (select unnest($keys::uuid[])))"
        f" select distinct p.person_key::varchar, e.agency, p.link_basis from {record_person} as p"
        " join theirs as e using (record_key) where p.person_key in (select unnest($keys::uuid[]))"
        " and p.known_from <= $cutoff and $cutoff < p.known_to",
        {"keys": sorted(p.key for p in people), "cutoff": cutoff},
    ).fetchall()
    doubt = {"single": 0, "deterministic": 1, "probabilistic": 2}
    out: dict[str, dict[str, str]] = {}
    for key, agency, basis in sorted(rows, key=lambda r: doubt.get(r[2], 3)):
        out.setdefault(key, {})[agency] = basis
    return out


def rows_behind(
    feature: Feature, person: Person, dossier: Dossier, config: RiskConfig
) -> tuple[pd.DataFrame, int | None]:
    """The source rows a feature's value rests on, oldest first, and the count of like rows in the period before.

    Columns SHOWN and is_new. Empty for a feature that rests on no row. The count is None where it has no meaning.
    Of rows that tell of one thing in the story of several children of a home, one stands for all.
    """
    if feature.base is not None:
        return rows_behind(config.feature(feature.base), person, dossier, config)
    as_of = pd.Timestamp(dossier.as_of)
    if feature.kind in EVENT_KINDS:
        frame = _owned(dossier.events, feature, person)
        frame = frame[frame["event_type"].isin(feature.events)]
        if feature.details:
            frame = frame[frame["detail"].isin(feature.details)]
        end = as_of - pd.Timedelta(weeks=feature.offset_weeks)
        start = end - pd.Timedelta(weeks=feature.weeks)
        if feature.kind == "count_since_end":
            ended, _ = rows_behind(feature.model_copy(update={"kind": "episodes_ended"}), person, dossier, config)
            last_end = ended["occurred_on"].max() if len(ended) else as_of
            return frame[(frame["occurred_on"] > last_end) & (frame["occurred_on"] <= as_of)], None
        inside = _once(frame[(frame["occurred_on"] > start) & (frame["occurred_on"] <= end)], feature)
        prior = pd.Timedelta(weeks=feature.prior_weeks or PRIOR_WEEKS)
        before = len(_once(frame[(frame["occurred_on"] > start - prior) & (frame["occurred_on"] <= start)], feature))
        if feature.kind == "days_since":
            return inside[inside["occurred_on"] == inside["occurred_on"].max()], None
        return inside, before
    if feature.kind not in EPISODE_KINDS:
        return dossier.events.iloc[:0], None
    frame = _owned(dossier.episodes, feature, person)
    frame = frame[frame["event_type"].isin(feature.episodes)]
    if feature.outcomes:
        frame = frame[frame["detail"].isin(feature.outcomes)]
    day = "ended_on" if feature.kind == "episodes_ended" else "started_on"
    if feature.kind in {"open_episode", "episode_days"}:
        frame = frame[frame["ended_on"].isna() | (frame["ended_on"] > as_of)]
    else:
        frame = frame[(frame[day] > as_of - pd.Timedelta(weeks=feature.weeks)) & (frame[day] <= as_of)]
    frame = frame.assign(occurred_on=frame[day], value=1.0).sort_values("occurred_on", kind="stable")
    return _once(frame, feature), None


def _once(rows: pd.DataFrame, feature: Feature) -> pd.DataFrame:
    """The rows with one of those that tell of the same thing, where a feature of the home counts things once.

    The one kept carries the largest value, and is new only when all of them are: a thing known of one child for long
    is no news because a brother's record of it has just come in.
    """
    if feature.scope == "person" or len(rows) < 2:
        return rows
    same = rows.groupby(SAME_ROW, dropna=False, sort=False).ngroup()
    if feature.once == "incident":
        timed = rows["occurred_at"].notna()
        moment = rows.groupby(SAME_MOMENT, dropna=False, sort=False).ngroup()
        same = same.where(~timed, len(rows) + moment)
    told = rows.groupby(same.to_numpy())
    rows = rows.assign(value=told["value"].transform("max"), is_new=told["is_new"].transform("min"))
    return rows[~same.duplicated()]


def _owned(frame: pd.DataFrame, feature: Feature, person: Person) -> pd.DataFrame:
    """Rows in the feature's scope: the person's own, or those of the others at home and of the home itself."""
    own = frame["person_key"] == person.key
    if feature.scope == "person":
        return frame[own]
    around = frame["person_key"].isin(person.others)
    if person.household_key is not None:
        around |= frame["person_key"].isna() & (frame["household_key"] == person.household_key)
    return frame[around | own] if feature.scope == "household" else frame[around]


def facts_of(
    feature: Feature, rows: pd.DataFrame, before: int | None, config: RiskConfig, as_of: date
) -> dict[str, Any]:
    """What a sentence may say of the rows: counts, dates, periods; dates as ISO text."""
    shape = config.feature(feature.base) if feature.base else feature
    first, last = rows["occurred_on"].min(), rows["occurred_on"].max()
    facts: dict[str, Any] = {
        "count": len(rows),
        "total": float(rows["value"].fillna(1).sum()),
        "kinds": int(rows["event_type"].nunique()),
        "first_on": first.date().isoformat(),
        "last_on": last.date().isoformat(),
        "days": (pd.Timestamp(as_of) - first).days,
        "new_count": int(rows["is_new"].sum()),
    }
    if shape.window_weeks:
        facts["window_weeks"] = shape.window_weeks
    if before is not None:
        facts |= {"prior_count": before, "prior_weeks": shape.prior_weeks or PRIOR_WEEKS}
    return facts


def rule_reason(rule: Rule, person: Person, dossier: Dossier, config: RiskConfig) -> dict[str, Any] | None:
    """A reason from a rule that holds: the rows of its evidence feature, and those of its other conditions."""
    feature = config.feature(rule.evidence)
    rows, before = rows_behind(feature, person, dossier, config)
    if rows.empty:
        return None
    reason = _reason(rule.id, feature, "rule", rows, before, config, dossier.as_of)
    supporting = []
    for condition in rule.conditions:
        if condition.feature != rule.evidence and (condition.at_least or 0) > 0:
            more, _ = rows_behind(config.feature(condition.feature), person, dossier, config)
            supporting += _records(more[~more["event_key"].isin(rows["event_key"])])
    unique = {(r["event_key"], r["event_type"]): r for r in supporting}
    return reason | {
        "supporting": list(unique.values()),
        "questions": list(rule.questions),
        "deadline_days": rule.deadline_working_days,
    }


def feature_reasons(
    themes: Sequence[tuple[str, Sequence[str]]],
    values: dict[str, float],
    person: Person,
    dossier: Dossier,
    config: RiskConfig,
    told: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Reasons from the model: for each theme, heaviest first, the heaviest feature with rows that were not told yet.

    themes: (theme, its features heaviest first, those that raised the score alone). told: reasons already given.
    """
    reasons = list(told)
    seen = {e["event_key"] for r in told for e in r["evidence"]}
    for _, names in themes:
        for name in names:
            feature = config.feature(name)
            if not feature.sentence or not _is_rise(feature, values, config):
                continue
            rows, before = rows_behind(feature, person, dossier, config)
            if rows.empty or set(rows["event_key"]) <= seen:
                continue
            reasons.append(_reason(name, feature, "feature", rows, before, config, dossier.as_of))
            seen |= set(rows["event_key"])
            break
        if len(reasons) >= MOST_REASONS:
            break
    return reasons[:MOST_REASONS]


def _is_rise(feature: Feature, values: dict[str, float], config: RiskConfig) -> bool:
    """Whether a comparison came out as a rise: against the others, and against the person's own past where it is of
    that. Somebody who misses less school than before, while others miss still less, has improved. True of a count."""
    compared = [feature, *([config.feature(feature.base)] if feature.base else [])]
    return all(values[f.name] > 0 for f in compared if f.kind in {"change", "relative_to_peers"})


def protective(values: dict[str, float], person: Person, dossier: Dossier, config: RiskConfig) -> list[dict[str, Any]]:
    """What goes well: features declared protective that the person has rows for."""
    out = []
    for feature in config.features:
        if not feature.protective or values[feature.name] <= 0:
            continue
        rows, before = rows_behind(feature, person, dossier, config)
        if not rows.empty:
            out.append(_reason(feature.name, feature, "protective", rows, before, config, dossier.as_of))
    return out


def chronology(person: Person, dossier: Dossier) -> list[dict[str, Any]]:
    """The person's own last 24 months, oldest first."""
    frame = dossier.events[dossier.events["person_key"] == person.key]
    since = pd.Timestamp(dossier.as_of) - pd.Timedelta(weeks=CHRONOLOGY_WEEKS)
    return _records(frame[frame["occurred_on"] > since])


def involvement(person: Person, dossier: Dossier) -> list[dict[str, Any]]:
    """Episodes open on the day: who is already with the family."""
    frame = dossier.episodes[dossier.episodes["person_key"] == person.key]
    frame = frame[frame["ended_on"].isna() | (frame["ended_on"] > pd.Timestamp(dossier.as_of))]
    out = []
    for row in frame.to_dict("records"):
        entry = {"episode_type": row["event_type"], "started_on": row["started_on"].date().isoformat()}
        entry |= {k: _value(row[k]) for k in ("agency", "team", "worker_record_key", "organisation", "release")}
        out.append(entry)
    return out


def _reason(name: str, feature: Feature, kind: str, rows, before, config: RiskConfig, as_of: date) -> dict[str, Any]:
    """A reason as the composer reads it."""
    return {
        "name": name,
        "theme": feature.theme,
        "kind": kind,
        "sentence_key": name,
        "scope": feature.scope,
        "facts": facts_of(feature, rows, before, config, as_of),
        "evidence": _records(rows),
    }


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain dicts, dates as ISO text, missing values as None."""
    return [{c: _value(r[c]) for c in SHOWN} for r in rows[SHOWN].to_dict("records")]


def _value(value: Any) -> Any:
    """A cell as JSON holds it."""
    if value is None or value is pd.NaT or (isinstance(value, float) and pd.isna(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    if isinstance(value, np.bool_):
        return bool(value)
    return value
