-- The household a person lived in, as runs of Sundays that do not overlap. Nearly all stays are apart already; only
-- people with two at once are taken week by week, where the later move wins.
with stay as (
    select
        person_key,
        household_key,
        started_on,
        sort_no,
        greatest({{ sunday_on_or_after('started_on') }}, {{ first_week_knowing('known_from') }}) as from_week,
        least(
            case when ended_on is null then date '9999-01-01' else {{ sunday_on_or_before('ended_on - 1') }} end,
            case
                when known_to = {{ open_end() }} then date '9999-01-01'
                else {{ first_week_knowing('known_to') }} - 7
            end
        ) as to_week
    from {{ ref('household') }}
),

sound as (
    select
        *,
        max(to_week) over (
            partition by person_key
            order by from_week, to_week, sort_no
            rows between unbounded preceding and 1 preceding
        ) as stayed_before
    from stay
    where from_week <= to_week
),

doubled as (
    select distinct person_key from sound where stayed_before >= from_week
),

week as (
    select * from {{ ref('int_week') }}
),

chosen as (
    select
        sound.person_key,
        week.as_of_date,
        -- sort_no and not the key breaks a tie: no outcome may depend on a key.
        arg_max(sound.household_key, (sound.started_on, -sound.sort_no)) as household_key
    from sound
    inner join doubled on sound.person_key = doubled.person_key
    inner join week on week.as_of_date between sound.from_week and sound.to_week
    group by sound.person_key, week.as_of_date
),

final as (
    select person_key, household_key, from_week, to_week
    from sound
    where person_key not in (select doubled.person_key from doubled)

    union all

    select person_key, household_key, as_of_date as from_week, as_of_date as to_week
    from chosen
)

select * from final
