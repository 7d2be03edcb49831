with episode as (
    select * from {{ ref('canonical_episode') }}
),

owner as (
    select * from {{ ref('int_record_owner') }}
),

final as (
    {{ intersect_versions(
        left='episode',
        right='owner',
        on=['record_key'],
        left_columns=[
            'episode_key', 'source_record_key', 'record_key', 'agency', 'feed', 'episode_type', 'started_on',
            'ended_on', 'outcome', 'plan_level', 'team', 'worker_record_key', 'organisation', 'release',
        ],
        right_columns=['person_key', 'household_key'],
    ) }}
)

select
    person_key,
    household_key,
    episode_key,
    source_record_key,
    record_key,
    agency,
    feed,
    episode_type,
    started_on,
    ended_on,
    outcome,
    plan_level,
    team,
    worker_record_key,
    organisation,
    release,
    known_from,
    known_to
from final
