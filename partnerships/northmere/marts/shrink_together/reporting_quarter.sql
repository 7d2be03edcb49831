-- One row: the last calendar quarter that is over at the run's instant; none before anything was delivered.
with clock as (
    {{ run_clock(source('gate', 'drop_log')) }}
),

begun as (
    select
        cast(date_trunc('quarter', {{ local_date('clock.run_at') }}) as date) as next_starts_on,
        clock.run_at
    from clock
    where clock.run_at is not null
),

final as (
    select
        cast(next_starts_on - interval '3 months' as date) as starts_on,
        next_starts_on - 1 as ends_on,
        concat(year(next_starts_on - 1), 'Q', quarter(next_starts_on - 1)) as quarter,
        run_at
    from begun
)

select * from final
