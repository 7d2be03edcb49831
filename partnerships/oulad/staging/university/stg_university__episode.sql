-- One row per spell of a registration and version. studying: from the first day of the module (or the day of a later
-- registration) to its last day or the day of leaving. behind: the last assignment was missed or failed, until it comes or
-- the next is due. organisation is the module and presentation.
with registration as (
    select * from {{ versions(source('warehouse', 'university__registration')) }}
),

presentation as (
    select
        code,
        cast(starts_on as date) as starts_on,
        cast(ends_on as date) as ends_on
    from {{ ref('code_presentation') }}
),

work as (
    select * from {{ versions(source('warehouse', 'university__assessment')) }}
),

assignment as (
    select
        code,
        presentation,
        cast(due_on as date) as due_on,
        lead(cast(due_on as date)) over (partition by presentation order by due_on) as next_due_on
    from {{ ref('code_assessment') }}
    where kind = 'TMA' and due_on is not null
),

studying as (
    select
        registration.record_key as source_record_key,
        registration.id_student_key as record_key,
        'registration' as feed,
        'studying' as episode_type,
        presentation.code as organisation,
        greatest(registration.date_registration, presentation.starts_on) as started_on,
        least(registration.date_unregistration, presentation.ends_on) as ended_on,
        registration.final_result as outcome,
        registration.known_from,
        registration.known_to
    from registration
    inner join presentation
        on registration.code_module || ' ' || registration.code_presentation = presentation.code
),

-- Since when a piece of work is there.
came as (
    select
        id_student_key,
        id_assessment,
        min(known_from) as known_from
    from work
    group by id_student_key, id_assessment
),

-- Nothing handed in by the day due: known on the day after, until the work comes.
missed as (
    select
        studying.source_record_key,
        studying.record_key,
        studying.feed,
        'behind' as episode_type,
        studying.organisation,
        assignment.due_on as started_on,
        least(assignment.next_due_on, studying.ended_on) as ended_on,
        'missed' as outcome,
        greatest(studying.known_from, cast(assignment.due_on + 1 as timestamp)) as known_from,
        least(studying.known_to, coalesce(came.known_from, {{ open_end() }})) as known_to
    from studying
    inner join assignment
        on
            studying.organisation = assignment.presentation
            and studying.started_on <= assignment.due_on
            and studying.ended_on > assignment.due_on
    left join came on studying.record_key = came.id_student_key and assignment.code = came.id_assessment
),

failed as (
    select
        work.record_key as source_record_key,
        work.id_student_key as record_key,
        'assessment' as feed,
        'behind' as episode_type,
        assignment.presentation as organisation,
        greatest(work.date_submitted, assignment.due_on) as started_on,
        assignment.next_due_on as ended_on,
        'failed' as outcome,
        work.known_from,
        work.known_to
    from work
    inner join assignment on work.id_assessment = assignment.code
    where work.score < 40
),

spells as (
    select *, organisation as part from studying
    -- Who left before the first day never studied.
    where started_on < ended_on
    union all
    select *, cast(started_on as varchar) as part from missed
    union all
    select *, cast(started_on as varchar) as part from failed
    where ended_on is null or started_on < ended_on
),

final as (
    select
        concat_ws(':', cast(spells.source_record_key as varchar), spells.episode_type, spells.part) as episode_key,
        spells.source_record_key,
        spells.record_key,
        feed.agency,
        feed.feed,
        spells.episode_type,
        spells.started_on,
        spells.ended_on,
        spells.outcome,
        cast(null as varchar) as plan_level,
        'Support' as team,
        cast(null as uuid) as worker_record_key,
        spells.organisation,
        feed.release_default as release,
        spells.known_from,
        spells.known_to
    from spells
    inner join {{ ref('feed') }} as feed on feed.agency = 'university' and spells.feed = feed.feed
    where spells.record_key is not null and spells.known_from < spells.known_to
)

select * from final
