"""The same features as SQL, written from the same declarations: the oracle of `panel.py`, and the analyst's view.

One query, one row a person and date of the spine, one column a feature. It is written for reading, not for speed:
every feature is an aggregate join of its own, which is what `panel.py` replaces. All values in the text come from the
checked declarations and from dates; strings are quoted all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from models.risk.asof import as_sundays, knowledge_cutoff
from models.risk.declare import COUNTED, EVENT_KINDS, Feature, RiskConfig
from models.risk.kinds import DECIMALS


def panel_sql(
    config: RiskConfig,
    dates: Iterable[date],
    *,
    marts: str = "warehouse.marts",
    cohort_only: bool = True,
    features: Sequence[str] | None = None,
) -> str:
    """SQL of the panel: person_key, as_of_date, then a DOUBLE column for each feature, ordered by date and sort_no.

    Arguments as for `panel.build_panel`, whose values it equals (as 32-bit floats) cell for cell.
    """
    chosen = list(config.features) if features is None else [config.feature(n) for n in features]
    needed = {f.name: f for g in chosen for f in ([config.feature(g.base), g] if g.base else [g])}
    measured = [f for f in needed.values() if f.kind not in {"relative_to_peers", "household_size", "age", "age_band"}]
    nothing = "select person_key, as_of_date, 0.0::double as value from spine where false"
    long = "\n    union all\n".join(
        [f"    select '{f.name}' as feature, * from ({_measure(f, marts)})" for f in measured]
        or [f"    select '' as feature, * from ({nothing})"]
    )
    wide = ",\n        ".join(
        [f"{_floored(f, _wide(f))} as {f.name}" for f in needed.values() if f.kind != "relative_to_peers"]
    )
    relative = "".join(
        f",\n        {_relative(f)} as {f.name}" for f in needed.values() if f.kind == "relative_to_peers"
    )
    columns = ", ".join(f.name for f in chosen)
    cohort = "where exclusion_reason is null" if cohort_only else ""
    days = ",\n        ".join(
        f"(date '{d.isoformat()}', timestamp '{knowledge_cutoff(d).isoformat(sep=' ')}')" for d in as_sundays(dates)
    )
    return f"""
with asked (as_of_date, cutoff) as (
    values
        {days}
),
spine as (
    select w.*, a.cutoff from {marts}.person_week as w inner join asked as a using (as_of_date)
),
owner_person as (
    select person_key, as_of_date, cutoff, person_key as member_key, case when false then household_key end as home_key
    from spine
),
owner_household_others as (
    select
        s.person_key, s.as_of_date, s.cutoff, o.person_key as member_key,
        case when false then s.household_key end as home_key
    from spine as s inner join spine as o
        on s.household_key = o.household_key and s.as_of_date = o.as_of_date and s.person_key <> o.person_key
    union all
    select person_key, as_of_date, cutoff, case when false then person_key end, household_key
    from spine where household_key is not null
),
owner_household as (
    select * from owner_person
    union all
    select * from owner_household_others
),
measured as (
{long}
),
wide as (
    select
        spine.person_key, spine.as_of_date, spine.sort_no, spine.peer_group, spine.exclusion_reason,
        {wide}
    from spine left join measured using (person_key, as_of_date)
    group by spine.person_key, spine.as_of_date, spine.sort_no, spine.peer_group, spine.exclusion_reason,
        spine.household_key, spine.age_months
),
relative as (
    select *{relative}
    from wide
)
select person_key, as_of_date, {columns} from relative {cohort} order by as_of_date, sort_no
"""


def _measure(feature: Feature, marts: str) -> str:
    """One feature in long form: person_key, as_of_date, value; no row where the value is the kind's nothing."""
    kind = feature.kind
    window, prior, offset = feature.weeks, feature.weeks_before, feature.offset_weeks
    if kind in EVENT_KINDS:
        day = "e.occurred_on"
        facts = f"{marts}.event"
        wanted = f"e.event_type in ({_list(feature.events)})" + (
            f" and e.detail in ({_list(feature.details)})" if feature.details else ""
        )
    elif kind == "household_moves":
        day = "e.started_on"
        facts = f"(select person_key, null as household_key, started_on, known_from, known_to from {marts}.household)"
        wanted = "true"
    else:
        day = "e.ended_on" if kind == "episodes_ended" else "e.started_on"
        facts = f"{marts}.episode"
        wanted = f"e.episode_type in ({_list(feature.episodes)})" + (
            f" and e.outcome in ({_list(feature.outcomes)})" if feature.outcomes else ""
        )
    since = f"o.as_of_date - {7 * (offset + window + prior)}"
    until = f"o.as_of_date - {7 * offset}" if offset else "o.as_of_date"
    when = f"{day} > {since} and {day} <= {until}"
    if kind in {"open_episode", "episode_days"}:
        when = "e.started_on <= o.as_of_date and (e.ended_on is null or e.ended_on > o.as_of_date)"
    recent = f"{day} > o.as_of_date - {7 * window}"
    joined = (
        f"owner_{feature.scope} as o inner join {facts} as e"
        f" on {_owned(feature)} and {wanted} and {when} and e.known_from <= o.cutoff and o.cutoff < e.known_to"
    )
    if kind == "count_since_end":
        ended = f"p.episode_type in ({_list(feature.episodes)})" + (
            f" and p.outcome in ({_list(feature.outcomes)})" if feature.outcomes else ""
        )
        joined += (
            f" where e.occurred_on > (select max(p.ended_on) from {marts}.episode as p"
            f" where p.person_key = o.member_key and {ended} and p.ended_on > {since}"
            " and p.ended_on <= o.as_of_date and p.known_from <= o.cutoff and o.cutoff < p.known_to)"
        )
    if feature.scope != "person" and kind in COUNTED:
        return _measure_things(feature, joined, recent)
    value = {
        "sum": f"round(sum(coalesce(e.value, 1)), {DECIMALS})",
        "days_since": f"min(o.as_of_date - {day})::double",
        "distinct_agencies": "count(distinct e.agency)::double",
        "distinct_types": "count(distinct e.event_type)::double",
        "change": (
            f"round(count(*) filter ({recent})"
            f" - count(*) filter (not ({recent})) * ({window} / {prior or 1}::double), {DECIMALS})"
        ),
        "open_episode": "1.0::double",
        "episode_days": f"least(max(o.as_of_date - e.started_on), {7 * window})::double",
    }.get(kind, "count(*)::double")
    return f"select o.person_key, o.as_of_date, {value} as value from {joined} group by o.person_key, o.as_of_date"


