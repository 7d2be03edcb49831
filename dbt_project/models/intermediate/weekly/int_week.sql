with clock as (
    {{ run_clock(source('gate', 'drop_log')) }}
),

history as (
    {{ history_start(ref('event')) }}
),

listed as (
    select unnest({{ week_list('history.first_week', last_as_of('clock.run_at')) }}) as week
    from clock
    cross join history
),

final as (
    select
        cast(week as date) as as_of_date,
        {{ knowledge_cutoff('week') }} as cutoff
    from listed
)

select * from final
