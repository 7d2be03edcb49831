-- One row per lead practitioner of early help and version.
with source as (
    select * from {{ versions(source('identity', 'earlyhelp__worker')) }}
),

final as (
    select
        record_key,
        trim(ehw_name) as name,
        nullif(trim(ehw_role), '') as role,
        nullif(trim(ehw_organisation), '') as organisation,
        known_from,
        known_to
    from source
)

select * from final
