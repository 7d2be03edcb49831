with source as (
    select * from {{ versions(source('warehouse', 'alpha__episode')) }} as raw_episode
),

final as (
    select
        source.record_key::varchar || ':' || source.kind as episode_key,
        source.record_key as source_record_key,
        source.person_id_key as record_key,
        'alpha' as agency,
        'episode' as feed,
        source.kind as episode_type,
        source.started_on,
        source.ended_on,
        null as outcome,
        null as plan_level,
        'North' as team,
        null as worker_record_key,
        null as organisation,
        'ask_owner' as release,
        source.known_from,
        source.known_to
    from source
)

select * from final
