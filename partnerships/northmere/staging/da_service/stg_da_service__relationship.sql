-- One row per pair of children of one case of the domestic abuse service and version: they are two people.
with source as (
    select * from {{ versions(source('identity', 'da_service__flag')) }}
),

final as (
    select
        child.record_key,
        other.record_key as other_record_key,
        'same_case' as relationship,
        {{ intersect_from('child', 'other') }} as known_from,
        {{ intersect_to('child', 'other') }} as known_to
    from source as child
    inner join source as other
        on
            child.case_ref = other.case_ref
            and child.record_key < other.record_key
            and {{ versions_overlap('child', 'other') }}
)

select * from final
