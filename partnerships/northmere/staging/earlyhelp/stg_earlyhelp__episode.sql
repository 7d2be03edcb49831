-- One row per spell of early help and version.
with source as (
    select * from {{ versions(source('warehouse', 'earlyhelp__episodes')) }}
),

renamed as (
    select
        record_key as source_record_key,
        earl_person_id_key as record_key,
        earl_episode_start_date as started_on,
        earl_episode_end_date as ended_on,
        earl_episode_end_reason as outcome,
        cast(null as varchar) as open_outcome,
        earl_episode_worker_id_key as worker_record_key,
        earl_episode_organisation as organisation,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from source
),

phases as (
    select *
    from {{ open_then_closed('renamed', ['source_record_key', 'record_key', 'worker_record_key', 'organisation']) }}
),

final as (
    select
        concat_ws(':', cast(phases.source_record_key as varchar), 'early_help') as episode_key,
        phases.source_record_key,
        phases.record_key,
        feed.agency,
        feed.feed,
        'early_help' as episode_type,
        phases.started_on,
        phases.ended_on,
        phases.outcome,
        'family_help_non_statutory' as plan_level,
        cast(null as varchar) as team,
        phases.worker_record_key,
        phases.organisation,
        feed.release_default as release,
        phases.known_from,
        phases.known_to
    from phases
    inner join {{ ref('feed') }} as feed on feed.agency = 'earlyhelp' and feed.feed = 'episodes'
    where phases.record_key is not null
)

select * from final
