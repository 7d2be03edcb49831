"""What became of persons after a week: their records followed to the keys of today, outcomes and help as known now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import duckdb

from pipelines.clock import weekly_cutoff

Pair = tuple[str, date]


class Followed:
    """Follows (person key, as-of Sunday) pairs; temporary tables of `con` hold them while it lives.

    Args:
        con: has the warehouse attached; nothing in it is changed.
        pairs: whom, from which week.
        now: naive UTC; nothing known later is read.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, pairs: Iterable[Pair], now: datetime) -> None:
        self.con, self.now = con, now
        self.pairs = sorted(set(pairs))
        con.execute("create or replace temp table followed (person_key uuid, as_of date, cutoff timestamp)")
        if self.pairs:
            rows = [(key, day, weekly_cutoff(day)) for key, day in self.pairs]
            con.executemany("insert into followed values (?, ?, ?)", rows)
        # The records that made up the person then may belong to another key today.
        con.execute(
            """
            create or replace temp table followed_today as
            select distinct f.person_key, f.as_of, today.person_key as key_now
            from followed as f
            inner join warehouse.identity_export.record_person as held
                on held.person_key = f.person_key and held.known_from <= f.cutoff and f.cutoff < held.known_to
            inner join warehouse.identity_export.record_person as today
                on today.record_key = held.record_key and today.known_from <= $now and $now < today.known_to
            """,
            {"now": now},
        )

    def keys_today(self) -> dict[Pair, list[str]]:
        """The keys under which each person's records of then stand today; none when no record is left."""
        found: dict[Pair, list[str]] = {pair: [] for pair in self.pairs}
        rows = self.con.execute("select person_key::varchar, as_of, key_now::varchar from followed_today order by all")
        for key, as_of, key_now in rows.fetchall():
            found[key, as_of].append(key_now)
        return found

    def outcomes(self, target: str) -> dict[Pair, tuple[date, str, datetime]]:
        """The first outcome of the target after the week: its day, what it was, and since when it is known."""
        rows = self.con.execute(
            """
            select f.person_key::varchar, f.as_of, l.occurred_on, l.basis, l.known_from
            from followed_today as f
            inner join warehouse.marts.label as l
                on l.person_key = f.key_now and l.target = $target and l.occurred_on > f.as_of
                and l.known_from <= $now and $now < l.known_to
            qualify row_number() over (partition by f.person_key, f.as_of order by l.occurred_on, l.basis) = 1
            """,
            {"target": target, "now": self.now},
        ).fetchall()
        return {(key, as_of): (on, basis, known) for key, as_of, on, basis, known in rows}

    def begun(self, episodes: Sequence[str], within_days: int) -> set[Pair]:
        """Of whom an episode of one of the types began within so many days after the week."""
        rows = self.con.execute(
            """
            select distinct f.person_key::varchar, f.as_of
            from followed_today as f
            inner join warehouse.marts.episode as e
                on e.person_key = f.key_now and e.episode_type in (select unnest($types))
                and e.started_on > f.as_of and e.started_on <= f.as_of + $days::integer
                and e.known_from <= $now and $now < e.known_to
            """,
            {"types": list(episodes), "days": within_days, "now": self.now},
        ).fetchall()
        return {(key, as_of) for key, as_of in rows}
