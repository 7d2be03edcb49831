-- One row per event of community health and version: a contact kept or missed, a review done, a factor recorded.
with contacts as (
    select * from {{ versions(source('warehouse', 'community_health__care_contact')) }}
    -- An antenatal contact was the mother's: it is put on the child's record later, and a child cannot be brought to it.
    where coalesce(review_type, '') <> 'antenatal'
),

factors as (
    select * from {{ versions(source('warehouse', 'community_health__safeguarding_factor')) }}
),

-- A clinic the provider cancelled, or a family in good time, is neither kept nor missed.
contact as (
    select
        'care_contact' as feed,
        case
            when attendornot in ('5', '6') then 'health_contact_attended'
            when attendornot in ('3', '7') then 'health_contact_not_brought'
        end as event_type,
        record_key as source_record_key,
        localpatientid_key as record_key,
        contact_date as occurred_on,
        coalesce(review_type, consultation_mediumused) as detail,
        known_from,
        known_to
    from contacts
),

review as (
    select
        'care_contact' as feed,
        'health_review_completed' as event_type,
        record_key as source_record_key,
        localpatientid_key as record_key,
        contact_date as occurred_on,
        review_type as detail,
        known_from,
        known_to
    from contacts
    where attendornot in ('5', '6') and nullif(trim(review_type), '') is not null
),

factor as (
    select
        'safeguarding_factor' as feed,
        'health_safeguarding_factor' as event_type,
        record_key as source_record_key,
        localpatientid_key as record_key,
        recordeddate as occurred_on,
        safeguardingfactors_type as detail,
        known_from,
        known_to
    from factors
),

events as (
    select * from contact
    where event_type is not null
    union all
    select * from review
    union all
    select * from factor
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
        cast(1 as double) as value,
        events.detail,
        feed.release_default as release,
        events.known_from,
        events.known_to
    from events
    inner join {{ ref('feed') }} as feed on feed.agency = 'community_health' and events.feed = feed.feed
    where events.record_key is not null
)

select * from final
