-- One row per school, week and version: the half days a pupil could have attended.
with source as (
    select * from {{ versions(source('warehouse', 'education__possible_sessions')) }}
),

final as (
    select
        urn as organisation,
        weekbeginning as week_beginning,
        possiblesessions as possible_sessions,
        'education' as agency,
        'possible_sessions' as feed,
        known_from,
        known_to
    from source
)

select * from final
