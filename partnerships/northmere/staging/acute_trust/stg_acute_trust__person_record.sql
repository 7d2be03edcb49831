-- One row per attendance at an emergency department, as a record of the child who came, and version.
with source as (
    select * from {{ versions(source('identity', 'acute_trust__ed_attendance')) }}
),

final as (
    select
        record_key,
        'acute_trust' as agency,
        'ed_attendance' as feed,
        trim(attendanceid) as source_key,
        nullif(trim(forename), '') as forename,
        nullif(trim(surname), '') as surname,
        dateofbirth as birth_date,
        case sex when '1' then 'M' when '2' then 'F' when '9' then 'U' end as sex,
        nullif(trim(postcode), '') as postcode,
        cast(null as varchar) as uprn,
        nullif(trim(nhsnumber), '') as nhs_number,
        cast(null as varchar) as upn,
        cast(null as varchar) as local_id,
        false as professional,
        -- An NHS number names its holder as surely as a name does.
        nullif(trim(forename), '') is not null or nullif(trim(nhsnumber), '') is not null as names_a_person,
        extracted_at,
        known_from,
        known_to
    from source
)

select * from final
