-- One row per school and version: its name and phase.
with source as (
    select * from {{ versions(source('warehouse', 'education__school')) }}
),

final as (
    select
        urn as organisation,
        trim(schoolname) as name,
        phase,
        known_from,
        known_to
    from source
)

select * from final
