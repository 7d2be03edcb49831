-- One row per home address of a pupil and version. Schools keep the present address only.
with source as (
    select * from {{ versions(source('identity', 'education__pupil')) }}
),

final as (
    select
        record_key,
        nullif(trim(postcode), '') as postcode,
        nullif(trim(uprn), '') as uprn,
        'home' as address_type,
        cast(null as date) as started_on,
        cast(null as date) as ended_on,
        known_from,
        known_to
    from source
    where nullif(trim(postcode), '') is not null or nullif(trim(uprn), '') is not null
)

select * from final
