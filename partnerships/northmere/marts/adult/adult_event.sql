-- What is known of adults, dated: the only facts their patterns and their list are made from.
with happening as (
    select event_key, source_record_key, record_key, agency, feed, event_type, occurred_on, detail, known_from, known_to
    from {{ ref('stg_adult_social_care__happening') }}

    union all

    select event_key, source_record_key, record_key, agency, feed, event_type, occurred_on, detail, known_from, known_to
    from {{ ref('stg_police__adult_notification') }}
),

owner as (
    select * from {{ source('identity_export', 'subject_record') }} where subject = 'adult'
),

final as (
    {{ intersect_versions(
        left='happening',
        right='owner',
        on=['record_key'],
        left_columns=[
            'event_key', 'source_record_key', 'record_key', 'agency', 'feed', 'event_type', 'occurred_on', 'detail',
        ],
        right_columns=['person_key'],
    ) }}
)

select
    person_key,
    event_key,
    source_record_key,
    record_key,
    agency,
    feed,
    event_type,
    occurred_on,
    detail,
    known_from,
    known_to
from final
