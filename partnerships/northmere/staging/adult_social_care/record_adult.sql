-- Which records about adults are one adult, by rules alone: a notification by the police is an adult of the council's
-- where the birth date and one name agree, or both names where the birth date is missing, a guess or turned round, and
-- exactly one adult fits.
-- Nothing is learned, and records about children are neither read here nor meet these anywhere.
with adult as (
    select * from {{ ref('stg_adult_social_care__name') }}
),

notification as (
    select * from {{ ref('stg_police__adult_name') }}
),

candidate as (
    select
        notification.record_key,
        adult.person_id,
        {{ intersect_from('notification', 'adult') }} as known_from,
        {{ intersect_to('notification', 'adult') }} as known_to
    from notification
    inner join adult
        on
            (
                (
                    notification.birth_date = adult.birth_date
                    and (
                        notification.surname_letters = adult.surname_letters
                        or notification.forename_letters = adult.forename_letters
                    )
                )
                or (
                    notification.surname_letters = adult.surname_letters
                    and notification.forename_letters = adult.forename_letters
                    and (
                        notification.birth_date is null
                        -- The first of January of the right year is a guess; day and month are easily exchanged.
                        or notification.birth_date = date_trunc('year', adult.birth_date)
                        or (
                            year(notification.birth_date) = year(adult.birth_date)
                            and month(notification.birth_date) = day(adult.birth_date)
                            and day(notification.birth_date) = month(adult.birth_date)
                        )
                    )
                )
            )
            and {{ versions_overlap('notification', 'adult') }}
),

-- Moments at which something about a notification or its candidates changed.
moment as (
    select * from {{ version_timeline(['notification', 'candidate'], key='record_key') }}
),

of_notification as (
    select
        notification.record_key,
        -- Exactly one adult, or nobody's until somebody asks: before the council knew the adult, and where two fit.
        case
            when count(distinct candidate.person_id) = 1 then any_value(candidate.person_id)
            else any_value(notification.own_id)
        end as person_id,
        any_value(notification.forename) as forename,
        any_value(notification.surname) as surname,
        any_value(notification.birth_date) as birth_date,
        moment.known_from,
        moment.known_to
    from moment
    inner join notification
        on moment.record_key = notification.record_key and {{ known_at('notification', 'moment.known_from') }}
    left join candidate
        on moment.record_key = candidate.record_key and {{ known_at('candidate', 'moment.known_from') }}
    group by notification.record_key, moment.known_from, moment.known_to
),

final as (
    select record_key, person_id, forename, surname, birth_date, 1 as spelling_order, known_from, known_to
    from adult

    union all

    select record_key, person_id, forename, surname, birth_date, 2 as spelling_order, known_from, known_to
    from of_notification
)

select * from final
