-- One row per notification a school sent to the front door about a pupil, and version.
with source as (
    select * from {{ versions(source('warehouse', 'education__safeguarding_notification')) }}
),

final as (
    select
        source.record_key as source_record_key,
        source.upn_key as record_key,
        feed.agency,
        feed.feed,
        source.route as kind,
        cast(null as varchar) as report,
        cast(null as integer) as stated_age,
        source.urn as organisation,
        source.sentdate as sent_on,
        cast(null as timestamp) as sent_at,
        source.extracted_at,
        source.row_no,
        source.known_from,
        source.known_to
    from source
    inner join
        {{ ref('feed') }} as feed
        on feed.agency = 'education' and feed.feed = 'safeguarding_notification'
)

select * from final
