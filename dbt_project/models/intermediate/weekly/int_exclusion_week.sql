-- depends_on: {{ ref('event') }}, {{ ref('episode') }} (also where a partnership declares nothing)
-- Every Sunday on which a rule of the cohort keeps a person off the list, as known then; of several the first counts.
with week as (
    select * from {{ ref('int_week') }}
),

hit as (
    {%- for rule in var('cohort').exclusions %}
    {%- set priority = loop.index %}
    {%- if rule.episodes is defined %}
    select
        episode.person_key,
        week.as_of_date,
        {{ priority }} as priority
    from {{ ref('episode') }} as episode
    inner join week
        on
            {{ known_at('episode', 'week.cutoff') }}
            {%- if rule.closed_within_days is defined %}
            and episode.ended_on <= week.as_of_date
            and episode.ended_on > week.as_of_date - {{ rule.closed_within_days }}
            {%- elif rule.started_within_days is defined %}
            and episode.started_on <= week.as_of_date
            and (
                episode.started_on > week.as_of_date - {{ rule.started_within_days }}
                or coalesce(episode.ended_on > week.as_of_date, true)
            )
            {%- else %}
            and episode.started_on <= week.as_of_date
            and (episode.ended_on is null or episode.ended_on > week.as_of_date)
            {%- endif %}
    where
        episode.person_key is not null
        and episode.episode_type in {{ text_list(rule.episodes) }}
        {%- if rule.outcomes is defined %}
        and episode.outcome in {{ text_list(rule.outcomes) }}
        {%- endif %}
    {%- else %}
    select
        event.person_key,
        week.as_of_date,
        {{ priority }} as priority
    from {{ ref('event') }} as event
    inner join week
        on
            {{ known_at('event', 'week.cutoff') }}
            and event.occurred_on <= week.as_of_date
            {%- if rule.within_days is defined %}
            and event.occurred_on > week.as_of_date - {{ rule.within_days }}
            {%- endif %}
    where
        event.person_key is not null
        and event.event_type in {{ text_list(rule.events) }}
        {%- if rule.details is defined %}
        and event.detail in {{ text_list(rule.details) }}
        {%- endif %}
    {%- endif %}

    union all
    {% endfor %}
    select
        cast(null as uuid) as person_key,
        cast(null as date) as as_of_date,
        cast(null as integer) as priority
    where false
),

first_hit as (
    select person_key, as_of_date, min(priority) as priority
    from hit
    group by person_key, as_of_date
),

rule as (
    select
        {{ text_items(var('cohort').exclusions, 'reason') }} as reasons,
        {{ text_items(var('cohort').exclusions, 'routed_to') }} as routes
),

final as (
    select
        first_hit.person_key,
        first_hit.as_of_date,
        rule.reasons[first_hit.priority] as reason,
        rule.routes[first_hit.priority] as routed_to
    from first_hit
    cross join rule
)

select * from final
