-- One row per child whose parent the domestic abuse service began to support and version. Sealed by its contract.
with source as (
    select * from {{ versions(source('warehouse', 'da_service__flag')) }}
),

final as (
    select
        concat_ws(':', cast(source.record_key as varchar), 'da_service_engaged') as event_key,
        source.record_key as source_record_key,
        source.record_key,
        feed.agency,
        feed.feed,
        'da_service_engaged' as event_type,
        source.service_engaged_date as occurred_on,
        cast(null as timestamp) as occurred_at,
        cast(1 as double) as value,
        case source.child_present when 'Y' then 'child_present' when 'N' then 'child_elsewhere' end as detail,
        feed.release_default as release,
        source.known_from,
        source.known_to
    from source
    inner join {{ ref('feed') }} as feed on feed.agency = 'da_service' and feed.feed = 'flag'
)

select * from final
