-- One row per patient of community health and version.
with source as (
    select * from {{ versions(source('identity', 'community_health__patient')) }}
),

final as (
    select
        record_key,
        'community_health' as agency,
        'patient' as feed,
        trim(localpatientid) as source_key,
        nullif(trim(forename), '') as forename,
        nullif(trim(surname), '') as surname,
        dateofbirth as birth_date,
        case sex when '1' then 'M' when '2' then 'F' when '9' then 'U' end as sex,
        nullif(trim(postcode), '') as postcode,
        cast(null as varchar) as uprn,
        nullif(trim(nhsnumber), '') as nhs_number,
        cast(null as varchar) as upn,
        trim(localpatientid) as local_id,
        false as professional,
        true as names_a_person,
        extracted_at,
        known_from,
        known_to
    from source
)

select * from final
