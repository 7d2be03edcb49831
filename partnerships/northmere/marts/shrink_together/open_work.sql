-- One row per child and agency that has work with the child open on the last day of the quarter, as known at the run.
{%- set rule = var('shrink_together') %}
with quarter as (
    select * from {{ ref('reporting_quarter') }}
),

event as (
    select
        fact.person_key,
        fact.agency,
        fact.event_type,
        quarter.ends_on - fact.occurred_on as days_before
    from {{ ref('event') }} as fact
    inner join quarter
        on {{ known_at('fact', 'quarter.run_at') }} and fact.occurred_on between quarter.ends_on - 366 and quarter.ends_on
    where fact.person_key is not null
),

episode as (
    select
        fact.person_key,
        fact.agency,
        fact.episode_type,
        fact.organisation
    from {{ ref('episode') }} as fact
    inner join quarter
        on
            {{ known_at('fact', 'quarter.run_at') }}
            and fact.started_on <= quarter.ends_on
            and coalesce(fact.ended_on > quarter.ends_on, true)
    where fact.person_key is not null
),

open_now as (
    {%- for work in rule.work %}
    select
        person_key,
        agency
    from {{ 'event' if work.events is defined else 'episode' }}
    where
        agency = '{{ work.agency }}'
        {%- if work.events is defined %}
        and event_type in {{ text_list(work.events) }}
        and days_before < {{ work.within_days }}
        {%- else %}
        and episode_type in {{ text_list(work.episodes) }}
        {%- if work.organisations is defined %}
        and organisation in {{ text_list(work.organisations) }}
        {%- endif %}
        {%- endif %}
    {{ 'union' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        person_key,
        agency
    from open_now
)

select * from final
