-- One row per related pair of social care people and version: mothers of children (in that direction) and members of
-- one family (each pair once).
with mother as (
    select * from {{ versions(source('identity', 'csc__mother')) }}
),

family as (
    select * from {{ versions(source('identity', 'csc__family')) }}
),

mother_of as (
    select
        moth_person_id_key as record_key,
        moth_childs_person_id_key as other_record_key,
        'mother_of' as relationship,
        known_from,
        known_to
    from mother
),

same_family as (
    select
        member.fami_person_id_key as record_key,
        other.fami_person_id_key as other_record_key,
        'same_family' as relationship,
        {{ intersect_from('member', 'other') }} as known_from,
        {{ intersect_to('member', 'other') }} as known_to
    from family as member
    inner join family as other
        on
            member.fami_family_id = other.fami_family_id
            and member.fami_person_id_key < other.fami_person_id_key
            and {{ versions_overlap('member', 'other') }}
),

final as (
    select * from mother_of
    where record_key is not null and other_record_key is not null
    union all
    select * from same_family
)

select * from final
