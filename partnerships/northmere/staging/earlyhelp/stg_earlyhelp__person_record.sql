-- One row per person of early help and version.
with source as (
    select * from {{ versions(source('identity', 'earlyhelp__person')) }}
),

final as (
    select
        record_key,
        'earlyhelp' as agency,
        'person' as feed,
        trim(eh_person_id) as source_key,
        nullif(trim(eh_forename), '') as forename,
        nullif(trim(eh_surname), '') as surname,
        eh_dob as birth_date,
        eh_sex as sex,
        nullif(trim(eh_postcode), '') as postcode,
        nullif(trim(eh_uprn), '') as uprn,
        nullif(trim(eh_nhs_number), '') as nhs_number,
        cast(null as varchar) as upn,
        trim(eh_person_id) as local_id,
        false as professional,
        true as names_a_person,
        extracted_at,
        known_from,
        known_to
    from source
)

select * from final
