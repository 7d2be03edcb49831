-- Runs of Sundays on which a person had been seen by some agency within the cohort's window, as known on each.
-- Worked in intervals, not in weeks: an event is compared with its neighbours once, not with every list it bears on.
{%- set days = var('cohort').seen_within_days %}
with fact as (
    select person_key, occurred_on as first_on, occurred_on as last_on, known_from, known_to
    from {{ ref('event') }}
    where person_key is not null

    union all

    select
        person_key,
        started_on as first_on,
        -- Someone is seen for as long as an episode lasts.
        coalesce(ended_on, date '9999-01-01') as last_on,
        known_from,
        known_to
    from {{ ref('episode') }}
    where person_key is not null
),

reach as (
    select
        person_key,
        greatest({{ sunday_on_or_after('first_on') }}, {{ first_week_knowing('known_from') }}) as from_week,
        max(least(
            {{ sunday_on_or_before('last_on + ' ~ days) }},
            case
                when known_to = {{ open_end() }} then date '9999-01-01'
                else {{ first_week_knowing('known_to') }} - 7
            end
        )) as to_week
    from fact
    group by person_key, from_week
),

marked as (
    select
        *,
        max(to_week) over (
            partition by person_key order by from_week rows between unbounded preceding and 1 preceding
        ) as seen_before
    from reach
    where from_week <= to_week
),

run as (
    select
        *,
        -- Neighbouring Sundays belong to one run.
        sum(case when seen_before is null or seen_before < from_week - 7 then 1 else 0 end) over (
            partition by person_key order by from_week rows between unbounded preceding and current row
        ) as run_no
    from marked
),

final as (
    select
        person_key,
        min(from_week) as from_week,
        max(to_week) as to_week
    from run
    group by person_key, run_no
)

select * from final
