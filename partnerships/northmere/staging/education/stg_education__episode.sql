-- One row per enrolment at a school and version: organisation is the school, outcome the curriculum year, plan_level the
-- phase, so that attendance can be compared with the same phase in the same week.
with source as (
    select * from {{ versions(source('warehouse', 'education__enrolment')) }}
),

-- A school's phase is reference data: as it stands now.
school as (
    select
        urn,
        arg_max(phase, known_from) as phase
    from {{ versions(source('warehouse', 'education__school')) }}
    group by urn
),

renamed as (
    select
        source.record_key as source_record_key,
        source.upn_key as record_key,
        source.entrydate as started_on,
        source.leavingdate as ended_on,
        source.ncyearactual as outcome,
        source.ncyearactual as open_outcome,
        school.phase as plan_level,
        source.urn as organisation,
        source.known_basis,
        source.extracted_at,
        source.known_from,
        source.known_to
    from source
    left join school on source.urn = school.urn
),

phases as (
    select *
    from {{ open_then_closed('renamed', ['source_record_key', 'record_key', 'plan_level', 'organisation']) }}
),

final as (
    select
        concat_ws(':', cast(phases.source_record_key as varchar), 'enrolment') as episode_key,
        phases.source_record_key,
        phases.record_key,
        feed.agency,
        feed.feed,
        'enrolment' as episode_type,
        phases.started_on,
        phases.ended_on,
        phases.outcome,
        phases.plan_level,
        cast(null as varchar) as team,
        cast(null as uuid) as worker_record_key,
        phases.organisation,
        feed.release_default as release,
        phases.known_from,
        phases.known_to
    from phases
    inner join {{ ref('feed') }} as feed on feed.agency = 'education' and feed.feed = 'enrolment'
    where phases.record_key is not null
)

select * from final
