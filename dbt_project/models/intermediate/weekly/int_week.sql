with clock as (
    {{ run_clock(source('gate', 'drop_log')) }}
),

bounds as (
    select
        {%- if var('history_from') %}
        {{ sunday_on_or_after("cast('" ~ var('history_from') ~ "' as date)") }} as first_week,
        {%- else %}
        (select {{ sunday_on_or_after('min(occurred_on)') }} from {{ ref('event') }}) as first_week,
        {%- endif %}
        {{ last_as_of('clock.run_at') }} as last_week
    from clock
),

final as (
    select
        cast(week as date) as as_of_date,
        {{ knowledge_cutoff('week') }} as cutoff
    from (select unnest({{ week_list('first_week', 'last_week') }}) as week from bounds) as listed
)

select * from final
