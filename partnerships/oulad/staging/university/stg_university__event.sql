-- One row per event of a registration or a piece of work and version. Marks, weights and the day due are of the
-- assessment; work that is due and not there is missed until it comes.
with registration as (
    select
        *,
        code_module || ' ' || code_presentation as presentation_code
    from {{ versions(source('warehouse', 'university__registration')) }}
),

work as (
    select * from {{ versions(source('warehouse', 'university__assessment')) }}
    -- A mark carried over from an earlier attempt says nothing of this one.
    where coalesce(is_banked, 0) = 0
),

presentation as (
    select
        code,
        cast(starts_on as date) as starts_on,
        cast(ends_on as date) as ends_on
    from {{ ref('code_presentation') }}
),

assessment as (
    select
        code,
        presentation,
        kind,
        cast(due_on as date) as due_on,
        cast(weight as double) as weight
    from {{ ref('code_assessment') }}
    where due_on is not null and kind <> 'Exam'
),

registered as (
    select
        registration.*,
        presentation.starts_on,
        presentation.ends_on,
        greatest(registration.date_registration, presentation.starts_on) as begun_on
    from registration
    inner join presentation on registration.presentation_code = presentation.code
),

-- What a registration says on the first day of studying.
begun as (
    select
        'registration' as feed,
        item.event_type,
        registered.record_key as source_record_key,
        registered.id_student_key as record_key,
        registered.begun_on as occurred_on,
        item.value,
        registered.presentation_code as detail,
        registered.known_from,
        registered.known_to
    from registered
    cross join
        lateral (
            values
            ('studying_begun', 1.0),
            ('registered_days_ahead', greatest(registered.begun_on - registered.date_registration, 0)),
            ('registered_late', greatest(registered.date_registration - registered.starts_on, 0)),
            ('credits_taken_on', registered.studied_credits),
            ('attempt_before', registered.num_of_prev_attempts)
        ) as item (event_type, value)
    where item.value > 0 and (registered.date_unregistration is null or registered.date_unregistration > registered.begun_on)
),

outcome as (
    select
        'registration' as feed,
        case final_result
            when 'Fail' then 'module_failed'
            when 'Pass' then 'module_passed'
            when 'Distinction' then 'module_passed'
            else 'module_left'
        end as event_type,
        record_key as source_record_key,
        id_student_key as record_key,
        case
            when final_result in ('Fail', 'Pass', 'Distinction') then ends_on
            else coalesce(least(date_unregistration, ends_on), ends_on)
        end as occurred_on,
        cast(1 as double) as value,
        presentation_code as detail,
        known_from,
        known_to
    from registered
    where final_result is not null or date_unregistration is not null
),

handed_in as (
    select
        work.record_key as source_record_key,
        work.id_student_key as record_key,
        assessment.kind,
        assessment.due_on,
        assessment.weight,
        assessment.presentation,
        work.date_submitted as occurred_on,
        work.score,
        work.known_from,
        work.known_to
    from work
    inner join assessment on work.id_assessment = assessment.code
),

marked as (
    select
        'assessment' as feed,
        item.event_type,
        handed_in.source_record_key,
        handed_in.record_key,
        handed_in.occurred_on,
        item.value,
        handed_in.kind as detail,
        handed_in.known_from,
        handed_in.known_to
    from handed_in
    cross join
        lateral (
            values
            ('work_handed_in', 1.0),
            ('work_handed_in_late', greatest(handed_in.occurred_on - handed_in.due_on, 0)),
            ('work_handed_in_early', greatest(handed_in.due_on - handed_in.occurred_on, 0)),
            ('work_failed', case when handed_in.score < 40 then 1.0 end),
            ('work_marked', handed_in.score),
            ('marks_lost', 100 - handed_in.score),
            ('credit_lost', handed_in.weight * (100 - handed_in.score) / 100),
            ('credit_won', handed_in.weight * handed_in.score / 100)
        ) as item (event_type, value)
    where item.value > 0
),

-- Since when a piece of work is there, carried over or not.
came as (
    select
        id_student_key,
        id_assessment,
        min(known_from) as known_from
    from {{ versions(source('warehouse', 'university__assessment')) }}
    group by id_student_key, id_assessment
),

-- Due, and not there yet: known on the day after, until the work comes.
missed as (
    select
        'registration' as feed,
        item.event_type,
        registered.record_key as source_record_key,
        registered.id_student_key as record_key,
        assessment.due_on as occurred_on,
        item.value,
        assessment.kind as detail,
        greatest(registered.known_from, cast(assessment.due_on + 1 as timestamp)) as known_from,
        least(registered.known_to, coalesce(came.known_from, {{ open_end() }})) as known_to,
        assessment.code as part
    from registered
    inner join assessment
        on
            registered.presentation_code = assessment.presentation
            and registered.begun_on <= assessment.due_on
            and coalesce(registered.date_unregistration, registered.ends_on) > assessment.due_on
    left join came on registered.id_student_key = came.id_student_key and assessment.code = came.id_assessment
    cross join
        lateral (
            values
            ('work_missed', 1.0),
            ('marks_lost', 100.0),
            ('credit_lost', assessment.weight)
        ) as item (event_type, value)
    where item.value > 0
),

events as (
    select *, null as part from begun
    union all
    select *, null as part from outcome
    union all
    select *, null as part from marked
    union all
    select * from missed
),

final as (
    select
        concat_ws(':', cast(events.source_record_key as varchar), events.event_type, events.part) as event_key,
        events.source_record_key,
        events.record_key,
        feed.agency,
        events.feed,
        events.event_type,
        events.occurred_on,
        cast(null as timestamp) as occurred_at,
        cast(events.value as double) as value,
        events.detail,
        feed.release_default as release,
        greatest(events.known_from, cast(events.occurred_on as timestamp)) as known_from,
        events.known_to
    from events
    inner join {{ ref('feed') }} as feed on feed.agency = 'university' and events.feed = feed.feed
    where
        events.record_key is not null
        and greatest(events.known_from, cast(events.occurred_on as timestamp)) < events.known_to
)

select * from final
