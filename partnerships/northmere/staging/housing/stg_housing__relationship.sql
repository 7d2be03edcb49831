-- One row per pair of people of one homelessness case and version: one household, and two people.
with source as (
    select * from {{ versions(source('identity', 'housing__person')) }}
),

final as (
    select
        person.record_key,
        other.record_key as other_record_key,
        'same_case' as relationship,
        {{ intersect_from('person', 'other') }} as known_from,
        {{ intersect_to('person', 'other') }} as known_to
    from source as person
    inner join source as other
        on
            person.caseid_key = other.caseid_key
            and person.record_key < other.record_key
            and {{ versions_overlap('person', 'other') }}
)

select * from final
