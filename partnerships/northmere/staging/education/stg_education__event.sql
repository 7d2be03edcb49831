-- One row per event at school and version: a session mark, a suspension or exclusion, a move between schools.
with marks as (
    select * from {{ versions(source('warehouse', 'education__attendance')) }}
),

exclusions as (
    select * from {{ versions(source('warehouse', 'education__exclusions')) }}
),

enrolments as (
    select * from {{ versions(source('warehouse', 'education__enrolment')) }}
    -- A second registration, or a guest's, is not a place of its own.
    where coalesce(enrolstatus, 'C') in ('C', 'M', 'P')
),

-- Codes of the 2024 regulations and those they replaced. Present, educated elsewhere and sessions that do not count as
-- possible are no events. U was a mark of lateness before it was one of absence: it is counted once, as lateness.
-- Mark E is no event: the suspension tells it. A doctor's appointment (M) and a holiday that was not agreed (G) are
-- absence of other kinds than staying away.
session_mark as (
    select
        'attendance' as feed,
        case
            when attendancecode = 'I' then 'absence_illness'
            when attendancecode = 'C2' then 'part_time_timetable'
            when attendancecode = 'M' then 'medical_appointment'
            when attendancecode in ('C', 'C1', 'H', 'J', 'J1', 'R', 'S', 'T') then 'absence_authorised'
            when attendancecode = 'G' then 'holiday_not_agreed'
            when attendancecode = 'O' then 'absence_unauthorised'
            when attendancecode = 'N' then 'absence_unexplained'
            when attendancecode = 'U' then 'late_after_register'
            when attendancecode = 'L' then 'late_before_register'
        end as event_type,
        record_key as source_record_key,
        upn_key as record_key,
        attendancedate as occurred_on,
        cast(1 as double) as value,
        attendancecode as detail,
        known_from,
        known_to
    from marks
),

exclusion as (
    select
        'exclusions' as feed,
        case when category = 'PERM' then 'permanent_exclusion' else 'suspension' end as event_type,
        record_key as source_record_key,
        upn_key as record_key,
        startdate as occurred_on,
        case when category = 'PERM' then 1 else coalesce(sessionslost, 1) end as value,
        reason1 as detail,
        known_from,
        known_to
    from exclusions
),

-- A move is a new roll in the course of a school year by a pupil who was on another roll before. Entries in August and
-- September are how every school year begins.
school_move as (
    select
        'enrolment' as feed,
        'school_move' as event_type,
        entry.record_key as source_record_key,
        entry.upn_key as record_key,
        entry.entrydate as occurred_on,
        cast(1 as double) as value,
        entry.urn as detail,
        greatest(entry.known_from, min(earlier.known_from)) as known_from,
        entry.known_to
    from enrolments as entry
    inner join enrolments as earlier
        on
            entry.upn_key = earlier.upn_key
            and entry.urn <> earlier.urn
            and entry.entrydate > earlier.entrydate
    where month(entry.entrydate) not in (8, 9)
    group by entry.record_key, entry.upn_key, entry.entrydate, entry.urn, entry.known_from, entry.known_to
),

events as (
    select * from session_mark
    where event_type is not null
    union all
    select * from exclusion
    union all
    select * from school_move
),

final as (
    select
        concat_ws(':', cast(events.source_record_key as varchar), events.event_type) as event_key,
        events.source_record_key,
        events.record_key,
        feed.agency,
        events.feed,
        events.event_type,
        events.occurred_on,
        cast(null as timestamp) as occurred_at,
        events.value,
        events.detail,
        feed.release_default as release,
        events.known_from,
        events.known_to
    from events
    inner join {{ ref('feed') }} as feed on feed.agency = 'education' and events.feed = feed.feed
    where events.record_key is not null and events.known_from < events.known_to
)

select * from final
