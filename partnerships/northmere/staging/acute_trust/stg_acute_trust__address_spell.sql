-- One row per usual address given at an attendance and version; it was true on the day it was given.
with source as (
    select * from {{ versions(source('identity', 'acute_trust__ed_attendance')) }}
),

final as (
    select
        record_key,
        nullif(trim(postcode), '') as postcode,
        cast(null as varchar) as uprn,
        'home' as address_type,
        {{ local_date('known_from') }} as started_on,
        {{ local_date('known_from') }} as ended_on,
        known_from,
        known_to
    from source
    where nullif(trim(postcode), '') is not null
)

select * from final
