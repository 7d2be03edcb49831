"""From scores and rules to this week's list, each person with what a reviewer needs; and notices for open cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from models.risk import evidence, explain, rules
from models.risk.declare import RiskConfig, RuleBook
from models.risk.evidence import Person
from models.risk.panel import Panel
from models.risk.queue import MODEL_CHANNEL, Queue


def choose(
    held: Sequence[Queue], holds: np.ndarray, book: RuleBook, household: np.ndarray
) -> list[tuple[int, list[str]]]:
    """Positions of the people to list with the channels that put them there, in order, brothers and sisters together.

    held: the week's queues, the model's first; holds: which patterns hold, (rows, rules); household: of every row.
    """
    spoken = {int(p) for q in held if q.channel == MODEL_CHANNEL for p in q.taken}
    channels = [
        (p, ([MODEL_CHANNEL] if p in spoken else []) + [r.id for r, h in zip(book.rules, holds[p], strict=True) if h])
        for p in (int(p) for q in held for p in q.taken)
    ]
    return _together(channels, household)


def _together(channels: list[tuple[int, list[str]]], household: np.ndarray) -> list[tuple[int, list[str]]]:
    """The same people, those of one household brought up to the first of them."""
    first: dict[Any, int] = {}
    for place, (position, _) in enumerate(channels):
        home = household[position]
        first.setdefault(("home", int(home)) if home >= 0 else ("alone", position), place)
    return sorted(
        channels,
        key=lambda c: first[("home", int(household[c[0]])) if household[c[0]] >= 0 else ("alone", c[0])],
    )


def people_at(con: duckdb.DuckDBPyConnection, everyone: Panel, positions: list[int], marts: str) -> list[Person]:
    """The people at positions of `everyone` (the whole spine on the as-of date), with who lives with them."""
    rows = everyone.rows
    if not positions:
        return []
    homes = _homes(con, marts, rows["as_of_date"].iloc[0])
    members = pd.Series(rows.index, index=rows["household"]).groupby(level=0)
    people = []
    for position in positions:
        home = rows["household"].iloc[position]
        others = [int(p) for p in members.get_group(home)] if home >= 0 else []
        keys = tuple(rows["person_key"].iloc[p] for p in others if p != position)
        key = rows["person_key"].iloc[position]
        people.append(Person(key, homes.get(key) if home >= 0 else None, keys))
    return people


def describe(
    con: duckdb.DuckDBPyConnection,
    everyone: Panel,
    chosen: list[tuple[int, list[str]]],
    open_cases: list[tuple[int, list[str]]],
    config: RiskConfig,
    book: RuleBook,
    parts: explain.Contributions | None,
    rule_yields: list[dict[str, Any]],
    theme_yields: list[dict[str, Any]],
    *,
    marts: str,
    record_person: str | None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """One JSON-able dict for each chosen position of `everyone`, in order; and the notices among the open cases: those
    for whom a rule holds on evidence that is new this week. Facts are read once for all of them.

    parts: contributions to the score, one row a chosen person; None when the model does not speak. rule_yields,
    theme_yields: what came of people shown for a rule, or for a theme of the model, in words, by `id`.
    """
    positions = [p for p, _ in (*chosen, *open_cases)]
    if not positions:
        return [], []
    rows = everyone.rows
    as_of = pd.Timestamp(rows["as_of_date"].iloc[0]).date()
    people = people_at(con, everyone, positions, marts)
    everything = evidence.gather(con, config, people, as_of, marts=marts, record_person=record_person)
    weights = [[] for _ in chosen] if parts is None else heaviest(parts)
    by_rule = {r.id: r for r in book.rules}
    words, theme_words = ({y["id"]: y["words"] for y in ys} for ys in (rule_yields, theme_yields))
    listed = {p.key for p in people[: len(chosen)]}
    candidates: list[dict[str, Any]] = []
    notices: list[dict[str, Any]] = []
    for number, ((position, channels), person) in enumerate(zip((*chosen, *open_cases), people, strict=True)):
        is_listed = number < len(chosen)
        dossier = everything.about(person)
        if not is_listed and not dossier.has_news():
            continue
        named = sorted((by_rule[c] for c in channels if c in by_rule), key=lambda r: (r.deadline_working_days, r.id))
        told = [r for r in (evidence.rule_reason(rule, person, dossier, config) for rule in named) if r is not None]
        for reason in told:
            reason["yield"] = words.get(reason["name"])
        deadlines = [r["deadline_days"] for r in told]
        values = {name: float(everyone.X[position, i]) for i, name in enumerate(everyone.names)}
        reasons = told[: evidence.MOST_REASONS]
        # Told alike whoever proposed a person, so that the reasons do not say which way it was (blind review).
        if is_listed and parts is not None:
            reasons = evidence.feature_reasons(weights[number], values, person, dossier, config, told)
            reasons = [r if r["kind"] == "rule" else r | {"yield": theme_words.get(r["theme"])} for r in reasons]
        if not is_listed:
            reasons = [r for r in reasons if r["facts"]["new_count"] > 0]
            if not reasons:
                continue
        entry = {
            "person_key": person.key,
            "household_key": person.household_key,
            "area_team": str(rows["area_team"].iloc[position]),
            "as_of_date": as_of.isoformat(),
            "position": len(candidates if is_listed else notices) + 1,
            "sort_no": int(rows["sort_no"].iloc[position]),
            "channel": channels,
            "deadline_days": min(deadlines) if deadlines else None,
            "reasons": reasons,
            "chronology": evidence.chronology(person, dossier),
            "involvement": evidence.involvement(person, dossier),
            "protective": evidence.protective(values, person, dossier, config),
            "siblings": list(person.others),
            "siblings_listed": [k for k in person.others if k in listed],
            "link_basis": dossier.basis.get(person.key, {}),
        }
        if is_listed:
            candidates.append(entry)
        else:
            names = ("exclusion_reason", "routed_to")
            notices.append(entry | {n: str(rows[n].iloc[position]) for n in names})
    return candidates, notices


def open_cases(everyone: Panel, book: RuleBook) -> list[tuple[int, list[str]]]:
    """Positions of people who already have a worker and for whom a rule holds, with the rules: they are not listed,
    but whoever the spine routes them to may have to be told."""
    rows = everyone.rows
    is_open = rows["routed_to"].notna().to_numpy() & rows["exclusion_reason"].notna().to_numpy()
    holds = rules.fired(everyone, book)
    return [
        (int(p), [r.id for r, h in zip(book.rules, holds[p], strict=True) if h])
        for p in np.flatnonzero(is_open & holds.any(axis=1))
    ]


def heaviest(parts: explain.Contributions) -> list[list[tuple[str, list[str]]]]:
    """For each row the themes that raised the score, heaviest first, each with its features that did."""
    themes = parts.by_theme()
    out = []
    for row in range(len(parts.values)):
        heavy = sorted((t for t in themes if themes[t][row] > 0), key=lambda t: (-round(themes[t][row], 9), t))
        ranked = []
        for theme in heavy:
            columns = [i for i, t in enumerate(parts.themes) if t == theme and parts.values[row, i] > 0]
            columns.sort(key=lambda i: (-round(parts.values[row, i], 9), i))
            ranked.append((theme, [parts.names[i] for i in columns]))
        out.append(ranked)
    return out


def _homes(con: duckdb.DuckDBPyConnection, marts: str, as_of) -> dict[str, str]:
    """Household key of each person on the date."""
    found = con.execute(
        f"select person_key::varchar, household_key::varchar from {marts}.person_week"
        " where as_of_date = ? and household_key is not null",
        [as_of],
    ).fetchall()
    return dict(found)
