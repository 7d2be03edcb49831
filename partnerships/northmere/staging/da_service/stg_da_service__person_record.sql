-- One row per child named by the domestic abuse service and version.
with source as (
    select * from {{ versions(source('identity', 'da_service__flag')) }}
),

final as (
    select
        record_key,
        'da_service' as agency,
        'flag' as feed,
        concat_ws(chr(31), trim(case_ref), trim(child_no)) as source_key,
        nullif(trim(child_forename), '') as forename,
        nullif(trim(child_surname), '') as surname,
        child_dob as birth_date,
        cast(null as varchar) as sex,
        nullif(trim(postcode), '') as postcode,
        cast(null as varchar) as uprn,
        cast(null as varchar) as nhs_number,
        cast(null as varchar) as upn,
        cast(null as varchar) as local_id,
        false as professional,
        nullif(trim(child_forename), '') is not null as names_a_person,
        extracted_at,
        known_from,
        known_to
    from source
)

select * from final
