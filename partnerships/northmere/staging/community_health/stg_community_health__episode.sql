-- One row per spell of a child on the caseload of a community team and version.
with source as (
    select * from {{ versions(source('warehouse', 'community_health__referral')) }}
),

renamed as (
    select
        record_key as source_record_key,
        localpatientid_key as record_key,
        referralrequest_receiveddate as started_on,
        discharge_date as ended_on,
        primaryreferralreason as outcome,
        primaryreferralreason as open_outcome,
        teamtype as organisation,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from source
),

phases as (
    select * from {{ open_then_closed('renamed', ['source_record_key', 'record_key', 'organisation']) }}
),

final as (
    select
        concat_ws(':', cast(phases.source_record_key as varchar), 'health_caseload') as episode_key,
        phases.source_record_key,
        phases.record_key,
        feed.agency,
        feed.feed,
        'health_caseload' as episode_type,
        phases.started_on,
        phases.ended_on,
        phases.outcome,
        cast(null as varchar) as plan_level,
        cast(null as varchar) as team,
        cast(null as uuid) as worker_record_key,
        phases.organisation,
        feed.release_default as release,
        phases.known_from,
        phases.known_to
    from phases
    inner join {{ ref('feed') }} as feed on feed.agency = 'community_health' and feed.feed = 'referral'
    where phases.record_key is not null
)

select * from final
