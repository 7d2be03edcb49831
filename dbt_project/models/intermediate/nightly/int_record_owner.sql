with person as (
    select * from {{ source('identity_export', 'record_person') }}
),

household as (
    select * from {{ source('identity_export', 'record_household') }}
),

final as (
    select
        record_key,
        person_key,
        cast(null as uuid) as household_key,
        known_from,
        known_to
    from person

    union all

    -- Records that name nobody belong to the household they were made at.
    select
        record_key,
        cast(null as uuid) as person_key,
        household_key,
        known_from,
        known_to
    from household
)

select * from final
