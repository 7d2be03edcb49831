"""Read the marts into arrays once, in an order that owes nothing to any key.

People are numbered by `sort_no`, households by the least `sort_no` of their members, and event classes by their names,
so two machines with different pseudonym keys hold equal arrays. Only rows that some declared feature can use within
the reach of the asked dates are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import duckdb
import numpy as np
import pandas as pd

from models.risk.asof import OPEN_END, day_numbers, knowledge_cutoff, microseconds
from models.risk.declare import EVENT_KINDS, READ_EPISODES, Feature
from models.risk.grids import ALONE

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

    def first_week(self, day: np.ndarray) -> np.ndarray:
        """Index (int32) of the first as-of date that is not before each day; the number of weeks when there is none."""
        return self._first_week[np.clip(day - int(self.days[0]), 0, len(self._first_week) - 1)]

    @cached_property
    def _first_week(self) -> np.ndarray:
        """The index for every day from the first date to the day after the last: quicker than a search each."""
        every_day = np.arange(self.days[0], self.days[-1] + 2)
        return np.searchsorted(self.days, every_day, side="left").astype(np.int32)


@dataclass(frozen=True)
class Facts:
    """Versions of dated facts in columns: owner number, class, day of occurrence, and the indices known between.

    `first` and `last` are week indices: the version is known at the cut-offs of weeks `first <= j < last`.
    Rows are ordered by class; `starts[c]:starts[c + 1]` are those of class c, whose names are `classes.iloc[c]`.
    things: for each way of counting once (declare.py), the number of what a row tells of, ALONE where no other row
    of a person or household tells of the same.
    """

    classes: pd.DataFrame
    starts: np.ndarray
    owner: np.ndarray
    day: np.ndarray
    end: np.ndarray | None
    value: np.ndarray
    first: np.ndarray
    last: np.ndarray
    things: dict[str, np.ndarray]

    def select(self, wanted: np.ndarray) -> np.ndarray:
        """Positions of the rows whose class is wanted (boolean per class)."""
        parts = [np.arange(self.starts[c], self.starts[c + 1]) for c in np.flatnonzero(wanted)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def read_spine(con: duckdb.DuckDBPyConnection, dates: Sequence[date], marts: str) -> Spine:
    """Rows of person_week at the dates (Sundays, sorted), people and households numbered; temp tables are left for
    `read_events` and `read_episodes`, and dropped by `forget`. ValueError when a person has a week twice."""
    con.execute("create or replace temp table risk_date (week integer, as_of_date date)")
    con.executemany("insert into risk_date values (?, ?)", [(i, d) for i, d in enumerate(dates)])
    spine = f"{marts}.person_week semi join risk_date using (as_of_date)"
    for name in ("person", "household"):
        con.execute(
            f"create or replace temp table risk_{name} as select {name}_key, sort_no,"
            f" (row_number() over (order by sort_no) - 1)::integer as {name} from (select {name}_key,"
            f" min(sort_no) as sort_no from {spine} where {name}_key is not null group by {name}_key)"
        )
    people = con.execute("select person_key::varchar as person_key, sort_no from risk_person order by person").df()
    # Text columns come as positions in the list of their values: millions of rows repeat a handful of words.
    words = {c: _values(con, c, spine) for c in ("area_team", "peer_group", "exclusion_reason", "routed_to")}
    coded = ", ".join(_position(c, values) for c, values in words.items())
    table = con.execute(
        "select p.person, d.week, coalesce(h.household, -1)::integer as household, s.age_months::float as age_months,"
        f" p.sort_no, {coded} from {marts}.person_week as s join risk_date as d using (as_of_date)"
        " join risk_person as p using (person_key) left join risk_household as h using (household_key)"
    ).fetchnumpy()
    order = _by_week_and_person(np.asarray(table["week"]), np.asarray(table["person"]), len(people), len(dates))
    rows = pd.DataFrame()
    for column in ("person", "week", "household", "age_months", "sort_no"):
        rows[column] = _placed(table.pop(column), order)
    for column, values in words.items():
        codes = _placed(table.pop(column), order)
        rows[column] = pd.Categorical.from_codes(codes, categories=pd.Index(values, dtype=object))
    (households,) = con.execute("select count(*) from risk_household").fetchall()[0]
    return Spine(day_numbers(dates), microseconds(knowledge_cutoff(d) for d in dates), people, rows, int(households))


def _by_week_and_person(week: np.ndarray, person: np.ndarray, people: int, weeks: int) -> np.ndarray:
    """The place of each row when ordered by week, then person: counted, which is quicker than sorting."""
    cell = week * np.int64(people) + person
    there = np.zeros(people * weeks, dtype=bool)
    there[cell] = True
    place = np.cumsum(there, dtype=np.int32) - np.int32(1)
    if len(place) and place[-1] + 1 != len(cell):
        raise ValueError("person_week holds a person twice in one week")
    return place[cell]


def _placed(column: object, place: np.ndarray) -> np.ndarray:
    """The column with each value at its place."""
    values = np.asarray(column)
    out = np.empty_like(values)
    out[place] = values
    return out


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Drop the temporary tables of this module."""
    names = ("date", "person", "household", "fact", "owned", "row", "incident")
    for name in (f"risk_{n}" for n in names):
        con.execute(f"drop table if exists {name}")


