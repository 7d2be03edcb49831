-- One row per pupil and version.
with source as (
    select * from {{ versions(source('identity', 'education__pupil')) }}
),

final as (
    select
        record_key,
        'education' as agency,
        'pupil' as feed,
        trim(upn) as source_key,
        nullif(trim(forenameyp), '') as forename,
        nullif(trim(surnameyp), '') as surname,
        dob as birth_date,
        sex,
        nullif(trim(postcode), '') as postcode,
        nullif(trim(uprn), '') as uprn,
        cast(null as varchar) as nhs_number,
        trim(upn) as upn,
        trim(upn) as local_id,
        false as professional,
        true as names_a_person,
        extracted_at,
        known_from,
        known_to
    from source
)

select * from final
