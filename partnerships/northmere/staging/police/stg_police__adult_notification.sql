-- One row per police notification about an adult at risk and version. It reads no notification about a child.
with source as (
    select * from {{ versions(source('warehouse', 'police__adult_notification')) }}
),

final as (
    select
        concat_ws(':', cast(record_key as varchar), 'police_adult_notification') as event_key,
        record_key as source_record_key,
        record_key,
        'police' as agency,
        'adult_notification' as feed,
        'police_adult_notification' as event_type,
        occurred_dt_on as occurred_on,
        cast(null as varchar) as detail,
        hub_sent_dt as sent_at,
        known_from,
        known_to
    from source
)

select * from final
