-- One row per police notification about a subject, or report of a missing child, and version.
with notification as (
    select * from {{ versions(source('warehouse', 'police__ppn')) }}
),

missing as (
    select * from {{ versions(source('warehouse', 'police__missing')) }}
),

-- A notification of type MISSING tells of the same episode as the missing report and is not counted again; one of type
-- ADULT is not about a child.
notified as (
    select
        'ppn' as feed,
        case
            when ppn_type = 'DA' then 'police_da_notification'
            when ppn_type in ('CHILD', 'HBA') then 'police_child_notification'
            when ppn_type = 'EXPLOITATION' then 'police_exploitation_notification'
        end as event_type,
        record_key,
        occurred_dt_on as occurred_on,
        occurred_dt as occurred_at,
        case when ppn_type = 'DA' then subject_role else ppn_type end as detail,
        known_from,
        known_to
    from notification
),

reported_missing as (
    select
        'missing' as feed,
        'police_missing_report' as event_type,
        record_key,
        reported_dt_on as occurred_on,
        reported_dt as occurred_at,
        case when from_care = 'Y' then 'from_care' end as detail,
        known_from,
        known_to
    from missing
),

events as (
    select * from notified
    where event_type is not null
    union all
    select * from reported_missing
),

final as (
    select
        concat_ws(':', cast(events.record_key as varchar), events.event_type) as event_key,
        events.record_key as source_record_key,
        events.record_key,
        feed.agency,
        events.feed,
        events.event_type,
        events.occurred_on,
        events.occurred_at,
        cast(1 as double) as value,
        events.detail,
        feed.release_default as release,
        events.known_from,
        events.known_to
    from events
    inner join {{ ref('feed') }} as feed on feed.agency = 'police' and events.feed = feed.feed
)

select * from final
