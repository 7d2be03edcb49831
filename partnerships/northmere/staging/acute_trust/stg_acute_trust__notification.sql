-- One row per attendance at an emergency department with a safeguarding concern, which is by its definition one to be
-- passed on to another organisation, and version. The feed does not say when it was passed on: the day of arrival counts.
with source as (
    select * from {{ versions(source('warehouse', 'acute_trust__ed_attendance')) }}
    where nullif(trim(safeguardingconcern), '') is not null
),

final as (
    select
        source.record_key as source_record_key,
        source.record_key,
        feed.agency,
        feed.feed,
        source.safeguardingconcern as kind,
        cast(null as varchar) as report,
        cast(null as integer) as stated_age,
        source.sitecode as organisation,
        source.arrivaldatetime_on as sent_on,
        source.arrivaldatetime as sent_at,
        source.extracted_at,
        source.row_no,
        source.known_from,
        source.known_to
    from source
    inner join {{ ref('feed') }} as feed on feed.agency = 'acute_trust' and feed.feed = 'ed_attendance'
)

select * from final
