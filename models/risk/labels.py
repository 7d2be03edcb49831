"""Outcomes as they were known on a given day, and the arithmetic of when one may be believed.

A row (person, as-of date D) is positive when an outcome lies in `(D, D + horizon]` and was known at the cut-off of the
day of training. It is mature when `D + horizon + maturity` has passed: before that a missing outcome means nothing.
Training on an immature date is refused, not warned about.

Worked example, horizon 182 and maturity 90 days: on Sunday 2026-10-04 the newest date that may be learnt from is
2026-01-04, 273 days before; an outcome of June 2026 that became known on 2026-10-06 does not count yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd

from models.risk.asof import knowledge_cutoff, microseconds
from models.risk.declare import DeclarationError, RiskConfig, Target


class NotEnoughEvidence(ValueError):
    """There is nothing to learn from, or to judge by; the message says what is missing and how much."""


class ImmatureLabels(NotEnoughEvidence):
    """An as-of date was asked to teach before its outcome can be known."""


@dataclass(frozen=True)
class Outcomes:
    """Outcome versions: person_key (text), day (days since 1970), known_from and known_to (microseconds, UTC)."""

    frame: pd.DataFrame


@dataclass(frozen=True)
class HistorySum:
    """What the history must hold for the gates to be able to speak, in days, against what it holds."""

    lookback: int
    training: int
    maturity: int
    test: int
    available: int

    @property
    def needed(self) -> int:
        """Days of history needed in all: outcomes mature once for training and once more for judging."""
        return self.lookback + self.training + 2 * self.maturity + self.test

    @property
    def words(self) -> str:
        """The sum, printed."""
        return (
            f"look-back {self.lookback} + training {self.training} + outcomes matured for training {self.maturity}"
            f" + weeks to judge by {self.test} + outcomes matured for judging {self.maturity}"
            f" = {self.needed} days needed; {self.available} days are there"
        )


def read_outcomes(con: duckdb.DuckDBPyConnection, target: Target, marts: str) -> Outcomes:
    """All versions of the target's outcomes in `marts.label`."""
    table = con.execute(
        f"select person_key::varchar as person_key, occurred_on as day, known_from, known_to from {marts}.label"
        " where target = ? order by all",
        [target.name],
    ).fetchnumpy()
    return Outcomes(
        pd.DataFrame(
            {
                "person_key": np.asarray(table["person_key"], dtype=object),
                "day": np.asarray(table["day"]).astype("datetime64[D]").astype(np.int64),
                "known_from": np.asarray(table["known_from"]).astype("datetime64[us]").astype(np.int64),
                "known_to": np.asarray(table["known_to"]).astype("datetime64[us]").astype(np.int64),
            }
        )
    )


def maturity_days(target: Target) -> int:
    """Days after an as-of date until its outcome is known: horizon and time to decide and record."""
    return target.horizon_days + target.maturity_days


def latest_mature(target: Target, on: date) -> date:
    """The newest Sunday whose outcome is known on a Sunday."""
    newest = on - timedelta(days=maturity_days(target))
    return newest - timedelta(days=newest.isoweekday() % 7)


def outcomes_of(outcomes: Outcomes, rows: pd.DataFrame, target: Target, known_on: date) -> np.ndarray:
    """Whether each row (person_key, as_of_date) has an outcome within the horizon, as known on `known_on`.

    Returns a boolean array, shape (rows,). Raises ImmatureLabels when a row's date is not mature on that day.
    """
    return days_to_outcome(outcomes, rows, target, known_on) > 0


def days_to_outcome(outcomes: Outcomes, rows: pd.DataFrame, target: Target, known_on: date) -> np.ndarray:
    """Days from each row's as-of date to its first outcome within the horizon, as known on `known_on`; 0 without one.

    Returns integers, shape (rows,). Raises ImmatureLabels when a row's date is not mature on that day.
    """
    if len(rows) == 0:
        return np.zeros(0, dtype=np.int64)
    newest = pd.Timestamp(rows["as_of_date"].max()).date()
    if newest > latest_mature(target, known_on):
        raise ImmatureLabels(
            f"outcomes of {newest.isoformat()} are not known on {known_on.isoformat()}: the newest date that is mature"
            f" is {latest_mature(target, known_on).isoformat()}"
            f" (horizon {target.horizon_days} + {target.maturity_days} days)"
        )
    return next_within(as_known(outcomes, known_on), rows, target.horizon_days)[0]


def as_known(outcomes: Outcomes, known_on: date) -> pd.DataFrame:
    """The versions of outcomes that held at the knowledge cut-off of a day."""
    cutoff = microseconds([knowledge_cutoff(known_on)])[0]
    frame = outcomes.frame
    return frame[(frame["known_from"] <= cutoff) & (frame["known_to"] > cutoff)]


def next_within(known: pd.DataFrame, rows: pd.DataFrame, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """For each row the days to the first of the known outcomes within the horizon (0: none), and which one it is.

    Whether that can be known yet is not asked here: see `days_to_outcome`. Returns two integer arrays, shape (rows,).
    """
    person = rows["person_key"].astype("category").cat
    who = pd.Index(person.categories.astype(object)).get_indexer(known["person_key"].astype(object))
    # One number orders person, then day, so that a single search finds each row's next outcome.
    span = 10**6
    code = np.where(who >= 0, who.astype(np.int64) * span + known["day"].to_numpy(), -1)
    order = np.argsort(code, kind="stable")
    code = code[order]
    own = person.codes.to_numpy().astype(np.int64)
    day = rows["as_of_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    if len(code) == 0:
        return np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    position = np.minimum(np.searchsorted(code, own * span + day, side="right"), len(code) - 1)
    wait = code[position] - (own * span + day)
    return np.where((wait > 0) & (wait <= horizon), wait, 0), order[position]


def require_positives(y: np.ndarray, person: np.ndarray, minimum: int, what: str) -> None:
    """Raise NotEnoughEvidence when fewer different people than the minimum have an outcome, or when all rows have one.

    y: whether each row has an outcome; person: whose row it is. A person's weeks before one outcome are one person.
    """
    found = len(np.unique(person[y]))
    if found < minimum:
        # The sentence stands on lists and pages: a number of people this small is not told.
        few = "fewer than ten" if 0 < found < 10 else str(found)
        raise NotEnoughEvidence(f"{what} holds outcomes of {few} people; {minimum} are needed")
    if y.all():
        raise NotEnoughEvidence(f"{what} holds nothing but outcomes: there is nothing to tell them from")


def history_sum(config: RiskConfig, first: date, as_of: date) -> HistorySum:
    """What the declarations need of history before `as_of`, against the history that begins on `first`."""
    return needed_history(config, (as_of - first).days)


def needed_history(config: RiskConfig, available: int) -> HistorySum:
    """What the declarations need of history, in days, against what is there."""
    return HistorySum(
        lookback=7 * config.training.lookback_weeks,
        training=7 * config.training.least_weeks,
        maturity=maturity_days(config.target),
        test=7 * config.evaluation.judged_weeks,
        available=available,
    )


def require_kept(config: RiskConfig, kept_days: Mapping[str, int]) -> None:
    """Refuse a pack that deletes its records before its gates could speak; DeclarationError prints the sum.

    kept_days: by what is kept (a feed, the hub's own facts), for how many days.
    """
    for name, days in sorted(kept_days.items(), key=lambda k: (k[1], k[0]))[:1]:
        history = needed_history(config, days)
        if history.available < history.needed:
            raise DeclarationError(f"risk.yml: {name} is not kept for as long as the gates need: {history.words}")
