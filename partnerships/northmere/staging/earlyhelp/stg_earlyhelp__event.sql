-- One row per need that early help identified, or recorded as met, and version.
with needs as (
    select * from {{ versions(source('warehouse', 'earlyhelp__needs')) }}
),

episodes as (
    select * from {{ versions(source('warehouse', 'earlyhelp__episodes')) }}
),

identified as (
    select
        record_key,
        earl_episode_id_key,
        'eh_need_identified' as event_type,
        identified_date as occurred_on,
        sf_outcome_code,
        known_from,
        known_to
    from needs
),

met as (
    select
        record_key,
        earl_episode_id_key,
        'eh_need_met' as event_type,
        met_date as occurred_on,
        sf_outcome_code,
        {{ learned_at('met_date', 'identified_date') }} as known_from,
        known_to
    from needs
    where met_date is not null
),

need as (
    select * from identified
    union all
    select * from met
),

-- A need belongs to an episode, and the episode to a child.
final as (
    select
        concat_ws(':', cast(need.record_key as varchar), need.event_type) as event_key,
        need.record_key as source_record_key,
        episodes.earl_person_id_key as record_key,
        feed.agency,
        feed.feed,
        need.event_type,
        need.occurred_on,
        cast(null as timestamp) as occurred_at,
        cast(1 as double) as value,
        need.sf_outcome_code as detail,
        feed.release_default as release,
        {{ intersect_from('need', 'episodes') }} as known_from,
        {{ intersect_to('need', 'episodes') }} as known_to
    from need
    inner join episodes
        on need.earl_episode_id_key = episodes.record_key and {{ versions_overlap('need', 'episodes') }}
    inner join {{ ref('feed') }} as feed on feed.agency = 'earlyhelp' and feed.feed = 'needs'
    where episodes.earl_person_id_key is not null
)

select * from final
