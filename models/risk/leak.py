"""Does the panel look ahead? A sample of real people, rows of the future and rows known too late, and two panels.

The sample's rows are copied into a database in memory, the panel of the week is built, rows are added that nobody could
have known of on that day, and it is built again: every byte must be the same. Added are, for every sampled person and
home, and for every kind of event and episode that some feature reads,

* one that happens after the day, though it is known before the cut-off (a future date in a file);
* one that happened in time, and became known after the cut-off (a late row);
* a correction after the cut-off of each row that stands: another day, another value; and its end.

A comparison that could not fail proves nothing. So the late rows are at last made known in time, and features have to
move: how many did is `control`; where none does, the check has tested nothing and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np

from models.risk.asof import knowledge_cutoff
from models.risk.declare import RiskConfig
from models.risk.panel import Panel, build_panel
from models.risk.select import draw

HOMES = 40
STORE = "leak_check"


@dataclass(frozen=True)
class LeakCheck:
    """people: sampled; rows: added; moved: features that saw what they could not know; control: how many features
    moved when the same rows were known in time."""

    people: int
    rows: int
    moved: tuple[str, ...]
    control: int

    @property
    def passed(self) -> bool:
        """Whether nothing moved that should not, and something did that should."""
        return not self.moved and self.control > 0

    @property
    def words(self) -> str:
        """What was found, in a sentence."""
        if self.moved:
            named = ", ".join(f'"{name}"' for name in self.moved[:5]) + (" and others" if len(self.moved) > 5 else "")
            return f"Features see what nobody could know on the day: {named}."
        if not self.control:
            return "Whether features look ahead could not be tested: the sample holds nothing they read."
        return (
            f"{self.rows:,} rows of the future or known too late changed nothing about {self.people:,} people;"
            f" known in time they would have moved {self.control} features."
        )


def leak_check(
    con: duckdb.DuckDBPyConnection, config: RiskConfig, as_of: date, *, marts: str = "warehouse.marts", seed: int = 0
) -> LeakCheck:
    """Build the panel of one week twice for a sample of homes, without and with rows nobody could have known.

    Which homes goes by lot over sort numbers. The marts are read, nothing is written outside memory. Raises ValueError
    when the spine holds nobody on the date.
    """
    con.execute(f"attach ':memory:' as {STORE}")
    try:
        people = _copy(con, _sampled(con, as_of, marts, seed), as_of, marts)
        before = build_panel(con, config, [as_of], marts=f"{STORE}.main", cohort_only=False)
        rows = _add(con, config, as_of)
        after = build_panel(con, config, [as_of], marts=f"{STORE}.main", cohort_only=False)
        _make_known(con, as_of)
        known = build_panel(con, config, [as_of], marts=f"{STORE}.main", cohort_only=False)
    finally:
        con.execute(f"detach {STORE}")
    return LeakCheck(people, rows, moved(before, after), len(moved(before, known)))


def moved(one: Panel, other: Panel) -> tuple[str, ...]:
    """Features whose bytes differ between two panels; all of them when the rows themselves do."""
    columns = ["person_key", "as_of_date", "household"]
    if len(one.rows) != len(other.rows) or not one.rows[columns].astype(str).equals(other.rows[columns].astype(str)):
        return one.names
    return tuple(
        name
        for i, name in enumerate(one.names)
        if np.ascontiguousarray(one.X[:, i]).tobytes() != np.ascontiguousarray(other.X[:, i]).tobytes()
    )


def _sampled(con: duckdb.DuckDBPyConnection, as_of: date, marts: str, seed: int) -> list[str]:
    """Keys of everybody in a sample of homes on the date; who has none counts as one. Homes with several people come
    first: what others at home have told of them is what could leak in the most ways."""
    rows = con.execute(
        "select coalesce(household_key, person_key)::varchar as home, list(person_key::varchar), min(sort_no)"
        f" from {marts}.person_week where as_of_date = ? group by 1 order by 3",
        [as_of],
    ).fetchall()
    if not rows:
        raise ValueError(f"the spine has no row for {as_of.isoformat()}")
    lot = draw(np.array([n for _, _, n in rows]), seed, (as_of - date(1970, 1, 1)).days)
    shared = np.array([len(keys) > 1 for _, keys, _ in rows])
    chosen = np.lexsort((lot, ~shared))[:HOMES]
    return [key for place in chosen for key in rows[place][1]]


def _copy(con: duckdb.DuckDBPyConnection, keys: Sequence[str], as_of: date, marts: str) -> int:
    """Copy what the marts hold of the people and their homes on the date into the store."""
    con.execute(
        f"create table {STORE}.person_week as select * from {marts}.person_week where as_of_date = $day"
        " and person_key in (select unnest($keys::uuid[]))",
        {"day": as_of, "keys": list(keys)},
    )
    con.execute(
        f"create table {STORE}.household as select * from {marts}.household"
        f" where person_key in (select person_key from {STORE}.person_week)"
    )
    for table in ("event", "episode"):
        con.execute(
            f"create table {STORE}.{table} as select * from {marts}.{table}"
            f" where person_key in (select person_key from {STORE}.person_week) or (person_key is null and"
            f" household_key in (select household_key from {STORE}.person_week where household_key is not null))"
        )
    return len(keys)


def _add(con: duckdb.DuckDBPyConnection, config: RiskConfig, as_of: date) -> int:
    """Add the rows that nobody could have known of; returns how many."""
    cutoff = knowledge_cutoff(as_of)
    values = {
        "day": as_of,
        "ahead": as_of + timedelta(days=3),
        "lately": as_of - timedelta(days=2),
        "early": cutoff - timedelta(days=1),
        "late": cutoff + timedelta(microseconds=1),
        "end": "9999-12-31",
    }
    added, features = 0, config.features
    moved_on, ended = "value + 1 as value", "coalesce(ended_on, $day) - 1 as ended_on"
    for table, kind, day, detail, other, read in (
        ("event", "event_type", "occurred_on", "detail", moved_on, {(f.events, f.details) for f in features}),
        ("episode", "episode_type", "started_on", "outcome", ended, {(f.episodes, f.outcomes) for f in features}),
    ):
        read_pairs = sorted({(t, d) for types, details in read for t in types for d in (details or ("",))})
        owners = (
            f"(select distinct person_key, null::uuid as household_key from {STORE}.person_week union all"
            f" select distinct null::uuid, household_key from {STORE}.person_week where household_key is not null)"
        )
        before = _count(con, table)
        # Corrections first, of the rows that stand: another day, value and detail, an end, and the old version closed.
        standing = f"known_from <= $early and known_to > $late and {day} <= $day"
        stand = {k: values[k] for k in ("early", "late", "day")}
        con.execute(
            f"insert into {STORE}.{table} by name select * replace ({day} - 1 as {day}, $late as known_from,"
            f" concat('not ', {detail}) as {detail}, {other}) from {STORE}.{table} where {standing}",
            stand,
        )
        con.execute(
            f"update {STORE}.{table} set known_to = $late where {standing}",
            stand,
        )
        for when, since in (("ahead", "early"), ("lately", "late")):
            con.execute(
                f"insert into {STORE}.{table} by name select o.person_key, o.household_key,"
                f" concat_ws(':', 'leak', '{when}', t.type, t.detail) as {table}_key, t.type as {kind},"
                f" $when::date as {day}, nullif(t.detail, '') as {detail}, $since::timestamp as known_from,"
                f" $end::timestamp as known_to, 'leak' as agency, 'leak' as feed"
                f" from {owners} as o, (select unnest($types::varchar[]) as type,"
                " unnest($details::varchar[]) as detail) as t",
                {
                    "when": values[when],
                    "since": values[since],
                    "end": values["end"],
                    "types": [t for t, _ in read_pairs],
                    "details": [d for _, d in read_pairs],
                },
            )
        added += _count(con, table) - before
    spells = _count(con, "household")
    con.execute(
        f"insert into {STORE}.household by name select * replace ($when::date as started_on, $since as known_from)"
        f" from {STORE}.household",
        {"when": values["lately"], "since": values["late"]},
    )
    return added + _count(con, "household") - spells


def _make_known(con: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """Let what was late be known in time."""
    cutoff = knowledge_cutoff(as_of)
    for table in ("event", "episode", "household"):
        con.execute(
            f"update {STORE}.{table} set known_from = $early where known_from > $cutoff",
            {"early": cutoff - timedelta(hours=1), "cutoff": cutoff},
        )


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.execute(f"select count(*) from {STORE}.{table}").fetchall()[0][0])
