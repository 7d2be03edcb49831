-- One row per school and version: its name and phase.
with source as (
    select * from {{ versions(source('warehouse', 'education__school')) }}
),

final as (
    select
        urn as organisation,
        trim(schoolname) as name,
        phase,
        'education' as agency,
        'school' as feed,
        known_from,
        known_to
    from source
)

select * from final
