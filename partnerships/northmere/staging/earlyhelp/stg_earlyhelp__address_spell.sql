-- One row per home address of an early help person and version. The system keeps the present address only.
with source as (
    select * from {{ versions(source('identity', 'earlyhelp__person')) }}
),

final as (
    select
        record_key,
        nullif(trim(eh_postcode), '') as postcode,
        nullif(trim(eh_uprn), '') as uprn,
        'home' as address_type,
        cast(null as date) as started_on,
        cast(null as date) as ended_on,
        known_from,
        known_to
    from source
    where nullif(trim(eh_postcode), '') is not null or nullif(trim(eh_uprn), '') is not null
)

select * from final
