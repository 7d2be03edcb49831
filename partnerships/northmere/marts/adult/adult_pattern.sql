-- Every Sunday on which one of five named patterns holds for an adult, as known then, with the rows it rests on. The
-- patterns are plain conditions, read aloud in subjects/adult.yml; nothing is fitted and nobody gets a number.
with clock as (
    {{ run_clock(source('gate', 'drop_log')) }}
),

event as (
    select *, min(known_from) over (partition by event_key) as first_known
    from {{ ref('adult_event') }}
),

reach as (
    select min(occurred_on) as first_day from event where event_type in ('asc_concern', 'asc_carer_breakdown')
),

week as (
    select
        cast(day as date) as as_of_date,
        {{ knowledge_cutoff('day') }} as cutoff,
        {{ knowledge_cutoff("day - interval '7 days'") }} as cutoff_before
    from (
        select unnest({{ week_list(sunday_on_or_after('reach.first_day'), last_as_of('clock.run_at')) }}) as day
        from reach
        cross join clock
    ) as listed
),

known as (
    select week.as_of_date, event.*
    from event
    inner join week
        on
            {{ known_at('event', 'week.cutoff') }}
            and event.occurred_on <= week.as_of_date
            and event.occurred_on > week.as_of_date - 366
),

concern as (
    select * from known where event_type = 'asc_concern'
),

enquiry as (
    select * from known where event_type = 'asc_enquiry_started'
),

closed_without_action as (
    select * from known where event_type = 'asc_enquiry_ended' and detail = 'NFA'
),

carer_breakdown as (
    select * from known where event_type = 'asc_carer_breakdown'
),

service_ended as (
    select * from known where event_type = 'asc_service_ended'
),

service as (
    select week.as_of_date, help.person_key, help.started_on, help.ended_on
    from {{ ref('adult_help') }} as help
    inner join week on {{ known_at('help', 'week.cutoff') }}
    where help.spell_type = 'service' and help.started_on <= week.as_of_date
),

-- A third concern in six months, and nobody has started an enquiry since the first of them.
third_concern as (
    select person_key, as_of_date, min(occurred_on) as since, list(event_key) as evidence
    from concern
    where occurred_on > as_of_date - 182
    group by person_key, as_of_date
    having count(*) >= 3
),

-- Concerns by two agencies of their own accord within eight weeks, and no enquiry since.
two_agencies as (
    select person_key, as_of_date, min(occurred_on) as since, list(event_key) as evidence
    from concern
    where occurred_on > as_of_date - 56 and detail not in ('PERSONAL', 'OTHER')
    group by person_key, as_of_date
    having count(distinct detail) >= 2
),

-- A concern again, within six months of an enquiry that closed as no further action.
again_after_no_action as (
    select
        concern.person_key,
        concern.as_of_date,
        min(concern.occurred_on) as since,
        list_distinct(list(concern.event_key) || list(closed.event_key)) as evidence
    from concern
    inner join closed_without_action as closed
        on
            concern.person_key = closed.person_key
            and concern.as_of_date = closed.as_of_date
            and concern.occurred_on > closed.occurred_on
            and concern.occurred_on - 182 <= closed.occurred_on
    where concern.occurred_on > concern.as_of_date - 84
    group by concern.person_key, concern.as_of_date
),

-- An unpaid carer said they could not go on, within twelve weeks of the end of a service, and none began since.
carer_after_service as (
    select
        carer.person_key,
        carer.as_of_date,
        min(carer.occurred_on) as since,
        list_distinct(list(carer.event_key) || list(ended.event_key)) as evidence
    from carer_breakdown as carer
    inner join service_ended as ended
        on
            carer.person_key = ended.person_key
            and carer.as_of_date = ended.as_of_date
            and carer.occurred_on >= ended.occurred_on
            and carer.occurred_on - 84 < ended.occurred_on
    where
        carer.occurred_on > carer.as_of_date - 84
        and not exists (
            select 1
            from service
            where
                service.person_key = carer.person_key
                and service.as_of_date = carer.as_of_date
                and coalesce(service.ended_on > carer.occurred_on, true)
        )
    group by carer.person_key, carer.as_of_date
),

-- A concern within twelve weeks of the end of the adult's care, with no care in place, and no enquiry since.
concern_after_care as (
    select
        concern.person_key,
        concern.as_of_date,
        min(concern.occurred_on) as since,
        list_distinct(list(concern.event_key) || list(ended.event_key)) as evidence
    from concern
    inner join service_ended as ended
        on
            concern.person_key = ended.person_key
            and concern.as_of_date = ended.as_of_date
            and concern.occurred_on >= ended.occurred_on
            and concern.occurred_on - 84 < ended.occurred_on
    where
        concern.occurred_on > concern.as_of_date - 84
        and not exists (
            select 1
            from service
            where
                service.person_key = concern.person_key
                and service.as_of_date = concern.as_of_date
                and coalesce(service.ended_on > concern.occurred_on, true)
        )
    group by concern.person_key, concern.as_of_date
),

pattern as (
    select 'third_concern' as pattern, * from third_concern
    union all
    select 'two_agencies' as pattern, * from two_agencies
    union all
    select 'again_after_no_action' as pattern, * from again_after_no_action
    union all
    select 'carer_after_service' as pattern, * from carer_after_service
    union all
    select 'concern_after_care' as pattern, * from concern_after_care
),

open_question as (
    select pattern.*
    from pattern
    -- Nobody who has died, and nobody for whom an enquiry was started since: somebody is looking.
    anti join known as died
        on
            pattern.person_key = died.person_key
            and pattern.as_of_date = died.as_of_date
            and died.event_type = 'asc_death'
    anti join enquiry
        on
            pattern.person_key = enquiry.person_key
            and pattern.as_of_date = enquiry.as_of_date
            and pattern.since <= enquiry.occurred_on
),

newest as (
    select
        open_question.pattern,
        open_question.person_key,
        open_question.as_of_date,
        max(known.first_known) as newest_known
    from open_question
    inner join known
        on
            open_question.person_key = known.person_key
            and open_question.as_of_date = known.as_of_date
            and list_contains(open_question.evidence, known.event_key)
    group by open_question.pattern, open_question.person_key, open_question.as_of_date
),

final as (
    select
        open_question.person_key,
        open_question.pattern,
        open_question.as_of_date,
        list_sort(open_question.evidence) as evidence,
        -- A pattern is told in the week in which something of it became known, and not again until something new is.
        newest.newest_known > week.cutoff_before as is_new
    from open_question
    inner join newest
        on
            open_question.pattern = newest.pattern
            and open_question.person_key = newest.person_key
            and open_question.as_of_date = newest.as_of_date
    inner join week on open_question.as_of_date = week.as_of_date
)

select * from final