def give_back(con: duckdb.DuckDBPyConnection) -> None:
    """Have DuckDB drop the pages it holds of the tables read: the memory is wanted for the panel. A database that
    lives in memory alone keeps what it has."""
    (limit,) = con.execute("select current_setting('memory_limit')").fetchall()[0]
    with suppress(duckdb.OutOfMemoryException):
        con.execute("set memory_limit = '512MB'")
    con.execute(f"set memory_limit = '{limit}'")


def read_events(
    con: duckdb.DuckDBPyConnection, spine: Spine, features: Sequence[Feature], marts: str
) -> dict[str, Facts]:
    """Event versions that the features can use: those of a `person`, and those that name nobody, of a `household`."""
    wanted = [f for f in features if f.kind in EVENT_KINDS]
    reach: dict[str, int] = {}
    for feature in wanted:
        for event in feature.events:
            reach[event] = max(reach.get(event, 0), feature.reach_weeks)
    types = sorted(reach)
    row = "concat_ws(chr(31), coalesce(e.source_record_key::varchar, e.event_key), e.event_type, e.detail)"
    moment = "concat_ws(chr(31), e.agency, e.event_type, e.occurred_at::varchar)"
    return _facts(
        con,
        spine,
        f"""select o.owner, e.event_type as type, e.agency,
            case when e.event_type in (select unnest($detailed::varchar[])) then e.detail end as detail,
            e.occurred_on as day, null::date as ended, coalesce(e.value, 1)::double as value, e.known_from, e.known_to,
            {{key}} as told_by, {{row}} as row, {{incident}} as incident
        from {marts}.event as e join {{owners}} as o on {{owned}}
            join (select unnest($types::varchar[]) as type, unnest($oldest::date[]) as oldest) as t
            on e.event_type = t.type and e.occurred_on > t.oldest
        where e.occurred_on <= $newest and e.known_from <= $known and {{which}}""",
        {
            "types": types,
            "oldest": [_day(spine.days[0] - 7 * reach[t]) for t in types],
            "detailed": sorted({e for f in wanted if f.details for e in f.events}),
        },
        {
            "key": "e.event_key",
            "row": row,
            "incident": f"case when e.occurred_at is null then {row} else {moment} end",
        },
        [f for f in wanted if f.scope != "person"],
        "event_type",
    )


def read_episodes(
    con: duckdb.DuckDBPyConnection, spine: Spine, features: Sequence[Feature], marts: str
) -> dict[str, Facts]:
    """Episode versions (day = start, end = end or open) that the features can use; owners as for events."""
    wanted = [f for f in features if f.kind in READ_EPISODES]
    row = "concat_ws(chr(31), coalesce(e.source_record_key::varchar, e.episode_key), e.episode_type, e.outcome)"
    return _facts(
        con,
        spine,
        f"""select o.owner, e.episode_type as type, e.agency,
            case when e.episode_type in (select unnest($detailed::varchar[])) then e.outcome end as detail,
            e.started_on as day, coalesce(e.ended_on, date '9999-12-31') as ended, 1::double as value,
            e.known_from, e.known_to, {{key}} as told_by, {{row}} as row, {{incident}} as incident
        from {marts}.episode as e join {{owners}} as o on {{owned}}
        where e.episode_type in (select unnest($types::varchar[]))
          and e.started_on <= $newest and e.known_from <= $known and {{which}}""",
        {
            "types": sorted({e for f in wanted for e in f.episodes}),
            "detailed": sorted({e for f in wanted if f.outcomes for e in f.episodes}),
        },
        {"key": "e.episode_key", "row": row, "incident": row},
        [f for f in wanted if f.scope != "person"],
        "episode_type",
    )


def read_moves(con: duckdb.DuckDBPyConnection, spine: Spine, marts: str) -> Facts:
    """Starts of the people's household spells, as facts of one class."""
    con.execute(
        f"""create or replace temp table risk_fact as
        select o.person as owner, 'household_move' as type, '' as agency, null::varchar as detail,
            h.started_on as day, null::date as ended, 1::double as value, h.known_from, h.known_to,
            null::integer as row, null::integer as incident
        from {marts}.household as h join risk_person as o using (person_key)
        where h.started_on <= $newest and h.known_from <= $known""",
        _bounds(spine),
    )
    return _arrays(con, spine, "risk_fact")


