with clock as (
    {{ run_clock(source('gate', 'drop_log')) }}
),

bounds as (
    select
        {%- if var('history_from') %}
        {{ sunday_on_or_after("cast('" ~ var('history_from') ~ "' as date)") }} as first_week,
        {%- else %}
        -- Half of the feeds had begun by then: one alone may reach far back with what was open when history began.
        (
            select {{ sunday_on_or_after('quantile_disc(began_on, 0.5)') }}
            from (select min(occurred_on) as began_on from {{ ref('event') }} group by agency, feed) as begun
        ) as first_week,
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
