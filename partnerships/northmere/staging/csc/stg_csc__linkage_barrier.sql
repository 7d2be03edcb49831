-- One row per barrier between two social care records and version.
with source as (
    select * from {{ versions(source('identity', 'csc__linkage_barrier')) }}
),

final as (
    select
        cast(record_key as varchar) as barrier_id,
        barr_person_id_before_key as record_key_before,
        barr_person_id_after_key as record_key_after,
        barr_type as barrier_type,
        barr_date as effective_on,
        known_from,
        known_to
    from source
)

select * from final
