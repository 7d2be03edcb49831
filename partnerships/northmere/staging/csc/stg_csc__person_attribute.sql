-- One row per protected attribute of a social care person and version; for the fairness audit alone.
with person as (
    select * from {{ versions(source('audit', 'csc__person')) }}
),

disability as (
    select * from {{ versions(source('audit', 'csc__disability')) }}
),

ethnicity as (
    select
        record_key,
        'person' as feed,
        'ethnicity_group' as attribute,
        case
            when pers_ethnicity in ('WBRI', 'WIRI', 'WIRT', 'WROM', 'WOTH') then 'White'
            when pers_ethnicity in ('MWBC', 'MWBA', 'MWAS', 'MOTH') then 'Mixed'
            when pers_ethnicity in ('AIND', 'APKN', 'ABAN', 'AOTH', 'CHNE') then 'Asian'
            when pers_ethnicity in ('BCRB', 'BAFR', 'BOTH') then 'Black'
            when pers_ethnicity = 'OOTH' then 'Other'
        end as value,
        known_from,
        known_to
    from person
),

sex as (
    select
        record_key,
        'person' as feed,
        'sex' as attribute,
        case when pers_sex in ('M', 'F') then pers_sex end as value,
        known_from,
        known_to
    from person
),

send as (
    select
        record_key,
        'person' as feed,
        'send' as attribute,
        case pers_send_flag when 'Y' then 'yes' when 'N' then 'no' end as value,
        known_from,
        known_to
    from person
),

-- NONE beside another code is a known error of the source: the other code counts.
disabled as (
    select
        disa_person_id_key as record_key,
        'disability' as feed,
        'disability' as attribute,
        case when disa_disability_code = 'NONE' then 'no' else 'yes' end as value,
        known_from,
        known_to
    from disability
),

final as (
    select
        record_key,
        'csc' as agency,
        feed,
        attribute,
        value,
        known_from,
        known_to
    from (
        select * from ethnicity
        union all
        select * from sex
        union all
        select * from send
        union all
        select * from disabled
    ) as attributes
    where value is not null and record_key is not null
)

select * from final
