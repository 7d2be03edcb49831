-- One row per record that names an adult and version: adult social care's own, and notifications by the police about
-- adults at risk. Equal rules, nothing learned: two numbers of the council are one adult where the NHS number and the
-- birth date agree; a notification is an adult of the council's where names and birth date point to exactly one.
-- Records about children are not read here, nor are these read where children's records are matched.
{%- macro letters(name) -%}
    regexp_replace(lower(strip_accents({{ name }})), '[^a-z]', '', 'g')
{%- endmacro %}
with adult as (
    select
        record_key,
        'adult_social_care' as agency,
        case
            when regexp_matches(trim(nhs_number), '^[0-9]{10}$') and date_of_birth is not null
                then concat_ws(':', 'nhs', trim(nhs_number), cast(date_of_birth as varchar))
            else concat_ws(':', 'la', trim(la_person_unique_identifier))
        end as person_id,
        nullif(trim(forename), '') as forename,
        nullif(trim(surname), '') as surname,
        {{ letters('forename') }} as forename_letters,
        {{ letters('surname') }} as surname_letters,
        date_of_birth as birth_date,
        known_from,
        known_to
    from {{ versions(source('identity', 'adult_social_care__person')) }}
),

notification as (
    select
        record_key,
        concat_ws(':', 'police', trim(apn_ref)) as own_id,
        nullif(trim(subject_forename), '') as forename,
        nullif(trim(subject_surname), '') as surname,
        {{ letters('subject_forename') }} as forename_letters,
        {{ letters('subject_surname') }} as surname_letters,
        subject_dob as birth_date,
        known_from,
        known_to
    from {{ versions(source('identity', 'police__adult_notification')) }}
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
                    notification.birth_date is null
                    and notification.surname_letters = adult.surname_letters
                    and notification.forename_letters = adult.forename_letters
                )
            )
            and {{ versions_overlap('notification', 'adult') }}
),

-- Moments at which something about a notification's candidates changed.
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
    select record_key, agency, person_id, forename, surname, birth_date, 1 as spelling_order, known_from, known_to
    from adult

    union all

    select
        record_key,
        'police' as agency,
        person_id,
        forename,
        surname,
        birth_date,
        2 as spelling_order,
        known_from,
        known_to
    from of_notification
)

select * from final
