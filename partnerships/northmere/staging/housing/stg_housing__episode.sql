-- One row per homelessness duty or placement in temporary accommodation, child of the case and version.
with case_child as (
    select * from {{ ref('stg_housing__case_child') }}
),

placements as (
    select * from {{ versions(source('warehouse', 'housing__temporary_accommodation')) }}
),

duty as (
    select
        'application' as feed,
        'homelessness_duty' as episode_type,
        case_key as source_record_key,
        record_key,
        dutyowed as organisation,
        applicationdate as started_on,
        dutyenddate as ended_on,
        dutyendreason as outcome,
        cast(null as varchar) as open_outcome,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from case_child
    where coalesce(dutyowed, 'NONE') <> 'NONE'
),

temporary as (
    select
        'temporary_accommodation' as feed,
        'temporary_accommodation' as episode_type,
        placements.record_key as source_record_key,
        case_child.record_key,
        placements.tatype as organisation,
        placements.tastart as started_on,
        placements.taend as ended_on,
        cast(null as varchar) as outcome,
        cast(null as varchar) as open_outcome,
        placements.known_basis,
        placements.extracted_at,
        {{ intersect_from('placements', 'case_child') }} as known_from,
        {{ intersect_to('placements', 'case_child') }} as known_to
    from placements
    inner join case_child
        on placements.caseid_key = case_child.case_key and {{ versions_overlap('placements', 'case_child') }}
),

spells as (
    select * from duty
    union all
    select * from temporary
),

phases as (
    select *
    from {{ open_then_closed('spells', ['feed', 'episode_type', 'source_record_key', 'record_key', 'organisation']) }}
),

final as (
    select
        concat_ws(
            ':',
            cast(phases.source_record_key as varchar),
            phases.episode_type,
            cast(phases.record_key as varchar)
        ) as episode_key,
        phases.source_record_key,
        phases.record_key,
        feed.agency,
        phases.feed,
        phases.episode_type,
        phases.started_on,
        phases.ended_on,
        phases.outcome,
        cast(null as varchar) as plan_level,
        cast(null as varchar) as team,
        cast(null as uuid) as worker_record_key,
        phases.organisation,
        feed.release_default as release,
        phases.known_from,
        phases.known_to
    from phases
    inner join {{ ref('feed') }} as feed on feed.agency = 'housing' and phases.feed = feed.feed
)

select * from final
