-- One row per protected attribute of a pupil and version; for the fairness audit alone.
with source as (
    select * from {{ versions(source('audit', 'education__pupil')) }}
),

ethnicity as (
    select
        record_key,
        'ethnicity_group' as attribute,
        case
            when ethnicity in ('WBRI', 'WIRI', 'WIRT', 'WROM', 'WOTH') then 'White'
            when ethnicity in ('MWBC', 'MWBA', 'MWAS', 'MOTH') then 'Mixed'
            when ethnicity in ('AIND', 'APKN', 'ABAN', 'AOTH', 'CHNE') then 'Asian'
            when ethnicity in ('BCRB', 'BAFR', 'BOTH') then 'Black'
            when ethnicity = 'OOTH' then 'Other'
        end as value,
        known_from,
        known_to
    from source
),

sex as (
    select
        record_key,
        'sex' as attribute,
        case when sex in ('M', 'F') then sex end as value,
        known_from,
        known_to
    from source
),

free_school_meals as (
    select
        record_key,
        'free_school_meals' as attribute,
        case fsmeligible when 'Y' then 'yes' when 'N' then 'no' end as value,
        known_from,
        known_to
    from source
),

send as (
    select
        record_key,
        'send' as attribute,
        case when senprovision in ('K', 'E') then 'yes' when senprovision = 'N' then 'no' end as value,
        known_from,
        known_to
    from source
),

final as (
    select
        record_key,
        'education' as agency,
        'pupil' as feed,
        attribute,
        value,
        known_from,
        known_to
    from (
        select * from ethnicity
        union all
        select * from sex
        union all
        select * from free_school_meals
        union all
        select * from send
    ) as attributes
    where value is not null
)

select * from final
