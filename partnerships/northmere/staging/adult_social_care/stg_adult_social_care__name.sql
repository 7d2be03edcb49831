-- One row per adult known to adult social care and version, under the number that says who it is: the NHS number with
-- the birth date where both are held (so two numbers of the council can be one adult), else the council's own.
with source as (
    select * from {{ versions(source('identity', 'adult_social_care__person')) }}
),

final as (
    select
        record_key,
        case
            when regexp_matches(trim(nhs_number), '^[0-9]{10}$') and date_of_birth is not null
                then concat_ws(':', 'nhs', trim(nhs_number), cast(date_of_birth as varchar))
            else concat_ws(':', 'council', trim(la_person_unique_identifier))
        end as person_id,
        nullif(trim(forename), '') as forename,
        nullif(trim(surname), '') as surname,
        {{ letters_of('forename') }} as forename_letters,
        {{ letters_of('surname') }} as surname_letters,
        date_of_birth as birth_date,
        known_from,
        known_to
    from source
)

select * from final
