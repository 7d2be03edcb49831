-- One row per police notice about a subject that was sent to the front door, and version.
with source as (
    select * from {{ versions(source('warehouse', 'police__ppn')) }}
    where hub_sent_dt is not null
),

final as (
    select
        source.record_key as source_record_key,
        source.record_key,
        feed.agency,
        feed.feed,
        source.ppn_type as kind,
        -- The subjects of one notice have these moments in common; its reference stays in the identity zone.
        md5(concat_ws('/', source.occurred_dt, source.submitted_dt, source.hub_sent_dt)) as report,
        cast(source.approx_age as integer) as stated_age,
        cast(null as varchar) as organisation,
        source.hub_sent_dt_on as sent_on,
        source.hub_sent_dt as sent_at,
        source.extracted_at,
        source.row_no,
        source.known_from,
        source.known_to
    from source
    inner join {{ ref('feed') }} as feed on feed.agency = 'police' and feed.feed = 'ppn'
)

select * from final
