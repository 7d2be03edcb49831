-- One row per notification sent: the contact that answers it, or none, as known at the run's instant. A contact answers
-- one notification at most (each child of a police notice has a contact of its own). Reasons are tried one after the
-- other, and under each the nearest come together; of one child's as many as can be.
{%- set rule = var('front_door') %}
{%- set by_child = ['same_child', 'source_open', 'recorded_late'] %}
{%- set reasons = ['same_child', 'same_household', 'source_open', 'maybe_child', 'not_recognised', 'recorded_late'] %}
with clock as (
    {{ run_clock(source('gate', 'drop_log')) }}
),

day as (
    select calendar_date, working_day_no from {{ ref('working_day') }}
),

-- The last day of which everything social care recorded has come: an extract made before the end of a working day may
-- lack that day's contacts.
contacts_read as (
    select
        cast(
            timezone('{{ var("local_timezone") }}', timezone('UTC', max(log.extracted_at)))
            - interval '{{ rule.working_day_ends_hour }} hours' as date
        ) as read_through,
        max(log.received_at) as last_received_at
    from {{ source('gate', 'drop_log') }} as log
    inner join clock on log.received_at <= clock.run_at
    where
        log.agency = '{{ rule.contacts.agency }}'
        and log.feed = '{{ rule.contacts.feed }}'
        and log.is_complete
        and log.status = 'loaded'
),

reach as (
    select
        read_day.working_day_no as read_no,
        run_day.working_day_no as run_no,
        contacts_read.last_received_at
    from clock
    -- The day of the run has only begun.
    inner join day as run_day on {{ local_date('clock.run_at') }} - 1 = run_day.calendar_date
    cross join contacts_read
    left join day as read_day on contacts_read.read_through = read_day.calendar_date
),

-- Contacts the gate holds back: they were recorded, and their rows have to be put right.
held as (
    select distinct
        owner.person_key,
        day.working_day_no
    from {{ source('identity_export', 'held_contact') }} as contact
    inner join {{ source('identity_export', 'record_person') }} as owner on contact.record_key = owner.record_key
    inner join clock on {{ known_at('owner', 'clock.run_at') }}
    inner join day on contact.contact_on = day.calendar_date
),

matched_0 as (
    select notification_key, contact_key, basis
    from {{ ref('notification_pair') }}
    where false
),
{% for reason in reasons %}
free_{{ loop.index }} as (
    select pair.*
    from {{ ref('notification_pair') }} as pair
    anti join matched_{{ loop.index0 }} as answered on pair.notification_key = answered.notification_key
    anti join matched_{{ loop.index0 }} as used on pair.contact_key = used.contact_key
    where pair.basis = '{{ reason }}'
),

matched_{{ loop.index }} as (
    select notification_key, contact_key, basis from matched_{{ loop.index0 }}
    union all
    select notification_key, contact_key, '{{ reason }}' as basis
    from {{ one_to_one_of(
        'free_' ~ loop.index, 'pool', 'notification_key', 'contact_key', 'apart, sent_no, contact_no',
        otherwise='sent_no, contact_no',
    ) if reason in by_child else one_to_one(
        'free_' ~ loop.index, 'pool', 'notification_key', 'contact_key', 'apart, sent_no, contact_no',
    ) }}
),
{% endfor %}
judged as (
    select
        sent.*,
        matched.basis,
        matched.contact_key,
        contact.contact_on,
        contact.known_from as contact_known_from,
        reach.last_received_at,
        greatest(reach.run_no - day.working_day_no, 0) as days_since,
        greatest(coalesce(contact_day.working_day_no, reach.run_no) - day.working_day_no, 0) as working_days,
        -- held: a contact of the child of those days is among the rows the gate holds back.
        case
            when matched.contact_key is not null then 'matched'
            when reach.run_no - day.working_day_no >= {{ rule.lost_after_working_days }} and exists (
                select 1
                from held
                where
                    held.person_key = sent.person_key
                    and held.working_day_no - day.working_day_no
                    between -{{ rule.recorded_before_working_days }} and {{ rule.lost_after_working_days }}
            ) then 'held'
            when reach.read_no - day.working_day_no >= {{ rule.lost_after_working_days }} then 'lost'
            when reach.run_no - day.working_day_no >= {{ rule.lost_after_working_days }} then 'cannot_say'
            else 'waiting'
        end as state
    from {{ ref('notification_sent') }} as sent
    inner join day on sent.sent_on = day.calendar_date
    cross join reach
    left join matched_{{ reasons | length }} as matched on sent.notification_key = matched.notification_key
    left join {{ ref('contact_recorded') }} as contact on matched.contact_key = contact.contact_key
    left join day as contact_day on contact.contact_on = contact_day.calendar_date
),

final as (
    select
        notification_key,
        agency,
        feed,
        kind,
        organisation,
        sent_on,
        sent_at,
        known_from,
        state,
        basis,
        contact_key,
        contact_on,
        contact_known_from,
        working_days,
        case
            when working_days <= 2 then '0-2'
            when working_days <= 5 then '3-5'
            when working_days <= 10 then '6-10'
            else 'over 10'
        end as age_band,
        state = 'lost' and days_since <= {{ rule.chase_within_working_days }} as is_to_chase,
        case when state = 'cannot_say' then last_received_at end as contacts_last_received_at,
        sent_no
    from judged
)

select * from final
