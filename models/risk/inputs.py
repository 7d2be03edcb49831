"""Is what the model reads still there? Dead features, silent feeds, and rows from the future, each named.

A model fed by nothing still gives everybody a score. What is found here goes to the gate `inputs`: the model is silent
until it is mended or a named person accepts it, and the named patterns' list comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import duckdb
import numpy as np

from models.risk.asof import knowledge_cutoff
from models.risk.backtest import Rotation, positions_of
from models.risk.declare import RiskConfig
from models.risk.panel import Panel

# Fewer rows than that a quarter may well be none by chance; so may a feature that so few would have (Poisson).
USUAL_ROWS = 20
EXPECTED_PEOPLE = 20
FUTURE_SHARE = 0.01


def input_problems(
    con: duckdb.DuckDBPyConnection,
    panel: Panel,
    learnt: Rotation | None,
    config: RiskConfig,
    as_of: date,
    quiet_weeks: int,
    marts: str,
) -> list[str]:
    """A sentence for each thing that is wrong with what the model reads; the panel must hold the as-of date."""
    out = [] if learnt is None else dead_features(panel, learnt, config, as_of)
    since = learnt.split.train[0] - timedelta(weeks=config.training.lookback_weeks) if learnt else as_of
    out += silent_feeds(con, since, as_of, quiet_weeks, marts)
    return out + rows_from_the_future(con, config, as_of, marts)


def dead_features(panel: Panel, learnt: Rotation, config: RiskConfig, as_of: date) -> list[str]:
    """Features that the model learnt from and that have the same value for everybody now."""
    now, then = positions_of(panel, [as_of]), positions_of(panel, learnt.split.train)
    out = []
    for name in dict.fromkeys(f.name for p in learnt.parts for f in p.fitted.features):
        x = panel.column(name)
        usual = np.median(x[then])
        expected = float((x[then] != usual).mean()) * len(now)
        if len(now) and expected >= EXPECTED_PEOPLE and (x[now] == x[now[0]]).all():
            out.append(f'The model learnt from "{config.feature(name).label}", which is now the same for everybody.')
    return out


def silent_feeds(con: duckdb.DuckDBPyConnection, since: date, as_of: date, quiet_weeks: int, marts: str) -> list[str]:
    """Feeds with so many weeks in a row without a row, after their first, in the time the model looks at."""
    cutoff = knowledge_cutoff(as_of)
    known = "known_from <= $cutoff and $cutoff < known_to"
    rows = con.execute(
        f"with told as (select agency, feed, occurred_on as day from {marts}.event where {known}"
        f" union all select agency, feed, started_on from {marts}.episode where {known}),"
        " days as (select agency, feed, day, count(*) as n from told where day > $since and day <= $as_of"
        " group by all),"
        " usual as (select agency, feed, sum(n) * $days / ($as_of + 1 - min(day)) as rows from days group by all),"
        " gaps as (select agency, feed, day + 1 as first, lead(day, 1, $as_of + 1) over"
        " (partition by agency, feed order by day) - 1 as last from days)"
        " select agency, feed, first, last from gaps join usual using (agency, feed)"
        " where rows >= $least and last - first + 1 >= $days order by all",
        {
            "cutoff": cutoff,
            "as_of": as_of,
            "since": since - timedelta(weeks=2 * quiet_weeks),
            "days": 7 * quiet_weeks,
            "least": USUAL_ROWS,
        },
    ).fetchall()
    return [
        f"Nothing of {agency}.{feed} happened from {first:%d %B %Y} to {last:%d %B %Y}."
        for agency, feed, first, last in rows
    ]


def rows_from_the_future(con: duckdb.DuckDBPyConnection, config: RiskConfig, as_of: date, marts: str) -> list[str]:
    """Tables in which rows say that they happened after they were known: some clock is wrong."""
    out = []
    for table, what, where in (
        ("event", "events", "true"),
        ("label", "outcomes", "target = $target"),
    ):
        values = {"cutoff": knowledge_cutoff(as_of)} | ({"target": config.target.name} if table == "label" else {})
        n, ahead = con.execute(
            f"select count(*), count(*) filter (where occurred_on > known_from::date + 1) from {marts}.{table}"
            f" where known_from <= $cutoff and $cutoff < known_to and {where}",
            values,
        ).fetchall()[0]
        if ahead > FUTURE_SHARE * n:
            out.append(f"Of {n:,} {what} {ahead:,} are dated after the day on which they were known.")
    return out


def quiet_weeks_of(config: RiskConfig) -> Sequence[int]:
    """The stretch of silence each `inputs` gate of the pack asks about."""
    return [g.quiet_weeks for g in config.gates if g.kind == "inputs"]
