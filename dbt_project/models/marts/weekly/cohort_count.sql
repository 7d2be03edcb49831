with person_week as (
    select
        as_of_date,
        area_team,
        coalesce(exclusion_reason, 'in_cohort') as exclusion_reason
    from {{ ref('person_week') }}
),

-- Whether someone without a birth month is a child cannot be told, so they are counted here and are no row there. Where
-- the cohort has no age, nobody is.
age_unknown as (
    select
        week.as_of_date,
        person.area_team,
        'age_unknown' as exclusion_reason
    from {{ source('identity_export', 'person') }} as person
    inner join {{ ref('int_week') }} as week on {{ known_at('person', 'week.cutoff') }}
    where person.birth_month is null{{ ' and false' if var('cohort').during }}
),

counted as (
    select * from person_week
    union all
    select * from age_unknown
),

final as (
    select
        as_of_date,
        coalesce(area_team, 'none') as area_team,
        exclusion_reason,
        count(*) as n
    from counted
    group by 1, 2, 3
)

select * from final