def _facts(
    con: duckdb.DuckDBPyConnection,
    spine: Spine,
    sql: str,
    values: dict,
    things: dict[str, str],
    around: Sequence[Feature],
    type_column: str,
) -> dict[str, Facts]:
    """Run a fact query for people and, where some feature looks at the home, for households; number what is told twice.

    things: SQL of what identifies a row and what it tells of; only rows that a feature of the home counts need them,
    and the columns are wide, so those rows are read apart from the others.
    """
    at_home = sorted({t for f in around for t in (*f.events, *f.episodes)})
    nothing = dict.fromkeys(things, "null::varchar")
    person = {"owners": "(select person_key, person as owner from risk_person)", "owned": "o.person_key = e.person_key"}
    home = {
        "owners": "(select household_key, household as owner from risk_household)",
        "owned": "e.person_key is null and o.household_key = e.household_key",
    }
    among = f"e.{type_column} in (select unnest($at_home::varchar[]))"
    values = values | _bounds(spine) | {"at_home": at_home}
    con.execute(
        f"create or replace temp table risk_fact as"
        f" select 'person' as kind, * from ({sql.format(which=f'not {among}', **nothing, **person)})"
        f" union all select 'person' as kind, * from ({sql.format(which=among, **things, **person)})"
        f" union all select 'household' as kind, * from ({sql.format(which=among, **things, **home)})",
        values,
    )
    for name in ("row", "incident"):
        con.execute(
            f"create or replace temp table risk_{name} as select {name}, (row_number() over () - 1)::integer as number"
            f" from risk_fact where {name} is not null group by {name} having count(distinct told_by) > 1"
        )
    out = {}
    for kind in ("person", "household") if around else ("person",):
        con.execute(
            "create or replace temp table risk_owned as"
            " select f.* exclude (kind, told_by, row, incident), r.number as row, i.number as incident"
            " from risk_fact as f left join risk_row as r using (row) left join risk_incident as i using (incident)"
            " where f.kind = ?",
            [kind],
        )
        out[kind] = _arrays(con, spine, "risk_owned")
    return out


def _arrays(con: duckdb.DuckDBPyConnection, spine: Spine, table_name: str) -> Facts:
    """Lay the rows of a fact table out by class, with the week indices each version is known between."""
    classes = con.execute(f"select distinct type, agency, detail from {table_name} order by all").df()
    con.register("risk_class_frame", classes.reset_index(names="class"))
    table = con.execute(
        "select f.owner, c.class::smallint as class, f.day, f.ended, f.value, f.known_from, f.known_to,"
        f" coalesce(f.row, {ALONE}) as row, coalesce(f.incident, {ALONE}) as incident"
        f" from {table_name} as f join risk_class_frame as c"
        " on f.type = c.type and f.agency = c.agency and f.detail is not distinct from c.detail"
    ).fetchnumpy()
    con.unregister("risk_class_frame")
    # Sixteen bits sort by radix, in one pass over the rows.
    order = np.argsort(table["class"], kind="stable")
    group = np.asarray(table["class"])[order]
    known_from = np.asarray(table["known_from"]).astype("datetime64[us]").astype(np.int64)
    known_to = np.ma.filled(table["known_to"], np.datetime64(OPEN_END, "us")).astype("datetime64[us]").astype(np.int64)
    ended = np.ma.masked_array(table["ended"])
    return Facts(
        classes=classes,
        starts=np.searchsorted(group, np.arange(len(classes) + 1)),
        owner=np.asarray(table["owner"])[order].astype(np.int32),
        day=_days(np.asarray(table["day"]))[order],
        end=None if ended.mask.all() and len(ended) else _days(ended.filled(np.datetime64("9999-12-31", "D")))[order],
        value=np.asarray(table["value"], dtype=np.float64)[order],
        first=np.searchsorted(spine.cutoffs, known_from, side="left").astype(np.int32)[order],
        last=np.searchsorted(spine.cutoffs, known_to, side="left").astype(np.int32)[order],
        things={name: np.asarray(table[name]).astype(np.int32)[order] for name in ("row", "incident")},
    )


def _bounds(spine: Spine) -> dict:
    """The last day and the last instant that anything may be read of."""
    return {"newest": _day(spine.days[-1]), "known": _instant(spine.cutoffs[-1])}


def _days(dates: np.ndarray) -> np.ndarray:
    """Dates as days since 1970, int32."""
    return dates.astype("datetime64[D]").astype(np.int32)


def _values(con: duckdb.DuckDBPyConnection, column: str, spine: str) -> list[str]:
    """The different values of a text column of the spine, in order."""
    found = con.execute(f"select distinct {column}::varchar from {spine} where {column} is not null order by 1")
    return [v for (v,) in found.fetchall()]


def _position(column: str, values: Sequence[str]) -> str:
    """SQL of a text column as its position among its values, -1 where it is null."""
    quoted = ["'" + v.replace("'", "''") + "'" for v in values]
    cases = " ".join(f"when {v} then {i}" for i, v in enumerate(quoted))
    return f"({f'case s.{column}::varchar {cases} else -1 end' if cases else -1})::smallint as {column}"


def _day(number: int) -> date:
    """Days since 1970 as a date."""
    return np.datetime64(int(number), "D").astype(date)


def _instant(number: int):
    """Microseconds since 1970 as a naive UTC datetime."""
    return np.datetime64(int(number), "us").astype("datetime64[us]").item()
