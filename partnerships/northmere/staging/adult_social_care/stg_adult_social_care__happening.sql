-- One row per thing adult social care dated about an adult and version: a concern, a request, the start and end of a
-- service, assessment or enquiry, a death.
with concern as (
    select
        'safeguarding_concern' as feed,
        'asc_concern' as event_type,
        record_key as source_record_key,
        la_person_unique_identifier_key as record_key,
        concern_raised_date as occurred_on,
        concern_source as detail,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'adult_social_care__safeguarding_concern')) }}
),

request as (
    select
        'request' as feed,
        case when request_reason = 'CARER_BREAKDOWN' then 'asc_carer_breakdown' else 'asc_request' end as event_type,
        record_key as source_record_key,
        la_person_unique_identifier_key as record_key,
        event_start_date as occurred_on,
        request_reason as detail,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'adult_social_care__request')) }}
),

death as (
    select
        'person' as feed,
        'asc_death' as event_type,
        record_key as source_record_key,
        record_key,
        date_of_death as occurred_on,
        cast(null as varchar) as detail,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'adult_social_care__person')) }}
    where date_of_death is not null
),

spell as (
    select * from {{ ref('stg_adult_social_care__spell') }}
),

started as (
    select
        feed,
        'asc_' || spell_type || '_started' as event_type,
        source_record_key,
        record_key,
        started_on as occurred_on,
        kind as detail,
        known_from,
        known_to
    from spell
),

ended as (
    select
        feed,
        'asc_' || spell_type || '_ended' as event_type,
        source_record_key,
        record_key,
        ended_on as occurred_on,
        -- What came of an enquiry is what matters of its end; of anything else, what it was.
        case when spell_type = 'enquiry' then outcome else kind end as detail,
        known_from,
        known_to
    from spell
    where ended_on is not null
),

asked as (
    select
        feed,
        'asc_wishes_asked' as event_type,
        source_record_key,
        record_key,
        started_on as occurred_on,
        cast(null as varchar) as detail,
        known_from,
        known_to
    from spell
    where asked = 'Y'
),

happenings as (
    select * from concern
    union all
    select * from request
    union all
    select * from death
    union all
    select * from started
    union all
    select * from ended
    union all
    select * from asked
),

final as (
    select
        concat_ws(':', cast(source_record_key as varchar), event_type) as event_key,
        source_record_key,
        record_key,
        'adult_social_care' as agency,
        feed,
        event_type,
        occurred_on,
        detail,
        known_from,
        known_to
    from happenings
)

select * from final
