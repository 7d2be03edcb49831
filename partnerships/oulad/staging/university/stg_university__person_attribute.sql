-- One row per group a student belongs to and version; for the fairness audit alone.
with source as (
    select * from {{ versions(source('audit', 'university__student')) }}
),

attributes as (
    select
        source.record_key,
        item.attribute,
        item.value,
        source.known_from,
        source.known_to
    from source
    cross join
        lateral (
            values
            ('sex', source.gender),
            ('age_band', source.age_band),
            ('region', source.region),
            ('highest_education', source.highest_education),
            -- Tenths as published, the first the most deprived, in fifths.
            ('deprivation_quintile', cast(1 + try_cast(split_part(source.imd_band, '-', 1) as integer) // 20 as varchar)),
            ('disability', case source.disability when 'Y' then 'yes' when 'N' then 'no' end)
        ) as item (attribute, value)
),

final as (
    select
        record_key,
        'university' as agency,
        'student' as feed,
        attribute,
        value,
        known_from,
        known_to
    from attributes
    where value is not null
)

select * from final
