-- One row per housing event and version: a homelessness application and a placement (for each child of the case), a
-- notice served on a tenancy, a tenancy sustained (for the dwelling).
with case_child as (
    select * from {{ ref('stg_housing__case_child') }}
),

placements as (
    select * from {{ versions(source('warehouse', 'housing__temporary_accommodation')) }}
),

notices as (
    select * from {{ versions(source('warehouse', 'housing__tenancy_notice')) }}
),

application as (
    select
        'application' as feed,
        'homelessness_application' as event_type,
        case_key as source_record_key,
        record_key,
        applicationdate as occurred_on,
        reasonlosssettledhome as detail,
        known_from,
        known_to
    from case_child
),

placement as (
    select
        'temporary_accommodation' as feed,
        'ta_placement' as event_type,
        placements.record_key as source_record_key,
        case_child.record_key,
        placements.tastart as occurred_on,
        placements.tatype as detail,
        {{ intersect_from('placements', 'case_child') }} as known_from,
        {{ intersect_to('placements', 'case_child') }} as known_to
    from placements
    inner join case_child
        on placements.caseid_key = case_child.case_key and {{ versions_overlap('placements', 'case_child') }}
),

notice as (
    select
        'tenancy_notice' as feed,
        'eviction_notice' as event_type,
        record_key as source_record_key,
        record_key,
        issueddate as occurred_on,
        noticetype as detail,
        known_from,
        known_to
    from notices
),

sustained as (
    select
        'tenancy_notice' as feed,
        'tenancy_sustained' as event_type,
        record_key as source_record_key,
        record_key,
        outcomedate as occurred_on,
        outcomecode as detail,
        {{ learned_at('outcomedate', 'issueddate') }} as known_from,
        known_to
    from notices
    where outcomecode = 'SUSTAINED' and outcomedate is not null
),

events as (
    select * from application
    union all
    select * from placement
    union all
    select * from notice
    union all
    select * from sustained
),

final as (
    select
        -- One case has several children: the child's record keeps their events apart.
        concat_ws(
            ':',
            cast(events.source_record_key as varchar),
            events.event_type,
            case when events.record_key <> events.source_record_key then cast(events.record_key as varchar) end
        ) as event_key,
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
    inner join {{ ref('feed') }} as feed on feed.agency = 'housing' and events.feed = feed.feed
    where events.known_from < events.known_to
)

select * from final
