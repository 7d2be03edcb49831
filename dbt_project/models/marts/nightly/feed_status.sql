with feed as (
    select * from {{ ref('feed') }}
),

clock as (
    {{ run_clock(source('gate', 'drop_log')) }}
),

-- For a past date only what had come by then is looked at.
delivery as (
    select log.*
    from {{ source('gate', 'drop_log') }} as log
    inner join clock on log.received_at <= clock.run_at
    where log.is_complete
),

good as (
    select
        agency,
        feed,
        max(received_at) as last_good_load,
        max(extracted_at) as last_extracted_at,
        arg_max(rows_loaded, received_at) as rows_loaded,
        arg_max(rows_quarantined, received_at) as rows_quarantined
    from delivery
    where status = 'loaded'
    group by agency, feed
),

refused as (
    select
        agency,
        feed,
        max(received_at) as last_refused_at,
        arg_max(reason, received_at) as last_refusal
    from delivery
    where status = 'refused'
    group by agency, feed
),

happened as (
    select
        fact.agency,
        fact.feed,
        max(fact.occurred_on) as last_occurred_on
    from (
        select agency, feed, occurred_on, known_from, known_to from {{ ref('event') }}
        union all
        select agency, feed, started_on as occurred_on, known_from, known_to from {{ ref('episode') }}
    ) as fact
    inner join clock on {{ known_at('fact', 'clock.run_at') }}
    group by fact.agency, fact.feed
),

final as (
    select
        feed.agency,
        feed.feed,
        feed.owner,
        good.last_good_load,
        good.last_extracted_at,
        happened.last_occurred_on,
        good.last_good_load + to_hours(cast(round(feed.latency_days * 24) as integer)) as late_after,
        coalesce(
            good.last_good_load + to_hours(cast(round(feed.latency_days * 24) as integer)) < clock.run_at, true
        ) as is_late,
        good.rows_loaded,
        good.rows_quarantined,
        refused.last_refused_at,
        refused.last_refusal,
        coalesce(refused.last_refused_at > good.last_good_load, refused.last_refused_at is not null) as is_refused,
        feed.is_required,
        feed.release_default,
        feed.agreement_id,
        feed.agreement_expires,
        coalesce(feed.agreement_expires >= {{ local_date('clock.run_at') }}, false) as agreement_valid
    from feed
    cross join clock
    left join good on feed.agency = good.agency and feed.feed = good.feed
    left join refused on feed.agency = refused.agency and feed.feed = refused.feed
    left join happened on feed.agency = happened.agency and feed.feed = happened.feed
)

select * from final
