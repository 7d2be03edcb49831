-- One row per usual address of a community patient and version. The trust keeps the present address only.
with source as (
    select * from {{ versions(source('identity', 'community_health__patient')) }}
),

final as (
    select
        record_key,
        nullif(trim(postcode), '') as postcode,
        cast(null as varchar) as uprn,
        'home' as address_type,
        cast(null as date) as started_on,
        cast(null as date) as ended_on,
        known_from,
        known_to
    from source
    where nullif(trim(postcode), '') is not null
)

select * from final
