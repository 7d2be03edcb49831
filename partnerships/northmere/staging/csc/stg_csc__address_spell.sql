-- One row per address of a social care person and version.
with source as (
    select * from {{ versions(source('identity', 'csc__address')) }}
),

renamed as (
    select
        addr_person_id_key as record_key,
        record_key as address_key,
        nullif(trim(addr_address_postcode), '') as postcode,
        nullif(trim({{ json_value('addr_address_json', 'UPRN') }}), '') as uprn,
        case addr_address_type
            when 'HOME' then 'home'
            when 'TEMPORARY' then 'temporary'
            when 'PLACEMENT' then 'placement'
            else 'unknown'
        end as address_type,
        addr_address_start_date as started_on,
        addr_address_end_date as ended_on,
        cast(null as varchar) as outcome,
        cast(null as varchar) as open_outcome,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from source
    -- A correspondence address is nobody's home and must not make a household.
    where addr_person_id_key is not null and addr_address_type <> 'CONTACT'
),

final as (
    select
        record_key,
        address_key,
        postcode,
        uprn,
        address_type,
        started_on,
        ended_on,
        known_from,
        known_to
    from {{ open_then_closed('renamed', ['record_key', 'address_key', 'postcode', 'uprn', 'address_type']) }}
)

select * from final