def _measure_things(feature: Feature, joined: str, recent: str) -> str:
    """A count or sum over a household, in long form: rows that tell of one thing are one row first."""
    type_, detail = ("e.event_type", "e.detail") if feature.kind in EVENT_KINDS else ("e.episode_type", "e.outcome")
    key, amount = ("e.event_key", "e.value") if feature.kind in EVENT_KINDS else ("e.episode_key", "1")
    thing = f"concat_ws(chr(31), coalesce(e.source_record_key::varchar, {key}), {type_}, {detail})"
    if feature.once == "incident":
        moment = f"concat_ws(chr(31), e.agency, {type_}, e.occurred_at::varchar)"
        thing = f"case when e.occurred_at is null then {thing} else {moment} end"
    value = {
        "sum": f"round(sum(amount), {DECIMALS})",
        "change": (
            f"round(count(*) filter (is_recent) - count(*) filter (is_earlier)"
            f" * ({feature.weeks} / {feature.weeks_before or 1}::double), {DECIMALS})"
        ),
    }.get(feature.kind, "count(*)::double")
    return (
        f"select person_key, as_of_date, {value} as value from ("
        f"select o.person_key, o.as_of_date, {thing} as thing, max(coalesce({amount}, 1)) as amount,"
        f" bool_or({recent}) as is_recent, bool_or(not ({recent})) as is_earlier"
        f" from {joined} group by o.person_key, o.as_of_date, thing) group by person_key, as_of_date"
    )


def _owned(feature: Feature) -> str:
    """Join of a fact to the person whose, or whose household's, it is."""
    if feature.scope == "person":
        return "e.person_key = o.member_key"
    return "(e.person_key = o.member_key or (e.person_key is null and e.household_key = o.home_key))"


def _wide(feature: Feature) -> str:
    """The feature as a column over the rows of `measured`."""
    if feature.kind == "age":
        return f"round(spine.age_months / 12.0::double, {DECIMALS})"
    if feature.kind == "age_band":
        return f"(spine.age_months >= {feature.from_months or 0} and spine.age_months < {feature.to_months})::double"
    if feature.kind == "household_size":
        return (
            "case when spine.household_key is null then 1.0 else (select count(*) from spine as h"
            " where h.household_key = spine.household_key and h.as_of_date = spine.as_of_date) end::double"
        )
    nothing = 7 * feature.weeks if feature.kind == "days_since" else 0
    return f"coalesce(max(measured.value) filter (measured.feature = '{feature.name}'), {nothing})"


def _floored(feature: Feature, expression: str) -> str:
    """The expression, counting as nothing below the feature's floor."""
    return f"case when {expression} < {feature.floor} then 0 else {expression} end" if feature.floor else expression


def _relative(feature: Feature) -> str:
    """The base less the mean of its week and peer group in the cohort."""
    mean = f"avg({feature.base}) filter (exclusion_reason is null) over (partition by as_of_date, peer_group)"
    return f"case when peer_group is null then 0 else coalesce(round({feature.base} - {mean}, {DECIMALS}), 0) end"


def _list(values: Sequence[str]) -> str:
    """Quoted, comma-separated strings."""
    return ", ".join("'" + v.replace("'", "''") + "'" for v in values)
