-- One row per address in a police notification or missing report and version. A notification's address is where it
-- happened, which need not be home; the day is the one on which the police recorded it.
with notification as (
    select * from {{ versions(source('identity', 'police__ppn')) }}
),

missing as (
    select * from {{ versions(source('identity', 'police__missing')) }}
),

final as (
    select
        record_key,
        nullif(trim(postcode), '') as postcode,
        nullif(trim(uprn), '') as uprn,
        'incident' as address_type,
        {{ local_date('known_from') }} as started_on,
        {{ local_date('known_from') }} as ended_on,
        known_from,
        known_to
    from notification
    where nullif(trim(postcode), '') is not null or nullif(trim(uprn), '') is not null

    union all

    select
        record_key,
        nullif(trim(postcode), '') as postcode,
        cast(null as varchar) as uprn,
        'unknown' as address_type,
        {{ local_date('known_from') }} as started_on,
        {{ local_date('known_from') }} as ended_on,
        known_from,
        known_to
    from missing
    where nullif(trim(postcode), '') is not null
)

select * from final
