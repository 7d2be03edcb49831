-- One row per time a child was reported missing and version, from the report until the child was found.
with source as (
    select * from {{ versions(source('warehouse', 'police__missing')) }}
),

renamed as (
    select
        record_key,
        reported_dt_on as started_on,
        found_dt_on as ended_on,
        case when return_interview_dt is not null then 'return_interview' end as outcome,
        cast(null as varchar) as open_outcome,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from source
),

phases as (
    select * from {{ open_then_closed('renamed', ['record_key']) }}
),

final as (
    select
        concat_ws(':', cast(phases.record_key as varchar), 'missing') as episode_key,
        phases.record_key as source_record_key,
        phases.record_key,
        feed.agency,
        feed.feed,
        'missing' as episode_type,
        phases.started_on,
        phases.ended_on,
        phases.outcome,
        cast(null as varchar) as plan_level,
        cast(null as varchar) as team,
        cast(null as uuid) as worker_record_key,
        cast(null as varchar) as organisation,
        feed.release_default as release,
        phases.known_from,
        phases.known_to
    from phases
    inner join {{ ref('feed') }} as feed on feed.agency = 'police' and feed.feed = 'missing'
)

select * from final
