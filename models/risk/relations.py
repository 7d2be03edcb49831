"""Read the marts into arrays once, in an order that owes nothing to any key.

People are numbered by `sort_no`, households by the least `sort_no` of their members, and event classes by their names,
so two machines with different pseudonym keys hold equal arrays. Only rows that some declared feature can use within
the reach of the asked dates are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pandas as pd

from models.risk.asof import OPEN_END, day_numbers, knowledge_cutoff, microseconds
from models.risk.declare import EPISODE_KINDS, EVENT_KINDS, Feature

NOBODY = np.int32(-1)


@dataclass(frozen=True)
class Spine:
    """The people and weeks asked for.

    people: one row a person (person_key text, sort_no), in `sort_no` order; `rows`: one row a person and date, ordered
    by date then person, with integer `person`, `week`, `household` (-1: none), `team`, `peer` and the spine's columns.
    """

    days: np.ndarray
    cutoffs: np.ndarray
    people: pd.DataFrame
    rows: pd.DataFrame
    households: int

    @property
    def shape(self) -> tuple[int, int]:
        """(people, weeks)."""
        return len(self.people), len(self.days)


@dataclass(frozen=True)
class Facts:
    """Versions of dated facts in columns: owner number, class, day of occurrence, and the indices known between.

    `first` and `last` are week indices: the version is known at the cut-offs of weeks `first <= j < last`.
    Rows are ordered by class; `starts[c]:starts[c + 1]` are those of class c, whose names are `classes.iloc[c]`.
    """

    classes: pd.DataFrame
    starts: np.ndarray
    owner: np.ndarray
    day: np.ndarray
    end: np.ndarray | None
    value: np.ndarray
    first: np.ndarray
    last: np.ndarray

    def select(self, wanted: np.ndarray) -> np.ndarray:
        """Positions of the rows whose class is wanted (boolean per class)."""
        parts = [np.arange(self.starts[c], self.starts[c + 1]) for c in np.flatnonzero(wanted)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def read_spine(con: duckdb.DuckDBPyConnection, dates: Sequence[date], marts: str) -> Spine:
    """Rows of person_week at the dates (Sundays, sorted), people and households numbered; temp tables are left for
    `read_events` and `read_episodes`, and dropped by `forget`."""
    con.execute("create or replace temp table risk_date (week integer, as_of_date date)")
    con.executemany("insert into risk_date values (?, ?)", [(i, d) for i, d in enumerate(dates)])
    con.execute(
        f"create or replace temp table risk_spine as select person_key, d.week, household_key, area_team, age_months,"
        f" peer_group, exclusion_reason, routed_to, sort_no"
        f" from {marts}.person_week join risk_date as d using (as_of_date)"
    )
    con.execute(
        "create or replace temp table risk_person as select person_key, min(sort_no) as sort_no,"
        " (row_number() over (order by min(sort_no)) - 1)::integer as person from risk_spine group by person_key"
    )
    con.execute(
        "create or replace temp table risk_household as select household_key, min(sort_no) as sort_no,"
        " (row_number() over (order by min(sort_no)) - 1)::integer as household"
        " from (select s.household_key, p.sort_no from risk_spine as s join risk_person as p using (person_key)"
        " where s.household_key is not null) group by household_key"
    )
    people = con.execute("select person_key::varchar as person_key, sort_no from risk_person order by person").df()
    # Text columns come as positions in the list of their values: millions of rows repeat a handful of words.
    words = {c: _values(con, c) for c in ("area_team", "peer_group", "exclusion_reason", "routed_to")}
    coded = ", ".join(
        f"(coalesce(list_position(${c}::varchar[], s.{c}::varchar), 0) - 1)::smallint as {c}" for c in words
    )
    table = con.execute(
        "select p.person, s.week, coalesce(h.household, -1)::integer as household, s.age_months::float as age_months,"
        f" p.sort_no, {coded} from risk_spine as s join risk_person as p using (person_key)"
        " left join risk_household as h using (household_key) order by s.week, p.person",
        words,
    ).fetchnumpy()
    rows = pd.DataFrame({c: np.asarray(v) for c, v in table.items() if c not in words})
    for column, values in words.items():
        rows[column] = pd.Categorical.from_codes(np.asarray(table[column]), categories=pd.Index(values, dtype=object))
    (households,) = con.execute("select count(*) from risk_household").fetchall()[0]
    return Spine(day_numbers(dates), microseconds(knowledge_cutoff(d) for d in dates), people, rows, int(households))


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Drop the temporary tables of `read_spine`."""
    for name in ("risk_date", "risk_spine", "risk_person", "risk_household"):
        con.execute(f"drop table if exists {name}")


