-- One row per agency: how many children it knows something of in the quarter, and of how many another agency does too.
with quarter as (
    select * from {{ ref('reporting_quarter') }}
),

told_of as (
    select
        fact.person_key,
        fact.agency
    from {{ ref('event') }} as fact
    inner join quarter
        on
            {{ known_at('fact', 'quarter.run_at') }}
            and fact.occurred_on between quarter.starts_on and quarter.ends_on
    where fact.person_key is not null and fact.release <> 'sealed'

    union

    select
        fact.person_key,
        fact.agency
    from {{ ref('episode') }} as fact
    inner join quarter
        on
            {{ known_at('fact', 'quarter.run_at') }}
            and fact.started_on <= quarter.ends_on
            and coalesce(fact.ended_on >= quarter.starts_on, true)
    where fact.person_key is not null and fact.release <> 'sealed'
),

counted as (
    select
        told_of.person_key,
        told_of.agency,
        count(*) over (partition by told_of.person_key) as agencies
    from told_of
    inner join {{ ref('person') }} as person on told_of.person_key = person.person_key
    cross join quarter
    where person.is_current and person.birth_month + interval '18 years' > quarter.ends_on
),

final as (
    select
        agency,
        count(*) as children,
        count(*) filter (where agencies > 1) as children_known_elsewhere
    from counted
    group by agency
)

select * from final
