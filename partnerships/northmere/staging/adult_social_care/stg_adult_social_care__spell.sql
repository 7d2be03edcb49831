-- One row per service, assessment or safeguarding enquiry of an adult and version: open until its end was known.
with service as (
    select
        'service' as feed,
        'service' as spell_type,
        record_key as source_record_key,
        la_person_unique_identifier_key as record_key,
        event_start_date as started_on,
        event_end_date as ended_on,
        event_outcome as outcome,
        cast(null as varchar) as open_outcome,
        service_type as kind,
        responsible_team as team,
        cast(null as varchar) as asked,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'adult_social_care__service')) }}
),

assessment as (
    select
        'assessment' as feed,
        'assessment' as spell_type,
        record_key as source_record_key,
        la_person_unique_identifier_key as record_key,
        event_start_date as started_on,
        event_end_date as ended_on,
        event_outcome as outcome,
        cast(null as varchar) as open_outcome,
        assessment_type as kind,
        cast(null as varchar) as team,
        cast(null as varchar) as asked,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'adult_social_care__assessment')) }}
),

enquiry as (
    select
        'safeguarding_enquiry' as feed,
        'enquiry' as spell_type,
        record_key as source_record_key,
        la_person_unique_identifier_key as record_key,
        event_start_date as started_on,
        event_end_date as ended_on,
        enquiry_outcome as outcome,
        cast(null as varchar) as open_outcome,
        enquiry_type as kind,
        cast(null as varchar) as team,
        desired_outcomes_asked as asked,
        known_basis,
        extracted_at,
        known_from,
        known_to
    from {{ versions(source('warehouse', 'adult_social_care__safeguarding_enquiry')) }}
),

spells as (
    select * from service
    union all
    select * from assessment
    union all
    select * from enquiry
),

final as (
    select
        source_record_key,
        record_key,
        'adult_social_care' as agency,
        feed,
        spell_type,
        kind,
        team,
        asked,
        started_on,
        ended_on,
        outcome,
        known_from,
        known_to
    from
        {{ open_then_closed(
            'spells', ['source_record_key', 'record_key', 'feed', 'spell_type', 'kind', 'team', 'asked']
        ) }} as phases
)

select * from final