def read_events(
    con: duckdb.DuckDBPyConnection, spine: Spine, features: Sequence[Feature], marts: str, owner: str
) -> Facts:
    """Event versions that the features can use, owned by `person` or (naming nobody) by `household`."""
    wanted = [f for f in features if f.kind in EVENT_KINDS]
    types = sorted({e for f in wanted for e in f.events})
    detailed = sorted({e for f in wanted if f.details for e in f.events})
    reach = 7 * max((f.reach_weeks for f in wanted), default=0)
    key = "person" if owner == "person" else "household"
    alone = "" if owner == "person" else "and e.person_key is null"
    sql = f"""
        select o.{key} as owner, e.event_type as type, e.agency,
            case when e.event_type in (select unnest($detailed::varchar[])) then e.detail end as detail,
            e.occurred_on as day, null::date as ended, coalesce(e.value, 1)::double as value, e.known_from, e.known_to
        from {marts}.event as e join risk_{owner} as o on o.{owner}_key = e.{owner}_key
        where e.event_type in (select unnest($types::varchar[])) {alone}
          and e.occurred_on > $oldest and e.occurred_on <= $newest and e.known_from <= $known"""
    values = {"types": types, "detailed": detailed, "oldest": _day(spine.days[0] - reach)}
    return _facts(con, spine, sql, values)


def read_episodes(
    con: duckdb.DuckDBPyConnection, spine: Spine, features: Sequence[Feature], marts: str, owner: str
) -> Facts:
    """Episode versions (day = start, end = end or open) that the features can use; owners as for events."""
    wanted = [f for f in features if f.kind in EPISODE_KINDS]
    types = sorted({e for f in wanted for e in f.episodes})
    detailed = sorted({e for f in wanted if f.outcomes for e in f.episodes})
    key = "person" if owner == "person" else "household"
    alone = "" if owner == "person" else "and e.person_key is null"
    sql = f"""
        select o.{key} as owner, e.episode_type as type, e.agency,
            case when e.episode_type in (select unnest($detailed::varchar[])) then e.outcome end as detail,
            e.started_on as day, coalesce(e.ended_on, date '9999-12-31') as ended, 1::double as value,
            e.known_from, e.known_to
        from {marts}.episode as e join risk_{owner} as o on o.{owner}_key = e.{owner}_key
        where e.episode_type in (select unnest($types::varchar[])) {alone}
          and e.started_on > $oldest and e.started_on <= $newest and e.known_from <= $known"""
    return _facts(con, spine, sql, {"types": types, "detailed": detailed, "oldest": date(1900, 1, 1)})


def read_moves(con: duckdb.DuckDBPyConnection, spine: Spine, marts: str) -> Facts:
    """Starts of the people's household spells, as facts of one class."""
    sql = f"""
        select o.person as owner, 'household_move' as type, '' as agency, null::varchar as detail,
            h.started_on as day, null::date as ended, 1::double as value, h.known_from, h.known_to
        from {marts}.household as h join risk_person as o using (person_key)
        where h.started_on > $oldest and h.started_on <= $newest and h.known_from <= $known"""
    return _facts(con, spine, sql, {"oldest": date(1900, 1, 1)})


def _facts(con: duckdb.DuckDBPyConnection, spine: Spine, sql: str, values: dict) -> Facts:
    """Run a fact query and lay its rows out by class, with the week indices each version is known between."""
    values = values | {"newest": _day(spine.days[-1]), "known": _instant(spine.cutoffs[-1])}
    con.execute(f"create or replace temp table risk_fact as {sql}", values)
    classes = con.execute("select distinct type, agency, detail from risk_fact order by all").df()
    con.register("risk_class_frame", classes.reset_index(names="class"))
    table = con.execute(
        "select f.owner, c.class::integer as class, f.day, f.ended, f.value, f.known_from, f.known_to"
        " from risk_fact as f join risk_class_frame as c"
        " on f.type = c.type and f.agency = c.agency and f.detail is not distinct from c.detail"
    ).fetchnumpy()
    con.unregister("risk_class_frame")
    con.execute("drop table risk_fact")
    order = np.argsort(table["class"], kind="stable")
    group = np.asarray(table["class"])[order]
    known_from = np.asarray(table["known_from"]).astype("datetime64[us]").astype(np.int64)[order]
    known_to = np.ma.filled(table["known_to"], np.datetime64(OPEN_END, "us")).astype("datetime64[us]").astype(np.int64)
    ended = np.ma.masked_array(table["ended"])
    return Facts(
        classes=classes,
        starts=np.searchsorted(group, np.arange(len(classes) + 1)),
        owner=np.asarray(table["owner"])[order].astype(np.int64),
        day=np.asarray(table["day"]).astype("datetime64[D]").astype(np.int64)[order],
        end=None
        if ended.mask.all() and len(ended)
        else ended.filled(np.datetime64("9999-12-31", "D")).astype("datetime64[D]").astype(np.int64)[order],
        value=np.asarray(table["value"], dtype=np.float64)[order],
        first=np.searchsorted(spine.cutoffs, known_from, side="left").astype(np.int32),
        last=np.searchsorted(spine.cutoffs, known_to[order], side="left").astype(np.int32),
    )


def _values(con: duckdb.DuckDBPyConnection, column: str) -> list[str]:
    """The different values of a text column of the spine, in order."""
    found = con.execute(f"select distinct {column}::varchar from risk_spine where {column} is not null order by 1")
    return [v for (v,) in found.fetchall()]


def _day(number: int) -> date:
    """Days since 1970 as a date."""
    return np.datetime64(int(number), "D").astype(date)


def _instant(number: int):
    """Microseconds since 1970 as a naive UTC datetime."""
    return np.datetime64(int(number), "us").astype("datetime64[us]").item()
