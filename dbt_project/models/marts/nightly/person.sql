with version as (
    select * from {{ source('identity_export', 'person') }}
),

latest as (
    select
        person_key,
        arg_max(birth_month, known_from) as birth_month,
        arg_max(area_team, known_from) as area_team,
        arg_max(sort_no, known_from) as sort_no,
        min(known_from) as first_known_at,
        max(known_to) = {{ open_end() }} as is_current
    from version
    group by person_key
),

event_seen as (
    select person_key, max(occurred_on) as seen_on
    from {{ ref('event') }}
    where known_to = {{ open_end() }} and person_key is not null
    group by person_key
),

episode_seen as (
    select person_key, max(coalesce(ended_on, started_on)) as seen_on
    from {{ ref('episode') }}
    where known_to = {{ open_end() }} and person_key is not null
    group by person_key
),

final as (
    select
        latest.person_key,
        latest.birth_month,
        latest.area_team,
        latest.sort_no,
        {{ local_date('latest.first_known_at') }} as first_known_on,
        greatest(event_seen.seen_on, episode_seen.seen_on) as last_seen_on,
        latest.is_current
    from latest
    left join event_seen on latest.person_key = event_seen.person_key
    left join episode_seen on latest.person_key = episode_seen.person_key
)

select * from final
