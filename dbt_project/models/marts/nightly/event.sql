-- Facts carry the key of a record; whose record it was is joined as known at each time, so a merge or split of
-- persons moves the fact without rewriting it.
with event as (
    select * from {{ ref('canonical_event') }}
),

owner as (
    select * from {{ ref('int_record_owner') }}
),

final as (
    {{ intersect_versions(
        left='event',
        right='owner',
        on=['record_key'],
        left_columns=[
            'event_key', 'source_record_key', 'record_key', 'agency', 'feed', 'event_type', 'occurred_on',
            'occurred_at', 'value', 'detail', 'release',
        ],
        right_columns=['person_key', 'household_key'],
    ) }}
)

select
    person_key,
    household_key,
    event_key,
    source_record_key,
    record_key,
    agency,
    feed,
    event_type,
    occurred_on,
    occurred_at,
    value,
    detail,
    release,
    known_from,
    known_to
from final
