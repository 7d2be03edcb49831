-- depends_on: {{ ref('event') }}, {{ ref('episode') }} (also where a partnership declares nothing)
-- An outcome counts from the day of the referral that led to it, and is known once both are. Which referral that was
-- may change as records come late, so it is asked anew for every interval in which the records stood still.
-- A target without an anchor counts from its own day.
with
{%- for target in var('targets') %}
{%- set n = loop.index %}
outcome_{{ n }} as (
    {%- for rule in target.outcomes %}
    {%- if rule.events is defined %}
    select
        person_key,
        event_type as basis,
        source_record_key,
        occurred_on as outcome_on,
        known_from,
        known_to
    from {{ ref('event') }}
    where
        person_key is not null
        and event_type in {{ text_list(rule.events) }}
        {%- if rule.details is defined %}
        and detail in {{ text_list(rule.details) }}
        {%- endif %}
    {%- else %}
    select
        person_key,
        episode_type as basis,
        source_record_key,
        started_on as outcome_on,
        known_from,
        known_to
    from {{ ref('episode') }}
    where
        person_key is not null
        and episode_type in {{ text_list(rule.episodes) }}
        {%- if rule.outcomes is defined %}
        and outcome in {{ text_list(rule.outcomes) }}
        {%- endif %}
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

outcome_keyed_{{ n }} as (
    select
        hash(person_key, basis, source_record_key) as outcome_key,
        *
    from {{ merge_versions('outcome_' ~ n, ['person_key', 'basis', 'source_record_key', 'outcome_on']) }} as merged
),

{% if target.anchor is defined %}
anchor_{{ n }} as (
    select
        outcome.outcome_key,
        anchor.started_on,
        {{ intersect_from('outcome', 'anchor') }} as known_from,
        {{ intersect_to('outcome', 'anchor') }} as known_to
    from outcome_keyed_{{ n }} as outcome
    inner join {{ ref('episode') }} as anchor
        on
            outcome.person_key = anchor.person_key
            and anchor.episode_type in {{ text_list(target.anchor.episodes) }}
            and anchor.started_on <= outcome.outcome_on
            and anchor.started_on >= outcome.outcome_on - {{ target.anchor.within_days }}
            and (
                anchor.ended_on is null
                or anchor.ended_on >= outcome.outcome_on - {{ target.anchor.after_end_days | default(0) }}
            )
            and {{ versions_overlap('outcome', 'anchor') }}
),

anchored_{{ n }} as (
    select
        outcome.person_key,
        outcome.basis,
        outcome.source_record_key,
        timeline.known_from,
        timeline.known_to,
        coalesce(max(anchor.started_on), min(outcome.outcome_on)) as occurred_on
    from {{ version_timeline(['outcome_keyed_' ~ n, 'anchor_' ~ n], key='outcome_key') }} as timeline
    inner join outcome_keyed_{{ n }} as outcome
        on timeline.outcome_key = outcome.outcome_key and {{ known_at('outcome', 'timeline.known_from') }}
    left join anchor_{{ n }} as anchor
        on timeline.outcome_key = anchor.outcome_key and {{ known_at('anchor', 'timeline.known_from') }}
    group by outcome.person_key, outcome.basis, outcome.source_record_key, timeline.known_from, timeline.known_to
),
{% else %}
anchored_{{ n }} as (
    select person_key, basis, source_record_key, outcome_on as occurred_on, known_from, known_to
    from outcome_keyed_{{ n }}
),
{% endif %}

label_{{ n }} as (
    select *
    from {{ merge_versions('anchored_' ~ n, ['person_key', 'basis', 'source_record_key', 'occurred_on']) }} as merged
),
{% endfor %}
final as (
    {%- for target in var('targets') %}
    select
        person_key,
        '{{ target.name }}' as target,
        occurred_on,
        basis,
        source_record_key,
        known_from,
        known_to
    from label_{{ loop.index }}

    union all
    {% endfor %}
    select
        cast(null as uuid) as person_key,
        cast(null as varchar) as target,
        cast(null as date) as occurred_on,
        cast(null as varchar) as basis,
        cast(null as uuid) as source_record_key,
        cast(null as timestamp) as known_from,
        cast(null as timestamp) as known_to
    where false
)

select * from final
