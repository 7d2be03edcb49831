with source as (
    select * from {{ versions(source('warehouse', 'alpha__event')) }} as raw_event
),

final as (
    select
        source.record_key::varchar || ':' || source.kind as event_key,
        source.record_key as source_record_key,
        source.person_id_key as record_key,
        'alpha' as agency,
        'event' as feed,
        source.kind as event_type,
        source.happened_on as occurred_on,
        null as occurred_at,
        1 as value,
        code.label as detail,
        'ask_owner' as release,
        source.known_from,
        source.known_to
    from source
    left join {{ ref('code_kind') }} as code on source.detail_code = code.code
)

select * from final
