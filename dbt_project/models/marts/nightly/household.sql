with spell as (
    select * from {{ source('identity_export', 'household_spell') }}
),

household as (
    select * from {{ source('identity_export', 'household') }}
),

final as (
    select
        spell.household_key,
        spell.person_key,
        spell.started_on,
        spell.ended_on,
        household.sort_no,
        spell.known_from,
        spell.known_to
    from spell
    inner join household on spell.household_key = household.household_key
)

select * from final
