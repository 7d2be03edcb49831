-- One row per student and version. The number is all there is.
with source as (
    select * from {{ versions(source('identity', 'university__student')) }}
),

final as (
    select
        record_key,
        'university' as agency,
        'student' as feed,
        trim(id_student) as source_key,
        cast(null as varchar) as forename,
        cast(null as varchar) as surname,
        cast(null as date) as birth_date,
        cast(null as varchar) as sex,
        cast(null as varchar) as postcode,
        cast(null as varchar) as uprn,
        cast(null as varchar) as nhs_number,
        cast(null as varchar) as upn,
        trim(id_student) as local_id,
        false as professional,
        true as names_a_person,
        extracted_at,
        known_from,
        known_to
    from source
)

select * from final
