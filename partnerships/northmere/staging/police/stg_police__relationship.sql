-- One row per pair of subjects of one notification and version: they are two people, whatever they have in common.
with source as (
    select * from {{ versions(source('identity', 'police__ppn')) }}
),

final as (
    select
        subject.record_key,
        other.record_key as other_record_key,
        'same_case' as relationship,
        {{ intersect_from('subject', 'other') }} as known_from,
        {{ intersect_to('subject', 'other') }} as known_to
    from source as subject
    inner join source as other
        on
            subject.ppn_ref = other.ppn_ref
            and subject.record_key < other.record_key
            and {{ versions_overlap('subject', 'other') }}
)

select * from final
