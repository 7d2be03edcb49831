-- Who helps an adult or is looking into something: services, assessments and enquiries, open ones and past.
with spell as (
    select * from {{ ref('stg_adult_social_care__spell') }}
),

owner as (
    select * from {{ source('identity_export', 'subject_record') }} where subject = 'adult'
),

final as (
    {{ intersect_versions(
        left='spell',
        right='owner',
        on=['record_key'],
        left_columns=['source_record_key', 'agency', 'feed', 'spell_type', 'kind', 'team', 'started_on', 'ended_on'],
        right_columns=['person_key'],
    ) }}
)

select
    person_key,
    source_record_key,
    agency,
    feed,
    spell_type,
    kind,
    team,
    started_on,
    ended_on,
    known_from,
    known_to
from final
