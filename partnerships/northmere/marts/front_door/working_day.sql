-- One row per date the frozen calendar covers, numbered by working days: the working days after one date up to another
-- are the difference of their numbers.
with holiday as (
    select cast(date as date) as day from {{ ref('code_bank_holidays') }}
),

calendar as (
    select cast(unnest(generate_series(min(day), max(day), interval '1 day')) as date) as day
    from holiday
),

final as (
    select
        calendar.day as calendar_date,
        holiday.day is null and isodow(calendar.day) <= 5 as is_working_day,
        count(*) filter (where holiday.day is null and isodow(calendar.day) <= 5)
            over (order by calendar.day rows unbounded preceding) as working_day_no
    from calendar
    left join holiday on calendar.day = holiday.day
)

select * from final
