"""The tables that remember nights: what was counted, whose answer was taken, who signed what. Plain SQL, no person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from models.linkage.quality import COLUMNS

_HAPPENED = ("minted", "merged", "split", "retired", "reinstated", "ids_changed", "ids_changed_share")

_UNTOUCHED = """
with now_known as (
    select record_key from {canonical}.person_record where known_from <= $since and known_to > $now
),
present as (
    select record_key, person_id from {state}.person_assignment where known_to = timestamp '9999-12-31'
),
decided as (
    select record_key_l, record_key_r from {state}.clerical_decision
    where (decided_at > $since and decided_at <= $now) or (expires_on > $since and expires_on <= $now)
    union all
    select record_key_before, record_key_after from {canonical}.linkage_barrier
    where (known_from > $since and known_from <= $now) or (known_to > $since and known_to <= $now)
),
meant as (
    select person_id from present where record_key in (select record_key_l from decided)
    union all
    select person_id from present where record_key in (select record_key_r from decided)
)
select present.record_key::varchar as record_key, present.person_id
from present
join now_known using (record_key)
where present.person_id not in (select meant.person_id from meant)
"""


def last_night(con: Any, now: datetime, state: str) -> tuple[pd.Timestamp | None, int]:
    """The last night before ``now`` whose answer was taken, and how many distinct identities its largest person had."""
    rows = con.execute(
        f"select night, largest from {state}.night where not kept and night < $now order by night desc limit 1",
        {"now": now},
    ).fetchall()
    return (pd.Timestamp(rows[0][0]), int(rows[0][1])) if rows else (None, 0)


def untouched(con: Any, since: datetime, now: datetime, canonical: str, state: str) -> pd.Series:
    """Person id by record key of records that are as they were at ``since``, and of nobody somebody decided about."""
    sql = _UNTOUCHED.format(canonical=canonical, state=state)
    frame = con.execute(sql, {"since": since, "now": now}).df()
    return frame.set_index("record_key")["person_id"].astype(object)


def quality_at(con: Any, night: datetime, state: str, *measures: str) -> pd.DataFrame:
    """``measure, scope, value, low, high, n`` of a night, all measures unless some are named."""
    frame = con.execute(
        f"select {', '.join(COLUMNS)} from {state}.quality where night = $night order by measure, scope",
        {"night": night},
    ).df()
    return frame[frame["measure"].isin(measures)] if measures else frame


def trend(con: Any, state: str, now: datetime, measures: list[str], nights: int = 60) -> pd.DataFrame:
    """``night, measure, value`` of measures with one figure (scope ``all``), the last ``nights`` nights."""
    return con.execute(
        f"select night, measure, value from {state}.quality where scope = 'all' and night <= $now "
        f"and list_contains($measures, measure) and night in "
        f"(select night from {state}.night where night <= $now order by night desc limit {int(nights)}) "
        "order by night, measure",
        {"now": now, "measures": measures},
    ).df()


def sign_offs(con: Any, now: datetime, state: str) -> dict[str, str]:
    """Who signed, in words, by hash of the model: sign-offs that no other night has used."""
    rows = con.execute(
        f"select model_digest, signed_by, signed_at from {state}.sign_off "
        "where used_by_night is null or used_by_night = $now order by signed_at",
        {"now": now},
    ).fetchall()
    return {digest: f"{by} on {at:%d %B %Y}" for digest, by, at in rows}


def sign(con: Any, digest: str, by: str, reason: str, at: datetime, state: str = "linkage") -> None:
    """Let one night pass that links with the model of this hash."""
    con.execute(f"insert into {state}.sign_off values (?, ?, ?, ?, null)", [at, by, reason, digest])


def record(
    con: Any, row: dict[str, Any], quality: pd.DataFrame, *, signed: bool, now: datetime, state: str = "linkage"
) -> None:
    """Store a night and its figures, in the transaction that stores its persons (see ``night.write``).

    An earlier run of the same night is replaced, but for what happened to ids: if that run changed the ledger, this one
    finds it changed, and the night's figure is the sum of both.

    ``row``: ``run_id, model_digest, kept, why, largest``. ``signed``: the night passed by a sign-off, which is used up.
    """
    figures = quality[COLUMNS].copy()
    taken = con.execute(f"select 1 from {state}.night where night = $now and not kept", {"now": now}).fetchall()
    if taken:
        earlier = quality_at(con, now, state, *_HAPPENED).set_index("measure")["value"].to_dict()
        before = figures["measure"].map(lambda measure: earlier.get(measure, 0.0)).astype("float64")
        figures["value"] = figures["value"] + before.where(figures["scope"] == "all", 0.0)
    for table in ("night", "quality"):
        con.execute(f"delete from {state}.{table} where night = $now", {"now": now})
    con.execute(
        f"insert into {state}.night values ($now, $run_id, $model_digest, $kept, $why, $largest)",
        {"now": now, **row},
    )
    con.register("quality_in", figures)
    con.execute(
        f"insert into {state}.quality select $now::timestamp, measure, scope, value, low, high, n::bigint "
        "from quality_in",
        {"now": now},
    )
    con.unregister("quality_in")
    if signed:
        con.execute(
            f"update {state}.sign_off set used_by_night = $now where used_by_night is null and model_digest = $digest",
            {"now": now, "digest": row["model_digest"]},
        )


def walled(con: Any, now: datetime, canonical: str, assignment: pd.DataFrame) -> set[str]:
    """Record keys of everybody a barrier touches, on either side: of persons of ``assignment`` that it names."""
    named = con.execute(
        f"select record_key_before::varchar, record_key_after::varchar from {canonical}.linkage_barrier "
        "where known_from <= $now and known_to > $now",
        {"now": now},
    ).fetchall()
    keys = {key for pair in named for key in pair}
    persons = assignment.loc[assignment["record_key"].isin(keys), "person_id"].unique()
    return keys | set(assignment.loc[assignment["person_id"].isin(persons), "record_key"])
