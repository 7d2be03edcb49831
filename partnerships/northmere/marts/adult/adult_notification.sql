-- Notifications about adults at risk that the police sent, against the concerns adult social care recorded of them: as
-- known on each Sunday of the twelve weeks after it was sent. Two working days are the time a concern may take.
with clock as (
    {{ run_clock(source('gate', 'drop_log')) }}
),

sent as (
    select *, {{ local_date('sent_at') }} as sent_on
    from {{ ref('stg_police__adult_notification') }}
    where sent_at is not null
),

owner as (
    select * from {{ source('identity_export', 'subject_record') }} where subject = 'adult'
),

owned as (
    {{ intersect_versions(
        left='sent',
        right='owner',
        on=['record_key'],
        left_columns=['event_key', 'record_key', 'agency', 'feed', 'sent_at', 'sent_on'],
        right_columns=['person_key'],
    ) }}
),

day as (
    select cast(unnest(generate_series(min(sent_on) - 7, max(sent_on) + 14, interval '1 day')) as date) as day
    from sent
),

working_day as (
    select day.day
    from day
    where
        isodow(day.day) < 6
        and day.day not in (select cast(holiday.date as date) from {{ ref('code_bank_holidays') }} as holiday)
),

window_ as (
    select
        sent_day.sent_on,
        max(working_day.day) filter (where working_day.day < sent_day.sent_on) as first_day,
        -- The second working day after it was sent.
        list_sort(list(working_day.day) filter (where working_day.day > sent_day.sent_on))[2] as due_on
    from (select distinct sent_on from sent) as sent_day
    inner join working_day on working_day.day between sent_day.sent_on - 7 and sent_day.sent_on + 14
    group by sent_day.sent_on
),

week as (
    select
        cast(day as date) as as_of_date,
        {{ knowledge_cutoff('day') }} as cutoff
    from (
        select unnest({{ week_list(sunday_on_or_after('reach.first_day'), last_as_of('clock.run_at')) }}) as day
        from (select min(sent_on) as first_day from sent) as reach
        cross join clock
    ) as listed
),

shown as (
    select week.as_of_date, week.cutoff, owned.*, window_.first_day, window_.due_on
    from owned
    inner join window_ on owned.sent_on = window_.sent_on
    inner join week
        on
            {{ known_at('owned', 'week.cutoff') }}
            and owned.sent_on <= week.as_of_date
            and owned.sent_on > week.as_of_date - 84
),

answer as (
    select
        shown.event_key,
        shown.as_of_date,
        min(concern.occurred_on) as recorded_on
    from shown
    inner join {{ ref('adult_event') }} as concern
        on
            shown.person_key = concern.person_key
            and {{ known_at('concern', 'shown.cutoff') }}
            and concern.event_type = 'asc_concern'
            and concern.detail = 'POLICE'
            and concern.occurred_on between shown.first_day and shown.due_on + 28
    group by shown.event_key, shown.as_of_date
),

final as (
    select
        shown.as_of_date,
        shown.event_key,
        shown.record_key,
        shown.person_key,
        shown.agency,
        shown.feed,
        shown.sent_at,
        shown.sent_on,
        shown.due_on,
        answer.recorded_on,
        case
            when answer.recorded_on <= shown.due_on then 'recorded'
            when answer.recorded_on is not null then 'recorded_late'
            when shown.due_on >= shown.as_of_date then 'waiting'
            else 'not_found'
        end as state
    from shown
    left join answer on shown.event_key = answer.event_key and shown.as_of_date = answer.as_of_date
)

select * from final
